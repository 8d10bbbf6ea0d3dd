// What deciding costs for one read: recognising its stream, and planning what follows. By the
// number of streams at work and by what the readers do. Run with `node .bench/micro-planner.js`;
// ends within 15 seconds.

import { Bench } from 'tinybench'
import { Estimator } from '../dist/main/prefetch/estimator.js'
import { Planner } from '../dist/main/prefetch/planner.js'
import { StreamTable } from '../dist/main/prefetch/streams.js'
import { SeededRandom } from './slow-server/seeded-random.js'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const BLOCK = 256 * KiB
const IMAGE = 64 * GiB
/** Requests as they are in the middle of a copy. */
const LOADS = Array.from({ length: 8 }, () => 8 * MiB)
const STATE = { limit: 16, unaskedBytes: 32 * GiB, loads: () => LOADS }
/** Reads of one measured call. */
const READS = 1000

/** Readers that take turns, each in order, each in a part of the image of its own. */
function sequential(readers: number, bytes: number) {
  let round = 0
  return (each: (reader: number, offset: number) => void) => {
    for (let i = 0; i < READS; i++) {
      const reader = i % readers
      const at = Math.floor(i / readers) + round * Math.ceil(READS / readers)
      each(reader, (reader * (IMAGE / readers) + at * bytes) % (IMAGE - bytes))
    }
    round++
  }
}

const bench = new Bench({ time: 500, warmupTime: 100 })
for (const readers of [1, 4, 16]) {
  const table = new StreamTable()
  const reads = sequential(readers, BLOCK)
  let now = 0
  bench.add(`streams: ${readers} in order`, () => {
    reads((reader, offset) => table.observe(reader, offset, BLOCK, now++))
  })
}
{
  const table = new StreamTable()
  const random = new SeededRandom(1)
  let now = 0
  bench.add('streams: random reads', () => {
    for (let i = 0; i < READS; i++) {
      table.observe(0, Math.floor(random.next() * (IMAGE / 4096)) * 4096, 4096, now++)
    }
  })
}
for (const readers of [1, 4, 16]) {
  // Nothing is ever there: every read is followed by a plan, as at the start of a copy.
  const planner = new Planner({
    imageBytes: IMAGE,
    blockBytes: BLOCK,
    maxRequestBytes: 16 * MiB,
    aheadBytes: () => 192 * MiB,
    readahead: 'auto',
    estimator: new Estimator(),
    coverage: {
      wasServed: () => false,
      coveredUntil: offset => offset,
      missingUntil: (_, limit) => limit,
    },
  })
  const reads = sequential(readers, BLOCK)
  let now = 0
  bench.add(`read and plan: ${readers} in order`, () => {
    reads((reader, offset) => {
      planner.observe(reader, offset, BLOCK, now++)
      const plan = planner.next(STATE, GiB, now)
      if (plan !== undefined) planner.requested(plan.stream, plan.extent)
    })
  })
}
await bench.run()
console.table(
  bench.tasks.map(({ name, result }) => ({
    case: name,
    'ns a read':
      'latency' in result ? Math.round((result.latency.p50 * 1e6) / READS).toString() : '-',
  })),
)
