import fc from 'fast-check'
import t from 'tap'
import { Estimator } from '../../../dist/main/prefetch/estimator.js'
import {
  nextRamp,
  type RequestSizing,
  requestBytes,
} from '../../../dist/main/prefetch/request-size.js'

const MiB = 1024 * 1024
const BLOCK = 256 * 1024

/** 100 ms to the first byte and `rate` bytes per second. */
function measured(rate: number): Estimator {
  const estimator = new Estimator()
  estimator.firstByte(100)
  estimator.body(rate, 1000)
  return estimator
}

const SIZING: RequestSizing = {
  left: 160 * MiB,
  loads: [],
  limit: 16,
  streams: 1,
  windowBytes: 224 * MiB,
  rampBytes: 64 * MiB,
  aheadBytes: 224 * MiB,
  maxRequestBytes: 16 * MiB,
  blockBytes: BLOCK,
  estimator: measured(30e6),
}

t.test(
  'requestBytes() has what comes first end first, as its reader takes it in order',
  async t => {
    const even = SIZING.left / SIZING.limit
    const bytes = requestBytes(SIZING)
    t.ok(bytes < even, 'less than an even share')
    t.ok(bytes >= (even * 3) / 4, 'but not much less')
    t.equal(
      requestBytes({ ...SIZING, left: 10 * MiB, limit: 1 }),
      10 * MiB,
      'nothing lies behind it',
    )
    const fast = { ...SIZING, estimator: measured(1e9) }
    t.ok(requestBytes(fast) >= (even * 3) / 4, 'however fast a connection is')
  },
)

t.test(
  'requestBytes() leaves several requests to a window, fewer where streams are many',
  async t => {
    const window = (streams: number) => requestBytes({ ...SIZING, streams, windowBytes: 8 * MiB })
    t.equal(window(1), MiB)
    t.equal(window(2), 2 * MiB)
    t.equal(window(8), 4 * MiB, 'two at least')
  },
)

t.test('requestBytes() is whole blocks within all bounds', async () => {
  const bytes = (most: number) => fc.integer({ min: 1, max: most })
  const sizing = fc.record({
    left: bytes(2 ** 36),
    loads: fc.array(bytes(64 * MiB), { maxLength: 20 }),
    limit: fc.double({ min: 1, max: 64, noNaN: true }),
    streams: fc.integer({ min: 1, max: 16 }),
    windowBytes: fc.oneof(fc.constant(0), bytes(512 * MiB)),
    rampBytes: fc.oneof(fc.constant(0), bytes(64 * MiB)),
    aheadBytes: bytes(512 * MiB),
    maxRequestBytes: fc.constantFrom(MiB, 16 * MiB, 64 * MiB),
    blockBytes: fc.constantFrom(4096, BLOCK, MiB),
    estimator: fc.integer({ min: 1e5, max: 2e9 }).map(measured),
  })
  fc.assert(
    fc.property(sizing, sizing => {
      const { blockBytes, maxRequestBytes, rampBytes } = sizing
      const size = requestBytes(sizing)
      if (size % blockBytes !== 0 || size < blockBytes) return false
      const most = Math.min(maxRequestBytes, rampBytes || MiB)
      return size < most + blockBytes
    }),
  )
})

t.test('nextRamp() grows fourfold, from the first request to the largest', async t => {
  const ramps = [0]
  for (let i = 0; i < 4; i++) ramps.push(nextRamp(ramps[i] as number, 32 * MiB))
  t.strictSame(ramps.slice(1), [4 * MiB, 16 * MiB, 32 * MiB, 32 * MiB])
})
