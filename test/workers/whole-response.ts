import t from 'tap'
import type { ResponseHead } from '../../dist/workers/range-response.js'
import { readWholeResponse } from '../../dist/workers/whole-response.js'

const NOW = Date.UTC(2026, 7, 1, 12, 0, 0)
const DATE = 'Sat, 01 Aug 2026 11:00:00 GMT'
const LATER = 'Sat, 01 Aug 2026 11:00:01 GMT'
const PINNED = { totalBytes: 1000, etag: '"v1"', lastModified: DATE }

const head = (status: number, headers: ResponseHead['headers']): ResponseHead => ({
  status,
  statusText: '',
  headers,
})
const outcome = (answer: ResponseHead, pinned?: Parameters<typeof readWholeResponse>[1]) => {
  const version = readWholeResponse(answer, pinned, NOW)
  return 'code' in version ? version.code : version
}

t.test('readWholeResponse() takes a whole file with a length, or one in chunks', async t => {
  const cases: [ResponseHead['headers'], unknown][] = [
    [{ 'content-length': '1000' }, { totalBytes: 1000 }],
    [{ 'content-length': '0' }, { totalBytes: 0 }],
    [
      { 'content-length': '1000', etag: 'W/"v1"', 'last-modified': DATE },
      { totalBytes: 1000, etag: 'W/"v1"', lastModified: DATE },
    ],
    [{ 'transfer-encoding': 'chunked' }, {}],
    [{ 'transfer-encoding': 'Chunked', 'content-length': '7' }, {}],
    // Its end would be that of the connection: nobody could tell a broken one.
    [{}, 'spool'],
    [{ 'transfer-encoding': 'identity' }, 'spool'],
    [{ 'content-length': '1e3' }, 'spool'],
    [{ 'content-length': '1000, 1000' }, 'spool'],
    [{ 'content-length': '9007199254740993' }, 'spool'],
    [{ 'content-length': '1000', 'content-encoding': 'gzip' }, 'encoded'],
    [{ 'transfer-encoding': 'gzip, chunked' }, 'encoded'],
  ]
  for (const [headers, expected] of cases) {
    t.strictSame(outcome(head(200, headers)), expected, JSON.stringify(headers))
  }
})

t.test('readWholeResponse() takes 200 and nothing else', async t => {
  const length = { 'content-length': '1000' }
  for (const [status, code] of [
    [206, 'wrong-range'],
    [204, 'status'],
    [404, 'status'],
    [503, 'status'],
    [407, 'proxy'],
    [412, 'source-changed'],
  ] as const) {
    t.equal(outcome(head(status, length)), code, String(status))
  }
  t.equal(outcome(head(302, { location: '/x' })), 'redirect')
  const refused = readWholeResponse(head(503, { 'retry-after': '2' }), undefined, NOW)
  t.match(refused, { retryAfterMs: 2000 })
})

t.test('readWholeResponse() accepts only the version that was begun with', async t => {
  const good = { 'content-length': '1000', etag: '"v1"', 'last-modified': DATE }
  const cases: [string, ResponseHead['headers'], Parameters<typeof readWholeResponse>[1]][] = [
    ['accepted', good, PINNED],
    ['changed', { ...good, etag: '"v2"' }, PINNED],
    ['changed', { ...good, 'content-length': '999' }, PINNED],
    ['changed', { etag: '"v1"', 'transfer-encoding': 'chunked' }, PINNED],
    ['changed', { ...good, etag: undefined, 'last-modified': LATER }, PINNED],
    ['accepted', { ...good, etag: undefined }, PINNED],
    ['accepted', { ...good, 'last-modified': undefined }, PINNED],
    ['changed', { 'content-length': '1000' }, PINNED],
    ['accepted', { ...good, etag: 'W/"v1"' }, { ...PINNED, etag: 'W/"v1"' }],
    ['changed', { ...good, etag: 'W/"v2"' }, { ...PINNED, etag: 'W/"v1"' }],
    ['changed', { ...good, 'last-modified': LATER }, { totalBytes: 1000, lastModified: DATE }],
    ['accepted', { 'content-length': '1000' }, { totalBytes: 1000 }],
    ['changed', { 'content-length': '1001' }, { totalBytes: 1000 }],
  ]
  for (const [expected, headers, pinned] of cases) {
    const told = outcome(head(200, headers), pinned)
    const found = typeof told === 'string' ? told.replace('source-', '') : 'accepted'
    t.equal(found, expected, JSON.stringify([headers, pinned]))
  }
})
