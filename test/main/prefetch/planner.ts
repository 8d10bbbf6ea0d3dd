import fc from 'fast-check'
import t from 'tap'
import { Estimator } from '../../../dist/main/prefetch/estimator.js'
import {
  Planner,
  type PlannerOptions,
  type RequestState,
} from '../../../dist/main/prefetch/planner.js'

const KiB = 1024
const MiB = 1024 * KiB
const BLOCK = 256 * KiB
const IMAGE = 1024 * MiB

/** Nothing is under way, nothing was asked for. */
function stateOf(limit = 16, loads: readonly number[] = []): RequestState {
  return { limit, unaskedBytes: IMAGE, loads: () => loads }
}

/** A planner over a set of blocks that need no fetch, and of blocks served before. */
function plannerOf(options: Partial<PlannerOptions> = {}) {
  const present = new Set<number>()
  const served = new Set<number>()
  const estimator = new Estimator()
  const covered = (block: number, again: boolean) =>
    present.has(block) || (!again && served.has(block))
  const planner = new Planner({
    imageBytes: IMAGE,
    blockBytes: BLOCK,
    maxRequestBytes: 16 * MiB,
    aheadBytes: () => 192 * MiB,
    readahead: 'auto',
    estimator,
    coverage: {
      wasServed: offset => served.has(Math.floor(offset / BLOCK)),
      coveredUntil(offset, again) {
        const block = Math.floor(offset / BLOCK)
        return covered(block, again) ? Math.min(IMAGE, (block + 1) * BLOCK) : offset
      },
      missingUntil(offset, limit, again) {
        let block = Math.floor(offset / BLOCK)
        while (block * BLOCK < limit && !covered(block, again)) block++
        return Math.min(limit, Math.max(offset, block * BLOCK))
      },
    },
    ...options,
  })
  /** Takes plans until there are none, and carries them out. */
  const drain = (nowMs: number, roomBytes = Number.POSITIVE_INFINITY) => {
    const extents: [number, number][] = []
    let room = roomBytes
    for (;;) {
      const plan = planner.next(stateOf(), room, nowMs)
      if (plan === undefined) return extents
      const { offset, length } = plan.extent
      extents.push([offset, length])
      room -= length
      planner.requested(plan.stream, plan.extent)
      for (let at = offset; at < offset + length; at += BLOCK) present.add(Math.floor(at / BLOCK))
      if (extents.length > 5000) throw new Error('no end of plans')
    }
  }
  return { planner, present, served, estimator, drain }
}

t.test('Planner.next() plans nothing before a sequence has shown', async t => {
  const { planner, drain } = plannerOf()
  planner.observe(1, 10 * MiB, 4096, 0)
  t.strictSame(drain(0), [])
  planner.observe(1, 500 * MiB, 4096, 0)
  t.strictSame(drain(0), [])
})

t.test(
  'Planner.next() fills the window of a fresh stream from its end on, small first',
  async t => {
    const { planner, drain } = plannerOf()
    planner.observe(1, 0, 2 * MiB, 0)
    const extents = drain(0)
    t.equal(extents[0]?.[0], 2 * MiB)
    t.equal(extents[0]?.[1], MiB)
    t.ok((extents[1]?.[1] as number) > MiB, 'the next one is larger')
    let at = 2 * MiB
    for (const [offset, length] of extents) {
      t.equal(offset, at, 'without gaps')
      at = offset + length
    }
    t.ok(at <= 98 * MiB && at > 72 * MiB, `up to ${at}`)
  },
)

t.test('Planner.observe() slides the window with every read', async t => {
  const { planner, drain } = plannerOf()
  planner.observe(1, 0, 2 * MiB, 0)
  const before = drain(0).at(-1) as [number, number]
  planner.observe(1, 2 * MiB, 8 * MiB, 1)
  const after = drain(1)
  t.ok(after.length > 0)
  t.equal(after[0]?.[0], before[0] + before[1])
})

t.test('Planner.stalled() grows a window that had time to fill, up to its bound', async t => {
  const { planner } = plannerOf({ aheadBytes: () => 240 * MiB })
  const stream = planner.observe(1, 0, 2 * MiB, 0)
  t.equal(stream.windowBytes, 96 * MiB)
  planner.stalled(stream, 10)
  planner.stalled(stream, 60)
  t.equal(stream.windowBytes, 96 * MiB, 'the reader has taken nothing and waited shortly')
  planner.stalled(stream, 110)
  t.equal(stream.windowBytes, 192 * MiB)
  planner.stalled(stream, 120)
  t.equal(stream.windowBytes, 192 * MiB, 'no time yet')
  for (let i = 1; i < 10; i++) planner.stalled(stream, 110 + i * 100)
  t.equal(stream.windowBytes, 240 * MiB)
})

t.test(
  'Planner.stalled() takes no reader for one that has waited since before it came',
  async t => {
    const { planner } = plannerOf()
    const stream = planner.observe(1, 0, 2 * MiB, 5000)
    planner.stalled(stream, 5010)
    planner.next(stateOf(), 0, 5090)
    t.equal(stream.windowBytes, 96 * MiB)
    planner.next(stateOf(), 0, 5110)
    t.equal(stream.windowBytes, 192 * MiB)
  },
)

t.test('Planner.stalled() grows a window with what its reader takes', async t => {
  const { planner } = plannerOf()
  const stream = planner.observe(1, 0, 2 * MiB, 0)
  for (let nowMs = 100; nowMs < 400; nowMs += 100) {
    planner.stalled(stream, nowMs)
    planner.resumed(stream, nowMs + 5)
  }
  t.equal(stream.windowBytes, 96 * MiB, 'a reader that takes nothing needs no more')
  stream.servedBytes = 36 * MiB
  planner.stalled(stream, 500)
  t.equal(stream.windowBytes, 144 * MiB)
})

t.test('Planner.next() keeps a contented reader as far ahead as its pace needs', async t => {
  const { planner, drain } = plannerOf()
  const stream = planner.observe(1, 0, 2 * MiB, 0)
  drain(0)
  planner.stalled(stream, 10)
  planner.resumed(stream, 20)
  let nowMs = 20
  for (let at = 2; at < 30; at++) {
    nowMs += 100
    planner.observe(1, at * MiB, MiB, nowMs)
  }
  const reach = planner.reachOf(stream, nowMs)
  t.ok(reach < 16 * MiB, `10 MB/s, ${reach} bytes ahead`)
  planner.stalled(stream, nowMs)
  t.equal(planner.reachOf(stream, nowMs), stream.windowBytes, 'until it has to wait')
})

t.test('Planner fetches ahead of a run in the measure in which it has shown itself', async t => {
  const { planner } = plannerOf()
  const window = (reads: number) => {
    let stream = planner.observe(1, 100 * MiB, 64 * KiB, 0)
    for (let i = 1; i < reads; i++) {
      stream = planner.observe(1, 100 * MiB + i * 64 * KiB, 64 * KiB, 0)
    }
    return stream.windowBytes
  }
  t.equal(window(1), 0)
  t.equal(window(2), 4 * 128 * KiB)
  t.equal(window(16), 4 * MiB)
  t.equal(window(2000), 96 * MiB)
})

t.test('Planner trusts runs less where what it fetched ahead was not read', async t => {
  const { planner, drain } = plannerOf()
  const run = (start: number) => {
    planner.observe(1, start, 128 * KiB, 0)
    const stream = planner.observe(1, start + 128 * KiB, 128 * KiB, 0)
    const { windowBytes } = stream
    drain(0)
    planner.connectionClosed(1)
    return windowBytes
  }
  const first = run(0)
  for (let i = 1; i < 40; i++) run(i * 20 * MiB)
  const last = run(900 * MiB)
  t.equal(first, MiB)
  t.equal(last, 256 * KiB)
  t.ok(planner.ledger.wastedShare > 0.2)
})

t.test('Planner.announce() opens a window where nothing was read yet', async t => {
  const { planner, drain } = plannerOf()
  planner.announce(3, 128 * MiB, 0)
  const extents = drain(0)
  t.equal(extents[0]?.[0], 128 * MiB)
  t.ok(extents.reduce((sum, [, length]) => sum + length, 0) > 16 * MiB)
  const stream = planner.observe(3, 128 * MiB, 256 * KiB, 1)
  t.equal(planner.streams.length, 1, 'its reader goes on with it')
  t.ok(stream.confirmed)
})

t.test('Planner skips what another reader was served, not what this one reads again', async t => {
  const { planner, served, drain } = plannerOf()
  for (let block = 12; block < 40; block++) served.add(block)
  planner.observe(1, 0, 2 * MiB, 0)
  for (const [offset, length] of drain(0)) {
    t.ok(offset + length <= 3 * MiB || offset >= 10 * MiB, `${offset} +${length}`)
  }
  const again = plannerOf()
  for (let block = 0; block < 400; block++) again.served.add(block)
  again.planner.observe(1, 0, 2 * MiB, 0)
  t.equal(again.drain(0)[0]?.[0], 2 * MiB)
})

t.test('Planner.next() serves the stream with the least lead first', async t => {
  const { planner, drain } = plannerOf()
  planner.observe(1, 0, 2 * MiB, 0)
  drain(0)
  planner.observe(2, 512 * MiB, MiB, 1)
  planner.observe(2, 513 * MiB, MiB, 1)
  const plan = planner.next(stateOf(), 192 * MiB, 1)
  t.equal(plan?.extent.offset, 514 * MiB)
})

t.test('Planner.next() plans no more than the room it is given', async t => {
  const { planner, drain } = plannerOf()
  planner.observe(1, 0, 2 * MiB, 0)
  t.equal(planner.next(stateOf(), 512 * KiB, 0), undefined, 'waits for room for a whole request')
  const total = drain(0, 5 * MiB).reduce((sum, [, length]) => sum + length, 0)
  t.ok(total <= 5 * MiB && total > 0)
})

t.test('Planner forgets readers that have stopped', async t => {
  const { planner } = plannerOf()
  planner.observe(1, 0, 2 * MiB, 0)
  t.ok(planner.isAhead(8, 0))
  t.ok(planner.next(stateOf(), 192 * MiB, 4999) !== undefined)
  t.equal(planner.next(stateOf(), 192 * MiB, 5000), undefined)
  t.equal(planner.isAhead(8, 5000), false)
  t.equal(planner.streams.length, 1)
  planner.next(stateOf(), 192 * MiB, 30_001)
  t.equal(planner.streams.length, 0)
})

t.test('Planner.lost() has the bytes planned again', async t => {
  const { planner, present, drain } = plannerOf()
  planner.observe(1, 0, 2 * MiB, 0)
  drain(0)
  present.delete(20)
  planner.lost({ offset: 20 * BLOCK, length: BLOCK })
  t.strictSame(drain(0), [[20 * BLOCK, BLOCK]])
  // What the reader has passed need not come back, what it has before it must.
  planner.observe(1, 2 * MiB, 3 * BLOCK, 1)
  drain(1)
  for (const block of [9, 10, 11, 12]) present.delete(block)
  planner.lost({ offset: 9 * BLOCK, length: 4 * BLOCK })
  t.strictSame(drain(1), [[11 * BLOCK, 2 * BLOCK]])
})

t.test('Planner.requested() does not forget what was given up for the request', async t => {
  const { planner, present, drain } = plannerOf()
  const stream = planner.observe(1, 0, 2 * MiB, 0)
  drain(0)
  const { frontier } = stream
  present.delete(20)
  planner.lost({ offset: 20 * BLOCK, length: BLOCK })
  planner.requested(stream, { offset: frontier, length: BLOCK })
  t.strictSame(drain(0)[0], [20 * BLOCK, BLOCK])
})

t.test('Planner.observe() goes back over what it took for read by others', async t => {
  const { planner, served, drain } = plannerOf()
  for (let block = 16; block < 24; block++) served.add(block)
  planner.observe(1, 0, 2 * MiB, 0)
  t.notOk(drain(0).some(([offset]) => offset === 16 * BLOCK))
  planner.observe(1, 2 * MiB, 2 * MiB, 1)
  t.notOk(drain(1).some(([offset]) => offset === 16 * BLOCK))
  planner.observe(1, 4 * MiB, 64 * 1024, 2)
  t.strictSame(drain(2)[0], [16 * BLOCK + 64 * 1024, 8 * BLOCK - 64 * 1024])
})

t.test('Planner with readahead off or of a fixed size', async t => {
  const off = plannerOf({ readahead: 'off' })
  off.planner.observe(1, 0, 2 * MiB, 0)
  t.strictSame(off.drain(0), [])
  const fixed = plannerOf({ readahead: 4 * MiB })
  const stream = fixed.planner.observe(1, 0, 2 * MiB, 0)
  fixed.planner.stalled(stream, 1000)
  const end = fixed.drain(0).at(-1) as [number, number]
  t.ok(end[0] + end[1] <= 6 * MiB)
})

t.test('Planner.requestBytes() follows the first-byte time, the ring and the rest', async t => {
  const { planner, estimator } = plannerOf()
  estimator.firstByte(100)
  estimator.body(30e6, 1000)
  const settled = planner.observe(1, 0, MiB, 0)
  Object.assign(settled, { rampBytes: 64 * MiB, windowBytes: 192 * MiB })
  const size = planner.requestBytes(settled, 0, stateOf())
  t.equal(size % BLOCK, 0)
  t.ok(size >= 8 * MiB && size <= 16 * MiB, `${size}`)
  t.ok(planner.requestBytes(settled, 0, stateOf(64)) <= 3 * MiB, 'many connections share the ring')
  settled.frontier = IMAGE - 64 * MiB
  const last = planner.requestBytes(settled, IMAGE - 64 * MiB, stateOf())
  t.ok(last <= 4 * MiB, 'the end is split')
  const busy = planner.requestBytes(settled, IMAGE - 64 * MiB, stateOf(16, Array(15).fill(5 * MiB)))
  t.ok(busy > last && busy <= 9 * MiB, 'so that it ends when the requests under way do')
  t.ok(planner.requestBytes(undefined, 0, stateOf()) <= MiB, 'small before anything is known')
})

t.test(
  'Planner.requestBytes() splits the end of one stream only where no other is left',
  async t => {
    const { planner, estimator } = plannerOf()
    estimator.firstByte(100)
    estimator.body(30e6, 1000)
    const [first, second] = [planner.observe(1, 0, MiB, 0), planner.observe(2, IMAGE / 2, MiB, 0)]
    planner.observe(2, IMAGE / 2 + MiB, MiB, 0)
    for (const stream of [first, second]) {
      Object.assign(stream, { rampBytes: 64 * MiB, windowBytes: 192 * MiB })
    }
    second.frontier = IMAGE - 16 * MiB
    const size = () => planner.requestBytes(second, second.frontier, stateOf())
    t.ok(size() >= 8 * MiB, `${size()}: there is enough left for all connections`)
    first.frontier = IMAGE - 16 * MiB
    t.equal(size(), MiB)
  },
)

t.test('Planner.next() stays inside image, window, room and what is missing', async () => {
  const read = fc.record({
    connection: fc.integer({ min: 1, max: 4 }),
    block: fc.nat(4000),
    length: fc.constantFrom(4096, 65_536, 262_144, 2 * MiB),
    run: fc.integer({ min: 1, max: 6 }),
  })
  fc.assert(
    fc.property(
      fc.array(read, { minLength: 1, maxLength: 30 }),
      fc.constantFrom(BLOCK, 2 * MiB, 48 * MiB),
      fc.uniqueArray(fc.nat(4095), { maxLength: 500 }),
      (reads, aheadBytes, blocks) => {
        const { planner, present } = plannerOf({ aheadBytes: () => aheadBytes })
        for (const block of blocks) present.add(block)
        let nowMs = 0
        for (const { connection, block, length, run } of reads) {
          for (let i = 0; i < run; i++) {
            const offset = block * BLOCK + i * length
            if (offset + length > IMAGE) continue
            const stream = planner.observe(connection, offset, length, nowMs)
            planner.stalled(stream, nowMs)
            nowMs += 20
          }
          for (let i = 0; i < 20; i++) {
            const plan = planner.next(stateOf(), aheadBytes, nowMs)
            if (plan === undefined) break
            const { offset, length: bytes } = plan.extent
            if (bytes <= 0 || bytes > aheadBytes || bytes > 16 * MiB) return false
            if (offset < plan.stream.next || offset + bytes > IMAGE) return false
            if (offset + bytes < IMAGE && offset + bytes > plan.stream.next + aheadBytes)
              return false
            for (let at = offset; at < offset + bytes; at += BLOCK) {
              const index = Math.floor(at / BLOCK)
              if (present.has(index)) return false
              present.add(index)
            }
            planner.requested(plan.stream, { offset, length: bytes })
          }
        }
        return true
      },
    ),
    { numRuns: 200 },
  )
})

t.test('Planner.next() lets a window slide that many streams share the ring with', async t => {
  const aheadBytes = 24 * MiB
  const { planner, present } = plannerOf({ aheadBytes: () => aheadBytes })
  const starts = Array.from({ length: 8 }, (_, i) => i * 100 * MiB)
  const fill = () => {
    for (;;) {
      const plan = planner.next(stateOf(4), Number.POSITIVE_INFINITY, 0)
      if (plan === undefined) return
      const { offset, length } = plan.extent
      planner.requested(plan.stream, plan.extent)
      for (let at = offset; at < offset + length; at += BLOCK) present.add(Math.floor(at / BLOCK))
    }
  }
  for (let read = 0; read < 8; read++) {
    for (const [i, start] of starts.entries()) planner.observe(i, start + read * MiB, MiB, 0)
    fill()
  }
  const leads = planner.streams.map(stream => stream.frontier - stream.next)
  t.equal(leads.length, 8)
  t.ok(Math.min(...leads) >= aheadBytes / 8 / 2, `${leads}`)
})
