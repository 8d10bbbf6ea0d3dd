// The ring's layout is arithmetic on numbers that come from options and from foreign buffers.

import t from 'tap'
import {
  dataOffset,
  MAX_SLOT_BYTES,
  MIN_SLOT_BYTES,
  RECORD_WORDS,
  RingWord,
  recordStart,
  ringByteLength,
  SlotState,
  SlotWord,
} from '../../../dist/shared/sharedarraybuffer-ring/layout.js'

t.test('ringByteLength() is header and slots, and nothing beside them', async t => {
  // [slotCount, slotBytes, bytes of header]
  const table = [
    [1, 4096, 4096],
    [63, 4096, 4096],
    [64, 4096, 8192],
    [1024, 262144, 69632],
    [2 ** 20, MAX_SLOT_BYTES, 2 ** 26 + 4096],
  ] as const
  for (const [slotCount, slotBytes, header] of table) {
    t.equal(dataOffset(slotCount), header, `header of ${slotCount} slots`)
    t.equal(ringByteLength({ slotCount, slotBytes }), header + slotCount * slotBytes)
  }
})

t.test('ringByteLength() refuses what is out of bounds', async t => {
  for (const slotCount of [0, -1, 1.5, Number.NaN, Infinity, 2 ** 20 + 1]) {
    t.throws(() => ringByteLength({ slotCount, slotBytes: 4096 }), RangeError, `count ${slotCount}`)
  }
  const bad = [0, -4096, 4095, 4097, 6144, Number.NaN, MIN_SLOT_BYTES / 2, MAX_SLOT_BYTES + 4096]
  for (const slotBytes of bad) {
    t.throws(() => ringByteLength({ slotCount: 1, slotBytes }), RangeError, `bytes ${slotBytes}`)
  }
})

t.test('dataOffset() leaves every record in front of the data', async t => {
  for (let slotCount = 1; slotCount < 3000; slotCount++) {
    const lastWord = recordStart(slotCount - 1) + RECORD_WORDS - 1
    if ((lastWord + 1) * 4 > dataOffset(slotCount) || dataOffset(slotCount) % 4096 !== 0) {
      t.fail(`${slotCount} slots: last word ${lastWord}, data at ${dataOffset(slotCount)}`)
    }
  }
  t.equal(recordStart(0), RECORD_WORDS, 'the first record follows the header')
})

t.test('words and states are distinct and fit in a record', async t => {
  for (const words of [RingWord, SlotWord]) {
    const numbers = Object.values(words)
    t.equal(new Set(numbers).size, numbers.length)
    t.ok(numbers.every(word => word >= 0 && word < RECORD_WORDS))
  }
  t.equal(new Set(Object.values(SlotState)).size, 4)
  t.equal(SlotState.FREE, 0, 'fresh memory is zero: its slots are free')
})
