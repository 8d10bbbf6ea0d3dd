// What counts as missing, where some blocks lie in the ring, some are known to be zero, and some were served.

import t from 'tap'
import { coverageOf } from '../../dist/main/coverage.js'
import { BlockBitmap } from '../../dist/main/prefetch/block-bitmap.js'
import { ExportSlots } from '../../dist/main/ring/export-slots.js'
import { SlotTable } from '../../dist/main/ring/slot-table.js'
import { RingMemory, RingOwner } from '../../dist/shared/sharedarraybuffer-ring/index.js'

const BLOCK = 4096
const BLOCKS = 40
const IMAGE = BLOCKS * BLOCK - 100

/** An image of 40 blocks, of which these are known. */
function coverage({ present = [] as number[], zero = [] as number[], served = [] as number[] }) {
  const memory = RingMemory.create({ slotCount: 16, slotBytes: BLOCK })
  const table = new SlotTable(new RingOwner(memory), 1, { isAhead: () => false, gaveUp: () => {} })
  const [zeroes, passed] = [new BlockBitmap(BLOCKS), new BlockBitmap(BLOCKS)]
  const parts = { table, memory, firstBlock: 0, imageBytes: IMAGE, zeroes }
  const slots = new ExportSlots(parts)
  for (const block of present) slots.assign(block, 0, BLOCK, true)
  for (const block of zero) zeroes.set(block)
  for (const block of served) passed.set(block)
  return coverageOf(slots, passed, BLOCK, IMAGE)
}

t.test('missingUntil() ends at what is present, on its way, zero or served before', async t => {
  const { missingUntil } = coverage({ present: [5], zero: [10], served: [15] })
  t.equal(missingUntil(0, IMAGE, false, 0), 5 * BLOCK)
  t.equal(missingUntil(6 * BLOCK, IMAGE, false, 0), 10 * BLOCK)
  t.equal(missingUntil(11 * BLOCK, IMAGE, false, 0), 15 * BLOCK)
  t.equal(missingUntil(11 * BLOCK, IMAGE, true, 0), IMAGE, 'read again, what was served is missing')
  t.equal(missingUntil(6 * BLOCK, 7 * BLOCK + 9, false, 0), 7 * BLOCK + 9, 'or at the limit')
  for (const block of [5, 10, 15]) {
    t.equal(missingUntil(block * BLOCK, IMAGE, false, BLOCK), block * BLOCK, 'if it begins there')
  }
})

t.test('missingUntil() goes through short runs of zeroes, if what follows is missing', async t => {
  const { missingUntil } = coverage({ zero: [3, 4, 10, 11, 12, 20, 38, 39], present: [21] })
  t.equal(missingUntil(0, IMAGE, true, 2 * BLOCK), 10 * BLOCK, 'two blocks, but not three')
  t.equal(missingUntil(0, IMAGE, true, 2 * BLOCK - 1), 3 * BLOCK)
  t.equal(missingUntil(0, IMAGE, true, 3 * BLOCK), 20 * BLOCK, 'nothing that lies in the ring')
  t.equal(missingUntil(0, 4 * BLOCK, true, 3 * BLOCK), 3 * BLOCK, 'nor to the limit')
  t.equal(missingUntil(22 * BLOCK, IMAGE, true, 9 * BLOCK), 38 * BLOCK, 'nor to the end')
})
