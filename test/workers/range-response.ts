import t from 'tap'
import { unquoted } from '../../dist/shared/quotation.js'
import {
  checkRangeResponse,
  isStrongEtag,
  parseContentRange,
  parseRetryAfter,
  type ResponseHead,
  readProbeResponse,
} from '../../dist/workers/range-response.js'

const NOW = Date.UTC(2026, 7, 1, 12, 0, 0)
const DATE = 'Sat, 01 Aug 2026 11:00:00 GMT'
const LATER = 'Sat, 01 Aug 2026 11:00:01 GMT'
const SOURCE = { totalBytes: 1000, etag: '"v1"', lastModified: DATE }

function head(
  status: number,
  headers: ResponseHead['headers'] = {},
  statusText = '',
): ResponseHead {
  return { status, statusText, headers }
}

/** A faultless answer to bytes 100-299, with changes. */
function good(headers: ResponseHead['headers'] = {}): ResponseHead {
  return head(206, { 'content-range': 'bytes 100-299/1000', 'content-length': '200', ...headers })
}

function codeOf(answer: ResponseHead, source: Partial<typeof SOURCE> = {}): string {
  const pinned = { totalBytes: 1000, ...source }
  return checkRangeResponse(answer, pinned, 100, 200, NOW)?.code ?? 'accepted'
}

t.test('checkRangeResponse() accepts exactly the range asked for', async t => {
  const cases: [ResponseHead['headers'], string][] = [
    [{}, 'accepted'],
    [{ 'content-length': undefined, 'transfer-encoding': 'chunked' }, 'accepted'],
    [{ 'content-encoding': 'identity' }, 'accepted'],
    [{ 'content-encoding': '' }, 'accepted'],
    [{ 'content-type': 'application/octet-stream' }, 'accepted'],
    [{ 'content-range': 'Bytes  100-299/1000 ' }, 'accepted'],
    [{ 'content-range': 'bytes 100-298/1000' }, 'wrong-range'],
    [{ 'content-range': 'bytes 100-300/1000' }, 'wrong-range'],
    [{ 'content-range': 'bytes 99-298/1000' }, 'wrong-range'],
    [{ 'content-range': 'bytes 0-999/1000' }, 'wrong-range'],
    [{ 'content-range': 'bytes 100-299/*' }, 'wrong-range'],
    [{ 'content-range': 'bytes */1000' }, 'wrong-range'],
    [{ 'content-range': 'bytes=100-299/1000' }, 'wrong-range'],
    [{ 'content-range': 'blocks 100-299/1000' }, 'wrong-range'],
    [{ 'content-range': undefined }, 'wrong-range'],
    [{ 'content-range': ['bytes 100-299/1000', 'bytes 100-299/1000'] }, 'wrong-range'],
    [{ 'content-range': 'bytes 100-299/1001' }, 'source-changed'],
    [{ 'content-range': 'bytes 100-199/200' }, 'source-changed'],
    [{ 'content-length': '199' }, 'wrong-range'],
    [{ 'content-length': '201' }, 'wrong-range'],
    [{ 'content-length': '0x0c8' }, 'wrong-range'],
    [{ 'content-type': 'multipart/byteranges; boundary=b' }, 'wrong-range'],
    [{ 'content-type': 'Multipart/Byteranges' }, 'wrong-range'],
    [{ 'content-encoding': 'gzip' }, 'encoded'],
    [{ 'content-encoding': ['identity', 'br'] }, 'encoded'],
    [{ 'transfer-encoding': 'gzip, chunked' }, 'encoded'],
  ]
  for (const [headers, code] of cases) {
    t.equal(codeOf(good(headers)), code, JSON.stringify(headers))
  }
})

t.test('checkRangeResponse() compares the version', async t => {
  const both = { etag: '"v1"', lastModified: DATE }
  const cases: [ResponseHead['headers'], Partial<typeof SOURCE>, string][] = [
    [{ etag: '"v1"', 'last-modified': DATE }, both, 'accepted'],
    // Equal strong tags say more than a date.
    [{ etag: '"v1"', 'last-modified': LATER }, both, 'accepted'],
    [{ etag: '"v2"', 'last-modified': DATE }, both, 'source-changed'],
    // A weak tag of the same name proves nothing: the date decides.
    [{ etag: 'W/"v1"', 'last-modified': DATE }, both, 'accepted'],
    [{ etag: 'W/"v1"', 'last-modified': LATER }, both, 'source-changed'],
    [{ etag: 'W/"v2"', 'last-modified': DATE }, both, 'source-changed'],
    [{ 'last-modified': LATER }, both, 'source-changed'],
    [{ 'last-modified': DATE }, both, 'accepted'],
    // What can't be compared is not known to be the same version.
    [{}, both, 'wrong-range'],
    [{}, { etag: '"v1"' }, 'wrong-range'],
    [{}, {}, 'accepted'],
    [{ 'last-modified': DATE }, { etag: '"v1"' }, 'wrong-range'],
    [{ etag: '"v9"' }, { lastModified: DATE }, 'wrong-range'],
    [{ etag: '"v9"', 'last-modified': LATER }, { lastModified: DATE }, 'source-changed'],
    [{ 'last-modified': 'Saturday, 01-Aug-26 11:00:00 GMT' }, { lastModified: DATE }, 'accepted'],
    [{ 'last-modified': 'never' }, { lastModified: DATE }, 'source-changed'],
    [{ 'last-modified': 'never' }, { lastModified: 'never' }, 'accepted'],
    [{ etag: '"v1"', 'last-modified': DATE }, {}, 'accepted'],
    [{ etag: ['"v1"', '"v2"'] }, both, 'source-changed'],
  ]
  for (const [headers, source, code] of cases) {
    t.equal(codeOf(good(headers), source), code, JSON.stringify([headers, source]))
  }
})

t.test('checkRangeResponse() names every other status', async t => {
  const range = { 'content-range': 'bytes */1000' }
  const cases: [ResponseHead, string][] = [
    [head(200, { 'content-length': '200' }), 'range-ignored'],
    [head(204), 'status'],
    [head(301, { location: '/x' }), 'redirect'],
    [head(308, { location: '/x' }), 'redirect'],
    [head(302), 'status'],
    [head(304, { location: '/x' }), 'status'],
    [head(401), 'status'],
    [head(403), 'status'],
    [head(404), 'status'],
    [head(410), 'status'],
    [head(412), 'source-changed'],
    [head(416), 'status'],
    [head(416, range), 'status'],
    [head(416, { 'content-range': 'bytes */50' }), 'source-changed'],
    [head(416, { 'content-range': 'bytes */*' }), 'status'],
    [head(429), 'status'],
    [head(500), 'status'],
    [head(503), 'status'],
  ]
  for (const [answer, code] of cases) {
    t.equal(codeOf(answer), code, `${answer.status} ${JSON.stringify(answer.headers)}`)
    t.equal(checkRangeResponse(answer, SOURCE, 100, 200, NOW)?.status, answer.status)
  }
  const check = (answer: ResponseHead) => checkRangeResponse(answer, SOURCE, 100, 200, NOW)
  t.match(check(head(503, { 'retry-after': '7' }, 'Slow Down')), {
    message: '503 Slow Down',
    retryAfterMs: 7000,
  })
  t.match(check(head(503)), { message: '503 Service Unavailable', retryAfterMs: undefined })
  t.match(check(head(599)), { message: '599' })
  const odd = check(head(404, {}, `No\u0000\u001b[31m${'x'.repeat(500)}`))
  t.match(unquoted(odd?.message ?? ''), /^404 No \[31mx{73}$/)
  t.match(check(head(404, {}, '\u0000 \u001b')), { message: '404 Not Found' })
  t.match(check(head(307, { location: 'https://else/?token=t' })), {
    message: '307 Temporary Redirect',
    location: 'https://else/?token=t',
  })
})

t.test('readProbeResponse() reads the source or says what is wrong', async t => {
  const read = (answer: ResponseHead, length = 500) => readProbeResponse(answer, { length }, NOW)
  const range = (value: string, headers: ResponseHead['headers'] = {}) =>
    head(206, { 'content-range': value, ...headers })
  t.strictSame(read(range('bytes 0-499/1000', { etag: 'W/"x"', 'last-modified': DATE })), {
    totalBytes: 1000,
    bodyBytes: 500,
    etag: 'W/"x"',
    lastModified: DATE,
  })
  t.strictSame(read(range('bytes 0-99/100', { 'content-length': '100' })), {
    totalBytes: 100,
    bodyBytes: 100,
  })
  t.strictSame(read(head(416, { 'content-range': 'bytes */0' })), { totalBytes: 0, bodyBytes: 0 })
  t.strictSame(read(head(200, { 'content-length': '0' })), { totalBytes: 0, bodyBytes: 0 })
  const cases: [ResponseHead, string][] = [
    [head(200, { 'content-length': '1000' }), 'range-ignored'],
    [head(200), 'range-ignored'],
    [head(416, { 'content-range': 'bytes */1000' }), 'status'],
    [head(416), 'status'],
    [head(206), 'wrong-range'],
    [range('bytes 0-498/1000'), 'wrong-range'],
    [range('bytes 1-500/1000'), 'wrong-range'],
    [range('bytes 0-499/*'), 'wrong-range'],
    [range('bytes 0-499/1000', { 'content-length': '400' }), 'wrong-range'],
    [range('bytes 0-499/1000', { 'content-encoding': 'gzip' }), 'encoded'],
    [head(302, { location: '/y' }), 'redirect'],
    [head(401), 'status'],
  ]
  for (const [answer, code] of cases) t.match(read(answer), { code })
})

t.test('parseContentRange() takes the three forms and no number it can not hold', async t => {
  t.strictSame(parseContentRange('bytes 0-0/1'), { start: 0, end: 0, total: 1 })
  t.strictSame(parseContentRange('bytes 0-9007199254740990/*'), { start: 0, end: 2 ** 53 - 2 })
  t.strictSame(parseContentRange('bytes */9007199254740991'), { total: 2 ** 53 - 1 })
  for (const value of [
    undefined,
    '',
    'bytes',
    'bytes */*',
    'bytes 5-4/10',
    'bytes 5-10/10',
    'bytes 0-9/9007199254740992',
    'bytes 0-9/10, bytes 0-9/10',
    'bytes -9/10',
    'bytes 0-/10',
    'bytes 0-9/1e3',
    'bytes 0-9',
  ]) {
    t.equal(parseContentRange(value), undefined, `${value}`)
  }
})

t.test('parseRetryAfter() takes both forms, from nothing to a day', async t => {
  const cases: [string | undefined, number | undefined][] = [
    ['0', 0],
    ['120', 120_000],
    [' 3 ', 3000],
    ['99999999999999999999', 86_400_000],
    ['Sat, 01 Aug 2026 12:00:30 GMT', 30_000],
    ['Saturday, 01-Aug-26 12:00:30 GMT', 30_000],
    ['Sat, 01 Aug 2026 11:00:00 GMT', 0],
    ['Sat, 01 Aug 2027 12:00:00 GMT', 86_400_000],
    ['Sat, 99 Foo 2026', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ]
  for (const [value, expected] of cases) t.equal(parseRetryAfter(value, NOW), expected, `${value}`)
})

t.test('an answer of another version is told with both validators, as they were sent', async t => {
  const said = (headers: ResponseHead['headers'], source: object) =>
    checkRangeResponse(good(headers), { totalBytes: 1000, ...source }, 100, 200, NOW)?.message ?? ''
  t.equal(
    said({ etag: '"v2"' }, { etag: '"v1"' }),
    'the ETag is another one now: "v2", it was "v1"',
  )
  t.equal(
    said({ etag: 'W/"v2"' }, { weakEtag: 'W/"v1"' }),
    'the ETag is another one now: W/"v2", it was W/"v1"',
  )
  t.equal(
    said({ 'last-modified': LATER }, { lastModified: DATE }),
    `Last-Modified is another date now: ${LATER}, it was ${DATE}`,
  )
  const long = said({ etag: `"${'a'.repeat(500)}"` }, { etag: `"${'b'.repeat(500)}"` })
  t.match(unquoted(long), /^the ETag is another one now: "a{79}, it was "b{79}$/)
})

t.test('a redirect without Location is told as such', async t => {
  for (const headers of [{}, { location: '' }]) {
    t.match(checkRangeResponse(head(302, headers), SOURCE, 100, 200, NOW), {
      code: 'status',
      status: 302,
      message: '302 Found: a redirect without Location, the address it leads to',
    })
  }
})

t.test('isStrongEtag() tells tags fit for If-Match', async t => {
  for (const etag of ['"a"', '""', '"5f-1:b/+="', '"\u00e9"']) t.ok(isStrongEtag(etag), etag)
  for (const etag of ['W/"a"', 'a', '"a', '"a"b"', '"a b"', '"a", "b"', '*', '']) {
    t.notOk(isStrongEtag(etag), etag)
  }
})

t.test(
  'another weak ETag shows that the file has changed, an equal one proves nothing',
  async t => {
    const source = { totalBytes: 1000, weakEtag: 'W/"v1"', lastModified: DATE }
    const judged = (headers: ResponseHead['headers']) =>
      checkRangeResponse(good(headers), source, 100, 200, NOW)?.code
    t.equal(judged({ etag: 'W/"v2"' }), 'source-changed')
    t.equal(judged({ etag: 'W/"v2"', 'last-modified': DATE }), 'source-changed')
    t.equal(judged({ etag: '"v2"' }), 'source-changed')
    t.equal(judged({ etag: 'W/"v1"', 'last-modified': LATER }), 'source-changed')
    t.equal(judged({ etag: 'W/"v1"', 'last-modified': DATE }), undefined)
    t.equal(judged({}), 'wrong-range')
  },
)
