// Faults a copy must survive: whatever the origin or a worker thread does to single requests, the
// copy ends byte-exact, no read fails, and the statistics tell what happened.

import t, { type Test } from 'tap'
import type { FaultRule } from '../../.bench/slow-server/faults.js'
import type { ServerOptions, Statistics } from '../../dist/main/index.js'
import { firstWrongByte, servedImage, untilStatistics } from '../fixtures/served-image.js'

const KIB = 1024
const MIB = 1024 * KIB

interface Case {
  readonly faults: readonly FaultRule[]
  readonly server?: Partial<ServerOptions>
  /** What the statistics must tell afterwards. */
  readonly told: (statistics: Statistics) => boolean
}

/** Probe and client would be hit first otherwise: the copy is what is tested. */
const after = 1

const CASES: Readonly<Record<string, Case>> = {
  'origin resets every 20th answer in the middle': {
    faults: [{ kind: 'reset-mid-body', every: 20, after }],
    told: ({ failures }) => failedFor(failures, 'reset', 'short-body') > 0,
  },
  'origin resets every 10th request instead of answering': {
    faults: [{ kind: 'reset-before-headers', every: 10, after }],
    told: ({ failures }) => failedFor(failures, 'reset') > 0,
  },
  'origin stalls in every 30th body': {
    faults: [{ kind: 'stall-mid-body', every: 30, after }],
    server: { bodyTimeout: 0.3 },
    told: ({ failures }) => failedFor(failures, 'body-timeout') > 0,
  },
  'origin never answers every 30th request': {
    faults: [{ kind: 'stall-before-headers', every: 30, after }],
    server: { firstByteTimeout: 0.3 },
    // Once the usual first-byte time is known, they are sent again before the limit.
    told: ({ failures, resent }) => failedFor(failures, 'first-byte-timeout') + resent > 0,
  },
  'origin answers 503 to every 10th request': {
    faults: [{ kind: 'status', status: 503, every: 10, after }],
    told: ({ throttled }) => throttled > 0,
  },
  'origin answers 503 with Retry-After to every 20th request': {
    faults: [{ kind: 'status', status: 503, retryAfter: 1, every: 20, after, first: 2 }],
    told: ({ throttled }) => throttled > 0,
  },
  'origin answers 429 and 500 now and then': {
    faults: [
      { kind: 'status', status: 429, every: 15, after },
      { kind: 'status', status: 500, every: 16, after },
    ],
    told: ({ throttled, failures }) => throttled > 0 && failedFor(failures, 'status') > throttled,
  },
  'origin ends every 10th body early': {
    faults: [{ kind: 'short-body', every: 10, after }],
    told: ({ failures }) => failedFor(failures, 'short-body') > 0,
  },
  'origin sends half of what was asked, and says so, now and then': {
    faults: [{ kind: 'short-range', every: 10, after }],
    told: ({ failures }) => failedFor(failures, 'wrong-range') > 0,
  },
  'origin sends other bytes than asked, and says so, now and then': {
    faults: [{ kind: 'wrong-range', every: 10, after }],
    told: ({ failures }) => failedFor(failures, 'wrong-range') > 0,
  },
  'origin forgets the range now and then': {
    faults: [{ kind: 'ignore-range', every: 10, after }],
    told: ({ failures }) => failedFor(failures, 'range-ignored') > 0,
  },
  'origin sends more than it says now and then': {
    faults: [{ kind: 'long-body', every: 10, after }],
    told: ({ failures }) => failedFor(failures, 'wrong-range') > 0,
  },
  'origin sends what is no HTTP now and then': {
    faults: [{ kind: 'garbage', every: 10, after }],
    told: ({ failures }) => failedFor(failures, 'protocol') > 0,
  },
  'origin closes the connection behind every 3rd answer': {
    faults: [{ kind: 'close-after', every: 3, after }],
    told: ({ connectionsOpened }) => connectionsOpened > 4,
  },
  'origin sends chunked bodies': {
    faults: [{ kind: 'chunked', every: 2 }],
    told: ({ failures }) => Object.keys(failures).length === 0,
  },
  'all of it together': {
    faults: [
      { kind: 'reset-mid-body', every: 20, after },
      { kind: 'stall-mid-body', every: 30, after },
      { kind: 'status', status: 503, every: 10, after },
      { kind: 'short-body', every: 25, after },
      { kind: 'garbage', every: 35, after },
    ],
    server: { bodyTimeout: 0.3 },
    told: ({ throttled, failures }) =>
      throttled > 0 && failedFor(failures, 'short-body', 'reset') > 0,
  },
}

function failedFor(failures: Statistics['failures'], ...codes: readonly string[]): number {
  return codes.reduce((sum, code) => sum + (failures[code] ?? 0), 0)
}

async function survives(
  t: Test,
  { faults, server, told }: Case,
  pipelining: number,
): Promise<void> {
  const size = 16 * MIB + 1
  const { image, origin, ...served } = await servedImage(t, {
    size,
    origin: { faults },
    // Small requests, so that there are enough of them to be hit.
    server: {
      ringSize: 16 * MIB,
      blockSize: 64 * KIB,
      maxRequest: MIB,
      pipelining,
      readahead: 256 * KIB,
      ...server,
    },
  })
  const client = await served.connect(2)
  t.equal(await firstWrongByte(image, client), -1, 'every byte is right')
  const statistics = await untilStatistics(served.server, ({ pins }) => pins === 0)
  t.equal(statistics.failedReads, 0, 'no read fails')
  t.ok(told(statistics), `the statistics tell: ${JSON.stringify(statistics)}`)
  t.match(
    Object.keys(origin.stats.byFault).sort(),
    [...new Set(faults.map(({ kind }) => kind))].sort(),
  )
}

// They spend their time waiting for a next attempt: side by side.
t.jobs = 4
for (const [name, fault] of Object.entries(CASES)) {
  t.test(name, t => survives(t, fault, 1))
}

t.test('all of it together, pipelined', t => survives(t, CASES['all of it together'] as Case, 4))
