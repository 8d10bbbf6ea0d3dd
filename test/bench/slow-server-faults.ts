// Each fault as a client sees it on the wire.
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { FaultPicker, type FaultRule, type FaultSubject } from '../../.bench/slow-server/faults.js'
import { SeededRandom } from '../../.bench/slow-server/seeded-random.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { RawConnection, type RawResponse, rawRequest } from '../fixtures/raw-http-client.js'
import { until } from '../fixtures/until.js'

const SIZE = 3_000_000
const FIRST = 100_000
const LENGTH = 700_000
const RANGE = `bytes=${FIRST}-${FIRST + LENGTH - 1}`
const CONTENT_RANGE = `bytes ${FIRST}-${FIRST + LENGTH - 1}/${SIZE}`

async function startWith(t: Test, ...faults: FaultRule[]): Promise<SlowServer> {
  const server = await SlowServer.start({ image: { size: SIZE }, faults })
  t.teardown(() => server.close())
  return server
}

/** The response to the usual range while one fault strikes. */
async function under(
  t: Test,
  fault: FaultRule,
  headers: Record<string, string> = {},
): Promise<RawResponse & { server: SlowServer }> {
  const server = await startWith(t, fault)
  const response = await rawRequest(server.url, { headers: { Range: RANGE, ...headers } })
  t.same(server.stats.byFault, { [fault.kind]: 1 })
  t.equal(server.log[0]?.fault, fault.kind)
  return { ...response, server }
}

t.test('status: this status and Retry-After', async t => {
  const { status, headers, ending } = await under(t, { kind: 'status', status: 503, retryAfter: 2 })
  t.same([status, headers['retry-after'], ending], [503, '2', 'complete'])
  t.notOk('content-range' in headers)
})

t.test('reset-before-headers: a reset instead of an answer', async t => {
  const { status, body, ending, server } = await under(t, { kind: 'reset-before-headers' })
  t.same([status, body.length, ending], [0, 0, 'reset'])
  t.same(server.stats.byStatus, {})
})

t.test('reset-mid-body: part of the body, then a reset', async t => {
  const response = await under(t, { kind: 'reset-mid-body', afterBytes: 123_457 })
  t.equal(response.status, 206)
  t.equal(response.headers['content-length'], String(LENGTH))
  // libuv reports a reset that comes together with data as an orderly end.
  t.not(response.ending, 'complete')
  t.ok(response.body.length <= 123_457)
  t.equal(response.server.image.compare(FIRST, response.body), -1)
  const early = await under(t, { kind: 'reset-mid-body', afterBytes: 0 })
  t.equal(early.body.length, 0)
  t.not(early.ending, 'complete')
})

t.test('short-body: part of the body, then an orderly end', async t => {
  const { status, headers, body, ending, server } = await under(t, {
    kind: 'short-body',
    afterBytes: 300_001,
  })
  t.same([status, ending, body.length], [206, 'closed', 300_001])
  t.equal(headers['content-length'], String(LENGTH))
  t.equal(headers['content-range'], CONTENT_RANGE)
  t.equal(server.image.compare(FIRST, body), -1)
  t.equal(server.log[0]?.bytesSent, 300_001)
})

t.test('stall-before-headers: silence, for good or for a while', async t => {
  const server = await startWith(t, { kind: 'stall-before-headers', first: 1 })
  const connection = new RawConnection(server.origin)
  connection.send('/disk.img')
  await until(() => server.stats.byFault['stall-before-headers'] === 1)
  t.equal(server.log[0]?.status, 0)
  connection.close()
  await until(() => server.stats.openConnections === 0)
  t.equal(server.log[0]?.status, 0, 'never answered')
  t.equal(server.stats.concurrent, 0)

  const { status, body, server: other } = await under(t, { kind: 'stall-before-headers', ms: 10 })
  t.same([status, body.length], [206, LENGTH])
  const { startMs = 0, firstByteMs = 0 } = other.log[0] ?? {}
  t.ok(firstByteMs - startMs >= 10)
})

t.test('stall-mid-body: the body stops, for good or for a while', async t => {
  const server = await startWith(t, { kind: 'stall-mid-body', afterBytes: 5000 })
  const connection = new RawConnection(server.origin)
  connection.send('/disk.img', { Range: RANGE })
  t.equal((await connection.head())?.status, 206)
  t.equal(server.image.compare(FIRST, await connection.take(5000)), -1)
  await until(() => server.log[0]?.bytesSent === 5000)
  t.equal(server.log[0]?.endMs, undefined)
  connection.close()
  await until(() => server.log[0]?.endMs !== undefined)
  t.equal(server.log[0]?.bytesSent, 5000)

  const whole = await under(t, { kind: 'stall-mid-body', afterBytes: 77_777, ms: 10 })
  t.equal(whole.ending, 'complete')
  t.equal(whole.server.image.compare(FIRST, whole.body), -1)
})

t.test('slow-body: the right bytes, slowly', async t => {
  const response = await under(t, { kind: 'slow-body', bytesPerSecond: 10e6 })
  t.equal(response.ending, 'complete')
  t.equal(response.server.image.compare(FIRST, response.body), -1)
  const { firstByteMs = 0, endMs = Infinity } = response.server.log[0] ?? {}
  t.ok(endMs - firstByteMs >= 65, 'not faster than its rate')
})

t.test('short-range: fewer bytes than asked for, admitted or not', async t => {
  for (const lie of [false, true]) {
    const { headers, body, ending } = await under(t, { kind: 'short-range', bytes: 1000, lie })
    t.same([body.length, headers['content-length'], ending], [1000, '1000', 'complete'])
    t.equal(headers['content-range'], lie ? CONTENT_RANGE : `bytes ${FIRST}-${FIRST + 999}/${SIZE}`)
  }
})

t.test('wrong-range: bytes from elsewhere, admitted or not', async t => {
  for (const lie of [false, true]) {
    const { headers, body, server } = await under(t, { kind: 'wrong-range', shift: 4096, lie })
    t.equal(body.length, LENGTH)
    t.equal(server.image.compare(FIRST + 4096, body), -1)
    t.not(server.image.compare(FIRST, body), -1)
    const moved = `bytes ${FIRST + 4096}-${FIRST + 4096 + LENGTH - 1}/${SIZE}`
    t.equal(headers['content-range'], lie ? CONTENT_RANGE : moved)
  }
})

t.test('wrong-total, missing-content-range: the header is off', async t => {
  const wrong = await under(t, { kind: 'wrong-total', delta: 512 })
  t.equal(wrong.headers['content-range'], CONTENT_RANGE.replace(String(SIZE), String(SIZE + 512)))
  const missing = await under(t, { kind: 'missing-content-range' })
  t.equal(missing.status, 206)
  t.notOk('content-range' in missing.headers)
})

t.test('long-body: more bytes than the range has', async t => {
  const { headers, body, server } = await under(t, { kind: 'long-body', extra: 300 })
  t.equal(body.length, LENGTH + 300)
  t.equal(headers['content-range'], CONTENT_RANGE)
  t.equal(server.image.compare(FIRST, body.subarray(0, LENGTH)), -1)
})

t.test('multipart: one part of multipart/byteranges', async t => {
  const { status, headers, body, server } = await under(t, { kind: 'multipart' })
  t.equal(status, 206)
  t.match(headers['content-type'], /^multipart\/byteranges; boundary=/)
  t.notOk('content-range' in headers)
  const start = body.indexOf('\r\n\r\n') + 4
  t.match(body.toString('latin1', 0, start), CONTENT_RANGE)
  t.equal(server.image.compare(FIRST, body.subarray(start, start + LENGTH)), -1)
})

t.test('gzip, chunked: other encodings of the same bytes', async t => {
  const zipped = await under(t, { kind: 'gzip' })
  t.equal(zipped.headers['content-encoding'], 'gzip')
  t.equal(zipped.server.image.compare(FIRST, gunzipSync(zipped.body)), -1)
  const chunked = await under(t, { kind: 'chunked' })
  t.equal(chunked.headers['transfer-encoding'], 'chunked')
  t.notOk('content-length' in chunked.headers)
  t.equal(chunked.body.length, LENGTH)
  t.equal(chunked.server.image.compare(FIRST, chunked.body), -1)
})

t.test('ignore-range: 200 with everything', async t => {
  const { status, body, server } = await under(t, { kind: 'ignore-range' })
  t.same([status, body.length], [200, SIZE])
  t.equal(server.image.compare(0, body), -1)
})

t.test('changed-etag: If-Match fails, or the server lies', async t => {
  const before = await startWith(t)
  const etag = (await rawRequest(before.url)).headers['etag'] as string
  const honest = await under(t, { kind: 'changed-etag' }, { 'If-Match': etag })
  t.equal(honest.status, 412)
  const unasked = await under(t, { kind: 'changed-etag', etag: '"v2"' })
  t.same([unasked.status, unasked.headers['etag']], [206, '"v2"'])
  const lying = await under(t, { kind: 'changed-etag', lie: true }, { 'If-Match': etag })
  t.same([lying.status, lying.headers['etag']], [206, '"changed"'])

  before.setOptions({ image: { size: SIZE, seed: 2 } })
  const other = await rawRequest(before.url, { headers: { 'If-Match': etag } })
  t.equal(other.status, 412, 'another image has another ETag')
})

t.test('changed-last-modified, changed-size: the image is another now', async t => {
  const modified = await under(t, { kind: 'changed-last-modified' })
  t.equal(modified.headers['last-modified'], 'Mon, 01 Jan 2024 01:00:00 GMT')
  const given = await under(t, { kind: 'changed-last-modified', lastModified: '2025-02-03' })
  t.equal(given.headers['last-modified'], 'Mon, 03 Feb 2025 00:00:00 GMT')
  const smaller = await under(t, { kind: 'changed-size' })
  t.match(smaller.headers['content-range'], `/${SIZE / 2}`)
  t.equal((await under(t, { kind: 'changed-size', size: FIRST })).status, 416)
})

t.test('close-after: the right answer, then the end without notice', async t => {
  const server = await startWith(t, { kind: 'close-after' })
  const connection = new RawConnection(server.origin)
  connection.send('/disk.img', { Range: RANGE })
  const { headers, body, ending } = await connection.response()
  t.same([headers['connection'], body.length, ending], ['keep-alive', LENGTH, 'complete'])
  t.equal(await connection.ended(), 'closed')
})

t.test('garbage: not HTTP', async t => {
  const server = await startWith(t, { kind: 'garbage' })
  const connection = new RawConnection(server.origin)
  connection.send('/disk.img')
  const bytes = await connection.take(Infinity)
  t.ok(bytes.length > 0)
  t.notMatch(bytes.toString('latin1'), /^HTTP/)
  t.equal(await connection.ended(), 'closed')
})

t.test('bandwidth and the chunked coding leave the bytes as they are', async t => {
  const server = await startWith(t, { kind: 'chunked', every: 2 })
  server.setOptions({ bandwidth: 100e6, totalBandwidth: 200e6 })
  const responses = await Promise.all(
    Array.from({ length: 6 }, () => rawRequest(server.url, { headers: { Range: RANGE } })),
  )
  for (const { body } of responses) {
    t.equal(body.length, LENGTH)
    t.equal(server.image.compare(FIRST, body), -1)
  }
  t.equal(server.stats.byFault['chunked'], 3)
})

t.test('FaultPicker.pick() hits the requests that its rules name', async t => {
  const subject = (n: number, more: Partial<FaultSubject> = {}): FaultSubject => ({
    n,
    method: 'GET',
    path: '/disk.img',
    offset: n * 1000,
    length: 1000,
    ranged: true,
    ...more,
  })
  const hits = (rule: Partial<FaultRule>, count = 12): number[] => {
    const rules = [{ kind: 'garbage', ...rule } as FaultRule]
    const picker = new FaultPicker(rules, new SeededRandom(1))
    return Array.from({ length: count }, (_, i) => i + 1).filter(n => picker.pick(subject(n)))
  }
  t.same(hits({}, 3), [1, 2, 3])
  t.same(hits({ every: 5 }), [5, 10])
  t.same(hits({ first: 2 }), [1, 2])
  t.same(hits({ after: 9 }), [10, 11, 12])
  t.same(hits({ after: 2, every: 3, first: 2 }), [5, 8])
  t.same(hits({ match: { fromRequest: 3, toRequest: 4 } }), [3, 4])
  t.same(hits({ match: { fromOffset: 11_000 } }), [11, 12])
  t.same(hits({ match: { toOffset: 1000 } }), [1])
  t.same(hits({ match: { method: 'HEAD' } }), [])
  t.same(hits({ match: { ranged: false } }), [])
  t.same(hits({ match: ({ n }) => n === 7 }), [7])
  const share = hits({ probability: 0.1 }, 5000)
  t.ok(share.length > 400 && share.length < 600, `${share.length} of 5000`)
  t.same(hits({ probability: 0.1 }, 5000), share, 'the same seed hits the same requests')

  const rules: FaultRule[] = [
    { kind: 'garbage', every: 2 },
    { kind: 'gzip', every: 3 },
  ]
  const picker = new FaultPicker(rules, new SeededRandom(1))
  const kinds = Array.from({ length: 6 }, (_, i) => picker.pick(subject(i + 1))?.kind ?? '-')
  t.same(kinds, ['-', 'garbage', 'gzip', 'garbage', '-', 'garbage'], 'the first rule wins')
  t.equal(picker.pick(subject(7, { method: 'HEAD' })), undefined)
})
