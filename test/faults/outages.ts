// Faults of a whole part: the origin goes away and comes back, a worker thread is killed. What is
// under way is fetched again, from where it had come to; what can't be had fails in time.

import { join } from 'node:path'
import t from 'tap'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { startInProcess } from '../../.bench/slow-server/in-process.js'
import { FetchPool } from '../../dist/main/fetch-pool.js'
import { serve } from '../../dist/main/index.js'
import { differenceOf } from '../fixtures/image-copy.js'
import { run, start } from '../fixtures/programs.js'
import { requires } from '../fixtures/requires.js'
import { firstWrongByte, servedImage, untilStatistics } from '../fixtures/served-image.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

const MIB = 1024 * 1024
/** Bytes per second at which nothing ends by itself. */
const SLOW = 64 * 1024

t.test('origin is killed in the middle of a copy and comes back', requires('nbdcopy'), async t => {
  const image = new GeneratedImage({ size: 64 * MIB + 5 })
  const origin = await startInProcess({ image: { size: image.size }, bandwidth: 8 * MIB })
  t.teardown(() => origin.close())
  const server = await serve({ url: origin.url, unix: '-', ringSize: 16 * MIB })
  t.teardown(() => server.close({ drainMs: 0 }))
  const target = join(temporaryDirectory(t), 'copy')
  const copy = start(t, 'nbdcopy', [server.uri, target])
  await untilStatistics(server, ({ servedBytes }) => servedBytes > 8 * MIB)
  await origin.kill()
  const { failures } = await untilStatistics(
    server,
    ({ failures }) => (failures['connect'] ?? 0) >= 3,
  )
  t.ok(failures['connect'])
  await origin.restart()
  t.match(await copy.ended, { status: 0, stderr: '' })
  t.equal(differenceOf(image, target), undefined, 'the copy is the image')
  t.match(server.statistics(), { failedReads: 0, pins: 0 })
})

t.test('origin resets every connection again and again', async t => {
  const { image, origin, server, connect } = await servedImage(t, {
    size: 32 * MIB,
    origin: { bandwidth: 8 * MIB },
    server: { ringSize: 8 * MIB },
  })
  const client = await connect(2)
  const copy = firstWrongByte(image, client)
  for (let reset = 1; reset <= 4; reset++) {
    await untilStatistics(server, ({ servedBytes }) => servedBytes > reset * 5 * MIB)
    origin.resetConnections()
  }
  t.equal(await copy, -1, 'every byte is right')
  const { failures, failedReads, fetchedBytes } = server.statistics()
  t.ok((failures['reset'] ?? 0) + (failures['short-body'] ?? 0) > 0)
  t.equal(failedReads, 0)
  t.ok(fetchedBytes < 1.15 * image.size, `goes on where it was: took ${fetchedBytes} bytes`)
})

t.test('origin that stays away fails the copy in time', requires('qemu-img'), async t => {
  const origin = await startInProcess({ image: { size: 64 * MIB }, bandwidth: 8 * MIB })
  t.teardown(() => origin.close())
  const warnings: string[] = []
  const server = await serve({
    url: origin.url,
    unix: '-',
    ringSize: 16 * MIB,
    retries: 2,
    log: (level, message) => level === 'warn' && warnings.push(message),
  })
  t.teardown(() => server.close({ drainMs: 0 }))
  const target = join(temporaryDirectory(t), 'copy')
  const copy = start(t, 'qemu-img', ['convert', '-O', 'raw', server.uri, target])
  await untilStatistics(server, ({ servedBytes }) => servedBytes > 8 * MIB)
  await origin.kill()
  t.match(await copy.ended, { status: 1, stderr: /error while reading.*Input\/output error/ })
  const { failedReads } = await untilStatistics(
    server,
    ({ pins, clients }) => pins === 0 && clients === 0,
  )
  t.ok(failedReads > 0)
  await server.close({ drainMs: 0 })
  const told = warnings.filter(message => message.startsWith('request given up'))
  t.equal(told.length, 1, `the first is told: ${warnings.join('; ')}`)
  t.match(warnings.at(-1), /^\d+ requests were given up in all$/, 'and their number at the end')
})

t.test('the words of the failure reach a client of libnbd', requires('nbdsh'), async t => {
  const { origin, server } = await servedImage(t, {
    size: 8 * MIB,
    origin: { faults: [{ kind: 'status', status: 404, after: 1 }] },
  })
  const script = ['h.set_debug(True)', `h.connect_uri('${server.uri}')`, 'h.pread(512, 4 << 20)']
  const args = script.flatMap(line => ['-c', line])
  // libnbd's Python module belongs to the system's Python, whichever else comes first.
  const env = { ...process.env, PATH: '/usr/bin:/bin' }
  const { status, stderr } = await run(t, 'nbdsh', args, { env })
  t.not(status, 0)
  t.match(stderr, `server message: GET ${origin.url}: 404 Not Found (1 attempt)`)
})

t.test('worker threads die in the middle of a copy', async t => {
  const pools: FetchPool[] = []
  const { run } = FetchPool.prototype
  // The only way to the threads of a server that runs.
  FetchPool.prototype.run = function (this: FetchPool, task) {
    if (!pools.includes(this)) pools.push(this)
    return run.call(this, task)
  }
  t.teardown(() => {
    FetchPool.prototype.run = run
  })
  const { image, origin, server, connect } = await servedImage(t, {
    size: 48 * MIB + 3,
    server: { ringSize: 16 * MIB, workers: 2 },
  })
  const client = await connect(4)
  origin.setOptions({ totalBandwidth: SLOW })
  const copy = firstWrongByte(image, client)
  for (let death = 1; death <= 3; death++) {
    // Too slow to end: both threads have something to lose.
    await untilStatistics(server, ({ inFlight, workers }) => inFlight >= 3 && workers === 2)
    const before = server.statistics().failures['worker-died'] ?? 0
    // The last, for one that has started: the first may be a replacement that has not.
    await pools[0]?.threads.at(-1)?.terminate()
    await untilStatistics(server, ({ failures }) => (failures['worker-died'] ?? 0) > before)
    origin.setOptions({ totalBandwidth: 1024 * MIB })
    await untilStatistics(server, ({ servedBytes }) => servedBytes > death * 10 * MIB)
    origin.setOptions({ totalBandwidth: SLOW })
  }
  origin.setOptions({ totalBandwidth: undefined })
  t.equal(await copy, -1, 'every byte is right')
  const statistics = await untilStatistics(server, ({ workers }) => workers === 2)
  t.match(statistics, { failedReads: 0, workerRestarts: 3, pins: 0 })
  t.ok(statistics.retries >= 3)
})
