// The status server against whoever may reach it: who is let in, what is refused, and that nothing piles
// up. What it tells is made up here.

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { hostname } from 'node:os'
import t, { type Test } from 'tap'
import { Budget } from '../../../dist/main/status/budget.js'
import { EventStream } from '../../../dist/main/status/event-stream.js'
import { StatusAccess } from '../../../dist/main/status/status-access.js'
import {
  isLoopback,
  parseStatusAddress,
  resolveStatus,
} from '../../../dist/main/status/status-options.js'
import { StatusServer, type StatusSource } from '../../../dist/main/status/status-server.js'
import { UsageError } from '../../../dist/main/usage-error.js'
import { RawConnection, rawRequest } from '../../fixtures/raw-http-client.js'
import { until } from '../../fixtures/until.js'

/** A source with a large picture. */
class MadeUp implements StatusSource {
  asked = 0
  closed = false
  healthy = true
  failing = false

  json(): Buffer {
    this.asked++
    if (this.failing) throw new Error('broken at hunter2')
    return Buffer.from(JSON.stringify({ filler: 'x'.repeat(64 * 1024) }))
  }

  async metrics() {
    return { type: 'text/plain; version=0.0.4', text: Buffer.from('up 1\n') }
  }

  health() {
    return { healthy: this.healthy, ready: this.healthy, reason: 'the origin is gone' }
  }

  close(): void {
    this.closed = true
  }
}

async function started(t: Test, token?: string) {
  const source = new MadeUp()
  const log: string[] = []
  const server = await StatusServer.listen(
    { host: '127.0.0.1', port: 0, token },
    source,
    (level, message) => log.push(`${level} ${message}`),
  )
  t.teardown(() => server.close())
  const { host } = new URL(server.url)
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    rawRequest(`${server.url}${path.slice(1)}`, { method, headers: { Host: host, ...headers } })
  return { source, log, server, host, ask }
}

/** Sends bytes on a connection of its own; the answer until the server closes. */
function exchange(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise(resolve => {
    let answer = ''
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    socket.on('data', chunk => {
      answer += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}

t.test(
  'Budget gives what was earned, no more than its store, and takes fines from what comes',
  async t => {
    const budget = new Budget(10, 3, 1000)
    const taken = (nowMs: number) => {
      let count = 0
      while (budget.take(nowMs)) count++
      return count
    }
    t.equal(taken(1000), 3)
    t.equal(taken(1099), 0)
    t.equal(taken(1250), 2)
    t.equal(taken(9000), 3)
    budget.fine(5)
    t.equal(taken(9500), 0)
    t.equal(taken(9700), 2)
  },
)

t.test('parseStatusAddress() takes a port, a host and a port, and nothing else', async t => {
  for (const [text, address] of [
    ['9808', { host: '127.0.0.1', port: 9808 }],
    ['0', { host: '127.0.0.1', port: 0 }],
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
    ['[::1]:65535', { host: '::1', port: 65535 }],
    ['a.example:1', { host: 'a.example', port: 1 }],
  ] as const) {
    t.strictSame(parseStatusAddress(text), address)
  }
  for (const text of [
    '',
    ':80',
    '::1:80',
    '[::1]',
    '[x]:1',
    'a b:1',
    '65536',
    '1:2:3',
    'http://a:1/',
  ]) {
    t.throws(() => parseStatusAddress(text), UsageError, text)
  }
})

t.test(
  'resolveStatus() refuses a token without an address, or one that no header carries',
  async t => {
    t.equal(resolveStatus({}), undefined)
    t.throws(() => resolveStatus({ statusToken: 'x' }), /without --status/)
    for (const token of ['', 'two words', 'ä', 'a\n']) {
      t.throws(() => resolveStatus({ status: '0', statusToken: token }), UsageError)
    }
    t.match(resolveStatus({ status: '1', statusToken: 'a~1' }), { port: 1, token: 'a~1' })
  },
)

t.test('isLoopback() is not taken in by names', async t => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1']) t.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '127.evil.example', '10.0.0.1'])
    t.notOk(isLoopback(host), host)
})

t.test('StatusAccess knows its own names and every address, and no page of others', async t => {
  const access = new StatusAccess(['status.example'], undefined)
  for (const headers of [
    {},
    { host: 'localhost' },
    { host: 'LOCALHOST.:9808' },
    { host: '127.0.0.1:1' },
    { host: '[::1]:1' },
    { host: '192.0.2.7' },
    { host: 'status.example' },
    { host: 'a:1', origin: 'http://a:1' },
    { host: 'localhost:1', origin: 'http://localhost:1' },
    { host: 'status.example', origin: 'https://status.example' },
  ]) {
    t.equal(access.isForeign(headers), headers.host === 'a:1', JSON.stringify(headers))
  }
  for (const headers of [
    { host: 'evil.example' },
    { host: 'status.example.evil.example' },
    { host: 'localhost@evil.example' },
    { host: '' },
    { host: '127.0.0.1 evil' },
    { host: '[::1' },
    { host: 'localhost:1', origin: 'http://localhost:2' },
    { host: 'localhost', origin: 'null' },
    { host: 'localhost', origin: 'http://evil.example' },
    { host: 'localhost', origin: '' },
  ]) {
    t.ok(access.isForeign(headers), JSON.stringify(headers))
  }
})

t.test('StatusAccess takes one token, shown as it should be', async t => {
  const access = new StatusAccess([], 'hunter2')
  t.ok(access.isAuthorized({ authorization: 'Bearer hunter2' }))
  t.ok(access.isAuthorized({ authorization: 'bearer  hunter2' }))
  t.notOk(access.isAuthorized({}))
  for (const authorization of [
    '',
    'hunter2',
    'Basic hunter2',
    'Bearer',
    'Bearer hunter',
    'Bearer hunter22',
    'Bearer Hunter2',
    'Bearer hunter2 x',
  ]) {
    t.notOk(access.isAuthorized({ authorization }), authorization)
  }
  t.ok(new StatusAccess([], undefined).isAuthorized({}))
})

t.test('StatusServer tells to GET and HEAD what there is, never to be kept', async t => {
  const { ask, source, server, log } = await started(t)
  t.strictSame(log, [`info status at ${server.url}`])
  for (const [path, type] of [
    ['/status.json', /^application\/json/],
    ['/metrics', /^text\/plain; version/],
    ['/healthz', /^text\/plain/],
    ['/readyz?x=1', /^text\/plain/],
  ] as const) {
    const { status, headers, body } = await ask(path)
    t.match({ status, headers }, { status: 200, headers: { 'content-type': type } }, path)
    t.match(headers, {
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': /default-src 'none'.*frame-ancestors 'none'/,
      'referrer-policy': 'no-referrer',
    })
    const head = await ask(path, {}, 'HEAD')
    t.equal(head.headers['content-length'], String(body.length))
    t.equal(head.body.length, 0)
  }
  source.healthy = false
  for (const path of ['/healthz', '/readyz']) {
    const { status, body } = await ask(path)
    t.strictSame([status, String(body)], [503, 'failing: the origin is gone\n'])
  }
})

t.test('StatusServer refuses what is not for it, and goes on', async t => {
  const { ask, source, server, host, log } = await started(t)
  const json = '/status.json'
  for (const path of [
    '/../etc/passwd',
    '//status.json',
    '/./status.json',
    '/%2e%2e/status.json',
    '/status%2ejson',
    '/status.json/',
    '/assets/../../package.json',
    '/package.json',
    '/STATUS.JSON',
    '/\\status.json',
  ]) {
    const connection = new RawConnection(server.url)
    connection.send(path, { Host: host })
    t.equal((await connection.response()).status, 404, path)
    connection.close()
  }
  t.equal((await ask(json, { Host: 'evil.example' })).status, 403)
  t.equal((await ask(json, { Origin: 'http://evil.example' })).status, 403)
  t.equal((await ask('/healthz', { Host: 'evil.example' })).status, 403)
  t.equal((await ask(json, { Host: `${hostname()}:1` })).status, 200)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    const { status, headers } = await ask(json, {}, method)
    t.match(
      { status, headers },
      { status: 405, headers: { allow: 'GET, HEAD', connection: 'close' } },
    )
  }
  const request = `GET ${json} HTTP/1.1\r\nHost: ${host}\r\n`
  for (const [what, bytes, answer] of [
    ['a huge header', `${request}X: ${'x'.repeat(64 * 1024)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ['many headers', `${request}${'X: y\r\n'.repeat(20_000)}\r\n`, /^HTTP\/1\.1 4(31|00) /],
    ['a long path', `GET /${'x'.repeat(64 * 1024)} HTTP/1.1\r\n\r\n`, /^HTTP\/1\.1 4(31|14) /],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['two Hosts', `${request}Host: evil.example\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['no Host', `GET ${json} HTTP/1.1\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['a body', `${request}Content-Length: 5\r\n\r\nGET /`, /^HTTP\/1\.1 400 /],
    [
      'a request behind a body that may end twice',
      `${request}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET ${json} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      /^HTTP\/1\.1 400 (?!.*HTTP\/1\.1 200)/s,
    ],
    ['chunks', `${request}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['a folded header', `${request}X: a\r\n b\r\n\r\n`, /^HTTP\/1\.1 [24]00 /],
    ['a bare line feed', `GET ${json} HTTP/1.1\nHost: ${host}\n\n`, /^(HTTP\/1\.1 400 .*)?/],
    [
      'another server',
      `GET http://evil.example${json} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      /^HTTP\/1\.1 404 /,
    ],
    ['a tunnel', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n', /^$/],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^HTTP\/1\.1 [45]\d\d /],
  ] as const) {
    // Those that are served would be kept open.
    const closing =
      what === 'a folded header' ? bytes.replace('X: a', 'Connection: close\r\nX: a') : bytes
    t.match(await exchange(server.url, closing), answer, what)
  }
  source.failing = true
  const { status, body } = await ask(json)
  t.equal(status, 500)
  t.notMatch(String(body), /hunter2/)
  t.match(log.at(-1), /^warn status: /)
  source.failing = false
  t.equal((await ask(json)).status, 200)
})

t.test('StatusServer gives data to who has the token alone', async t => {
  const { ask, host } = await started(t, 'hunter2')
  const good = { Authorization: 'Bearer hunter2' }
  for (const path of ['/status.json', '/metrics', '/events']) {
    const { status, headers } = await ask(path, { Authorization: 'Bearer hunter3' })
    t.match({ status, headers }, { status: 401, headers: { 'www-authenticate': /^Bearer/ } })
  }
  t.equal((await ask('/status.json', good)).status, 200)
  t.equal((await ask('/status.json', { ...good, Host: 'tunnel.example' })).status, 200)
  t.equal((await ask('/', { Host: `evil.${host}` })).status, 403)
  const health = await ask('/healthz')
  t.strictSame([health.status, String(health.body)], [200, 'ok\n'])
})

t.test('a failing StatusServer tells why to who has the token alone', async t => {
  const { ask, source } = await started(t, 'hunter2')
  source.healthy = false
  t.equal(String((await ask('/readyz')).body), 'failing\n')
  const told = await ask('/readyz', { Authorization: 'Bearer hunter2' })
  t.equal(String(told.body), 'failing: the origin is gone\n')
})

t.test(
  '/events sends a picture a second to a bounded number, and drops who does not read',
  async t => {
    const { server, source, host } = await started(t)
    const follow = () => {
      const connection = new RawConnection(server.url)
      t.teardown(() => connection.close())
      connection.send('/events', { Host: host })
      return connection
    }
    const [first, ...others] = Array.from({ length: 32 }, follow) as [
      RawConnection,
      ...RawConnection[],
    ]
    for (const one of [first, ...others]) {
      t.match(await one.head(), { status: 200, headers: { 'content-type': /^text\/event-stream/ } })
    }
    t.equal((await follow().response()).status, 503)
    const stuck = others.shift() as RawConnection
    stuck.socket.pause()
    const before = source.asked
    // Two frames of all others have the same picture each.
    const text = (await first.take(140 * 1024)).toString()
    t.match(text, /event: status\ndata: \{"filler":"x{65536}"\}\n\n/)
    t.ok(source.asked - before <= 5, 'made once for all')
    for (const one of others) one.close()
    t.equal(source.closed, false)
    const ended = first.ended()
    await server.close()
    await ended
    t.ok(source.closed)
  },
)

t.test('EventStream drops who does not read, and lets nothing pile up meanwhile', async t => {
  const json = () => Buffer.alloc(1024 * 1024, 'x')
  const events = new EventStream({ json }, 2)
  const responses: ServerResponse[] = []
  const server = createServer((_request, response) => {
    responses.push(response)
    t.ok(events.add(response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const stuck = connect(port, '127.0.0.1')
  stuck.on('error', () => {})
  stuck.pause()
  stuck.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => responses.length === 1)
  let most = 0
  await until(() => {
    most = Math.max(most, responses[0]?.writableLength ?? 0)
    return events.size === 0
  })
  t.ok(most < 4 * 1024 * 1024, 'no more than a picture or two wait')
  stuck.destroy()
})

t.test('EventStream takes one response of a connection, and forgets it with that', async t => {
  const events = new EventStream({ json: () => Buffer.from('{}') }, 2)
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    if (!events.add(response)) response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.resume()
  socket.write('GET /events HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5))
  await until(() => asked === 5)
  t.equal(events.size, 1)
  socket.destroy()
  await until(() => events.size === 0)
})

t.test(
  'StatusServer stands a crowd, answers those who follow, and says when it is open to all',
  async t => {
    const { server, host, ask, source } = await started(t)
    const crowd = Array.from({ length: 300 }, () => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
      socket.on('error', () => {})
      let closed = false
      socket.on('close', () => {
        closed = true
      })
      return { socket, isClosed: () => closed }
    })
    // Beyond the bound they are closed as they come.
    await until(() => crowd.filter(one => one.isClosed()).length >= 172)
    for (const { socket } of crowd) socket.destroy()
    await until(async () => (await ask('/healthz')).status === 200)
    // Many requests at once on one connection, nothing read of the answers: 64 KiB each.
    const greedy = connect(Number(new URL(server.url).port), '127.0.0.1')
    greedy.on('error', () => {})
    greedy.resume()
    // Not by once(), for which a reset is an error.
    const cutOff = new Promise(resolve => greedy.on('close', resolve))
    const before = source.asked
    greedy.write(`GET /status.json HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(5_000))
    // Who asks too much at once is cut off, and others are answered again before long.
    await cutOff
    t.ok(source.asked - before < 100)
    await until(() =>
      ask('/status.json').then(
        ({ status }) => status === 200,
        () => false,
      ),
    )
    const log: string[] = []
    const open = await StatusServer.listen(
      { host: '0.0.0.0', port: 0, token: undefined },
      new MadeUp(),
      (level, message) => log.push(`${level} ${message}`),
    )
    await open.close()
    t.match(
      log[1],
      /^warn anybody who reaches http:\/\/0\.0\.0\.0:\d+\/ can read it: use --status-token-file/,
    )
    await t.rejects(
      StatusServer.listen(
        { host: '127.0.0.1', port: Number(new URL(server.url).port), token: 'x' },
        new MadeUp(),
        () => {},
      ),
      { message: /^Cannot listen on 127\.0\.0\.1:\d+: the address is in use/ },
    )
  },
)
