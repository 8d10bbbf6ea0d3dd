import type net from 'node:net'
import t, { type Test } from 'tap'
import { makeCertificate } from '../../.bench/slow-server/certificate.js'
import type { Failure } from '../../dist/shared/failure.js'
import type { ResponseReader } from '../../dist/workers/exchange.js'
import { OriginClient } from '../../dist/workers/origin-client.js'
import type { ResponseHead, ResponseHeaders } from '../../dist/workers/range-response.js'
import { Router } from '../../dist/workers/route.js'
import { httpOrigin, imageBytes, type Origin, rawOrigin, serveRange } from '../fixtures/origin.js'
import { TRANSPORT } from '../fixtures/span.js'

/** Keeps the head, copies the body, and notes where its pieces lay. */
class KeepingReader implements ResponseReader {
  headers: ResponseHeaders = {}
  failure: Failure | undefined
  readonly pieces: Buffer[] = []
  readonly memories = new Set<ArrayBufferLike>()
  readonly starts: number[] = []
  readonly done: Promise<this>
  alignment = 0
  #resolve!: (reader: this) => void

  constructor() {
    this.done = new Promise(resolve => {
      this.#resolve = resolve
    })
  }

  head({ headers }: ResponseHead): 'read' {
    this.headers = headers
    return 'read'
  }

  body(piece: Uint8Array): undefined {
    this.pieces.push(Buffer.from(piece))
    this.memories.add(piece.buffer)
    this.starts.push(piece.byteOffset % 8)
    this.alignment = 3
  }

  end(): undefined {}

  settled(failure: Failure | undefined): void {
    this.failure = failure
    this.#resolve(this)
  }
}

function clientFor(t: Test, origin: Origin, transport = {}): OriginClient {
  const settings = { ...TRANSPORT, ...transport }
  const address = new URL(origin.url).origin
  const client = new OriginClient(address, settings, new Router(settings).to(address))
  t.teardown(() => client.close())
  return client
}

function get(client: OriginClient, path: string, headers: string[] = [], bulk = false) {
  const reader = new KeepingReader()
  client.send({ path, headers, bulk }, reader)
  return reader
}

/** Lets what was written arrive: client and server share this event loop. */
async function turns(): Promise<void> {
  for (let count = 0; count < 10; count++) await new Promise(setImmediate)
}

const BODY = 300_000
const ok = (length: number, ...fields: string[]) =>
  ['HTTP/1.1 200 OK', `content-length: ${length}`, ...fields, '', ''].join('\r\n')

for (const pipelining of [1, 2]) {
  const where = pipelining === 1 ? 'by itself' : 'behind a body'
  t.test(`a head that comes in halves ${where} stays as it was sent`, async t => {
    const sockets: net.Socket[] = []
    const origin = await rawOrigin(t, socket => sockets.push(socket))
    const client = clientFor(t, origin, { pipelining, connectionsPerWorker: 2 })
    const other = get(client, '/other', [], true)
    const before = get(client, '/before', [], true)
    while (sockets.length < 2) await turns()
    const [otherSocket, socket] = sockets as [net.Socket, net.Socket]
    let halved = before
    if (pipelining === 2) {
      halved = get(client, '/halved', [], true)
      // Queued on one of the two connections; the test follows it there.
      while (sockets.length < 3) await turns()
    }
    const line = pipelining === 2 ? (sockets[2] as net.Socket) : socket
    const still = line === otherSocket ? socket : otherSocket
    const bystander = line === otherSocket ? before : other
    const first = line === otherSocket ? other : before
    // What the buffer holds next is this body, not what the head's first half is a view of.
    still.write(ok(BODY * 2))
    still.write(imageBytes(0, BODY))
    await turns()
    if (pipelining === 2) {
      line.write(ok(BODY))
      line.write(imageBytes(7, BODY - 1000))
      await turns()
      const end = imageBytes(7 + BODY - 1000, 1000)
      line.write(Buffer.concat([end, Buffer.from('HTTP/1.1 200 OK\r\nx-mark: first-')]))
    } else {
      line.write('HTTP/1.1 200 OK\r\nx-mark: first-')
    }
    await turns()
    still.write(imageBytes(BODY, BODY))
    await bystander.done
    line.write('second\r\ncontent-length: 3\r\n\r\nabc')
    await halved.done
    t.equal(halved.failure, undefined)
    t.equal(halved.headers['x-mark'], 'first-second')
    t.equal(Buffer.concat(halved.pieces).toString(), 'abc')
    t.ok(Buffer.concat(bystander.pieces).equals(imageBytes(0, BODY * 2)))
    if (pipelining === 2) {
      await first.done
      t.ok(Buffer.concat(first.pieces).equals(imageBytes(7, BODY)))
    }
  })
}

for (const tls of [false, true]) {
  t.test(
    `bodies over ${tls ? 'TLS' : 'TCP'} come whole, in one buffer, aligned as asked`,
    async t => {
      const total = 2_000_000
      const certificate = tls ? await makeCertificate() : undefined
      const origin = await httpOrigin(t, serveRange(total), certificate)
      const client = clientFor(t, origin, { verify: false })
      const ask = (start: number) =>
        get(client, '/', ['range', `bytes=${start}-${start + 799_999}`])
      const readers = [0, 1, 1_000_001].map(ask)
      for (const [index, reader] of readers.entries()) {
        await reader.done
        const start = [0, 1, 1_000_001][index] as number
        t.equal(reader.failure, undefined)
        t.ok(Buffer.concat(reader.pieces).equals(imageBytes(start, 800_000)), `from ${start}`)
        // The first piece shares its read with the head.
        t.ok(reader.starts.length > 2)
        t.strictSame([...new Set(reader.starts.slice(1))], [3])
      }
      const shared = [...(readers[0] as KeepingReader).memories].filter(memory =>
        readers.every(reader => reader.memories.has(memory)),
      )
      t.equal(shared.length, 1)
    },
  )
}

t.test('what comes over TLS in one turn is parsed at once, not record by record', async t => {
  const records = 100
  const length = records * 16_384
  const origin = await httpOrigin(t, serveRange(length), await makeCertificate())
  const reader = get(clientFor(t, origin, { verify: false }), '/', [
    'range',
    `bytes=0-${length - 1}`,
  ])
  await reader.done
  t.equal(reader.failure, undefined)
  t.ok(Buffer.concat(reader.pieces).equals(imageBytes(0, length)))
  t.ok(reader.pieces.length < records / 2, `${reader.pieces.length} pieces`)
})

for (const how of ['destroy', 'resetAndDestroy'] as const) {
  const event = how === 'destroy' ? 'end' : 'breaking off'
  t.test(`what has come over TLS before the ${event} of its connection is not lost`, async t => {
    const origin = await httpOrigin(
      t,
      (_request, response) => {
        response.writeHead(200, { 'content-length': BODY })
        response.flushHeaders()
        setImmediate(() => {
          response.write(imageBytes(0, 50_000))
          // Once that is sent, and before the client, who is in the same thread, can have read it.
          process.nextTick(() => process.nextTick(() => [...origin.sockets][0]?.[how]()))
        })
      },
      await makeCertificate(),
    )
    const reader = await get(clientFor(t, origin, { verify: false }), '/').done
    t.not(reader.failure, undefined)
    t.ok(Buffer.concat(reader.pieces).equals(imageBytes(0, 50_000)))
  })
}

t.test('a chunked body comes whole, framing and trailers taken off', async t => {
  const origin = await httpOrigin(t, (_request, response) => {
    response.writeHead(200, { trailer: 'x-sum' })
    for (let at = 0; at < BODY; at += 1000) response.write(imageBytes(at, 1000))
    response.addTrailers({ 'x-sum': '1' })
    response.end()
  })
  const client = clientFor(t, origin)
  const [one, two] = [get(client, '/1'), get(client, '/2')]
  for (const reader of [await one.done, await two.done]) {
    t.equal(reader.failure, undefined)
    t.ok(Buffer.concat(reader.pieces).equals(imageBytes(0, BODY)))
  }
})

t.test('bytes that nobody asked for end the connection, and no other', async t => {
  const origin = await rawOrigin(t, (socket, head) => {
    socket.write(ok(3))
    socket.write('abc')
    if (head.includes('/noisy')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx')
  })
  const client = clientFor(t, origin)
  const quiet = get(client, '/quiet')
  const noisy = get(client, '/noisy')
  for (const reader of [await quiet.done, await noisy.done]) {
    t.equal(Buffer.concat(reader.pieces).toString(), 'abc')
  }
  while (client.size > 1) await turns()
  const next = await get(client, '/next').done
  t.equal(Buffer.concat(next.pieces).toString(), 'abc')
  t.equal(origin.accepted, 2)
})
