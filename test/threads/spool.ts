// A worker thread that dies in the middle of a download: another takes it up, and no byte is wrong.

import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { FetchPool } from '../../dist/main/fetch-pool.js'
import { Download } from '../../dist/main/spool/download.js'
import { SpoolFile } from '../../dist/main/spool/spool-file.js'
import { FetchMeter } from '../../dist/main/status/fetch-meter.js'
import { RingMemory } from '../../dist/shared/sharedarraybuffer-ring/index.js'
import { TRANSPORT } from '../fixtures/span.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024

t.test('a download survives the death of its thread', async t => {
  const image = new GeneratedImage({ size: 8 * MIB + 7 })
  const stall = { kind: 'stall-mid-body', afterBytes: 5 * MIB, first: 2 } as const
  const origin = await SlowServer.start({ image, ranges: false, faults: [stall] })
  t.teardown(() => origin.close())
  const { buffer } = RingMemory.create({ slotCount: 1, slotBytes: 4096 })
  const log: string[] = []
  const note = (_level: string, line: string) => void log.push(line)
  const pool = new FetchPool({
    ...{ workers: 1, connections: 1, pipelining: 1, log: note },
    settings: { ring: buffer, transports: [TRANSPORT] },
  })
  t.teardown(() => pool.close())
  const directory = temporaryDirectory(t)
  const file = SpoolFile.create(directory, undefined)
  t.strictSame(readdirSync(directory), [], 'the file has no name')
  const meter = new FetchMeter()
  const download = new Download({
    renew: async () => undefined,
    ...{ url: origin.url, headersFor: () => ({}), transport: 0, name: 'image', file, runner: pool },
    ...{
      maxAttempts: 9,
      meter,
      governor: { downloadBegan: () => {}, downloadEnded: () => {} },
      log: note,
    },
    ...{ clock: () => performance.now(), random: Math.random },
    sleep: (ms, signal) => delay(ms, undefined, { signal }),
  })
  t.match(await download.opened, { totalBytes: image.size })
  for (const deaths of [1, 2]) {
    // Nobody has seen all that the thread may have written: half of it, and then it is gone.
    await until(() => origin.stats.requests === deaths && download.arrivals.watermark >= 2 * MIB)
    await pool.threads[0]?.terminate()
    await until(() => pool.restarts === deaths)
  }
  await download.ended
  t.equal(download.arrivals.watermark, image.size)
  t.equal(meter.failures['worker-died'], 2)
  const copy = new Uint8Array(image.size)
  await file.read(copy, 0)
  t.equal(image.compare(0, copy), -1)
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  t.equal(digest(copy), digest(image.read(0, image.size)))
  for (let at = 0; at < image.size; at += 256 * 1024) {
    const zero = copy.subarray(at, at + 256 * 1024).every(byte => byte === 0)
    if (download.isZero(at / (256 * 1024))) t.ok(zero, `block at ${at}`)
  }
  await file.close()
})
