// The status server beside a copy: what it tells agrees with what was copied, whatever others throw at it
// meanwhile; and it knows when an image, an origin or the server is not well.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { harass } from '../../.bench/hostile-requests.js'
import { NbdClient } from '../../.bench/nbd-client.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { ListenError, serve } from '../../dist/main/index.js'
import type { StatusSnapshot } from '../../dist/main/status/snapshot.js'
import { showBytes } from '../../dist/main/status/units.js'
import { httpOrigin, serveRange } from '../fixtures/origin.js'
import { startProgram } from '../fixtures/program.js'
import { firstWrongByte, servedImage } from '../fixtures/served-image.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
const TOKEN = 'correct-horse'

/** What is told, sooner or later: a crowd of others may be ahead. */
async function told(url: string, headers: Record<string, string> = {}): Promise<string> {
  for (;;) {
    const text = await fetch(url, { headers })
      .then(response => response.text())
      .catch(() => undefined)
    if (text !== undefined) return text
    await delay(50)
  }
}

async function pictureOf(url: string, headers?: Record<string, string>): Promise<StatusSnapshot> {
  return JSON.parse(await told(`${url}status.json`, headers)) as StatusSnapshot
}

/** A metric's value; 0 for one that is not told. */
async function metricOf(url: string, name: string, headers?: Record<string, string>) {
  const text = await told(`${url}metrics`, headers)
  const line = text
    .split('\n')
    .find(one => one.startsWith(`${name} `) || one.startsWith(`${name}{`))
  return Number(line?.split(' ').at(-1) ?? 0)
}

t.test('page data, metrics and --stats agree on a copy that strangers do not disturb', async t => {
  const image = new GeneratedImage({ size: 24 * MIB })
  const origin = await SlowServer.start({ image, thinkTimeMs: 50 })
  t.teardown(() => origin.close())
  const directory = temporaryDirectory(t)
  const path = join(directory, 'socket')
  const tokenFile = join(directory, 'token')
  writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 })
  const program = await startProgram(t, [
    ...['-U', path, '--stats', '--ring-size', '16M'],
    ...['--status', '0', '--status-token-file', tokenFile],
    origin.url.replace('//', '//me:hunter2@'),
  ])
  const said = () => /status at (http:\S+)/.exec(program.stderr)?.[1]
  await until(() => said() !== undefined)
  const url = said() as string
  t.equal((await fetch(`${url}status.json`)).status, 401)
  t.equal((await fetch(`${url}healthz`)).status, 200)
  const headers = { authorization: `Bearer ${TOKEN}` }
  const stop = harass(url, { sockets: 1, holdMs: 100, halfOpen: 0, token: TOKEN })
  t.teardown(stop)

  const client = await NbdClient.connect({ path }, { connections: 2 })
  let wrong = -1
  let looked = 0
  await client.stream(async (chunk, offset) => {
    const index = image.compare(offset, chunk)
    if (index >= 0 && wrong < 0) wrong = offset + index
    if (offset % (8 * MIB) !== 0) return
    const before = await pictureOf(url, headers)
    const served = await metricOf(url, 'nbd_prefetch_served_bytes_total', headers)
    const fetched = await metricOf(url, 'nbd_prefetch_fetched_bytes_total', headers)
    const { statistics } = await pictureOf(url, headers)
    t.ok(before.statistics.servedBytes <= served && served <= statistics.servedBytes)
    t.ok(before.statistics.fetchedBytes <= fetched && fetched <= statistics.fetchedBytes)
    looked++
  })
  t.equal(wrong, -1, 'every byte is right')
  t.equal(looked, 3)
  const during = await pictureOf(url, headers)
  t.match(during, {
    schema: 1,
    health: { healthy: true, ready: true },
    exports: [{ name: '', kind: 'ring', source: origin.url, blocks: undefined }],
    clients: [{ address: 'unix', export: '', tls: '' }, { address: 'unix' }],
    workers: [{ alive: true }],
  })
  t.ok(during.connections.length > 0 && during.firstByte.count > 0)
  t.equal(during.ring.cells.length, during.ring.slots)
  await client.close()
  stop()
  await until(async () => (await pictureOf(url, headers)).statistics.clients === 0)
  const { statistics, exports } = await pictureOf(url, headers)
  t.equal(statistics.servedBytes, 24 * MIB)
  t.match(exports[0]?.map.cells, /^[sz]+$/)
  t.equal(exports[0]?.map.served, exports[0]?.map.blocks)
  t.equal(await metricOf(url, 'nbd_prefetch_served_bytes_total', headers), statistics.servedBytes)
  t.equal(await metricOf(url, 'nbd_prefetch_fetched_bytes_total', headers), statistics.fetchedBytes)
  const requests = await metricOf(url, 'nbd_prefetch_http_requests_total', headers)
  program.child.kill('SIGTERM')
  const { status, stderr } = await program.ended
  t.equal(status, 0)
  t.match(stderr, new RegExp(`^served +${showBytes(statistics.servedBytes)} `, 'm'))
  t.match(stderr, new RegExp(`^fetched +${showBytes(statistics.fetchedBytes)} `, 'm'))
  t.match(stderr, new RegExp(`^requests +${requests} `, 'm'))
  t.notMatch(stderr + JSON.stringify(during), /hunter2|correct-horse/)
  await t.rejects(fetch(url), 'the status server is gone with the program')
})

t.test('an image that changes is told as not healthy, with the reason', async t => {
  let changed = false
  const origin = await httpOrigin(t, (request, response, index) => {
    serveRange(8 * MIB, { etag: changed ? '"b"' : '"a"' })(request, response, index)
  })
  await using server = await serve({ url: origin.url, unix: '-', status: '0', retries: 0 })
  const url = server.statusUrl as string
  t.equal((await fetch(`${url}healthz`)).status, 200)
  const client = await NbdClient.connect({ path: server.unixSocket as string })
  changed = true
  await t.rejects(client.read(4 * MIB, 4096))
  const health = await fetch(`${url}healthz`)
  t.equal(health.status, 503)
  t.match(await health.text(), /^failing: GET http.*ETag/i)
  await until(async () => (await pictureOf(url)).exports[0]?.broken !== '')
  const { errors, health: seen } = await pictureOf(url)
  t.match(seen, { healthy: false, ready: false })
  t.match(errors, [{ level: 'error', message: /^the source has changed/ }, { level: 'warn' }])
  t.equal(await metricOf(url, 'nbd_prefetch_export_broken'), 1)
  t.ok((await metricOf(url, 'nbd_prefetch_http_failures_total')) >= 1)
  await client.close().catch(() => {})
})

t.test(
  'governor decisions and refusals are told, a spooled image is drawn as it comes',
  async t => {
    const {
      server,
      connect: open,
      image,
    } = await servedImage(t, {
      size: 24 * MIB,
      origin: { concurrency: { max: 3 }, thinkTimeMs: 20 },
      server: { status: '127.0.0.1:0', ringSize: 16 * MIB },
    })
    const client = await open()
    t.equal(await firstWrongByte(image, client), -1)
    const url = server.statusUrl as string
    await until(async () => (await pictureOf(url)).statistics.servedBytes === 24 * MIB)
    const { origins, statistics } = await pictureOf(url)
    t.ok(statistics.throttled > 0)
    t.match(origins, [{ origin: /^http:\/\/127\.0\.0\.1:\d+$/, throttled: statistics.throttled }])
    t.ok((origins[0]?.decisionCounts.refused ?? 0) > 0)
    t.ok(origins[0]?.decisions.some(({ reason }) => reason === 'refused'))

    const spooled = await servedImage(t, {
      size: 8 * MIB + 1,
      origin: { ranges: false },
      server: { status: '0', spool: temporaryDirectory(t), workers: 1 },
    })
    const spoolUrl = spooled.server.statusUrl as string
    await until(async () => /^[rz]+$/.test((await pictureOf(spoolUrl)).exports[0]?.map.cells ?? ''))
    const reader = await spooled.connect()
    t.equal(await firstWrongByte(spooled.image, reader), -1)
    await until(async () => /^[sz]+$/.test((await pictureOf(spoolUrl)).exports[0]?.map.cells ?? ''))
    t.match((await pictureOf(spoolUrl)).exports, [{ kind: 'spool', streams: [] }])
  },
)

t.test('serve() that cannot have the status address starts nothing', async t => {
  const origin = await httpOrigin(t, serveRange(100_000))
  const unix = join(temporaryDirectory(t), 'socket')
  await using first = await serve({ url: origin.url, unix: '-', status: '0' })
  const status = new URL(first.statusUrl as string).port
  await t.rejects(serve({ url: origin.url, unix, status }), ListenError)
  t.notOk(existsSync(unix))
})
