import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { NbdClient, NbdError } from '../../.bench/nbd-client.js'
import { Listener } from '../../dist/main/listener.js'
import { MemoryExport, type MemoryExportOptions, patternBytes } from '../fixtures/memory-export.js'
import { GREETING, hex, unhex } from '../fixtures/nbd-encoder.js'

async function serve(t: Test, options: MemoryExportOptions = {}) {
  const disk = new MemoryExport({ name: 'disk', ...options })
  const listener = await Listener.listen({ address: { path: '-' }, exports: [disk] })
  t.teardown(() => listener.close(0))
  return { disk, listener, address: { path: listener.socketPath ?? '' } }
}

t.test('NbdClient.connect() learns size, maximum and flags', async t => {
  const { address } = await serve(t, { size: 12_345 })
  const client = await NbdClient.connect(address, { exportName: 'disk', connections: 3 })
  t.equal(client.size, 12_345)
  t.equal(client.maximum, 32 * 1024 * 1024)
  t.equal(client.flags, 0x587)
  await client.close()
})

t.test('NbdClient.connect() rejects with the server’s words', async t => {
  const { address } = await serve(t)
  await t.rejects(NbdClient.connect(address, { exportName: 'none', connections: 2 }), {
    name: 'NbdError',
    message: "Cannot open the export 'none': there is no export of this name",
  })
  await t.rejects(NbdClient.connect({ path: '/nonexistent/socket' }), { code: 'ENOENT' })
})

t.test('NbdClient.read() returns the bytes of any range, many at once', async t => {
  const { address } = await serve(t, { pieceBytes: 777 })
  const client = await NbdClient.connect(address, { connections: 2 })
  const places = Array.from(
    { length: 50 },
    (_, index) => [index * 20_011, 1 + index * 301] as const,
  )
  const reads = await Promise.all(places.map(([offset, length]) => client.read(offset, length)))
  for (const [index, [offset, length]] of places.entries()) {
    t.ok(reads[index]?.equals(patternBytes(offset, length)), `${length} bytes at ${offset}`)
  }
  await client.close()
  await t.rejects(client.read(0, 1), /the server has closed the connection/)
})

t.test('NbdClient.read() rejects with the server’s error text and goes on', async t => {
  const { disk, address } = await serve(t, { manual: true })
  const client = await NbdClient.connect(address)
  const read = client.read(0, 1000)
  await disk.waitForPending(1)
  const [pending] = [...disk.pending]
  if (pending === undefined) throw new Error('no read')
  disk.give(pending, 0, 500)
  disk.fail(pending, 500, { code: 'status', message: '503 after 8 attempts' })
  await t.rejects(read, new NbdError('read 1000 bytes at 0', 5, '503 after 8 attempts'))
  const next = client.read(7, 3)
  await disk.waitForPending(1)
  for (const pending of [...disk.pending]) disk.answer(pending)
  t.ok((await next).equals(patternBytes(7, 3)))
  await client.close()
})

t.test('NbdClient.sha256() reads the whole image in order', async t => {
  const { disk, address } = await serve(t, { size: 3_000_001, pieceBytes: 10_000 })
  const client = await NbdClient.connect(address, { connections: 3 })
  const expected = createHash('sha256').update(disk.bytes).digest('hex')
  t.equal(await client.sha256({ readBytes: 65_537, inFlight: 7 }), expected)
  t.equal(await client.sha256(), expected)
  await client.close()
})

t.test('NbdClient.stream() ends with the first failure', async t => {
  const { disk, address } = await serve(t, { size: 1_000_000 })
  const client = await NbdClient.connect(address)
  const read = disk.read.bind(disk)
  disk.read = (request, sink) => {
    if (request.offset < 500_000) return read(request, sink)
    sink.fail({ code: 'reset', message: 'broken' }, request.offset)
    return { cancel() {} }
  }
  let given = 0
  const streaming = client.stream(
    chunk => {
      given += chunk.length
    },
    { readBytes: 100_000 },
  )
  await t.rejects(streaming, { message: 'Cannot read 100000 bytes at 500000: broken' })
  t.equal(given, 500_000)
  await client.close()
})

t.test('NbdClient refuses data that were not asked for', async t => {
  const ack = (option: number) => unhex('0003e889045565a9', hex(option, 4), hex(1, 4), hex(0, 4))
  const answers: [string, Buffer][] = [
    ['beyond the range', unhex('668e33ef 0001 0001', hex(0, 8), hex(9, 4), hex(20, 8), '00')],
    ['too few bytes', unhex('668e33ef 0001 0001', hex(0, 8), hex(9, 4), hex(10, 8), '00')],
    ['an unknown cookie', unhex('668e33ef 0001 0000', hex(9, 8), hex(0, 4))],
    ['no magic', Buffer.alloc(20)],
  ]
  for (const [name, answer] of answers) {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.write(Buffer.concat([GREETING, ack(8), ack(7)]))
      let received = 0
      socket.on('data', chunk => {
        received += chunk.length
        // Flags, two options, one request.
        if (received >= 4 + 16 + 16 + 8 + 28) socket.end(answer)
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const client = await NbdClient.connect({ host: '127.0.0.1', port })
    await t.rejects(client.read(10, 10), { message: /^Cannot read/ }, name)
    await client.close()
    server.close()
  }
})
