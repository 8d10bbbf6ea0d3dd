import t, { type Test } from 'tap'
import { Listener, type ListenerSettings } from '../../dist/main/listener.js'
import { MemoryExport, type MemoryExportOptions, patternBytes } from '../fixtures/memory-export.js'
import {
  clientFlags,
  exportName,
  go,
  metaContext,
  option,
  type Reply,
  request,
} from '../fixtures/nbd-encoder.js'
import { RawClient } from '../fixtures/raw-client.js'

const [READ, WRITE, DISC, FLUSH, CACHE, BLOCK_STATUS] = [0, 1, 2, 3, 5, 7] as const
const [EPERM, EIO, EINVAL, ESHUTDOWN] = [1, 5, 22, 108] as const
const MIB = 1024 * 1024

async function serve(
  t: Test,
  options: MemoryExportOptions = {},
  limits: ListenerSettings['limits'] = {},
) {
  const disk = new MemoryExport(options)
  const listener = await Listener.listen({ address: { path: '-' }, exports: [disk], limits })
  t.teardown(() => listener.close(0))
  return { disk, listener }
}

/** All pieces of a read put together: the offset of the first, the bytes, and where DONE stood. */
function assemble(replies: readonly Reply[]) {
  const pieces = replies.filter(reply => reply.kind === 'data')
  return {
    offset: Number(pieces[0]?.offset),
    bytes: Buffer.concat(pieces.map(({ data }) => data)),
    done: replies.map(reply => 'done' in reply && reply.done),
  }
}

/** Fulfilled once the session has seen its client leave. */
async function gone(listener: Listener): Promise<void> {
  while (listener.clients > 0) await new Promise(resolve => setImmediate(resolve))
}

t.test('a read is answered piece by piece, DONE on the last', async t => {
  const { disk, listener } = await serve(t, { pieceBytes: 1000 })
  const client = await RawClient.enter(listener)
  client.read(7n, 12_345, 2500)
  const replies = await client.replies(3)
  t.ok(replies.every(({ cookie }) => cookie === 7n))
  const { offset, bytes, done } = assemble(replies)
  t.equal(offset, 12_345)
  t.ok(bytes.equals(patternBytes(12_345, 2500)))
  t.strictSame(done, [false, false, true])
  client.request({ command: DISC })
  t.equal((await client.rest()).length, 0, 'nothing follows')
  client.destroy()
  await gone(listener)
  t.equal(disk.pins, 0)
  t.strictSame(disk.opened, [1])
  t.strictSame(disk.closed, [1])
  t.strictSame(listener.counters, { servedBytes: 2500, reads: 1, failedReads: 0 })
})

t.test('DF and simple replies ask the export for the whole range at once', async t => {
  const { disk, listener } = await serve(t, { pieceBytes: 1000 })
  const modern = await RawClient.enter(listener)
  modern.read(1n, 0, 100_000, 4)
  t.match(await modern.reply(), { kind: 'data', done: true, data: disk.bytes.subarray(0, 100_000) })
  const plain = await RawClient.enter(listener, { structured: false })
  plain.read(2n, 5, 100_000)
  t.strictSame(await plain.reply(), {
    kind: 'simple',
    cookie: 2n,
    error: 0,
    data: patternBytes(5, 100_000),
  })
  modern.destroy()
  plain.destroy()
})

t.test('the first bytes of a read leave before the last have come', async t => {
  const { disk, listener } = await serve(t, { manual: true })
  const client = await RawClient.enter(listener)
  client.read(1n, 0, 300_000)
  await disk.waitForPending(1)
  const [read] = disk.pending
  if (read === undefined) throw new Error('no read')
  for (const start of [0, 100_000]) {
    disk.give(read, start, 100_000)
    const data = patternBytes(start, 100_000)
    t.match(await client.reply(), { kind: 'data', done: false, offset: BigInt(start), data })
  }
  disk.give(read, 200_000, 100_000)
  t.match(await client.reply(), { kind: 'data', done: true, offset: 200_000n })
  client.destroy()
})

t.test('a hole leaves as OFFSET_HOLE between the data around it', async t => {
  const { disk, listener } = await serve(t, { holes: [[4096, 12_288]], pieceBytes: 4096 })
  const client = await RawClient.enter(listener)
  client.read(1n, 0, 16_384)
  t.match(await client.replies(3), [
    { kind: 'data', done: false, offset: 0n, data: patternBytes(0, 4096) },
    { kind: 'hole', done: false, offset: 4096n, length: 8192 },
    { kind: 'data', done: true, offset: 12_288n, data: patternBytes(12_288, 4096) },
  ])
  client.read(2n, 5000, 100)
  t.match(await client.reply(), { kind: 'hole', done: true, offset: 5000n, length: 100 })
  t.match(listener.counters, { servedBytes: 16_484, reads: 2 }, 'holes count as served')
  client.destroy()
  await gone(listener)
  t.equal(disk.pins, 0)
})

t.test('a hole in a read with DF is one chunk, of zeroes where data lie beside it', async t => {
  const { listener } = await serve(t, { holes: [[4096, 12_288]] })
  const client = await RawClient.enter(listener)
  client.read(1n, 4096, 8192, 4)
  t.match(await client.reply(), { kind: 'hole', done: true, offset: 4096n, length: 8192 })
  client.read(2n, 4000, 8192, 4)
  const data = Buffer.concat([patternBytes(4000, 96), Buffer.alloc(8096)])
  t.match(await client.reply(), { kind: 'data', done: true, offset: 4000n, data })
  client.destroy()
})

t.test('a hole is sent as zeroes to a client without structured replies', async t => {
  const size = 3 * MIB + 5
  const { listener } = await serve(t, { size, holes: [[0, size]] })
  const client = await RawClient.enter(listener, { structured: false })
  client.read(1n, 0, size)
  t.match(await client.reply(), { kind: 'simple', error: 0, data: Buffer.alloc(size) })
  client.read(2n, 1, 3)
  t.match(await client.reply(), { kind: 'simple', error: 0, data: Buffer.alloc(3) })
  client.destroy()
})

t.test('EXPORT_NAME leads to transmission as well', async t => {
  const { listener } = await serve(t, { size: 4096 })
  const client = await RawClient.connect(listener)
  client.send(
    Buffer.concat([clientFlags(2), exportName(''), request({ command: READ, length: 9 })]),
  )
  const bytes = await client.take(18 + 10 + 16 + 9)
  t.equal(bytes.readBigUInt64BE(18), 4096n)
  t.ok(bytes.subarray(-9).equals(patternBytes(0, 9)))
  client.destroy()
})

t.test('replies come in the order in which reads are ready', async t => {
  const { disk, listener } = await serve(t, { manual: true })
  const client = await RawClient.enter(listener)
  for (const cookie of [1n, 2n, 3n]) client.read(cookie, Number(cookie) * 4096, 512)
  await disk.waitForPending(3)
  const [first, second, third] = [...disk.pending]
  for (const read of [third, first, second]) if (read !== undefined) disk.answer(read)
  const replies = await client.replies(3)
  t.strictSame(
    replies.map(reply => [reply.cookie, 'offset' in reply ? reply.offset : undefined]),
    [
      [3n, 12288n],
      [1n, 4096n],
      [2n, 8192n],
    ],
  )
  client.destroy()
})

t.test('pieces of different reads may interleave', async t => {
  const { disk, listener } = await serve(t, { manual: true })
  const client = await RawClient.enter(listener)
  client.read(1n, 0, 2000)
  client.read(2n, 50_000, 2000)
  await disk.waitForPending(2)
  const [a, b] = [...disk.pending]
  if (a === undefined || b === undefined) throw new Error('no reads')
  disk.give(a, 0, 1000)
  disk.give(b, 50_000, 1000)
  disk.give(a, 1000, 1000)
  disk.give(b, 51_000, 1000)
  const replies = await client.replies(4)
  t.strictSame(
    replies.map(({ cookie }) => cookie),
    [1n, 2n, 1n, 2n],
  )
  for (const [cookie, start] of [
    [1n, 0],
    [2n, 50_000],
  ] as const) {
    const { bytes } = assemble(replies.filter(reply => reply.cookie === cookie))
    t.ok(bytes.equals(patternBytes(start, 2000)))
  }
  client.destroy()
})

t.test('a read that fails half way ends in an error with its place and text', async t => {
  const { disk, listener } = await serve(t, { manual: true })
  const client = await RawClient.enter(listener)
  client.read(1n, 4096, 2000)
  await disk.waitForPending(1)
  const [read] = disk.pending
  if (read === undefined) throw new Error('no read')
  disk.give(read, 4096, 1000)
  disk.fail(read, 5096, { code: 'status', message: '503 after 8 attempts' })
  t.match(await client.replies(2), [
    { kind: 'data', done: false, offset: 4096n },
    { kind: 'error', done: true, error: EIO, message: '503 after 8 attempts', offset: 5096n },
  ])
  client.request({ command: FLUSH, cookie: 2n })
  t.match(await client.reply(), { kind: 'simple', cookie: 2n, error: 0 }, 'the session goes on')
  t.match(listener.counters, { reads: 0, failedReads: 1 })
  client.destroy()
})

t.test('a simple reply to a failed read has no payload', async t => {
  const { disk, listener } = await serve(t, { manual: true })
  const client = await RawClient.enter(listener, { structured: false })
  client.read(1n, 0, 2000)
  await disk.waitForPending(1)
  for (const read of [...disk.pending]) disk.fail(read, 0, { code: 'reset', message: 'broken' })
  client.request({ command: FLUSH, cookie: 2n })
  t.match(await client.replies(2), [
    { kind: 'simple', cookie: 1n, error: EIO },
    { kind: 'simple', cookie: 2n, error: 0 },
  ])
  client.destroy()
})

t.test('an export that breaks its promises causes errors, never wrong data', async t => {
  const { disk, listener } = await serve(t, { manual: true })
  const view = Buffer.alloc(600)
  type Act = (sink: MemoryExport['pending'][number]['sink'], release: () => void) => void
  const breaches: [string, Act][] = [
    ['a gap', (sink, release) => sink.data(100, [view], release)],
    ['too much', (sink, release) => sink.data(0, [view, view], release)],
    ['an early end', sink => sink.end()],
    ['a hole behind a gap', sink => sink.hole(100, 600)],
    ['a hole that is too large', sink => sink.hole(0, 1001)],
  ]
  for (const [name, breach] of breaches) {
    for (const structured of [true, false]) {
      const client = await RawClient.enter(listener, { structured })
      client.read(1n, 0, 1000)
      await disk.waitForPending(1)
      const [read] = disk.pending.splice(0)
      disk.pin(0)
      const release = disk.releaser(0)
      if (read !== undefined) breach(read.sink, release)
      if (name !== 'a gap' && name !== 'too much') release()
      const error = structured ? { kind: 'error', error: EIO } : { kind: 'simple', error: EIO }
      t.match(await client.reply(), error, `${name}, ${structured ? 'structured' : 'simple'}`)
      t.equal(disk.pins, 0, 'what was handed out is given back')
      disk.pin(0)
      read?.sink.data(0, [view], disk.releaser(0))
      read?.sink.fail({ code: 'internal', message: 'late' }, 0)
      client.request({ command: FLUSH, cookie: 2n })
      t.match(await client.reply(), { kind: 'simple', cookie: 2n }, 'late pieces are not sent')
      t.equal(disk.pins, 0)
      client.destroy()
    }
  }
  const half = await RawClient.enter(listener, { structured: false })
  half.read(1n, 0, 1000)
  await disk.waitForPending(1)
  disk.pending[0]?.sink.data(0, [view], () => {})
  t.match(await half.reply(), { error: EIO }, 'a piece where the whole was asked for')
  half.destroy()
})

t.test('an export that throws fails the read only', async t => {
  const { disk, listener } = await serve(t)
  const client = await RawClient.enter(listener)
  disk.read = () => {
    throw new Error('out of luck')
  }
  client.read(1n, 0, 10)
  t.match(await client.reply(), { kind: 'error', error: EIO, message: 'out of luck' })
  client.destroy()
})

t.test('refused requests get a structured error with text, or a simple one', async t => {
  const { listener } = await serve(t, { size: 4096 })
  const modern = await RawClient.enter(listener)
  modern.request({ command: WRITE, cookie: 1n, length: 3 })
  modern.send(Buffer.from('abc'))
  modern.read(2n, 4095, 2)
  modern.request({ command: 99, cookie: 3n })
  t.match(await modern.replies(3), [
    { kind: 'error', cookie: 1n, error: EPERM, message: 'the export is read-only' },
    { kind: 'error', cookie: 2n, error: EINVAL, message: /beyond the export of 4096 bytes/ },
    { kind: 'error', cookie: 3n, error: EINVAL },
  ])
  const plain = await RawClient.enter(listener, { structured: false })
  plain.request({ command: READ, cookie: 1n, offset: 4096, length: 1 })
  t.match(await plain.reply(), { kind: 'simple', error: EINVAL })
  modern.destroy()
  plain.destroy()
})

t.test('a read of length 0 is answered in the agreed form', async t => {
  const { listener } = await serve(t)
  const modern = await RawClient.enter(listener)
  modern.read(1n, 5, 0)
  t.strictSame(await modern.reply(), { kind: 'none', cookie: 1n, done: true })
  const plain = await RawClient.enter(listener, { structured: false })
  plain.read(2n, 5, 0)
  t.match(await plain.reply(), { kind: 'simple', cookie: 2n, error: 0 })
  modern.destroy()
  plain.destroy()
})

t.test('CACHE is passed on and answered at once', async t => {
  const { disk, listener } = await serve(t)
  const client = await RawClient.enter(listener)
  client.request({ command: CACHE, cookie: 1n, offset: 4096, length: 65536 })
  t.match(await client.reply(), { kind: 'simple', cookie: 1n, error: 0 })
  t.strictSame(disk.cached, [{ offset: 4096, length: 65536 }])
  client.destroy()
})

t.test('BLOCK_STATUS tells what the export knows', async t => {
  const extents = [
    { length: 4096, flags: 3 },
    { length: 512, flags: 0 },
  ]
  const { listener } = await serve(t, { blockStatus: () => extents })
  const client = await RawClient.connect(listener)
  client.send(
    Buffer.concat([
      clientFlags(3),
      option(8),
      metaContext(10, '', ['base:allocation']),
      go(''),
      request({ command: BLOCK_STATUS, cookie: 1n, length: 8192 }),
      request({ command: BLOCK_STATUS, cookie: 2n, length: 8192, flags: 8 }),
    ]),
  )
  await client.take(18 + 20 + (20 + 4 + 15) + 20 + 32 + 34 + 20)
  t.strictSame(await client.replies(2), [
    {
      kind: 'status',
      cookie: 1n,
      done: true,
      context: 1,
      extents: [
        [4096, 3],
        [512, 0],
      ],
    },
    { kind: 'status', cookie: 2n, done: true, context: 1, extents: [[4096, 3]] },
  ])
  client.destroy()
})

t.test('DISC waits for what is outstanding, then the server closes', async t => {
  const { disk, listener } = await serve(t, { manual: true })
  const client = await RawClient.enter(listener)
  client.read(1n, 0, 1000)
  client.read(2n, 4096, 1000)
  client.request({ command: DISC })
  // Clients close their side here; the answers are still owed.
  client.socket.end(request({ command: READ, cookie: 3n, length: 1 }))
  await disk.waitForPending(2)
  for (const read of [...disk.pending]) disk.answer(read)
  const replies = await client.replies(2)
  t.strictSame(
    replies.map(({ cookie }) => cookie),
    [1n, 2n],
  )
  t.equal((await client.rest()).length, 0)
  await gone(listener)
  t.equal(disk.reads, 2, 'nothing behind DISC is heard')
  t.equal(disk.cancelled, 0)
  t.equal(disk.pins, 0)
})

t.test('a client that vanishes frees what it held, reads running or replies half sent', async t => {
  const { disk, listener } = await serve(t, { size: 8 * MIB, manual: true })
  const client = await RawClient.enter(listener)
  client.socket.pause()
  client.read(1n, 0, 4 * MIB)
  client.read(2n, 0, 1000)
  await disk.waitForPending(2)
  const [first] = disk.pending
  if (first !== undefined) disk.answer(first)
  t.equal(disk.pins, 1, 'more than a socket takes')
  client.destroy()
  await gone(listener)
  t.equal(disk.pins, 0)
  t.equal(disk.cancelled, 1)
  t.strictSame(disk.closed, [1])
})

t.test('a client that never reads holds a bounded part of the ring, and is dropped', async t => {
  const limits = { maxOwedBytes: 4 * MIB, writeTimeoutMs: 200 }
  const { disk, listener } = await serve(t, { size: 8 * MIB, pieceBytes: 65536 }, limits)
  const client = await RawClient.enter(listener)
  client.socket.pause()
  for (let index = 0; index < 100; index++) client.read(BigInt(index), 0, MIB)
  await gone(listener)
  t.ok(disk.maxPinnedBytes <= limits.maxOwedBytes, `${disk.maxPinnedBytes} bytes were pinned`)
  t.ok(disk.reads >= 4 && disk.reads < 100, `${disk.reads} reads were started`)
  t.equal(disk.pins, 0)
  client.destroy()
})

t.test('a client that sends without reading is not listened to for ever', async t => {
  const { disk, listener } = await serve(t, {}, { writeTimeoutMs: 200 })
  const client = await RawClient.enter(listener)
  client.socket.pause()
  const many = 20_000
  const hint = request({ command: CACHE, length: 1 })
  client.send(Buffer.concat(Array.from({ length: many }, () => hint)))
  await gone(listener)
  t.ok(disk.cached.length > 256, 'some were answered')
  t.ok(disk.cached.length < many, `${disk.cached.length} were answered`)
  client.destroy()
})

t.test('a client that reads late gets everything', async t => {
  const limits = { maxOwedBytes: MIB, maxRequests: 3 }
  const { disk, listener } = await serve(t, { size: 8 * MIB, pieceBytes: 100_000 }, limits)
  const client = await RawClient.enter(listener)
  client.socket.pause()
  for (let index = 0; index < 16; index++) client.read(BigInt(index), index * 500_000, 500_000)
  client.socket.resume()
  const replies = await client.replies(16 * 5)
  const { bytes } = assemble(replies)
  t.ok(bytes.equals(patternBytes(0, 8_000_000)))
  t.ok(disk.maxPinnedBytes <= MIB)
  client.destroy()
})

t.test('a read larger than the limit is served when nothing else is owed', async t => {
  const { listener } = await serve(t, { size: 8 * MIB, pieceBytes: MIB }, { maxOwedBytes: 1000 })
  const client = await RawClient.enter(listener)
  client.read(1n, 0, 4 * MIB)
  client.read(2n, 4 * MIB, 4 * MIB)
  const { bytes } = assemble(await client.replies(8))
  t.ok(bytes.equals(patternBytes(0, 8 * MIB)))
  client.destroy()
})

t.test('a client that does not get to the point is closed', async t => {
  const { disk, listener } = await serve(t, {}, { handshakeTimeoutMs: 50 })
  const silent = await RawClient.connect(listener)
  const idle = await RawClient.connect(listener)
  idle.send(Buffer.concat([clientFlags(3), option(8)]))
  await silent.ended
  await idle.ended
  t.strictSame(disk.opened, [], 'no export was opened')
})

t.test('ABORT is acknowledged before the server closes', async t => {
  const { listener } = await serve(t)
  const client = await RawClient.connect(listener)
  client.send(Buffer.concat([clientFlags(3), option(2)]))
  t.equal((await client.rest()).length, 18 + 20)
  client.destroy()
})

t.test('nonsense in either phase closes the connection', async t => {
  const { disk, listener } = await serve(t)
  const early = await RawClient.connect(listener)
  early.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  await early.ended
  const late = await RawClient.enter(listener)
  late.send(Buffer.from('GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n'))
  await late.ended
  await gone(listener)
  t.strictSame(disk.closed, [2])
})

t.test('Listener.close() lets running reads finish and refuses new ones', async t => {
  const { disk, listener } = await serve(t, { manual: true })
  const client = await RawClient.enter(listener)
  const idle = await RawClient.enter(listener)
  const haggling = await RawClient.connect(listener)
  haggling.send(clientFlags(3))
  await haggling.take(18)
  client.read(1n, 0, 1000)
  await disk.waitForPending(1)
  const closed = listener.close(60_000)
  await idle.ended
  idle.destroy()
  client.read(2n, 0, 1000)
  t.match(await client.reply(), { kind: 'error', cookie: 2n, error: ESHUTDOWN })
  haggling.send(go(''))
  const answer = await haggling.take(20)
  t.equal(answer.readUInt32BE(12), 0x80000007, 'ERR_SHUTDOWN')
  for (const read of [...disk.pending]) disk.answer(read)
  t.match(await client.reply(), { kind: 'data', cookie: 1n, done: true })
  await client.ended
  client.destroy()
  await closed
  await haggling.ended
  t.equal(listener.clients, 0)
  t.equal(disk.pins, 0)
})

t.test('Listener.close() waits no longer than its deadline', async t => {
  const { disk, listener } = await serve(t, { manual: true })
  const client = await RawClient.enter(listener)
  client.read(1n, 0, 1000)
  await disk.waitForPending(1)
  await listener.close(20)
  await client.ended
  t.equal(disk.cancelled, 1)
  t.equal(disk.pins, 0)
})

t.test('many connections at once each get their own bytes', async t => {
  const { disk, listener } = await serve(t, { pieceBytes: 3000 })
  await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const client = await RawClient.enter(listener, { structured: index % 2 === 0 })
      client.read(BigInt(index), index * 10_000, 10_000)
      const replies = index % 2 === 0 ? await client.replies(4) : [await client.reply()]
      const bytes = Buffer.concat(
        replies.map(reply => ('data' in reply ? reply.data : Buffer.of())),
      )
      t.ok(bytes.equals(patternBytes(index * 10_000, 10_000)), `connection ${index}`)
      if (index % 3 === 0) client.request({ command: DISC })
      else client.destroy()
      if (index % 3 === 0) await client.ended
      client.destroy()
    }),
  )
  await gone(listener)
  t.equal(listener.totalClients, 100)
  t.equal(disk.pins, 0)
  t.equal(disk.opened.length, 100)
  t.strictSame(
    [...disk.closed].sort((a, b) => a - b),
    [...disk.opened].sort((a, b) => a - b),
  )
})
