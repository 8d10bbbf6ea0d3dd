// Clients that do not take what they have asked for: what they hold, how long, and that they get the
// right bytes if they come back.

import t, { type Test } from 'tap'
import { Listener, type ListenerSettings } from '../../dist/main/listener.js'
import { MemoryExport, type MemoryExportOptions, patternBytes } from '../fixtures/memory-export.js'
import { request } from '../fixtures/nbd-encoder.js'
import { RawClient } from '../fixtures/raw-client.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
/** What the socket has been handed: a window, and the message that went over its end. */
const SHARE = 3 * MIB

async function serve(
  t: Test,
  options: MemoryExportOptions = {},
  limits: ListenerSettings['limits'] = {},
) {
  const disk = new MemoryExport({ size: 16 * MIB, pieceBytes: 300_000, ...options })
  const listener = await Listener.listen({
    address: { path: '-' },
    exports: [disk],
    limits: { parkAfterMs: 50, ...limits },
  })
  t.teardown(() => listener.close(0))
  return { disk, listener }
}

t.test('a client that stops reading soon holds no more than its share', async t => {
  const { disk, listener } = await serve(t)
  const client = await RawClient.enter(listener)
  client.socket.pause()
  for (let index = 0; index < 32; index++) client.read(BigInt(index), (index % 16) * MIB, MIB)
  await until(() => disk.reads > 1 && disk.pinnedBytes > 0 && disk.pinnedBytes <= SHARE)
  t.ok(disk.pins <= 10, `${disk.pins} pieces are held`)
  client.destroy()
  await until(() => listener.clients === 0)
  t.equal(disk.pins, 0)
})

t.test('a client that goes on reading gets every byte once, whatever was called back', async t => {
  for (const structured of [true, false]) {
    for (const flags of structured ? [0, 4] : [0]) {
      const { disk, listener } = await serve(t, { holes: [[5 * MIB, 7 * MIB]] })
      const client = await RawClient.enter(listener, { structured })
      client.socket.pause()
      const length = 700_000
      const count = 20
      for (let index = 0; index < count; index++) {
        client.read(BigInt(index), index * length, length, flags)
      }
      const started = disk.reads
      await until(() => disk.reads > started && disk.pinnedBytes <= SHARE)
      client.socket.resume()
      const perRead = new Map<bigint, Buffer>()
      let done = 0
      while (done < count) {
        const reply = await client.reply()
        const before = perRead.get(reply.cookie) ?? Buffer.alloc(0)
        if (reply.kind !== 'data' && reply.kind !== 'simple' && reply.kind !== 'hole') {
          throw new Error(`not a piece: ${reply.kind}`)
        }
        const data = reply.kind === 'hole' ? Buffer.alloc(reply.length) : reply.data
        const at = Number(reply.cookie) * length + before.length
        if (reply.kind !== 'simple') t.equal(Number(reply.offset), at)
        perRead.set(reply.cookie, Buffer.concat([before, data]))
        if (reply.kind === 'simple' || reply.done) done++
      }
      for (const [cookie, bytes] of perRead) {
        const at = Number(cookie) * length
        t.ok(bytes.equals(disk.bytes.subarray(at, at + length)), `read ${cookie}, flags ${flags}`)
      }
      t.match(listener.counters, { reads: count, failedReads: 0, servedBytes: count * length })
      t.match(disk.counted, { reads: count, bytes: count * length }, 'nothing is counted twice')
      client.request({ command: 2 })
      await client.ended
      client.destroy()
      await until(() => listener.clients === 0)
      t.equal(disk.pins, 0)
    }
  }
})

t.test('a read that was running is called off, and started again from where it was', async t => {
  const { disk, listener } = await serve(t, { manual: true, pieceBytes: MIB })
  const client = await RawClient.enter(listener)
  client.socket.pause()
  client.read(1n, 0, 8 * MIB)
  client.read(2n, 8 * MIB, MIB)
  await disk.waitForPending(2)
  const [first] = disk.pending
  if (first === undefined) throw new Error('no read')
  disk.give(first, 0, 6 * MIB)
  await until(() => disk.cancelled === 2)
  t.ok(disk.pinnedBytes <= SHARE)
  client.socket.resume()
  await until(() => disk.pending.length > 0)
  const [again] = disk.pending
  t.ok((again?.request.offset ?? 0) >= MIB, 'what has left is not asked for again')
  t.equal((again?.request.offset ?? 0) + (again?.request.length ?? 0), 8 * MIB)
  let bytes = 0
  while (bytes < 9 * MIB) {
    for (const read of [...disk.pending]) disk.answer(read)
    const reply = await client.reply()
    if (reply.kind !== 'data') throw new Error(`not data: ${reply.kind}`)
    t.ok(reply.data.equals(patternBytes(Number(reply.offset), reply.data.length)))
    bytes += reply.data.length
  }
  client.destroy()
  await until(() => listener.clients === 0)
  t.equal(disk.pins, 0)
})

t.test('an error that was not told yet is found out anew', async t => {
  const { disk, listener } = await serve(t, { manual: true, pieceBytes: MIB })
  const client = await RawClient.enter(listener)
  client.socket.pause()
  client.read(1n, 0, 8 * MIB)
  await disk.waitForPending(1)
  const [read] = disk.pending
  if (read === undefined) throw new Error('no read')
  disk.give(read, 0, 7 * MIB)
  disk.fail(read, 7 * MIB, { code: 'reset', message: 'broken' })
  t.equal(listener.counters.failedReads, 1)
  await until(() => listener.counters.failedReads === 0)
  client.socket.resume()
  await disk.waitForPending(1)
  for (const again of [...disk.pending]) disk.answer(again)
  let bytes = 0
  while (bytes < 8 * MIB) {
    const reply = await client.reply()
    if (reply.kind !== 'data') throw new Error(`not data: ${reply.kind}`)
    bytes += reply.data.length
  }
  t.match(listener.counters, { reads: 1, failedReads: 0 })
  client.destroy()
})

t.test(
  'a client that takes a few bytes now and then is dropped like one that takes none',
  async t => {
    const { disk, listener } = await serve(t, {}, { writeTimeoutMs: 400 })
    const client = await RawClient.enter(listener)
    client.socket.pause()
    for (let index = 0; index < 16; index++) client.read(BigInt(index), index * MIB, MIB)
    const trickle = setInterval(() => client.socket.read(10), 20)
    await until(() => listener.clients === 0)
    clearInterval(trickle)
    client.destroy()
    t.equal(disk.pins, 0)
  },
)

t.test('small replies to a client that does not read stay bounded by its requests', async t => {
  const limits = { maxRequests: 16, writeTimeoutMs: 300 }
  const { disk, listener } = await serve(t, {}, limits)
  const client = await RawClient.enter(listener)
  client.socket.pause()
  const hint = request({ command: 5, length: 1 })
  client.send(Buffer.concat(Array.from({ length: 50_000 }, () => hint)))
  await until(() => listener.clients === 0)
  t.ok(disk.cached.length < 50_000)
  client.destroy()
})

t.test('reads of a client that stopped and left are counted once', async t => {
  const { disk, listener } = await serve(t)
  const stuck = await RawClient.enter(listener)
  stuck.socket.pause()
  for (let index = 0; index < 8; index++) stuck.read(BigInt(index), index * MIB, MIB)
  await until(() => disk.reads === 8 && disk.counted.reads < 8)
  stuck.destroy()
  await until(() => listener.clients === 0)
  t.equal(disk.counted.reads, 8)
})
