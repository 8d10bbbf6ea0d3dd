import { once } from 'node:events'
import net from 'node:net'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import type { Failure } from '../../dist/shared/failure.js'
import type { FetchResult, ProbeTask, Transport } from '../../dist/shared/fetch-task.js'
import { BellListener, SlotState } from '../../dist/shared/sharedarraybuffer-ring/index.js'
import { createFetcher, type Fetcher } from '../../dist/workers/fetcher.js'
import { httpOrigin, imageBytes, rawOrigin, serveRange } from '../fixtures/origin.js'
import { Span, TRANSPORT } from '../fixtures/span.js'

const { READY, FAILED } = SlotState

function fetcherFor(t: Test, span: Span, transport: Partial<Transport> = {}): Fetcher {
  const fetcher = createFetcher({
    ring: span.memory.buffer,
    transports: [{ ...TRANSPORT, ...transport }],
  })
  t.teardown(() => fetcher.close())
  return fetcher
}

function probe(url: string, length = 4096): ProbeTask {
  return { url, headers: {}, transport: 0, length }
}

function failureOf(result: { ok: boolean; failure?: Failure }): Failure {
  if (result.ok || result.failure === undefined) throw new Error('the task succeeded')
  return result.failure
}

/** A 206 head for the bytes [0, length) of a megabyte, without Content-Length. */
function head206(length: number, ...fields: string[]): string {
  const lines = ['HTTP/1.1 206 OK', `content-range: bytes 0-${length - 1}/1000000`, ...fields]
  return `${lines.join('\r\n')}\r\n\r\n`
}

t.test('fetchSpan() fills slots byte-exact and sends the request it should', async t => {
  const origin = await httpOrigin(t, serveRange(1_000_000, { etag: '"v1"' }))
  const span = new Span(8192, [4096, 4096, 1000])
  const fetcher = fetcherFor(t, span)
  const result = await fetcher.fetchSpan(
    span.task(origin.url, {
      etag: '"v1"',
      headers: { cookie: 'a=b', range: 'bytes=0-0', 'accept-encoding': 'gzip', 'if-range': 'x' },
    }),
  )
  t.equal(result.ok, true)
  t.equal(result.spanId, 7)
  t.strictSame(span.states, [READY, READY, READY])
  t.equal(span.damage(), undefined)
  const [request] = origin.requests
  t.equal(request?.url, '/folder%20a/disk.img?dcPath=a%20b')
  t.match(request?.headers, {
    range: 'bytes=8192-17383',
    'accept-encoding': 'identity',
    'if-match': '"v1"',
    cookie: 'a=b',
    connection: 'keep-alive',
  })
  t.notOk(request?.headers['if-range'])
  const { timings } = result
  t.equal(timings.receivedBytes, 9192)
  t.equal(timings.newConnection, true)
  t.ok(timings.connectMs > 0)
  t.ok(timings.firstByteMs > 0)
  t.ok(timings.bodyMs >= 0)
  t.equal(fetcher.running, 0)
})

t.test('fetchSpan() resumes behind the valid bytes of the first slot', async t => {
  const origin = await httpOrigin(t, serveRange(1_000_000))
  const span = new Span(4096, [4096, 4096], 1001)
  const result = await fetcherFor(t, span).fetchSpan(span.task(origin.url))
  t.equal(result.ok, true)
  t.equal(origin.requests[0]?.headers.range, 'bytes=5097-12287')
  t.ok(span.ready)
  t.equal(span.damage(), undefined)
})

t.test('fetchSpan() shows bytes to readers while the body stands still', async t => {
  const origin = await rawOrigin(t, socket => {
    socket.write(head206(8192, 'content-length: 8192'))
    socket.write(imageBytes(0, 5000))
  })
  const span = new Span(0, [4096, 4096])
  const fetcher = fetcherFor(t, span)
  span.owner.want(2, 900)
  const rung = new Promise<void>(resolve => {
    const listener = new BellListener(span.memory, 'doorbell', () => {
      if (span.filled < 5000) return
      listener.close()
      resolve()
    })
  })
  const running = fetcher.fetchSpan(span.task(origin.url))
  await rung
  t.strictSame(span.states, [READY, SlotState.FILLING])
  t.equal(span.memory.fill(2), 904)
  for (const slot of span.slots) span.owner.cancel(slot)
  span.owner.ringCancelBell()
  t.match(failureOf(await running), { code: 'cancelled' })
  t.strictSame(span.states, [READY, FAILED])
  t.equal(span.damage(), undefined)
})

t.test(
  'fetchSpan() lets go when cancelled before, while connecting, and before headers',
  async t => {
    // Accepts and says nothing.
    const silent = await rawOrigin(t, () => {})
    const cancelled = (span: Span, running: Promise<FetchResult>) => {
      for (const slot of span.slots) span.owner.cancel(slot)
      span.owner.ringCancelBell()
      return running
    }
    const early = new Span(0, [4096])
    early.owner.cancel(1)
    t.equal(
      failureOf(await fetcherFor(t, early).fetchSpan(early.task(silent.url))).code,
      'cancelled',
    )
    t.ok(early.letGo)
    t.equal(silent.accepted, 0)

    const connecting = new Span(0, [4096])
    const first = fetcherFor(t, connecting, { connectTimeoutMs: 0 })
    const tls = silent.url.replace('http:', 'https:')
    const handshake = first.fetchSpan(connecting.task(tls))
    t.equal(failureOf(await cancelled(connecting, handshake)).code, 'cancelled')
    t.ok(connecting.letGo)
    t.equal(first.connections, 0)
    // Nothing else would end it: the server never answers, and there is no limit.
    while (silent.accepted === 0 || silent.open > 0) await new Promise(setImmediate)

    const waiting = new Span(0, [4096])
    const second = fetcherFor(t, waiting)
    const sent = second.fetchSpan(waiting.task(silent.url))
    while (silent.requests.length === 0) await new Promise(setImmediate)
    const result = await cancelled(waiting, sent)
    t.equal(failureOf(result).code, 'cancelled')
    t.equal(result.timings.firstByteMs, -1)
    t.ok(waiting.letGo)
    t.equal(second.connections, 0)
  },
)

t.test('fetchSpan() touches no slot that was handed on', async t => {
  const origin = await httpOrigin(t, serveRange(1_000_000))
  const span = new Span(0, [4096, 4096])
  const task = span.task(origin.url)
  span.owner.abandon(2)
  span.owner.resume(2)
  const result = await fetcherFor(t, span).fetchSpan(task)
  t.equal(failureOf(result).code, 'cancelled')
  t.strictSame(span.states, [FAILED, SlotState.FILLING])
  t.equal(span.damage(), undefined)
  t.equal(origin.requests.length, 0)
})

t.test('fetchSpan() drops the body when a slot is handed on in its midst', async t => {
  let finish = () => {}
  const origin = await rawOrigin(t, socket => {
    socket.write(head206(8192, 'content-length: 8192'))
    socket.write(imageBytes(0, 4096))
    finish = () => socket.write(Buffer.alloc(4096, 1))
  })
  const span = new Span(0, [4096, 4096])
  const running = fetcherFor(t, span).fetchSpan(span.task(origin.url))
  while (!span.memory.isReady(1)) await new Promise(setImmediate)
  span.owner.abandon(2)
  span.owner.resume(2)
  finish()
  t.equal(failureOf(await running).code, 'cancelled')
  t.equal(span.damage(), undefined)
})

t.test('fetchSpan() refuses an answer that is not the range, and takes no byte of it', async t => {
  const body = Buffer.alloc(4096, 1)
  const cases: [string, string][] = [
    ['range-ignored', `HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n`],
    ['wrong-range', 'HTTP/1.1 206 OK\r\ncontent-range: bytes 1-4096/1000000\r\n\r\n'],
    ['wrong-range', 'HTTP/1.1 206 OK\r\ncontent-length: 4096\r\n\r\n'],
    ['wrong-range', head206(4096, 'content-length: 5000')],
    ['wrong-range', head206(4096, 'content-type: multipart/byteranges; boundary=x')],
    ['encoded', head206(4096, 'content-encoding: gzip')],
    ['source-changed', head206(4096, 'etag: "other"')],
    ['source-changed', 'HTTP/1.1 206 OK\r\ncontent-range: bytes 0-4095/1000001\r\n\r\n'],
    ['source-changed', 'HTTP/1.1 412 Precondition Failed\r\ncontent-length: 4096\r\n\r\n'],
    ['status', 'HTTP/1.1 503 Busy\r\nretry-after: 2\r\ncontent-length: 4096\r\n\r\n'],
    ['redirect', 'HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 4096\r\n\r\n'],
    ['protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ]
  for (const [code, head] of cases) {
    const origin = await rawOrigin(t, socket => {
      socket.write(head)
      socket.write(body)
    })
    const span = new Span(0, [4096])
    const fetcher = fetcherFor(t, span)
    const failure = failureOf(await fetcher.fetchSpan(span.task(origin.url, { etag: '"v1"' })))
    t.equal(failure.code, code, `${code}: ${failure.message}`)
    t.notMatch(failure.message, /127\.0\.0\.1|\n/)
    t.strictSame(span.states, [FAILED])
    t.equal(span.damage(), undefined)
    fetcher.close()
  }
})

t.test('fetchSpan() tells the delay and the location a server asks for', async t => {
  const origin = await httpOrigin(t, (_request, response, index) => {
    if (index === 0) response.writeHead(503, { 'retry-after': '2' }).end('busy')
    else response.writeHead(307, { location: '/else where' }).end()
  })
  const span = new Span(0, [4096])
  const fetcher = fetcherFor(t, span)
  t.match(await fetcher.fetchSpan(span.task(origin.url)), {
    ok: false,
    failure: {
      code: 'status',
      status: 503,
      message: '503 Service Unavailable',
      retryAfterMs: 2000,
    },
    timings: { newConnection: true, receivedBytes: 0 },
  })
  span.epochs[0] = span.owner.resume(1)
  // The short body of the refusal was read to its end: the connection is used again.
  t.match(await fetcher.fetchSpan(span.task(origin.url)), {
    ok: false,
    failure: { code: 'redirect', status: 307, location: '/else where' },
    timings: { newConnection: false, connectMs: 0 },
  })
  t.equal(origin.accepted, 1)
})

t.test('fetchSpan() keeps what arrived of a body that ends too early', async t => {
  const cases: [string, string, (socket: net.Socket) => void][] = [
    ['short-body', 'content-length: 8192', socket => socket.end()],
    ['short-body', 'content-length: 8192\r\nconnection: close', socket => socket.end()],
    ['short-body', 'connection: close', socket => socket.end()],
    ['short-body', 'transfer-encoding: chunked\r\nconnection: close', socket => socket.end()],
    ['reset', 'content-length: 8192', socket => socket.resetAndDestroy()],
  ]
  for (const [code, field, end] of cases) {
    const span = new Span(0, [4096, 4096])
    const origin = await rawOrigin(t, socket => {
      socket.write(head206(8192, field))
      if (field.includes('chunked')) socket.write('2000\r\n')
      socket.write(imageBytes(0, 5001))
      const watch = () => (span.filled === 5001 ? end(socket) : setImmediate(watch))
      watch()
    })
    const fetcher = fetcherFor(t, span)
    const result = await fetcher.fetchSpan(span.task(origin.url))
    t.equal(failureOf(result).code, code, field)
    t.equal(result.timings.receivedBytes, 5001)
    t.strictSame(span.states, [READY, FAILED])
    t.equal(span.filled, 5001)
    t.equal(span.damage(), undefined)
  }
})

t.test('fetchSpan() takes a chunked body of exactly the right size, and no other', async t => {
  const cases: [number, string | undefined][] = [
    [8192, undefined],
    [8000, 'short-body'],
    [8193, 'wrong-range'],
  ]
  for (const [size, code] of cases) {
    const origin = await httpOrigin(t, (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-8191/1000000' })
      response.write(imageBytes(0, 3000))
      response.end(imageBytes(3000, size - 3000))
    })
    const span = new Span(0, [4096, 4096])
    const result = await fetcherFor(t, span).fetchSpan(span.task(origin.url))
    if (code === undefined) t.equal(result.ok, true)
    else t.equal(failureOf(result).code, code)
    t.ok(span.letGo)
    t.equal(span.damage(), undefined)
  }
})

t.test('fetchSpan() ends when something is sent behind an answer, pipelining or not', async t => {
  for (const pipelining of [1, 2]) {
    const origin = await rawOrigin(t, socket => {
      const head = Buffer.from(head206(4096, 'content-length: 4096'))
      socket.write(Buffer.concat([head, imageBytes(0, 4096), Buffer.from('\r\n')]))
    })
    const span = new Span(0, [4096])
    const limits = { firstByteTimeoutMs: 500, bodyTimeoutMs: 500 }
    const fetcher = fetcherFor(t, span, { ...limits, pipelining, connectionsPerWorker: 1 })
    for (let index = 0; index < 4; index++) {
      const result = await fetcher.fetchSpan({ ...span.task(origin.url), bulk: true })
      t.equal(result.ok, true)
      t.equal(span.damage(), undefined)
      span.owner.reclaim(1)
      span.epochs[0] = span.owner.assign(1, 0, 4096)
    }
    t.equal(fetcher.running, 0)
  }
})

t.test('fetchSpan() tells a reset of a fresh connection from one of a used one', async t => {
  const origin = await rawOrigin(t, (socket, _head, index) => {
    if (index === 1) socket.write(`${head206(4096, 'content-length: 4096')}`)
    if (index === 1) socket.write(imageBytes(0, 4096))
    else socket.destroy()
  })
  const span = new Span(0, [4096])
  const fetcher = fetcherFor(t, span)
  const fresh = failureOf(await fetcher.fetchSpan(span.task(origin.url)))
  t.match(fresh, { code: 'reset', freshConnection: true })
  span.epochs[0] = span.owner.resume(1)
  t.equal((await fetcher.fetchSpan(span.task(origin.url))).ok, true)
  const next = new Span(0, [4096])
  span.owner.reclaim(1)
  span.epochs[0] = span.owner.assign(1, 0, 4096)
  const used = await fetcher.fetchSpan({ ...next.task(origin.url), epochs: span.epochs })
  t.match(failureOf(used), { code: 'reset', freshConnection: false })
  t.equal(origin.accepted, 2)
})

t.test('fetchSpan() ends when a limit passes', { timeout: 30_000 }, async t => {
  const limits = { connectTimeoutMs: 50, firstByteTimeoutMs: 50, bodyTimeoutMs: 50 }
  const origin = await rawOrigin(t, (socket, head) => {
    if (!head.startsWith('GET /body')) return
    socket.write(head206(4096, 'content-length: 4096'))
    socket.write(imageBytes(0, 100))
  })
  const base = new URL(origin.url).origin
  const cases: [string, string, number][] = [
    ['connect-timeout', base.replace('http:', 'https:'), 0],
    ['first-byte-timeout', base, 0],
    ['body-timeout', `${base}/body`, 100],
  ]
  await Promise.all(
    cases.map(async ([code, url, filled]) => {
      const span = new Span(0, [4096])
      const result = await fetcherFor(t, span, limits).fetchSpan(span.task(url))
      t.equal(failureOf(result).code, code)
      t.strictSame(span.states, [FAILED])
      t.equal(span.filled, filled)
      t.equal(span.damage(), undefined)
    }),
  )
})

t.test('fetchSpan() names what keeps a connection from being made', async t => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  const plain = await httpOrigin(t, serveRange(1_000_000))
  const cases: [string, string][] = [
    [`http://127.0.0.1:${port}/`, 'connect'],
    ['http://name.invalid/', 'connect'],
    [plain.url.replace('http:', 'https:'), 'tls'],
    ['no URL', 'internal'],
  ]
  for (const [url, code] of cases) {
    const span = new Span(0, [4096])
    const fetcher = fetcherFor(t, span)
    const result = await fetcher.fetchSpan(span.task(url))
    t.equal(failureOf(result).code, code, failureOf(result).message)
    t.notMatch(failureOf(result).message, /127\.0\.0\.1|name\.invalid|\n/)
    t.equal(result.timings.newConnection, false)
    t.ok(span.letGo)
    t.equal(fetcher.connections, 0)
  }
})

t.test('fetchSpan() over TLS trusts the given CA in addition, and nobody else', async t => {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'elsewhere' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  })
  const origin = await httpOrigin(t, serveRange(1_000_000), { key, cert })
  const fetched = async (transport: Partial<Transport>, url = origin.url) => {
    const span = new Span(0, [4096])
    const result = await fetcherFor(t, span, transport).fetchSpan(span.task(url))
    t.equal(span.damage(), undefined)
    return result.ok ? 'ok' : result.failure.code
  }
  t.equal(await fetched({ ca: cert }), 'ok')
  t.equal(await fetched({}), 'tls')
  t.equal(await fetched({ verify: false }), 'ok')
  t.equal(await fetched({ ca: cert }, origin.url.replace('127.0.0.1', 'localhost')), 'tls')
})

t.test('fetchSpan() answers a task that makes no sense without leaving slots behind', async t => {
  const origin = await httpOrigin(t, serveRange(1_000_000))
  const wrong = [
    { length: 4000 },
    { offset: -1 },
    { offset: 999_999 },
    { offset: 0.5 },
    { source: { url: origin.url, headers: {}, transport: 3, totalBytes: 1_000_000 } },
    { source: { url: origin.url, headers: { upgrade: 'x' }, transport: 0, totalBytes: 1_000_000 } },
  ]
  for (const part of wrong) {
    const span = new Span(0, [4096])
    const result = await fetcherFor(t, span).fetchSpan({ ...span.task(origin.url), ...part })
    t.equal(failureOf(result).code, 'internal', failureOf(result).message)
    t.strictSame(span.states, [FAILED])
  }
  t.equal(origin.requests.length, 0)
})

t.test('probeSource() reads size, validators and first bytes', async t => {
  const headers = { etag: 'W/"w"', 'last-modified': 'Sat, 01 Aug 2026 00:00:00 GMT' }
  const origin = await httpOrigin(t, serveRange(10_000, headers))
  const fetcher = fetcherFor(t, new Span(0, [1]))
  const big = await fetcher.probeSource(probe(origin.url))
  t.match(big, {
    ok: true,
    totalBytes: 10_000,
    etag: 'W/"w"',
    lastModified: 'Sat, 01 Aug 2026 00:00:00 GMT',
    timings: { receivedBytes: 4096, newConnection: true },
  })
  t.ok(big.ok && imageBytes(0, 4096).equals(big.firstBytes))
  const whole = await fetcher.probeSource(probe(origin.url, 50_000))
  t.ok(whole.ok && imageBytes(0, 10_000).equals(whole.firstBytes))
  t.equal(whole.timings.newConnection, false)
})

t.test('probeSource() takes both ways of saying that a file is empty', async t => {
  for (const [status, headers] of [
    [416, { 'content-range': 'bytes */0', etag: '"e"' }],
    [200, { 'content-length': 0, etag: '"e"' }],
  ] as const) {
    const origin = await httpOrigin(t, (_request, response) => {
      response.writeHead(status, headers).end()
    })
    const result = await fetcherFor(t, new Span(0, [1])).probeSource(probe(origin.url))
    t.match(result, { ok: true, totalBytes: 0, etag: '"e"', firstBytes: { length: 0 } })
  }
})

t.test('probeSource() reports what it can not use', async t => {
  const cases: [string, string][] = [
    ['range-ignored', 'HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n'],
    ['range-ignored', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['wrong-range', 'HTTP/1.1 206 OK\r\n\r\n'],
    ['wrong-range', 'HTTP/1.1 206 OK\r\ncontent-range: bytes 0-4095/*\r\n\r\n'],
    ['wrong-range', 'HTTP/1.1 206 OK\r\ncontent-range: bytes 0-99/1000000\r\n\r\n'],
    ['encoded', head206(4096, 'content-encoding: br')],
    ['redirect', 'HTTP/1.1 301 Moved\r\nlocation: https://else/\r\n\r\n'],
    ['status', 'HTTP/1.1 404 Not Found\r\n\r\n'],
    ['status', 'HTTP/1.1 416 No\r\ncontent-range: bytes */5\r\n\r\n'],
  ]
  for (const [code, head] of cases) {
    const origin = await rawOrigin(t, socket => socket.write(head))
    const fetcher = fetcherFor(t, new Span(0, [1]))
    t.equal(failureOf(await fetcher.probeSource(probe(origin.url))).code, code)
    fetcher.close()
  }
  const short = await rawOrigin(t, socket => socket.end(`${head206(4096)}xyz`))
  const fetcher = fetcherFor(t, new Span(0, [1]))
  t.equal(failureOf(await fetcher.probeSource(probe(short.url))).code, 'short-body')
  t.equal(failureOf(await fetcher.probeSource(probe(short.url, 0))).code, 'internal')
})

t.test('probeSource() reads in a 400 that the port is one of TLS', async t => {
  const nginx = '<title>400 The plain HTTP request was sent to HTTPS port</title>'
  const go = 'Client sent an HTTP request to an HTTPS server.\n'
  const apache = "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />"
  const answers: [string, string, boolean][] = [
    [`content-length: ${nginx.length}`, nginx, true],
    ['connection: close', go, true],
    ['connection: close', apache, true],
    ['content-length: 2', 'no', false],
    ['content-length: 100', 'HTTPS', false],
    ['content-length: 100000', nginx, false],
    ['transfer-encoding: chunked', '', false],
  ]
  for (const [head, body, maybeTls] of answers) {
    const origin = await rawOrigin(t, socket => {
      const text = `HTTP/1.1 400 Bad Request\r\n${head}\r\n\r\n${body}`
      // The last ones are not waited for.
      if (maybeTls || body === 'HTTPS') socket.end(text)
      else socket.write(text)
    })
    const fetcher = fetcherFor(t, new Span(0, [1]))
    const failure = failureOf(await fetcher.probeSource(probe(origin.url)))
    t.match(failure, { code: 'status', status: 400, message: '400 Bad Request' })
    t.equal(failure.maybeTls ?? false, maybeTls, `${head} ${body}`)
    fetcher.close()
  }
})

t.test('close() ends what runs', async t => {
  const silent = await rawOrigin(t, () => {})
  const span = new Span(0, [4096])
  const fetcher = fetcherFor(t, span)
  const running = [
    fetcher.fetchSpan(span.task(silent.url)),
    fetcher.probeSource(probe(silent.url)),
    fetcher.probeSource(probe(silent.url.replace('http:', 'https:'))),
  ] as const
  while (silent.requests.length < 2) await new Promise(setImmediate)
  fetcher.close()
  for (const result of await Promise.all(running)) t.equal(failureOf(result).code, 'cancelled')
  t.ok(span.letGo)
  t.equal(fetcher.connections, 0)
})

t.test('probeSource() gives up on a server that sends nothing but interim answers', async t => {
  const origin = await rawOrigin(t, socket => {
    const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 10)
    socket.on('close', () => clearInterval(timer))
  })
  const span = new Span(0, [4096])
  const fetcher = fetcherFor(t, span, { firstByteTimeoutMs: 100 })
  t.match(failureOf(await fetcher.probeSource(probe(origin.url))), { code: 'first-byte-timeout' })
})

t.test('probeSource() takes an answer behind interim answers', async t => {
  const origin = await rawOrigin(t, socket => {
    socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n')
    socket.write(head206(4096, 'content-length: 4096'))
    socket.write(imageBytes(0, 4096))
  })
  const result = await fetcherFor(t, new Span(0, [4096])).probeSource(probe(origin.url))
  t.match(result, { ok: true, totalBytes: 1_000_000 })
})

t.test('probeSource() calls an impossible status what it is', async t => {
  const origin = await rawOrigin(t, socket => socket.write('HTTP/1.1 000 X\r\n\r\n'))
  const result = await fetcherFor(t, new Span(0, [4096])).probeSource(probe(origin.url))
  t.match(failureOf(result), { code: 'protocol', message: 'the answer is not valid HTTP' })
})
