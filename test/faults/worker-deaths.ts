// Worker threads that die while they start: piscina gives such a pool up for good, its queue
// included. The server goes on with new threads, or says that there can be none.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { runProgram } from '../fixtures/program.js'
import { firstWrongByte, servedImage, untilStatistics } from '../fixtures/served-image.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
/** Bytes per second at which a copy does not end before its threads do. */
const SLOW = 4 * MIB

/** Calls `born` for every thread this process starts until the test ends. */
function onThread(t: Test, born: (thread: Worker) => void): void {
  process.on('worker', born)
  t.teardown(() => process.off('worker', born))
}

t.test('replacements that die while they start do not end a copy', async t => {
  const threads: Worker[] = []
  let fatal = 0
  onThread(t, thread => {
    threads.push(thread)
    // Long before it has loaded anything.
    if (fatal-- > 0) void thread.terminate()
  })
  const { image, origin, server, connect } = await servedImage(t, {
    size: 24 * MIB + 3,
    server: { ringSize: 16 * MIB, workers: 2 },
  })
  const client = await connect(4)
  origin.setOptions({ totalBandwidth: SLOW })
  const copy = firstWrongByte(image, client)
  await untilStatistics(server, ({ inFlight }) => inFlight >= 3)
  fatal = 5
  await Promise.all(threads.slice(0, 2).map(thread => thread.terminate()))
  await untilStatistics(
    server,
    ({ workers, workerRestarts }) => workers === 2 && workerRestarts >= 7,
  )
  origin.setOptions({ totalBandwidth: undefined })
  t.equal(await copy, -1, 'every byte is right')
  t.match(server.statistics(), { failedReads: 0, workers: 2 })
})

t.test('reads fail while no thread can be started, and not for ever', async t => {
  const threads: Worker[] = []
  let fatal = false
  onThread(t, thread => {
    threads.push(thread)
    if (fatal) void thread.terminate()
  })
  const { image, log, connect } = await servedImage(t, {
    size: 8 * MIB,
    server: { ringSize: 4 * MIB, workers: 2, retries: 2 },
  })
  const client = await connect(1)
  fatal = true
  await Promise.all(threads.slice(0, 2).map(thread => thread.terminate()))
  await t.rejects(client.read(4 * MIB, 512))
  t.match(log.join('\n'), /worker threads end while they start, the last one with code/)
  const told = log.filter(line => line.startsWith('warn a worker thread ended'))
  t.ok(told.length <= 6, `deaths are told once each, then folded: ${told.length}`)
  const doomed = threads.length
  fatal = false
  await until(() => threads.length >= doomed + 2)
  t.equal(image.compare(4 * MIB, await client.read(4 * MIB, 512)), -1)
})

t.test('a start without threads ends with one line that says so', async t => {
  const origin = await SlowServer.start({ image: { size: MIB } })
  t.teardown(() => origin.close())
  const killer = join(temporaryDirectory(t), 'killer.mjs')
  writeFileSync(killer, "process.on('worker', thread => void thread.terminate())\n")
  const node = ['--import', killer]
  const { status, stdout, stderr } = await runProgram(t, ['-U', '-', origin.url], { node })
  t.match({ status, stdout }, { status: 1, stdout: '' })
  t.match(
    stderr.trimEnd().split('\n').at(-1),
    /^nbd-prefetch: Cannot open http:.*: worker threads end while they start, the last/,
  )
})
