// Images behind a server without ranges, downloaded into a temporary file: every byte, in any order,
// while the download runs; downloads that break off; sources that change; too little room.

import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import type { SlowServerOptions } from '../../.bench/slow-server/options.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { type ServerOptions, serve } from '../../dist/main/index.js'
import { httpOrigin, imageBytes, rawOrigin } from '../fixtures/origin.js'
import { RawClient } from '../fixtures/raw-client.js'
import {
  firstWrongByte,
  type ServedImage,
  servedImage,
  untilStatistics,
} from '../fixtures/served-image.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

const MIB = 1024 * 1024
const SIZE = 8 * MIB + 513
/** Of the downloads, the first: the probe is a request of its own. */
const FIRST = { after: 1, first: 1 }

/** An image behind a server without ranges, that is spooled. */
function spooled(
  t: Test,
  origin: Partial<SlowServerOptions> = {},
  server: Partial<ServerOptions> = {},
  size = SIZE,
): Promise<ServedImage> {
  const spool = temporaryDirectory(t)
  return servedImage(t, {
    size,
    origin: { ranges: false, ...origin },
    server: { spool, workers: 1, ...server },
  })
}

/** A download that stands still behind its first 4 MiB, until connections are reset. */
const STALLED = [{ kind: 'stall-mid-body', afterBytes: 4 * MIB, ...FIRST }] as const

/** Why the image can't be opened. */
async function refusal(t: Test, url: string, options: Partial<ServerOptions>): Promise<string> {
  const spool = temporaryDirectory(t)
  const log = { lines: [] as string[] }
  try {
    await using server = await serve({
      ...{ url, unix: '-', spool, workers: 1, log: (_level, line) => void log.lines.push(line) },
      ...options,
    })
    return `opened with ${server.size} bytes`
  } catch (error) {
    t.strictSame(readdirSync(spool), [], 'nothing is left in the directory')
    return (error as Error).message
  }
}

t.test('a spooled image is right to the last byte, and fetched once', async t => {
  const { image, server, connect, log } = await spooled(t)
  t.equal(server.size, SIZE)
  const client = await connect(4)
  t.equal(await firstWrongByte(image, client), -1)
  const { fetchedBytes, requests, failedReads, inFlight } = await untilStatistics(
    server,
    ({ inFlight }) => inFlight === 0,
  )
  t.match({ fetchedBytes, requests, failedReads }, { fetchedBytes: SIZE, requests: 2 })
  t.equal(failedReads, 0)
  t.equal(inFlight, 0)
  t.match(log.join('\n'), /^info opened http.* which is downloaded as a whole .*pinnedBy/m)
  t.match(log.join('\n'), /^info downloaded all of http/m)
})

t.test('a read is answered as soon as its bytes are there, and waits until they are', async t => {
  const { image, origin, server, connect } = await spooled(t, { faults: STALLED })
  const client = await connect(2)
  const late = client.read(SIZE - 1000, 1000)
  let isThere = false
  late.then(() => {
    isThere = true
  })
  const across = client.read(4 * MIB - 5000, 10_000)
  t.equal(image.compare(MIB, await client.read(MIB, 3 * MIB)), -1)
  t.notOk(isThere)
  t.equal(server.statistics().inFlight, 1)
  origin.resetConnections()
  t.equal(image.compare(SIZE - 1000, await late), -1)
  t.equal(image.compare(4 * MIB - 5000, await across), -1)
  const { retries, failures, failedReads, fetchedBytes } = await untilStatistics(
    server,
    ({ inFlight }) => inFlight === 0,
  )
  t.strictSame(
    { retries, failures, failedReads },
    { retries: 1, failures: { reset: 1 }, failedReads: 0 },
  )
  t.equal(fetchedBytes, SIZE + 4 * MIB)
  t.ok(server.statistics().stallSeconds > 0)
})

t.test('reads that must be whole, large ones too, come whole', async t => {
  const { image, server } = await spooled(t)
  const place = { socketPath: server.unixSocket, port: server.port }
  const client = await RawClient.enter(place, { structured: false })
  for (const [cookie, offset, length] of [
    [1n, 0, SIZE],
    [2n, 1000, 5],
    [3n, 256 * 1024 - 1, 2],
    [4n, SIZE - 1, 1],
    [5n, 3 * MIB, 2 * MIB],
  ] as const) {
    client.read(cookie, offset, length)
    const reply = await client.reply()
    t.match(reply, { kind: 'simple', cookie, error: 0 })
    const data = 'data' in reply ? reply.data : Buffer.alloc(0)
    t.equal(data.length, length)
    t.equal(image.compare(offset, data), -1)
  }
  client.destroy()
})

t.test('clients that leave take their reads with them', async t => {
  const { image, origin, server, connect } = await spooled(t, { faults: STALLED })
  const gone = await RawClient.enter({ socketPath: server.unixSocket, port: server.port })
  for (let index = 0; index < 500; index++) gone.read(BigInt(index), 5 * MIB + index, 4096)
  gone.destroy()
  await untilStatistics(server, ({ clients }) => clients === 0)
  origin.resetConnections()
  t.equal(await firstWrongByte(image, await connect(2)), -1)
})

t.test('a download that breaks off again and again ends byte-exact', async t => {
  const breaks = [1, 3, 3.5, 6].map(mib => ({
    kind: 'reset-mid-body' as const,
    afterBytes: mib * MIB,
    first: 1,
    after: 1,
  }))
  const refused = { kind: 'status', status: 503, retryAfter: 0, after: 1, first: 1 } as const
  const { image, server, connect } = await spooled(t, { faults: [refused, ...breaks] })
  t.equal(await firstWrongByte(image, await connect(2)), -1)
  t.equal(server.statistics().failedReads, 0)
  t.ok(server.statistics().retries >= 2)
})

t.test(
  'a download that breaks off and finds its session over logs in and begins again',
  async t => {
    const { image, origin, server, connect, log } = await spooled(
      t,
      { faults: STALLED, cookie: 'token=planted-0' },
      { cookieScript: 'echo "token=planted-$iteration"' },
    )
    const copy = firstWrongByte(image, await connect(2))
    await untilStatistics(server, ({ servedBytes }) => servedBytes >= 4 * MIB)
    origin.setOptions({ cookie: 'token=planted-1' })
    origin.resetConnections()
    t.equal(await copy, -1)
    t.match(server.statistics(), { logins: 2, failedReads: 0 })
    t.notMatch(log.join('\n'), 'planted')
  },
)

t.test('a download by a signed URL that is over follows the redirect again', async t => {
  const image = new GeneratedImage({ size: SIZE })
  const target = await SlowServer.start({
    image,
    ranges: false,
    requireToken: true,
    faults: STALLED,
  })
  t.teardown(() => target.close())
  const origin = await SlowServer.start({
    image,
    // One for the probe, one for the download that breaks off.
    redirect: { all: true, origin: target.origin, signed: { requests: 2 } },
  })
  t.teardown(() => origin.close())
  const spool = temporaryDirectory(t)
  await using server = await serve({ url: origin.url, unix: '-', spool, workers: 1 })
  const client = await NbdClient.connect({ path: server.unixSocket ?? '' })
  const copy = firstWrongByte(image, client)
  await untilStatistics(server, ({ servedBytes }) => servedBytes >= 4 * MIB)
  target.resetConnections()
  t.equal(await copy, -1)
  t.match(server.statistics(), { resolvedAgain: 1, failedReads: 0 })
  await client.close()
})

t.test('a download that never gets further fails, and keeps what is there', async t => {
  const { image, server, connect, log } = await spooled(
    t,
    { faults: [{ kind: 'short-body', afterBytes: 4 * MIB, after: 1 }] },
    { retries: 1 },
  )
  const client = await connect()
  await t.rejects(client.read(5 * MIB, 4096), {
    message: /GET http.*: the body ended before its announced length \(\d attempts\)/,
  })
  t.equal(image.compare(0, await client.read(0, MIB)), -1)
  t.equal(server.statistics().failedReads, 1)
  t.match(log.join('\n'), /^error the download was given up at 4194304/m)
})

for (const [what, changes] of [
  ['ETag', { etag: '"other"' }],
  ['Last-Modified', { etag: 'none', lastModified: '2025-01-01T00:00:00Z' }],
  ['size', { image: { size: SIZE + 1 }, etag: '"same"' }],
  ['content alone', { image: { size: SIZE, seed: 2 }, etag: '"same"' }],
] as const) {
  t.test(`a source whose ${what} has changed is not served any more`, async t => {
    const { image, origin, server, connect, log } = await spooled(t, {
      faults: STALLED,
      etag: what === 'Last-Modified' ? 'none' : '"same"',
    })
    const client = await connect()
    t.equal(image.compare(0, await client.read(0, 4 * MIB)), -1)
    origin.setOptions(changes)
    const late = client.read(5 * MIB, 4096)
    origin.resetConnections()
    await t.rejects(late, { message: /GET http/ })
    await t.rejects(client.read(0, 4096), { message: /GET http/ }, 'not even what is there')
    t.match(server.statistics().failures, { 'source-changed': 1 })
    t.match(log.join('\n'), /^error the source has changed, no more of it is served/m)
  })
}

t.test('an image without a length can be opened once it is there', async t => {
  const chunked = { kind: 'chunked' } as const
  const { image, server, connect, log } = await spooled(t, { faults: [chunked] })
  t.equal(server.size, SIZE)
  t.match(log.join('\n'), /^warn .* has no known length: clients can connect once all/m)
  t.equal(await firstWrongByte(image, await connect(2)), -1)
  t.equal(server.statistics().stallSeconds, 0)
})

t.test('what has come of an image without a length is dropped where it breaks off', async t => {
  const total = 1_000_000
  const { url } = await httpOrigin(t, (_request, response, index) => {
    // No length: node sends chunks. Each answer is another image, so that a mixture would show.
    response.writeHead(200)
    if (index < 2) response.write(imageBytes(7, total / 2), () => response.destroy())
    else response.end(imageBytes(0, total))
  })
  const server = await serve({ url, unix: '-', spool: temporaryDirectory(t) })
  t.teardown(() => server.close({ drainMs: 0 }))
  t.equal(server.size, total)
  const client = await NbdClient.connect({ path: server.unixSocket as string })
  t.teardown(() => client.close())
  t.ok((await client.read(0, total)).equals(imageBytes(0, total)))
  t.match(server.statistics().failures, { 'short-body': 1 })
})

t.test('an answer that nothing but the end of its connection ends is refused', async t => {
  const { url } = await rawOrigin(t, socket => {
    socket.end(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), imageBytes(0, 1000)]))
  })
  t.match(
    await refusal(t, url, {}),
    /^Cannot open http.*: the answer tells neither its length nor, in chunks, where it ends$/,
  )
})

t.test('an image that has no room is refused, and says how large it is', async t => {
  const origin = await SlowServer.start({ image: { size: SIZE }, ranges: false })
  t.teardown(() => origin.close())
  t.equal(
    await refusal(t, origin.url, { spoolLimit: 8 * MIB }),
    `Cannot open ${origin.url}: the file has ${SIZE} bytes, ` +
      `--spool-limit and the free space of --spool allow ${8 * MIB}`,
  )
  t.equal(await refusal(t, origin.url, { spoolLimit: SIZE }), `opened with ${SIZE} bytes`)
  origin.setOptions({ faults: [{ kind: 'chunked' }] })
  t.match(
    await refusal(t, origin.url, { spoolLimit: 4 * MIB }),
    /: the file, whose length .* not tell, has more than the 4194304 bytes that --spool-limit and /,
  )
  t.match(
    await refusal(t, origin.url, { spool: '/nonexistent/directory' }),
    /^Cannot use '\/nonexistent\/directory' for --spool: no such file or directory$/,
  )
  const huge = await httpOrigin(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 2 ** 50 }).flushHeaders()
  })
  t.match(await refusal(t, huge.url, {}), /: the file has 1125899906842624 bytes, --spool-limit /)
})

t.test('an image of a server with ranges is not spooled, and an empty one neither', async t => {
  const { image, server, connect, log } = await spooled(t, { ranges: true })
  t.equal(await firstWrongByte(image, await connect()), -1)
  t.match(log.join('\n'), /^info the server answers ranges: --spool is not needed/m)
  t.ok(server.statistics().requests > 2)
  const empty = await spooled(t, { image: new GeneratedImage({ size: 0 }) })
  t.equal(empty.server.size, 0)
})

t.test(
  'an answer to a range that can not be trusted is spooled, or refused with the flag',
  async t => {
    const faults = [{ kind: 'missing-content-range', match: { ranged: true } }] as const
    const { image, connect } = await spooled(t, { ranges: true, faults })
    t.equal(await firstWrongByte(image, await connect()), -1)
    const origin = await SlowServer.start({ image: { size: SIZE }, faults })
    t.teardown(() => origin.close())
    const message = await refusal(t, origin.url, { spool: undefined })
    t.match(message, /the answer lacks Content-Range; give --spool DIR/)
    origin.setOptions({ ranges: false, faults: [] })
    const named = await refusal(t, origin.url, { spool: undefined })
    t.match(named, /the server does not support range requests.* give --spool DIR/)
  },
)

t.test(
  'what needs credentials gets them, redirects are followed, encodings are refused',
  async t => {
    const login = { user: 'me', password: 'right' }
    const { image, connect } = await spooled(
      t,
      { auth: login, redirect: { all: true } },
      { user: 'me', password: 'right' },
    )
    t.equal(await firstWrongByte(image, await connect()), -1)
    const origin = await SlowServer.start({
      image: { size: SIZE },
      ranges: false,
      faults: [{ kind: 'gzip', after: 1 }],
    })
    t.teardown(() => origin.close())
    t.match(await refusal(t, origin.url, { retries: 0 }), /the body is encoded: gzip$/)
  },
)

t.test('a compressed file is served as it is, with a warning', async t => {
  const body = Buffer.concat([Buffer.of(0x1f, 0x8b, 8, 0), imageBytes(4, 100_000)])
  for (const ranges of [true, false]) {
    const { url } = await httpOrigin(t, (_request, response) => {
      const length = { 'content-length': body.length }
      const range = `bytes 0-${body.length - 1}/${body.length}`
      if (ranges) response.writeHead(206, { ...length, 'content-range': range })
      else response.writeHead(200, length)
      response.end(body)
    })
    const lines: string[] = []
    const warned = new Promise<string>(resolve => {
      const log = (level: string, line: string) => {
        lines.push(line)
        if (level === 'warn') resolve(line)
      }
      void serve({ url, unix: '-', spool: temporaryDirectory(t), log }).then(server =>
        t.teardown(() => server.close({ drainMs: 0 })),
      )
    })
    t.match(await warned, /is gzip data and is served as it is, .* decompress the file \(gunzip\)/)
  }
})

t.test('a client that never reads a whole reply keeps no memory from others', async t => {
  const length = 32 * MIB
  const { image, server } = await spooled(t, {}, { maxClients: 2 }, length + MIB)
  const place = { socketPath: server.unixSocket, port: server.port }
  const stuck = await RawClient.enter(place, { structured: false })
  t.teardown(() => stuck.destroy())
  stuck.socket.pause()
  stuck.read(1n, 0, length)
  await untilStatistics(server, ({ servedBytes }) => servedBytes === length)
  const other = await RawClient.enter(place, { structured: false })
  t.teardown(() => other.destroy())
  other.read(2n, MIB, MIB)
  t.equal((await other.take(16)).readUInt32BE(4), 0)
  t.equal(image.compare(MIB, await other.take(MIB)), -1)
})

t.test('a web page is never served as a disk, with ranges or without', async t => {
  const body = Buffer.from(`<!DOCTYPE html>\n<title>Log in</title>${' '.repeat(5000)}`)
  for (const ranges of [true, false]) {
    const { url } = await httpOrigin(t, (_request, response) => {
      const fields = { 'content-type': 'text/html', 'content-length': body.length }
      const range = `bytes 0-${body.length - 1}/${body.length}`
      if (ranges) response.writeHead(206, { ...fields, 'content-range': range })
      else response.writeHead(200, fields)
      response.end(body)
    })
    t.match(
      await refusal(t, url, {}),
      /: it is a web page, not a disk image; it may be that of a login/,
    )
    const bare = await refusal(t, url, { spool: undefined })
    t.match(
      bare,
      ranges ? /: it is a web page/ : /: 200 OK with a web page, not a range; it may be/,
    )
    t.notMatch(bare, '--spool')
  }
})
