import { get } from 'node:https'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { contentRange, parseRange } from '../../.bench/slow-server/byte-range.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import type { SlowServerOptions } from '../../.bench/slow-server/options.js'
import { failedPrecondition, rangeApplies } from '../../.bench/slow-server/preconditions.js'
import { RequestParser } from '../../.bench/slow-server/request-parser.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { RawConnection, rawRequest } from '../fixtures/raw-http-client.js'
import { until } from '../fixtures/until.js'

const SIZE = 1_000_003

async function start(t: Test, options: Partial<SlowServerOptions> = {}): Promise<SlowServer> {
  const server = await SlowServer.start({ image: { size: SIZE }, ...options })
  t.teardown(() => server.close())
  return server
}

const range = (first: number, last: number | ''): Record<string, string> => ({
  Range: `bytes=${first}-${last}`,
})

t.test('parseRange() follows RFC 9110', async t => {
  t.same(parseRange('bytes=0-0', 10), { first: 0, last: 0 })
  t.same(parseRange('bytes=2-', 10), { first: 2, last: 9 })
  t.same(parseRange('bytes=2-100', 10), { first: 2, last: 9 })
  t.same(parseRange('bytes=-3', 10), { first: 7, last: 9 })
  t.same(parseRange('bytes=-30', 10), { first: 0, last: 9 })
  t.same(parseRange('Bytes=1-2', 10), { first: 1, last: 2 })
  for (const header of ['bytes=10-', 'bytes=10-20', 'bytes=-0']) {
    t.equal(parseRange(header, 10), 'unsatisfiable', header)
  }
  t.equal(parseRange('bytes=0-', 0), 'unsatisfiable')
  t.equal(parseRange('bytes=-1', 0), 'unsatisfiable')
  for (const header of [
    undefined,
    '',
    'bytes=-',
    'bytes=3-2',
    'bytes=0-1,3-4',
    'items=0-1',
    'bytes=a-b',
  ]) {
    t.equal(parseRange(header, 10), undefined, header ?? 'none')
  }
  t.equal(contentRange({ first: 2, last: 9 }, 10), 'bytes 2-9/10')
})

t.test('failedPrecondition() and rangeApplies() follow RFC 9110', async t => {
  const lastModified = new Date('2024-01-01T00:00:00.700Z')
  const date = 'Mon, 01 Jan 2024 00:00:00 GMT'
  const later = 'Mon, 01 Jan 2024 00:00:01 GMT'
  const earlier = 'Sun, 31 Dec 2023 23:59:59 GMT'
  const strong = { etag: '"a"', lastModified }
  const weak = { etag: 'W/"a"', lastModified }
  const none = { etag: undefined, lastModified: undefined }
  const rows = [
    [{ 'if-match': '"a"' }, strong, undefined],
    [{ 'if-match': '"b", "a"' }, strong, undefined],
    [{ 'if-match': '"b"' }, strong, 412],
    [{ 'if-match': 'W/"a"' }, strong, 412],
    [{ 'if-match': 'W/"a"' }, weak, 412],
    [{ 'if-match': '"a"' }, weak, 412],
    [{ 'if-match': '"a"' }, none, 412],
    [{ 'if-match': '*' }, none, undefined],
    [{ 'if-unmodified-since': date }, strong, undefined],
    [{ 'if-unmodified-since': earlier }, strong, 412],
    [{ 'if-unmodified-since': earlier, 'if-match': '"a"' }, strong, undefined],
    [{ 'if-unmodified-since': earlier }, none, undefined],
    [{ 'if-none-match': '"a"' }, strong, 304],
    [{ 'if-none-match': '"a"' }, weak, 304],
    [{ 'if-none-match': '"b"' }, strong, undefined],
    [{ 'if-modified-since': later }, strong, 304],
    [{ 'if-modified-since': earlier }, strong, undefined],
    [{ 'if-modified-since': later, 'if-none-match': '"b"' }, strong, undefined],
  ] as const
  for (const [headers, validators, expected] of rows) {
    const name = `${JSON.stringify(headers)} against ${validators.etag}`
    t.equal(failedPrecondition(headers, validators), expected, name)
  }
  t.ok(rangeApplies({}, none))
  t.ok(rangeApplies({ 'if-range': '"a"' }, strong))
  t.notOk(rangeApplies({ 'if-range': '"b"' }, strong))
  t.notOk(rangeApplies({ 'if-range': 'W/"a"' }, weak))
  t.ok(rangeApplies({ 'if-range': date }, strong))
  t.notOk(rangeApplies({ 'if-range': later }, strong))
})

t.test('RequestParser.push() finds the same requests wherever the bytes are cut', async t => {
  const bytes = Buffer.from(
    'GET /a?x=1 HTTP/1.1\r\nHost: h\r\nX: 1\r\nX:2\r\n\r\n\r\nHEAD http://h:1/b HTTP/1.1\r\n\r\n' +
      'GET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /d HTTP/1.1\r\nConnection: close\r\n\r\nGET /e',
  )
  const whole = new RequestParser().push(bytes)
  t.same(
    whole.map(({ method, path, query, persistent }) => [method, path, query, persistent]),
    [
      ['GET', '/a', 'x=1', true],
      ['HEAD', '/b', '', true],
      ['GET', '/c', '', true],
      ['GET', '/d', '', false],
    ],
  )
  t.same(whole[0]?.headers, { host: 'h', x: '1, 2' })
  for (let cut = 1; cut < bytes.length; cut++) {
    const parser = new RequestParser()
    const requests = [...parser.push(bytes.subarray(0, cut)), ...parser.push(bytes.subarray(cut))]
    t.same(requests, whole)
  }
  t.equal(new RequestParser().push(Buffer.from('GET / HTTP/1.0\r\n\r\n'))[0]?.persistent, false)
  const post = 'POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello'
  t.equal(new RequestParser().push(Buffer.from(post))[0]?.persistent, false)
  for (const bad of [
    'HELLO\r\n\r\n',
    'GET / HTTP/2\r\n\r\n',
    'GET / HTTP/1.1\r\nnocolon\r\n\r\n',
    'x'.repeat(40_000),
  ]) {
    t.throws(() => new RequestParser().push(Buffer.from(bad)), { code: 'BAD_REQUEST' })
  }
})

t.test('SlowServer serves every range byte for byte, and says which', async t => {
  const server = await start(t)
  const image = new GeneratedImage({ size: SIZE })
  const connection = new RawConnection(server.origin)
  t.teardown(() => connection.close())
  await fc.assert(
    fc.asyncProperty(fc.nat(SIZE - 1), fc.nat(400_000), async (first, more) => {
      const last = Math.min(first + more, SIZE - 1)
      connection.send('/disk.img', range(first, first + more))
      const { status, headers, body, ending } = await connection.response()
      return (
        status === 206 &&
        ending === 'complete' &&
        headers['content-range'] === `bytes ${first}-${last}/${SIZE}` &&
        body.length === last - first + 1 &&
        image.compare(first, body) === -1
      )
    }),
    { numRuns: 40 },
  )
  t.equal(server.stats.connectionsAccepted, 1)
})

t.test('SlowServer answers whole, suffix, unsatisfiable and conditional requests', async t => {
  const server = await start(t)
  const image = server.image
  const whole = await rawRequest(server.url)
  t.equal(whole.status, 200)
  t.equal(whole.headers['accept-ranges'], 'bytes')
  t.equal(whole.headers['last-modified'], 'Mon, 01 Jan 2024 00:00:00 GMT')
  t.equal(whole.body.length, SIZE)
  t.equal(image.compare(0, whole.body), -1)
  const etag = whole.headers['etag'] as string
  t.match(etag, /^"\w+"$/)

  const suffix = await rawRequest(server.url, { headers: { Range: 'bytes=-100' } })
  t.equal(suffix.headers['content-range'], `bytes ${SIZE - 100}-${SIZE - 1}/${SIZE}`)
  t.equal(image.compare(SIZE - 100, suffix.body), -1)

  const beyond = await rawRequest(server.url, { headers: range(SIZE, '') })
  t.equal(beyond.status, 416)
  t.equal(beyond.headers['content-range'], `bytes */${SIZE}`)

  const get = async (headers: Record<string, string>): Promise<number> =>
    (await rawRequest(server.url, { headers: { ...range(0, 9), ...headers } })).status
  t.equal(await get({ 'If-Match': etag }), 206)
  t.equal(await get({ 'If-Match': '"other"' }), 412)
  t.equal(await get({ 'If-Range': etag }), 206)
  t.equal(await get({ 'If-Range': '"other"' }), 200)
  t.equal((await rawRequest(server.url, { headers: { 'If-None-Match': etag } })).status, 304)

  const head = await rawRequest(server.url, { method: 'HEAD' })
  t.same([head.status, head.headers['content-length']], [200, String(SIZE)])
  t.equal((await rawRequest(`${server.origin}/other`)).status, 404)
  const post = await rawRequest(server.url, { method: 'POST' })
  t.same([post.status, post.headers['allow']], [405, 'GET, HEAD'])
})

t.test('SlowServer.start() takes what a server may lack', async t => {
  const server = await start(t, {
    head: false,
    ranges: false,
    etag: 'none',
    lastModified: null,
    name: 'folder/a b.vmdk',
    query: 'dcPath=ha%20dc',
  })
  t.match(server.url, /\/folder\/a%20b\.vmdk\?dcPath=ha%20dc$/)
  t.equal((await rawRequest(server.url, { method: 'HEAD' })).status, 405)
  const { status, headers, body } = await rawRequest(server.url, { headers: range(5, 9) })
  t.equal(status, 200)
  t.equal(body.length, SIZE)
  for (const name of ['etag', 'last-modified', 'accept-ranges']) t.notOk(name in headers, name)
  t.equal((await rawRequest(server.url.replace('%20dc', '+dc'))).status, 500)

  server.setOptions({ head: 403, ranges: true, acceptRanges: false, etag: 'weak' })
  t.equal((await rawRequest(server.url, { method: 'HEAD' })).status, 403)
  const ranged = await rawRequest(server.url, { headers: range(5, 9) })
  t.equal(ranged.status, 206)
  t.match(ranged.headers['etag'], /^W\//)
  t.notOk('accept-ranges' in ranged.headers)
  t.throws(() => server.setOptions({ port: 1 } as object), TypeError)
  t.throws(() => server.setOptions({ bandwidth: 0 }), RangeError)
  await t.rejects(SlowServer.start({ image: { size: 1 }, thinkTimeMs: -1 }), RangeError)
  await t.rejects(SlowServer.start({ image: { size: 1 }, session: {} }), TypeError)
  await t.rejects(SlowServer.start({ image: { size: 1 }, port: server.port }), {
    code: 'EADDRINUSE',
  })
})

t.test('SlowServer serves an empty image', async t => {
  const server = await start(t, { image: { size: 0 } })
  const { status, headers } = await rawRequest(server.url)
  t.same([status, headers['content-length']], [200, '0'])
  const ranged = await rawRequest(server.url, { headers: range(0, '') })
  t.same([ranged.status, ranged.headers['content-range']], [416, 'bytes */0'])
})

t.test(
  'SlowServer answers pipelined requests in order; latency overlaps, think time does not',
  async t => {
    const server = await start(t, { thinkTimeMs: 15 })
    const connection = new RawConnection(server.origin)
    t.teardown(() => connection.close())
    for (let i = 0; i < 4; i++) connection.send('/disk.img', range(i * 1000, i * 1000 + i))
    for (let i = 0; i < 4; i++) {
      const { body } = await connection.response()
      t.equal(body.length, i + 1)
      t.equal(server.image.compare(i * 1000, body), -1)
    }
    const first = server.log.map(entry => entry.firstByteMs as number)
    for (let i = 1; i < 4; i++) {
      t.ok((first[i] as number) - (first[i - 1] as number) >= 15, 'each thinks for its own time')
    }
    t.ok(server.log.every(entry => entry.concurrency === 1))

    server.setOptions({ thinkTimeMs: 0, latencyMs: 30 })
    server.clearLog()
    for (let i = 0; i < 3; i++) connection.send('/disk.img', range(0, 9))
    for (let i = 0; i < 3; i++) await connection.response()
    for (const { startMs, firstByteMs = 0 } of server.log) t.ok(firstByteMs - startMs >= 30)
  },
)

t.test('SlowServer limits concurrent requests', async t => {
  const server = await start(t, {
    // The first two never end, so that the third is beyond the limit whatever the timing.
    faults: [{ kind: 'stall-before-headers', first: 2 }],
    concurrency: { max: 2, retryAfter: 7 },
  })
  const connections = [0, 1].map(() => new RawConnection(server.origin))
  t.teardown(() => connections.map(connection => connection.close()))
  for (const connection of connections) connection.send('/disk.img')
  await until(() => server.stats.byFault['stall-before-headers'] === 2)
  const refused = await rawRequest(server.url)
  t.same([refused.status, refused.headers['retry-after']], [503, '7'])
  t.equal(server.stats.maxConcurrent, 3)

  server.setOptions({ concurrency: { max: 2, beyond: 'queue' } })
  const queued = rawRequest(server.url, { headers: range(0, 99) })
  await until(() => server.stats.requests === 4)
  t.equal(server.log[3]?.status, 0)
  connections[0]?.close()
  t.equal((await queued).status, 206, 'its turn comes when another leaves')
  t.same(server.stats.byStatus, { 206: 1, 503: 1 })
})

t.test('SlowServer closes connections as told', async t => {
  const server = await start(t, { requestsPerConnection: 2 })
  const connection = new RawConnection(server.origin)
  for (let i = 0; i < 3; i++) connection.send('/disk.img', range(0, 9))
  t.equal((await connection.response()).headers['connection'], 'keep-alive')
  t.equal((await connection.response()).headers['connection'], 'close')
  t.equal((await connection.response()).status, 0, 'the third gets no answer')

  const asks = await rawRequest(server.url, { headers: { Connection: 'close' } })
  t.equal(asks.headers['connection'], 'close')
  server.setOptions({ idleTimeoutMs: 5 })
  const idle = new RawConnection(server.origin)
  t.equal(await idle.ended(), 'closed')
  server.setOptions({ idleTimeoutMs: undefined })
  const bad = new RawConnection(server.origin)
  bad.socket.write('NONSENSE\r\n\r\n')
  t.equal((await bad.response()).status, 400)
  await until(() => server.stats.openConnections === 0)

  const kept = new RawConnection(server.origin)
  kept.send('/disk.img', range(0, 9))
  await kept.response()
  server.resetConnections()
  t.equal(await kept.ended(), 'reset')
  const last = new RawConnection(server.origin)
  last.send('/disk.img', range(0, 9))
  await last.response()
  await server.close()
  await last.ended()
  await server.close()
})

t.test('SlowServer.log and .stats say what happened', async t => {
  const server = await start(t, { logLimit: 3 })
  for (let i = 0; i < 4; i++) {
    await rawRequest(`${server.url}?q=${i}`, {
      headers: { ...range(i, 99), 'User-Agent': 'test', 'X-Other': '1' },
    })
  }
  t.same(
    server.log.map(({ n }) => n),
    [2, 3, 4],
  )
  const entry = server.log[2]
  t.match(entry, {
    n: 4,
    connection: 4,
    method: 'GET',
    path: '/disk.img?q=3',
    range: 'bytes=3-99',
    headers: { range: 'bytes=3-99', 'user-agent': 'test', host: 'test' },
    status: 206,
    bytesSent: 97,
    concurrency: 1,
  })
  t.notOk(entry && 'x-other' in entry.headers)
  await until(() => entry?.endMs !== undefined)
  const { startMs = 0, firstByteMs = 0, endMs = 0 } = entry ?? {}
  t.ok(startMs <= firstByteMs && firstByteMs <= endMs)
  await until(() => server.stats.openConnections === 0)
  t.match(server.stats, {
    requests: 4,
    concurrent: 0,
    maxConcurrent: 1,
    connectionsAccepted: 4,
    bytesSent: 100 + 99 + 98 + 97,
    byStatus: { 206: 4 },
  })
})

t.test('SlowServer speaks https with a certificate that its CA vouches for', async t => {
  const server = await start(t, {
    tls: true,
    faults: [
      { kind: 'reset-mid-body', after: 2, first: 1 },
      { kind: 'reset-before-headers', after: 3 },
    ],
  })
  t.match(server.url, /^https:/)
  const ca = server.caPem as string
  for (const host of ['127.0.0.1', 'localhost']) {
    const body = await new Promise<Buffer>((resolve, reject) => {
      get(server.url.replace('127.0.0.1', host), { ca, family: 4 }, async response => {
        resolve(Buffer.concat(await response.toArray()))
      }).on('error', reject)
    })
    t.equal(body.length, SIZE)
    t.equal(server.image.compare(0, body), -1)
  }
  const cut = await rawRequest(server.url, { ca })
  t.not(cut.ending, 'complete')
  t.ok(cut.body.length < SIZE)
  t.equal((await rawRequest(server.url, { ca })).ending, 'reset')
  t.equal((await rawRequest(server.url)).status, 0, 'not trusted without the CA')
})
