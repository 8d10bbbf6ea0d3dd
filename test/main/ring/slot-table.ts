import fc from 'fast-check'
import t from 'tap'
import { SlotTable } from '../../../dist/main/ring/slot-table.js'
import {
  RingMemory,
  RingOwner,
  SlotFiller,
  SlotState,
} from '../../../dist/shared/sharedarraybuffer-ring/index.js'

const BYTES = 4096

/** A table with the fillers that a fetch would have. */
class Bench {
  readonly memory: RingMemory
  readonly owner: RingOwner
  readonly table: SlotTable
  readonly ahead = new Set<number>()
  readonly gaveUp: number[] = []

  constructor(slotCount: number, reserve: number) {
    this.memory = RingMemory.create({ slotCount, slotBytes: BYTES })
    this.owner = new RingOwner(this.memory)
    this.table = new SlotTable(this.owner, reserve, {
      isAhead: block => this.ahead.has(block),
      gaveUp: block => this.gaveUp.push(block),
    })
  }

  fill(slot: number): void {
    const filler = new SlotFiller(this.memory, slot, this.memory.epoch(slot))
    filler.append(new Uint8Array(filler.room))
    filler.complete()
  }

  fail(slot: number): void {
    new SlotFiller(this.memory, slot, this.memory.epoch(slot)).fail()
  }

  /** A block that was fetched. */
  bring(block: number, demand: boolean, start = 0, length = BYTES): number {
    const slot = this.table.assign(block, start, length, demand)
    if (slot === -1) return -1
    this.fill(slot)
    this.table.fetched(slot)
    return slot
  }

  /** A read of the whole slot, and its reply's end. */
  read(slot: number, passing = false): void {
    this.table.pin(slot)
    this.table.touch(slot, 0, this.memory.length(slot), passing)
    this.table.unpin(slot)
  }
}

t.test('SlotTable.find() finds the slot of a byte, in blocks that lie in several', async t => {
  const bench = new Bench(8, 2)
  const { table } = bench
  const head = bench.bring(7, true, 0, 1000)
  const tail = bench.bring(7, true, 2000, 2096)
  t.equal(table.find(7, 0), head)
  t.equal(table.find(7, 999), head)
  t.equal(table.find(7, 1000), -1)
  t.equal(table.find(7, 2000), tail)
  t.equal(table.find(8, 0), -1)
  t.equal(table.coveredUntil(7, 500), 1000)
  t.equal(table.coveredUntil(7, 1500), 1500)
  t.equal(table.missingUntil(7, 1000, 4096), 2000)
  t.equal(table.missingUntil(7, 2001, 4096), 4096)
  t.equal(table.startOf(tail), 2000)
  t.equal(table.blockOf(tail), 7)
})

t.test('SlotTable.find() prefers a slot that is whole', async t => {
  const bench = new Bench(8, 2)
  const whole = bench.bring(1, true)
  bench.table.assign(1, 0, BYTES, true)
  t.equal(bench.table.find(1, 0), whole)
})

t.test('SlotTable.assign() leaves the reserve to demand', async t => {
  const bench = new Bench(8, 3)
  const slots = [0, 1, 2, 3, 4].map(block => bench.table.assign(block, 0, BYTES, false))
  t.notOk(slots.includes(-1))
  t.equal(bench.table.prefetchRoom, 0)
  t.equal(bench.table.assign(5, 0, BYTES, false), -1)
  for (const block of [6, 7, 8]) t.not(bench.table.assign(block, 0, BYTES, true), -1)
  t.equal(bench.table.assign(9, 0, BYTES, true), -1, 'all are being filled')
})

t.test(
  'SlotTable.assign() takes what readers left, oldest first, before what is ahead',
  async t => {
    const bench = new Bench(4, 1)
    const [a, b, c, d] = [1, 2, 3, 4].map(block => bench.bring(block, true)) as number[]
    for (const block of [3, 4]) bench.ahead.add(block)
    bench.read(b as number)
    bench.read(a as number)
    t.equal(bench.bring(11, true), b)
    t.equal(bench.bring(12, true), a)
    bench.ahead.add(11).add(12)
    t.equal(bench.table.find(1, 0), -1)
    t.same(bench.gaveUp, [2, 1], 'and says so')
    t.equal(bench.bring(13, true), a, 'then the block furthest into the image')
    t.equal(bench.table.find(3, 0), c)
    t.equal(bench.table.find(4, 0), d)
  },
)

t.test('SlotTable.assign() gives what was read twice another round', async t => {
  const bench = new Bench(2, 1)
  const table = bench.bring(1, true)
  bench.read(table)
  bench.read(table)
  const data = bench.bring(2, true)
  bench.read(data)
  t.equal(bench.bring(3, true), data)
  t.equal(bench.table.find(1, 0), table)
  bench.read(bench.table.find(3, 0))
  t.equal(bench.bring(4, true), table, 'one round only')
})

t.test(
  'SlotTable.assign() gives a second round what was passed lately, and unused memory before',
  async t => {
    const bench = new Bench(16, 2)
    const passed = Array.from({ length: 14 }, (_, block) => bench.bring(block, true))
    for (const slot of passed) bench.read(slot, true)
    const { table } = bench
    const taken = () => table.assign(20, 0, BYTES, true, true)
    t.notOk(passed.includes(taken()), 'never used')
    t.notOk(passed.includes(taken()))
    // The two passed latest may still be read.
    t.equal(taken(), passed[11])
    t.equal(taken(), passed[10])
    // The second round comes by: what it has passed is the latest now.
    for (const slot of passed.slice(0, 4)) bench.read(slot, true)
    t.equal(taken(), passed[1])
    t.equal(table.assign(21, 0, BYTES, true), passed[4], 'a first reader takes the oldest')
  },
)

t.test('SlotTable.sweep() lets go of what was fetched for readers that are gone', async t => {
  const bench = new Bench(4, 1)
  bench.ahead.add(2)
  for (const block of [1, 2, 3]) bench.bring(block, false)
  t.equal(bench.table.prefetchRoom, 0)
  bench.table.sweep()
  t.equal(bench.table.unread, 1)
  t.equal(bench.table.prefetchRoom, 2)
  for (const block of [4, 5]) t.not(bench.bring(block, false), -1)
  t.not(bench.table.find(2, 0), -1, 'what a reader comes for stays')
})

t.test('SlotTable.lost() frees the slot once its last pin is gone', async t => {
  const bench = new Bench(2, 1)
  const { table } = bench
  const slot = table.assign(1, 0, BYTES, true)
  table.pin(slot)
  bench.fail(slot)
  table.lost(slot)
  t.equal(table.find(1, 0), -1)
  t.equal(table.free, 1)
  t.equal(bench.memory.state(slot), SlotState.FAILED)
  table.unpin(slot)
  t.equal(table.free, 2)
  t.equal(bench.memory.state(slot), SlotState.FREE)
  t.equal(table.unread, 0)
})

t.test('SlotTable keeps a slot that waits for its next attempt', async t => {
  const bench = new Bench(1, 1)
  const slot = bench.table.assign(1, 0, BYTES, true)
  bench.table.pin(slot)
  bench.fail(slot)
  bench.table.unpin(slot)
  t.equal(bench.table.assign(2, 0, BYTES, true), -1)
  bench.owner.resume(slot)
  bench.fill(slot)
  bench.table.fetched(slot)
  t.equal(bench.table.assign(2, 0, BYTES, true), slot)
})

/** What is known of a slot from the outside. */
interface Held {
  readonly block: number
  readonly start: number
  readonly length: number
  pins: number
  filled: boolean
  /** The fetch has not ended, retries included. */
  fetching: boolean
  lost: boolean
  read: boolean
  /** Waits to be taken: read or swept, and no longer counted as unread. */
  left: boolean
}

t.test('SlotTable never takes a pinned or filling slot, and counts exactly', async () => {
  const op = fc.record({
    what: fc.constantFrom(
      'assign',
      'assign',
      'fill',
      'lose',
      'pin',
      'touch',
      'unpin',
      'sweep',
      'end',
    ),
    pick: fc.nat(1000),
    block: fc.nat(12),
    start: fc.constantFrom(0, 0, 0, 1000, 2000),
    flag: fc.boolean(),
  })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.nat(10),
      fc.array(op, { maxLength: 200 }),
      (slotCount, reserve, ops) => {
        const bench = new Bench(slotCount, Math.max(1, Math.min(reserve, slotCount)))
        const { table } = bench
        const model = new Map<number, Held>()
        const settle = (held: Held) => {
          const isWhole = held.filled || !held.fetching
          if (held.pins === 0 && held.read && isWhole) held.left = true
        }
        for (const { what, pick, block, start, flag } of ops) {
          const slots = [...model.keys()]
          const slot = slots[pick % Math.max(1, slots.length)] as number
          const held = model.get(slot)
          if (what === 'assign') {
            const length = Math.min(BYTES - start, 1 + pick * 4)
            const before = table.prefetchRoom
            const taken = table.assign(block, start, length, flag)
            if (taken === -1) {
              const canTake = (h: Held) => !h.lost && h.pins === 0 && h.filled
              // Demand gets whatever nobody holds.
              if (flag && (table.free > 0 || [...model.values()].some(canTake))) return false
              continue
            }
            if (!flag && before <= 0) return false
            const old = model.get(taken)
            if (old !== undefined && (old.pins > 0 || !old.filled || old.lost)) return false
            // Furthest ahead and swept blocks are counted by the table itself.
            model.set(taken, {
              block,
              start,
              length,
              pins: 0,
              filled: false,
              fetching: true,
              lost: false,
              read: false,
              left: false,
            })
          } else if (what === 'sweep') {
            table.sweep()
            for (const h of model.values()) if (h.filled && h.pins === 0 && !h.lost) h.left = true
          } else if (held === undefined) {
          } else if (what === 'fill' && !held.filled && !held.lost) {
            bench.fill(slot)
            held.filled = true
          } else if (what === 'end' && held.filled && held.fetching) {
            table.fetched(slot)
            held.fetching = false
            settle(held)
          } else if (what === 'lose' && !held.filled && !held.lost) {
            bench.fail(slot)
            table.lost(slot)
            held.lost = true
            if (held.pins === 0) model.delete(slot)
          } else if (what === 'pin' && !held.lost) {
            table.pin(slot)
            held.pins++
          } else if (what === 'touch' && held.pins > 0) {
            table.touch(slot, flag ? 0 : held.length - 1, held.length, flag)
            held.read = true
          } else if (what === 'unpin' && held.pins > 0) {
            table.unpin(slot)
            held.pins--
            if (held.lost) {
              if (held.pins === 0) model.delete(slot)
            } else settle(held)
          }
          const all = [...model.values()]
          // A demand that found nothing left has swept.
          if (what === 'assign' && flag) {
            const unread = all.filter(h => h.pins === 0 && !h.left && !h.lost)
            if (table.unread < unread.length) {
              for (const h of unread) if (h.filled) h.left = true
            }
          }
          const unread = all.filter(h => h.pins === 0 && !h.left && !h.lost).length
          if (table.unread !== unread) return false
          if (table.free !== slotCount - model.size) return false
          for (const [s, h] of model) {
            if (h.lost) continue
            const found = table.find(h.block, h.start)
            if (found === -1) return false
            const other = model.get(found) as Held
            if (other.block !== h.block || other.start > h.start) return false
            if (table.blockOf(s) !== h.block || table.startOf(s) !== h.start) return false
          }
        }
        return true
      },
    ),
    { numRuns: 1000 },
  )
})
