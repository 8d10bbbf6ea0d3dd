import { Piscina } from 'piscina'
import t, { type Test } from 'tap'
import type {
  FetchResult,
  FetchTask,
  ProbeResult,
  WorkerSettings,
} from '../../dist/shared/fetch-task.js'
import { RingOwner, SlotState } from '../../dist/shared/sharedarraybuffer-ring/index.js'
import { httpOrigin, imageBytes, rawOrigin, serveRange } from '../fixtures/origin.js'
import { Span, TRANSPORT } from '../fixtures/span.js'

const { FAILED, FILLING, READY } = SlotState

function poolFor(t: Test, span: Span, threads: number, tasksPerWorker = 8): Piscina {
  const workerData: WorkerSettings = { ring: span.memory.buffer, transports: [TRANSPORT] }
  const pool = new Piscina({
    filename: new URL('../../dist/workers/index.js', import.meta.url).href,
    workerData,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: tasksPerWorker,
    atomics: 'async',
    execArgv: ['--enable-source-maps'],
  })
  t.teardown(() => pool.destroy())
  return pool
}

const fetchSpan = (pool: Piscina, task: FetchTask): Promise<FetchResult> =>
  pool.run(task, { name: 'fetchSpan' })

/** Between two looks: long enough to leave the processor to the threads. */
const turn = () => new Promise(resolve => setTimeout(resolve, 5))

t.test('two threads fill their slots of one ring, and no others', async t => {
  const origin = await httpOrigin(t, serveRange(1_000_000))
  const lengths = Array.from({ length: 40 }, (_, index) => 4096 - (index % 3))
  const span = new Span(512, lengths)
  const pool = poolFor(t, span, 2, 4)
  let offset = span.offset
  const tasks: FetchTask[] = []
  for (let index = 0; index < lengths.length; index += 2) {
    const length = (lengths[index] as number) + (lengths[index + 1] as number)
    const slots = span.slots.slice(index, index + 2)
    const epochs = span.epochs.slice(index, index + 2)
    tasks.push(span.task(origin.url, {}, { spanId: index, offset, length, slots, epochs }))
    offset += length
  }
  const results = await Promise.all(tasks.map(task => fetchSpan(pool, task)))
  t.strictSame(
    results.map(({ ok, spanId }) => [ok, spanId]),
    tasks.map(({ spanId }) => [true, spanId]),
  )
  t.ok(span.ready)
  t.equal(span.damage(), undefined)
})

t.test('a slot handed on is filled by its new thread only', async t => {
  let finish = () => {}
  const origin = await rawOrigin(t, (socket, _head, index) => {
    socket.write('HTTP/1.1 206 OK\r\ncontent-range: bytes 0-4095/1000000\r\n')
    socket.write('content-length: 4096\r\n\r\n')
    if (index > 0) {
      socket.write(imageBytes(0, 4096))
    } else {
      socket.write(Buffer.alloc(100, 1))
      finish = () => socket.write(Buffer.alloc(3996, 1))
    }
  })
  const span = new Span(0, [4096])
  // One task a thread: the second goes to the other one.
  const pool = poolFor(t, span, 2, 1)
  const stale = fetchSpan(pool, span.task(origin.url))
  while (span.filled < 100) await turn()
  // The first thread is taken for dead, though it is not.
  span.owner.abandon(1)
  span.owner.reclaim(1)
  span.epochs[0] = span.owner.assign(1, 0, 4096)
  t.equal((await fetchSpan(pool, span.task(origin.url))).ok, true)
  finish()
  t.match(await stale, { ok: false, failure: { code: 'cancelled' } })
  t.strictSame(span.states, [READY])
  t.equal(span.damage(), undefined)
})

t.test('the cancel bell reaches threads that wait for the network', async t => {
  const silent = await rawOrigin(t, () => {})
  const span = new Span(0, [4096, 4096])
  const pool = poolFor(t, span, 2, 1)
  const running = span.slots.map((slot, index) =>
    fetchSpan(
      pool,
      span.task(silent.url, {}, { length: 4096, slots: [slot], epochs: [span.epochs[index] ?? 0] }),
    ),
  )
  while (silent.requests.length < 2) await turn()
  span.owner.cancel(2)
  span.owner.ringCancelBell()
  t.match(await running[1], { ok: false, failure: { code: 'cancelled' } })
  t.strictSame(span.states, [FILLING, FAILED])
  span.owner.cancel(1)
  span.owner.ringCancelBell()
  t.match(await running[0], { ok: false, failure: { code: 'cancelled' } })
  t.ok(span.letGo)
})

t.test('a thread that is killed leaves slots that can be abandoned and filled', async t => {
  const origin = await rawOrigin(t, (socket, head, index) => {
    const start = Number(/bytes=(\d+)/i.exec(head)?.[1])
    socket.write(`HTTP/1.1 206 OK\r\ncontent-range: bytes ${start}-8191/1000000\r\n`)
    socket.write(`content-length: ${8192 - start}\r\n\r\n`)
    socket.write(imageBytes(start, index === 0 ? 5000 : 8192 - start))
  })
  const span = new Span(0, [4096, 4096])
  const pool = poolFor(t, span, 1)
  const running = fetchSpan(pool, span.task(origin.url))
  const rejected = t.rejects(running)
  while (span.filled < 5000) await turn()
  await pool.threads[0]?.terminate()
  await rejected
  t.strictSame(span.states, [READY, FILLING])
  const owner = new RingOwner(span.memory)
  t.throws(() => owner.reclaim(2))
  owner.abandon(2)
  t.strictSame(span.states, [READY, FAILED])
  const epochs = [owner.resume(2)]
  const rest = { offset: 5000, length: 3192, slots: [2], epochs }
  t.match(await fetchSpan(pool, span.task(origin.url, {}, rest)), { ok: true })
  t.ok(span.ready)
  t.equal(span.damage(), undefined)
})

t.test('results and failures come out of a thread whole', async t => {
  const origin = await httpOrigin(t, (request, response, index) => {
    if (index === 0) serveRange(5000, { etag: '"e"' })(request, response, index)
    else response.writeHead(503, { 'retry-after': '1' }).end()
  })
  const span = new Span(0, [4096])
  const pool = poolFor(t, span, 1)
  const probe = { url: origin.url, headers: {}, transport: 0, length: 65536 }
  const result: ProbeResult = await pool.run(probe, { name: 'probeSource' })
  t.match(result, { ok: true, totalBytes: 5000, etag: '"e"' })
  t.ok(result.ok && imageBytes(0, 5000).equals(result.firstBytes))
  t.match(await fetchSpan(pool, span.task(origin.url)), {
    ok: false,
    spanId: 7,
    failure: { code: 'status', status: 503, retryAfterMs: 1000 },
    timings: { newConnection: false },
  })
  t.match(await fetchSpan(pool, { ...span.task('no URL'), epochs: [99] }), {
    ok: false,
    failure: { code: 'cancelled' },
  })
})
