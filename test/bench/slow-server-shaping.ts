// The arithmetic of delays and bandwidth on a clock of the test's own.
import fc from 'fast-check'
import t from 'tap'
import { Admission } from '../../.bench/slow-server/admission.js'
import { drawDelay } from '../../.bench/slow-server/delays.js'
import { SeededRandom } from '../../.bench/slow-server/seeded-random.js'
import { Pacer, TokenBucket } from '../../.bench/slow-server/token-bucket.js'

interface Reader {
  readonly bandwidth: number
  /** When its body starts. */
  readonly start: number
  readonly bytes: number
}

/** Sends the readers' bodies, each through its pacer, timers up to `late` ms late; returns when each ended. */
function simulate(
  readers: readonly Reader[],
  total: number,
  late: (i: number) => number,
): number[] {
  const shared = new TokenBucket(total)
  const begun = new Set<number>()
  const active = new Set<number>()
  const left = readers.map(reader => reader.bytes)
  const due = readers.map(reader => reader.start)
  const ends: number[] = readers.map(() => Number.NaN)
  const pacers = readers.map(
    ({ bandwidth }) => new Pacer([new TokenBucket(bandwidth)], shared, () => active.size),
  )
  let wakes = 0
  while (ends.some(Number.isNaN)) {
    const now = Math.min(...due)
    const i = due.indexOf(now)
    const pacer = pacers[i] as Pacer
    if (!begun.has(i)) {
      begun.add(i)
      active.add(i)
      pacer.begin(now)
    }
    if (left[i] === 0) {
      ends[i] = now
      due[i] = Infinity
      active.delete(i)
      continue
    }
    const slice = Math.min(pacer.slice(), left[i] as number)
    left[i] = (left[i] as number) - slice
    const at = pacer.reserve(slice, now)
    due[i] = at - now < 1 ? Math.max(now, at) : at + late(wakes++)
  }
  return ends
}

const close = (actual: number, expected: number): boolean => Math.abs(actual / expected - 1) < 0.05

t.test('Pacer holds a connection to its bandwidth, however late the timers', async t => {
  const random = new SeededRandom(4)
  const megabytes = fc.integer({ min: 1, max: 300 }).map(n => n * 1e6)
  fc.assert(
    fc.property(megabytes, fc.integer({ min: 0, max: 8 }), (bandwidth, lateness) => {
      const bytes = bandwidth * 2
      const [end = 0] = simulate(
        [{ bandwidth, start: 100, bytes }],
        Infinity,
        () => lateness * random.next(),
      )
      return close(end - 100, 2000)
    }),
    { numRuns: 60 },
  )
  for (const bandwidth of [1000, 64 * 1024]) {
    const [end = 0] = simulate([{ bandwidth, start: 0, bytes: bandwidth * 5 }], Infinity, () => 2)
    t.ok(close(end, 5000), `${bandwidth} B/s: ${end} ms`)
  }
})

t.test('Pacer shares the total bandwidth evenly and starves nobody', async t => {
  for (const connections of [2, 7, 16]) {
    const readers = Array.from({ length: connections }, (_, i) => ({
      bandwidth: Infinity,
      start: i * 3,
      bytes: 20e6,
    }))
    const ends = simulate(readers, 100e6, () => 1)
    const expected = (connections * 20e6) / 100e3
    t.ok(close(Math.max(...ends), expected), `${connections}: ${Math.max(...ends)}`)
    t.ok(Math.min(...ends) > 0.85 * expected, `the first is not far ahead: ${Math.min(...ends)}`)
  }
})

t.test('Pacer takes the tighter of the two limits', async t => {
  const reader = { bandwidth: 30e6, start: 0, bytes: 30e6 }
  const two = simulate([reader, reader], 100e6, () => 1)
  t.ok(
    two.every(end => close(end, 1000)),
    `connections limit: ${two}`,
  )
  const eight = simulate(Array(8).fill(reader), 100e6, () => 1)
  t.ok(close(Math.max(...eight), 2400), `the total limits: ${Math.max(...eight)}`)
})

t.test('TokenBucket gives no credit for time that passed idle', async t => {
  const bucket = new TokenBucket(1e6)
  bucket.begin(0)
  t.equal(bucket.reserve(1000, 0), 1)
  bucket.begin(10_000)
  t.equal(bucket.reserve(100_000, 10_000), 10_100)
  t.equal(bucket.reserve(100_000, 10_105), 10_200, 'a late timer is made up for')
  t.equal(bucket.reserve(100_000, 20_000), 20_050, 'a pause only up to the slack')
  t.equal(new TokenBucket(Infinity).reserve(1e12, 7), 7)
  t.equal(new Pacer([], new TokenBucket(Infinity), () => 1).slice(), Infinity)
})

t.test('drawDelay() adds jitter and tail to what is delayed', async t => {
  const random = new SeededRandom(1)
  t.same(drawDelay({}, 0, random), { latency: 0, think: 0 })
  t.same(drawDelay({ latencyMs: 20, thinkTimeMs: 100 }, 9, random), { latency: 20, think: 100 })
  const connecting = { latencyMs: 20, connectLatencyMs: 40 }
  t.same(
    [0, 30, 99].map(since => drawDelay(connecting, since, random).latency),
    [60, 30, 20],
  )
  t.same(drawDelay({ latencyMs: 20, tail: { share: 1, ms: 5 } }, 0, random).latency, 25)
  t.same(drawDelay({ thinkTimeMs: 20, tail: { share: 1, ms: 5 } }, 0, random).think, 25)

  const options = { thinkTimeMs: 10, jitterMs: 8, tail: { share: 0.01, ms: 2000 } }
  const draw = (seed: number): number[] => {
    const random = new SeededRandom(seed)
    return Array.from({ length: 20_000 }, () => drawDelay(options, 0, random).think)
  }
  const delays = draw(3)
  t.equal(draw(3).join(), delays.join(), 'the same seed gives the same delays')
  t.notOk(draw(4).join() === delays.join(), 'another seed gives others')
  t.ok(delays.every(delay => delay >= 10))
  const tail = delays.filter(delay => delay > 2000)
  t.ok(tail.length > 150 && tail.length < 250, `${tail.length} of 20,000 in the tail`)
  const body = delays.filter(delay => delay < 2000)
  const mean = body.reduce((sum, delay) => sum + delay, 0) / body.length
  t.ok(Math.abs(mean - 18) < 0.5, `mean ${mean}`)
})

t.test('Admission.enter() rejects or queues beyond the limit', async t => {
  const open = new Admission(undefined)
  t.ok(await open.enter())

  const rejecting = new Admission({ max: 2 })
  t.same(
    [await rejecting.enter(), await rejecting.enter(), await rejecting.enter()],
    [true, true, false],
  )
  rejecting.leave()
  t.equal(await rejecting.enter(), true)

  const queueing = new Admission({ max: 1, beyond: 'queue' })
  const order: number[] = []
  const enter = async (n: number): Promise<void> => {
    t.ok(await queueing.enter())
    order.push(n)
  }
  const all = [enter(1), enter(2), enter(3)]
  await all[0]
  t.same(order, [1])
  queueing.leave()
  await all[1]
  t.same(order, [1, 2])
  queueing.limit = { max: 5, beyond: 'queue' }
  await all[2]
  t.same(order, [1, 2, 3], 'a higher limit lets in those who wait')
})
