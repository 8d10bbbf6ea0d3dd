import t, { type Test } from 'tap'
import { Simulation } from '../../.bench/engine/simulation.js'
import type { ReadSink } from '../../dist/main/export.js'
import { ImageExport } from '../../dist/main/image-export.js'
import { silentLog } from '../../dist/main/log.js'
import { Origin, type Timers } from '../../dist/main/origin.js'
import { Estimator } from '../../dist/main/prefetch/estimator.js'
import { Governor } from '../../dist/main/prefetch/governor.js'
import { SharedRing } from '../../dist/main/shared-ring.js'
import { FetchMeter } from '../../dist/main/status/fetch-meter.js'
import type { FetchResult, FetchTask } from '../../dist/shared/fetch-task.js'
import { RingMemory, SlotFiller } from '../../dist/shared/sharedarraybuffer-ring/index.js'
import { SlotWord } from '../../dist/shared/sharedarraybuffer-ring/layout.js'

const KiB = 1024
const MiB = 1024 * KiB
const BLOCK = 64 * KiB
const TIMINGS = { receivedBytes: 0, connectMs: 0, firstByteMs: 1, bodyMs: 1, newConnection: false }

const clock = () => performance.now()

/** An export with a ring of four slots whose requests are answered by `run`. */
function exportOf(
  t: Test,
  run: (task: FetchTask) => Promise<FetchResult>,
  timers: Timers = { set: () => undefined, clear: () => {} },
) {
  const memory = RingMemory.create({ slotCount: 4, slotBytes: BLOCK })
  const governor = new Governor(8)
  const image = new ImageExport({
    name: '',
    source: {
      request: { url: 'http://origin/image', headers: {}, transport: 0, totalBytes: 64 * MiB },
      name: 'http://origin/image',
      firstBytes: new Uint8Array(),
      redirects: 0,
    },
    ring: new SharedRing(memory),
    origin: new Origin({ governor, estimator: new Estimator(), clock, timers }),
    maxRequestBytes: MiB,
    maxAttempts: 3,
    maxRetryMs: 300_000,
    readahead: 'off',
    runner: { run },
    fetchMeter: new FetchMeter(),
    log: silentLog,
    clock,
    random: () => 0.5,
  })
  t.teardown(() => image.close({ code: 'cancelled', message: 'the test is over' }))
  return { memory, governor, image }
}

function fill(memory: RingMemory, slot: number, epoch: number): void {
  const filler = new SlotFiller(memory, slot, epoch)
  filler.append(new Uint8Array(filler.room))
  filler.complete()
}

t.test('SpanFetcher.close() is no failure of the requests under way', async t => {
  const warnings: string[] = []
  using simulation = new Simulation({
    seed: 1,
    imageBytes: 64 * MiB,
    slotCount: 64,
    slotBytes: BLOCK,
    connections: 4,
    maxRequestBytes: MiB,
    origin: {
      firstByteMs: 100,
      connectionRate: 25e6,
      pieceBytes: BLOCK,
      fault: () => ({
        kind: 'failure',
        afterMs: 100,
        failure: { code: 'worker-died', message: 'worker thread ended' },
      }),
    },
    log: (level, message) => void (level === 'warn' && warnings.push(message)),
  })
  simulation.image.cache(0, 2 * MiB, 1)
  simulation.closeAt(50)
  const report = await simulation.run()
  t.not(report.requests, 0)
  t.strictSame(warnings, [])
  t.strictSame(simulation.meter.failures, {})
})

t.test('SpanFetcher raises the limit for answers that come before their doorbell', async t => {
  const { memory, governor, image } = exportOf(t, async task => {
    for (const [i, slot] of task.slots.entries()) fill(memory, slot, task.epochs[i] as number)
    return { ok: true, spanId: task.spanId, timings: TIMINGS }
  })
  governor.troubled(1, 2)
  governor.troubled(3, 4)
  t.equal(governor.limit, 1)
  for (let block = 0; block < 16; block++) {
    await new Promise<void>((resolve, reject) => {
      const sink: ReadSink = {
        data: (_offset, _views, release) => release(),
        hole: () => {},
        end: resolve,
        fail: failure => reject(new Error(failure.message)),
      }
      const offset = (block * 37 * BLOCK) % (64 * MiB)
      image.read({ offset, length: 4 * KiB, connection: 1, whole: false }, sink)
    })
  }
  t.ok(governor.limit > 1)
})

t.test('SpanFetcher asks for the doorbell in a slot that was given up before its bell', async t => {
  const tasks: FetchTask[] = []
  const { memory, governor, image } = exportOf(t, task => {
    tasks.push(task)
    return new Promise(() => {})
  })
  const sink: ReadSink = { data: () => {}, hole: () => {}, end: () => {}, fail: () => {} }
  const read = (connection: number, block: number) =>
    image.read({ offset: block * BLOCK, length: BLOCK, connection, whole: false }, sink)
  const turn = () => Promise.resolve().then(() => {})
  governor.probed()
  image.cache(0, BLOCK, 1)
  await turn()
  // Nobody waits for these any more, but their requests hold their slots.
  for (const block of [100, 150, 200]) {
    const handle = read(1, block)
    await turn()
    handle.cancel()
  }
  const [ahead] = tasks as [FetchTask]
  const slot = ahead.slots[0] as number
  fill(memory, slot, ahead.epochs[0] as number)
  // The bell has rung and is not heard before the next turn of the event loop.
  read(2, 300)
  await turn()
  t.strictSame(tasks.at(-1)?.slots, [slot])
  t.equal(Atomics.load(memory.words, memory.record(slot) + SlotWord.WANT), 1)
})

t.test('SpanFetcher doubles the limit of a first byte that did not come in time', async t => {
  const patience: (number | undefined)[] = []
  const { memory, image } = exportOf(
    t,
    async task => {
      patience.push(task.patience)
      for (const [i, slot] of task.slots.entries()) {
        new SlotFiller(memory, slot, task.epochs[i] as number).fail()
      }
      const late = patience.length < 3
      const failure = { code: late ? 'first-byte-timeout' : 'spool', message: 'as told' } as const
      return { ok: false, spanId: task.spanId, timings: TIMINGS, failure }
    },
    {
      set: (ms, callback) => setTimeout(callback, ms),
      clear: timer => clearTimeout(timer as never),
    },
  )
  await new Promise<void>((resolve, reject) => {
    const end = () => reject(new Error('read'))
    const sink: ReadSink = { data: () => {}, hole: () => {}, end, fail: () => resolve() }
    image.read({ offset: 0, length: 4 * KiB, connection: 1, whole: false }, sink)
  })
  t.strictSame(patience, [1, 2, 4])
})
