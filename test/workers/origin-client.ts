import t, { type Test } from 'tap'
import type { Failure } from '../../dist/shared/failure.js'
import type { FetchTimings, Transport } from '../../dist/shared/fetch-task.js'
import type { Exchange, ResponseReader } from '../../dist/workers/exchange.js'
import { OriginClient } from '../../dist/workers/origin-client.js'
import { Router } from '../../dist/workers/route.js'
import { httpOrigin, type Origin, rawOrigin } from '../fixtures/origin.js'
import { TRANSPORT } from '../fixtures/span.js'

const CANCELLED: Failure = { code: 'cancelled', message: 'the test has seen enough' }

function clientFor(t: Test, origin: Origin, transport: Partial<Transport> = {}): OriginClient {
  const settings = { ...TRANSPORT, ...transport }
  const { origin: address } = new URL(origin.url)
  const client = new OriginClient(address, settings, new Router(settings).to(address))
  t.teardown(() => client.close())
  return client
}

/** Keeps the body as text; counts what must come once. */
class TextReader implements ResponseReader {
  text = ''
  failure: Failure | undefined
  timings: FetchTimings | undefined
  settledCount = 0
  exchange!: Exchange
  readonly done: Promise<this>
  #resolve!: (reader: this) => void

  constructor() {
    this.done = new Promise(resolve => {
      this.#resolve = resolve
    })
  }

  head(): 'read' {
    return 'read'
  }

  body(piece: Uint8Array): undefined {
    this.text += Buffer.from(piece).toString()
  }

  end(): undefined {}

  settled(failure: Failure | undefined, timings: FetchTimings): void {
    this.settledCount++
    this.failure = failure
    this.timings = timings
    this.#resolve(this)
  }
}

function get(client: OriginClient, path: string, bulk = false): TextReader {
  const reader = new TextReader()
  reader.exchange = client.send({ path, headers: [], bulk }, reader)
  return reader
}

const turn = () => new Promise(setImmediate)

/** Waits until the server has seen so many requests. */
async function arrived(origin: Origin, count: number): Promise<void> {
  while (origin.requests.length < count) await turn()
}

const ok = (body: string, ...fields: string[]) =>
  [`HTTP/1.1 200 OK`, `content-length: ${body.length}`, ...fields, '', body].join('\r\n')

t.test('prepare() opens connections which requests then use', async t => {
  const origin = await httpOrigin(t, (_request, response) => response.end('ok'))
  const client = clientFor(t, origin)
  const first = await get(client, '/0').done
  t.ok(first.timings?.newConnection)
  client.prepare(3)
  client.prepare(2)
  t.equal(client.size, 3, 'those in use are counted')
  // The first of these are sent before the connections stand.
  const readers = [1, 2, 3, 4].map(index => get(client, `/${index}`))
  for (const { text, failure } of await Promise.all(readers.map(({ done }) => done))) {
    t.equal(failure, undefined)
    t.equal(text, 'ok')
  }
  t.equal(origin.accepted, 4)
  client.prepare(5)
  while (origin.accepted < 5) await turn()
  const last = await Promise.all([1, 2, 3, 4, 5].map(index => get(client, `/${index}`).done))
  t.same(last.map(({ text }) => text).join(), 'ok,ok,ok,ok,ok')
  t.equal(origin.accepted, 5)
  t.equal(last.filter(({ timings }) => timings?.newConnection).length, 1)
})

t.test('a connection that was opened early and is gone by then costs no request', async t => {
  const origin = await rawOrigin(t, socket => socket.write(ok('ok')))
  const client = clientFor(t, origin)
  client.prepare(3)
  while (origin.accepted < 3) await turn()
  t.equal(client.size, 3)
  const [gone, late, early] = origin.sockets
  gone?.destroy()
  // As servers do that have waited for long enough.
  late?.end('HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n')
  early?.write('HTTP/1.1 200 OK\r\n')
  while (client.size > 0) await turn()
  const { text, failure } = await get(client, '/').done
  t.equal(failure, undefined)
  t.equal(text, 'ok')
  t.equal(origin.accepted, 4)
})

t.test('prepare() leaves it to the request to say what is wrong', async t => {
  const origin = await httpOrigin(t, (_request, response) => response.end())
  const { port } = new URL(origin.url)
  const settings = { ...TRANSPORT, connectTimeoutMs: 500 }
  // Nobody listens there.
  const address = `http://127.0.0.2:${port}`
  const client = new OriginClient(address, settings, new Router(settings).to(address))
  client.prepare(2)
  while (client.size > 0) await turn()
  const { failure } = await get(client, '/').done
  t.equal(failure?.code, 'connect')
  client.prepare(1)
  client.close()
  t.equal(client.size, 0)
})

t.test(
  'send() opens a connection for each request at a time, then uses the latest again',
  async t => {
    const origin = await httpOrigin(t, (request, response) => {
      response.end(`${request.socket.remotePort}`)
    })
    const client = clientFor(t, origin)
    const pair = [get(client, '/1'), get(client, '/2')] as const
    await Promise.all(pair.map(reader => reader.done))
    t.equal(origin.accepted, 2)
    t.equal(client.size, 2)
    t.not(pair[0].text, pair[1].text)
    for (const reader of pair) t.ok(reader.timings?.newConnection)
    const third = await get(client, '/3').done
    const fourth = await get(client, '/4', true).done
    t.equal(third.timings?.newConnection, false)
    t.equal(third.timings?.connectMs, 0)
    t.equal(fourth.text, third.text, 'the one most recently used')
    t.equal(origin.accepted, 2)
  },
)

t.test('send() replaces a connection whose answer was broken off', async t => {
  const origin = await rawOrigin(t, (socket, _head, index) => {
    socket.write(index === 0 ? 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc' : ok('whole'))
  })
  const client = clientFor(t, origin)
  const first = get(client, '/1')
  while (first.text !== 'abc') await turn()
  first.exchange.cancel(CANCELLED)
  t.equal(first.failure, CANCELLED, 'settled at once')
  t.equal(client.size, 0)
  const second = await get(client, '/2').done
  t.equal(second.text, 'whole')
  t.equal(second.timings?.newConnection, true)
  t.equal(origin.accepted, 2)
  first.exchange.cancel(CANCELLED)
  t.equal(first.settledCount, 1)
})

t.test('send() waits for no rest of a refused answer, and keeps no connection for it', async t => {
  const origin = await rawOrigin(t, socket => {
    socket.write('HTTP/1.1 503 Busy\r\ncontent-length: 1000\r\n\r\na')
  })
  const client = clientFor(t, origin)
  for (let index = 0; index < 5; index++) {
    const reader = new TextReader()
    reader.head = () => CANCELLED as never
    reader.exchange = client.send({ path: '/', headers: [], bulk: index % 2 === 0 }, reader)
    await reader.done
    t.equal(reader.failure, CANCELLED)
    t.equal(client.size, 1)
  }
  t.equal(origin.accepted, 5)
  while (origin.open > 1) await turn()
})

t.test('a refused answer that drips does not hold its connection for long', async t => {
  const origin = await rawOrigin(t, socket => {
    socket.write('HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\n\r\n')
    const drip = setInterval(() => socket.write('1\r\nx\r\n'), 50)
    socket.on('close', () => clearInterval(drip))
  })
  const client = clientFor(t, origin)
  const reader = new TextReader()
  reader.head = () => CANCELLED as never
  reader.exchange = client.send({ path: '/', headers: [], bulk: true }, reader)
  await reader.done
  while (client.size > 0) await turn()
  t.equal(reader.settledCount, 1)
})

t.test('send() opens a new connection where the server closed the old or will soon', async t => {
  const origin = await rawOrigin(t, (socket, _head, index) => {
    if (index === 0) socket.end(ok('a'))
    if (index === 1) socket.end(ok('b', 'connection: close'))
    if (index === 2) socket.write(ok('c', 'keep-alive: timeout=1'))
    if (index === 3) socket.write(ok('d', 'keep-alive: timeout=5'))
    if (index === 4) socket.write(ok('e'))
  })
  const client = clientFor(t, origin)
  const answers: [string, boolean | undefined][] = []
  for (let index = 0; index < 5; index++) {
    const reader = await get(client, '/').done
    answers.push([reader.text, reader.timings?.newConnection])
    // Lets a closing arrive: a server's word alone does not tell when.
    if (index < 3) while (origin.open > 0) await turn()
  }
  t.strictSame(answers, [
    ['a', true],
    ['b', true],
    ['c', true],
    ['d', true],
    ['e', false],
  ])
})

t.test('send() queues bulk requests once its connections are open, others never', async t => {
  const sockets = new Map<string, { port: number | undefined; answer: () => void }>()
  const origin = await rawOrigin(t, (socket, head) => {
    const name = head.slice(5, head.indexOf(' HTTP'))
    const answer = () => socket.write(ok(name))
    sockets.set(name, { port: socket.remotePort, answer })
  })
  const client = clientFor(t, origin, { pipelining: 3, connectionsPerWorker: 2 })
  const first = [get(client, '/a', true), get(client, '/b', true)]
  await arrived(origin, 2)
  t.equal(client.size, 2)
  // Both have one: the next three go where fewest wait, the sixth finds both full.
  const queued = ['/c', '/d', '/e'].map(path => get(client, path, true))
  await arrived(origin, 5)
  t.equal(origin.accepted, 2)
  const port = (name: string) => sockets.get(name)?.port
  t.not(port('c'), port('d'))
  const urgent = get(client, '/urgent')
  await arrived(origin, 6)
  t.equal(origin.accepted, 3)
  t.not(port('urgent'), port('a'))
  t.not(port('urgent'), port('b'))
  const last = get(client, '/f', true)
  const over = get(client, '/g', true)
  await arrived(origin, 8)
  t.equal(origin.accepted, 4, 'no bulk request behind an urgent one, none beyond the depth')
  for (const { answer } of sockets.values()) answer()
  const all = [...first, ...queued, urgent, last, over]
  await Promise.all(all.map(reader => reader.done))
  t.strictSame(
    all.map(reader => reader.text),
    ['a', 'b', 'c', 'd', 'e', 'urgent', 'f', 'g'],
  )
})

t.test('cancel() of a request that waits for its idle connection leaves that open', async t => {
  const origin = await httpOrigin(t, (request, response) => response.end(request.url))
  const client = clientFor(t, origin)
  await get(client, '/first').done
  await turn()
  const second = get(client, '/second')
  second.exchange.cancel(CANCELLED)
  t.equal(second.failure, CANCELLED)
  t.equal(second.timings?.newConnection, false)
  // undici has its turn to send it before this one ends.
  await turn()
  const third = await get(client, '/third').done
  t.equal(third.text, '/third')
  t.equal(third.timings?.newConnection, false)
  t.equal(origin.accepted, 1)
  t.strictSame(
    origin.requests.map(request => request.url),
    ['/first', '/third'],
  )
})

t.test('cancel() of a queued request does no harm to those before and behind it', async t => {
  let finish = () => {}
  const origin = await rawOrigin(t, (socket, head, index) => {
    const name = head.slice(5, head.indexOf(' HTTP'))
    if (index === 0) {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nfir')
      finish = () => socket.write(`st1${ok('second')}${ok('third')}`)
    } else if (index > 2) {
      socket.write(ok(`${name} again`))
    }
  })
  const client = clientFor(t, origin, { pipelining: 4, connectionsPerWorker: 1 })
  const first = get(client, '/first', true)
  // undici sends the rest of a pipeline only on an open connection.
  while (first.text !== 'fir') await turn()
  const second = get(client, '/second', true)
  const third = get(client, '/third', true)
  await arrived(origin, 3)
  second.exchange.cancel(CANCELLED)
  t.equal(second.failure, CANCELLED)
  finish()
  await Promise.all([first.done, third.done])
  t.equal(first.text, 'first1')
  t.equal(second.text, '')
  // The connection ended with the unwanted answer; the one behind it was asked for again.
  t.equal(third.text, 'third again')
  t.equal(third.failure, undefined)
  t.equal(third.timings?.newConnection, true)
  for (const reader of [first, second, third]) t.equal(reader.settledCount, 1)
})

t.test('cancel() of the first of a pipeline lets those behind it go on elsewhere', async t => {
  const origin = await rawOrigin(t, (socket, head, index) => {
    const name = head.slice(5, head.indexOf(' HTTP'))
    if (index === 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nfir')
    else if (index > 1) socket.write(ok(`${name} again`))
  })
  const client = clientFor(t, origin, { pipelining: 4, connectionsPerWorker: 1 })
  const first = get(client, '/first', true)
  while (first.text !== 'fir') await turn()
  const second = get(client, '/second', true)
  await arrived(origin, 2)
  first.exchange.cancel(CANCELLED)
  t.equal((await second.done).text, 'second again')
  t.equal(first.text, 'fir')
  t.equal(origin.accepted, 2)
  t.equal(client.size, 1)
})

t.test(
  'a failed answer fails its own request only, those behind it are asked for again',
  async t => {
    const origin = await rawOrigin(t, (socket, head, index) => {
      const name = head.slice(5, head.indexOf(' HTTP'))
      if (index === 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nfir')
      else if (index === 1) socket.resetAndDestroy()
      else socket.write(ok(`${name} again`))
    })
    const client = clientFor(t, origin, { pipelining: 4, connectionsPerWorker: 1 })
    const first = get(client, '/first', true)
    while (first.text !== 'fir') await turn()
    const second = get(client, '/second', true)
    t.equal((await second.done).text, 'second again')
    t.match(first.failure, { code: 'reset', freshConnection: true })
  },
)

t.test('informational answers are passed over', async t => {
  const origin = await rawOrigin(t, socket => {
    socket.write(`HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${ok('final')}`)
  })
  const reader = await get(clientFor(t, origin), '/').done
  t.equal(reader.text, 'final')
  t.equal(reader.failure, undefined)
})

t.test('an exception of the reader fails its request, and nothing else', async t => {
  const origin = await httpOrigin(t, (_request, response) => response.end('body'))
  const client = clientFor(t, origin)
  for (const method of ['head', 'body', 'end'] as const) {
    const reader = new TextReader()
    reader[method] = () => {
      throw new Error('a defect')
    }
    reader.exchange = client.send({ path: '/', headers: [], bulk: false }, reader)
    await reader.done
    t.match(reader.failure, { code: 'internal', message: /^a defect \(origin-client\.ts:\d+\)$/ })
    t.equal(reader.settledCount, 1)
  }
  t.equal((await get(client, '/').done).text, 'body')
})
