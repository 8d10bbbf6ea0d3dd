// HTTP/2 origins, as far as they differ from HTTP/1.1: what is asked, what is refused, and how an
// exchange ends that the server, the limits or we ourselves cut short.

import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { makeCertificate } from '../../.bench/slow-server/certificate.js'
import type { Certificate } from '../../.bench/slow-server/options.js'
import type { SourceRequest, Transport } from '../../dist/shared/fetch-task.js'
import { createFetcher } from '../../dist/workers/fetcher.js'
import { imageBytes } from '../fixtures/origin.js'
import { Span, TRANSPORT } from '../fixtures/span.js'

const TOTAL = 1_000_000

let certificate: Certificate
t.before(async () => {
  certificate = await makeCertificate()
})

interface Origin {
  readonly url: string
  /** HTTP versions of the requests. */
  readonly versions: string[]
  sessions: number
}

type Answer = (stream: http2.ServerHttp2Stream, start: number, end: number) => void

/** The right answer. */
const good: Answer = (stream, start, end) => {
  stream.respond({
    ':status': 206,
    'content-range': `bytes ${start}-${end - 1}/${TOTAL}`,
    'content-length': end - start,
    etag: '"one"',
  })
  stream.end(imageBytes(start, end - start))
}

/** The head of a good answer with the bytes [start, end), without their number. */
function partial(stream: http2.ServerHttp2Stream, start: number, end: number): void {
  const range = `bytes ${start}-${end - 1}/${TOTAL}`
  stream.respond({ ':status': 206, 'content-range': range, etag: '"one"' })
}

async function h2Origin(t: Test, answer: Answer): Promise<Origin> {
  const { key, cert } = certificate
  const server = http2.createSecureServer({ key, cert, allowHTTP1: true })
  const sessions = new Set<http2.ServerHttp2Session>()
  const origin = { url: '', versions: [] as string[], sessions: 0 }
  server.on('session', session => {
    origin.sessions++
    sessions.add(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    origin.versions.push('2')
    stream.on('error', () => {})
    const match = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
    answer(stream, Number(match?.[1]), Number(match?.[2]) + 1)
  })
  server.on('request', (request, response) => {
    if (request.httpVersionMajor !== 1) return
    origin.versions.push(request.httpVersion)
    response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  origin.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/a%20b?c=d%20e`
  return origin
}

/** Fetches spans of four slots, one after the other. */
function fetching(t: Test, url: string, transport: Partial<Transport> = {}) {
  const settings = { ...TRANSPORT, ca: certificate.ca, http2: true, ...transport }
  const span = () => new Span(4096, [4096, 4096, 4096, 100])
  // One ring for each span: a fetcher belongs to its ring.
  return async (source: Partial<SourceRequest> = {}, count = 0) => {
    const results = []
    const one = span()
    const fetcher = createFetcher({ ring: one.memory.buffer, transports: [settings] })
    t.teardown(() => fetcher.close())
    for (let index = 0; index < count; index++) {
      const { totalBytes } = (await fetcher.probeSource({
        url,
        headers: {},
        transport: 0,
        length: 64,
      })) as { totalBytes?: number }
      results.push(totalBytes)
    }
    const result = await fetcher.fetchSpan(one.task(url, { totalBytes: TOTAL, ...source }))
    return { result, span: one, fetcher, probes: results }
  }
}

t.test('a range comes over HTTP/2, and the connection is used again', async t => {
  const origin = await h2Origin(t, good)
  const { result, span, probes } = await fetching(t, origin.url)({ etag: '"one"' }, 3)
  t.match(result, { ok: true, timings: { receivedBytes: 3 * 4096 + 100, newConnection: false } })
  t.strictSame(probes, [TOTAL, TOTAL, TOTAL])
  t.ok(span.ready)
  t.equal(span.damage(), undefined)
  t.strictSame(origin.versions, ['2', '2', '2', '2'])
  t.equal(origin.sessions, 1)
})

t.test('no connection is opened ahead that could not be used', async t => {
  const origin = await h2Origin(t, good)
  const { fetcher, span } = await fetching(t, origin.url)()
  const source = { ...span.task(origin.url).source, totalBytes: TOTAL }
  fetcher.openConnections({ source, connections: 4 })
  t.equal(fetcher.connections, 1)
})

t.test('HTTP/1.1 is spoken unless asked for otherwise', async t => {
  const origin = await h2Origin(t, good)
  await fetching(t, origin.url, { http2: false })()
  t.strictSame(origin.versions, ['1.1'])
})

const REFUSED: Readonly<Record<string, [answer: Answer, code: string, message: RegExp]>> = {
  'another range': [
    (stream, start, end) => good(stream, start + 1, end + 1),
    'wrong-range',
    /the answer holds bytes 4097-/,
  ],
  'the whole file': [
    (stream, start, end) => {
      stream.respond({ ':status': 200, 'content-length': TOTAL })
      stream.end(imageBytes(start, end - start))
    },
    'range-ignored',
    /^200 OK with the whole file/,
  ],
  'another version': [
    (stream, start, end) => {
      stream.respond({
        ':status': 206,
        'content-range': `bytes ${start}-${end - 1}/${TOTAL}`,
        etag: '"two"',
      })
      stream.end(imageBytes(start, end - start))
    },
    'source-changed',
    /ETag/,
  ],
  'too short a body': [
    (stream, start, end) => {
      partial(stream, start, end)
      stream.end(imageBytes(start, end - start - 7))
    },
    'short-body',
    /ended 7 bytes before its end/,
  ],
  'too long a body': [
    (stream, start, end) => {
      partial(stream, start, end)
      stream.end(imageBytes(start, end - start + 1))
    },
    'wrong-range',
    /longer than the range/,
  ],
  'a stream reset in the middle': [
    (stream, start, end) => {
      partial(stream, start, end)
      stream.write(imageBytes(start, 5000), () =>
        stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
      )
    },
    'short-body',
    /body ended/,
  ],
  'a stream reset before the answer': [
    stream => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM),
    'reset',
    /./,
  ],
  'a connection lost in the middle': [
    (stream, start, end) => {
      partial(stream, start, end)
      stream.write(imageBytes(start, 5000), () => setImmediate(() => stream.session?.destroy()))
    },
    'short-body',
    /body ended/,
  ],
  'a GOAWAY in place of an answer': [stream => stream.session?.goaway(0), 'reset', /./],
  'no answer': [() => {}, 'first-byte-timeout', /no answer within the limit/],
  'a body that stops': [
    (stream, start, end) => {
      partial(stream, start, end)
      stream.write(imageBytes(start, 5000))
    },
    'body-timeout',
    /stopped arriving/,
  ],
  '503 with Retry-After': [
    stream => {
      stream.respond({ ':status': 503, 'retry-after': '3' })
      stream.end('busy')
    },
    'status',
    /^503 Service Unavailable/,
  ],
}

for (const [what, [answer, code, message]] of Object.entries(REFUSED)) {
  t.test(`${what} is refused, and what was filled is right`, async t => {
    const origin = await h2Origin(t, answer)
    const limits = { firstByteTimeoutMs: 1_000, bodyTimeoutMs: 1_000 }
    const { result, span, fetcher } = await fetching(t, origin.url, limits)({ etag: '"one"' })
    t.match(result, { ok: false, failure: { code, message } })
    t.ok(span.letGo)
    t.equal(span.damage(), undefined)
    fetcher.close()
    t.equal(fetcher.connections, 0)
  })
}

t.test('a fetch that is called off ends at once', async t => {
  const origin = await h2Origin(t, (stream, start, end) => {
    partial(stream, start, end)
    stream.write(imageBytes(start, 5000))
  })
  const span = new Span(4096, [4096, 4096])
  const transport = { ...TRANSPORT, ca: certificate.ca, http2: true }
  const fetcher = createFetcher({ ring: span.memory.buffer, transports: [transport] })
  t.teardown(() => fetcher.close())
  const running = fetcher.fetchSpan(span.task(origin.url, { totalBytes: TOTAL }))
  while (span.filled === 0) await new Promise(setImmediate)
  for (const slot of span.slots) span.owner.cancel(slot)
  t.match(await running, { ok: false, failure: { code: 'cancelled' } })
  t.ok(span.letGo)
  t.equal(span.damage(), undefined)
})
