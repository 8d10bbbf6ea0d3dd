// The same requests to us, to nbdkit and to qemu-nbd, all with the same image: the answers must be the
// same - data, error numbers, soundness of chunks - except where a difference is listed here, with
// the reason. The requests are those of recorded clients, and those at the edges of the document.

import { createHash } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { recordedStreams } from '../../.bench/nbd-fuzz/streams.js'
import { Listener } from '../../dist/main/listener.js'
import { MemoryExport } from '../fixtures/memory-export.js'
import {
  clientFlags,
  go,
  hex,
  info,
  metaContext,
  option,
  type Reply,
  type RequestFields,
} from '../fixtures/nbd-encoder.js'
import { start } from '../fixtures/programs.js'
import { RawClient } from '../fixtures/raw-client.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
const SIZE = MIB
const DF = 4
const REQ_ONE = 8
const [EPERM, EINVAL] = ['error 1', 'error 22'] as const

const NAMES = ['ours', 'nbdkit', 'qemu-nbd'] as const
type Name = (typeof NAMES)[number]
type Places = Readonly<Record<Name, { socketPath: string; port: undefined }>>

/** All three, with the same bytes. */
async function servers(t: Test): Promise<{ places: Places; bytes: Buffer }> {
  const disk = new MemoryExport({
    size: SIZE,
    pieceBytes: 10_000,
    holes: [[256 * 1024, 512 * 1024]],
    blockStatus: (_offset, length) => [{ length, flags: 0 }],
  })
  const directory = temporaryDirectory(t)
  const image = join(directory, 'image')
  writeFileSync(image, disk.bytes)
  const listener = await Listener.listen({ address: { path: '-' }, exports: [disk] })
  t.teardown(() => listener.close(0))
  const nbdkit = join(directory, 'nbdkit')
  const qemu = join(directory, 'qemu')
  start(t, 'nbdkit', ['-r', '-f', '--threads=1', '-U', nbdkit, 'file', image])
  start(t, 'qemu-nbd', ['-r', '-t', '-f', 'raw', '--shared=0', '-k', qemu, '-x', '', image])
  await until(() => existsSync(nbdkit) && existsSync(qemu))
  const at = (socketPath: string) => ({ socketPath, port: undefined })
  const places = {
    ours: at(listener.socketPath as string),
    nbdkit: at(nbdkit),
    'qemu-nbd': at(qemu),
  }
  return { places, bytes: disk.bytes }
}

/** Sends an option; the type of the reply that ends it, those before dropped. */
async function ask(client: RawClient, message: Buffer): Promise<number> {
  client.send(message)
  for (;;) {
    const head = await client.take(20)
    const type = head.readUInt32BE(12)
    await client.take(head.readUInt32BE(16))
    if (type === 1 || type >= 0x80000000) return type
  }
}

async function greet(place: Places[Name]): Promise<RawClient> {
  const client = await RawClient.connect(place)
  client.send(clientFlags(3))
  await client.take(18)
  return client
}

async function enter(place: Places[Name], structured: boolean): Promise<RawClient> {
  const client = await greet(place)
  if (structured) {
    await ask(client, option(8))
    await ask(client, metaContext(10, '', ['base:allocation']))
  }
  if ((await ask(client, go(''))) !== 1) throw new Error('Cannot enter')
  return client
}

/** Sends one request and makes one line of its whole answer; throws for an unsound one. */
async function answerTo(client: RawClient, fields: RequestFields, bytes: Buffer): Promise<string> {
  const { command, offset = 0, length = 0 } = fields
  client.request(fields)
  if (command === 1) client.send(Buffer.alloc(length))
  const found: Reply[] = []
  for (;;) {
    const reply = await client.reply()
    if (reply.cookie !== (fields.cookie ?? 0n)) throw new Error('another cookie')
    found.push(reply)
    if (reply.kind === 'simple' || reply.done) break
  }
  const errors = found.flatMap(reply => ('error' in reply && reply.error > 0 ? [reply.error] : []))
  if (errors.length > 0) return `error ${errors[0]}`
  if (command === 7) {
    const [status] = found
    if (status?.kind !== 'status' || found.length !== 1) throw new Error('not one status chunk')
    let at = Number(offset)
    for (const [length, flags] of status.extents) {
      if (length < 1) throw new Error('an empty extent')
      const zero = bytes.subarray(at, at + length).every(byte => byte === 0)
      if ((flags & 2) !== 0 && !zero) throw new Error('"zero" where there are data')
      at += length
    }
    if (fields.flags === REQ_ONE && status.extents.length !== 1) throw new Error('not one extent')
    return 'a sound status'
  }
  if (command !== 0) return 'success'
  const data = Buffer.alloc(length, 0xee)
  let covered = 0
  for (const reply of found) {
    if (reply.kind === 'simple') reply.data.copy(data)
    else if (reply.kind === 'data') reply.data.copy(data, Number(reply.offset) - Number(offset))
    else if (reply.kind === 'hole') {
      const from = Number(reply.offset) - Number(offset)
      data.fill(0, from, from + reply.length)
    }
    covered += reply.kind === 'hole' ? reply.length : 'data' in reply ? reply.data.length : 0
  }
  if (covered !== length) throw new Error(`${covered} of ${length} bytes`)
  return `data ${createHash('sha256').update(data).digest('hex')}`
}

async function compare(
  t: Test,
  { places, bytes }: { places: Places; bytes: Buffer },
  structured: boolean,
  cases: readonly Case[],
) {
  for (const name of NAMES) {
    const client = await enter(places[name], structured)
    for (const [index, [what, fields, expected, others]] of cases.entries()) {
      const answer = await answerTo(client, { ...fields, cookie: BigInt(index) }, bytes)
      const due = others?.[name as 'nbdkit' | 'qemu-nbd'] ?? expected
      const { offset = 0, length = 0 } = fields
      const image = bytes.subarray(Number(offset), Number(offset) + length)
      const data = `data ${createHash('sha256').update(image).digest('hex')}`
      t.equal(answer, due === 'data' ? data : due, `${what}: ${name}, structured ${structured}`)
    }
    client.destroy()
  }
}

type Case = readonly [
  what: string,
  fields: RequestFields,
  ours: string,
  others?: Partial<Record<'nbdkit' | 'qemu-nbd', string>>,
]

const [READ, WRITE, FLUSH, TRIM, CACHE, ZEROES, STATUS] = [0, 1, 3, 4, 5, 6, 7] as const

const EDGES: readonly Case[] = [
  ['the first byte', { command: READ, offset: 0, length: 1 }, 'data'],
  ['the last byte', { command: READ, offset: SIZE - 1, length: 1 }, 'data'],
  ['all of it', { command: READ, offset: 0, length: SIZE }, 'data'],
  ['an odd range', { command: READ, offset: 12_345, length: 54_321 }, 'data'],
  ['data and hole', { command: READ, offset: 250_000, length: 300_000 }, 'data'],
  ['beyond the end', { command: READ, offset: SIZE - 1, length: 2 }, EINVAL],
  ['behind the end', { command: READ, offset: SIZE, length: 1 }, EINVAL],
  ['a sum above 2^64', { command: READ, offset: 2n ** 64n - 1n, length: 2 }, EINVAL],
  ['an unknown flag', { command: READ, length: 512, flags: 0x8000 }, EINVAL],
  ['FAST_ZERO on a read', { command: READ, length: 512, flags: 16 }, EINVAL],
  // Length 0 is unspecified. Success is what a read of nothing has; nbdkit refuses it.
  ['a read of nothing', { command: READ, offset: 5 }, `data ${emptyHash()}`, { nbdkit: EINVAL }],
  // FUA is not offered here; qemu-nbd offers it and has to take it on reads.
  ['FUA on a read', { command: READ, length: 512, flags: 1 }, EINVAL, { 'qemu-nbd': 'data' }],
  ['flush', { command: FLUSH }, 'success'],
  // Reserved fields; nbdkit is strict, and nobody is harmed by taking them.
  ['flush with a length', { command: FLUSH, length: 512 }, 'success', { nbdkit: EINVAL }],
  ['a hint', { command: CACHE, length: 65_536 }, 'success'],
  ['a hint beyond the end', { command: CACHE, offset: SIZE, length: 1 }, EINVAL],
  // The document has EPERM for a read-only export; qemu-nbd says EINVAL.
  ['a write', { command: WRITE, length: 1000 }, EPERM, { 'qemu-nbd': EINVAL }],
  ['a trim', { command: TRIM, length: 512 }, EPERM, { 'qemu-nbd': EINVAL }],
  ['zeroes', { command: ZEROES, length: 512 }, EPERM, { 'qemu-nbd': EINVAL }],
  ['command 8', { command: 8 }, EINVAL],
  ['command 0xffff', { command: 0xffff, length: 512 }, EINVAL],
]

const STRUCTURED_EDGES: readonly Case[] = [
  ['DF up to 64 KiB', { command: READ, offset: 1, length: 65_536, flags: DF }, 'data'],
  ['DF across a hole', { command: READ, offset: 250_000, length: 60_000, flags: DF }, 'data'],
  ['status', { command: STATUS, length: SIZE }, 'a sound status'],
  ['one status', { command: STATUS, length: SIZE, flags: REQ_ONE }, 'a sound status'],
  ['status of the last byte', { command: STATUS, offset: SIZE - 1, length: 1 }, 'a sound status'],
  ['status beyond the end', { command: STATUS, offset: SIZE, length: 1 }, EINVAL],
  ['status of nothing', { command: STATUS, offset: 5 }, EINVAL],
]

function emptyHash(): string {
  return createHash('sha256').digest('hex')
}

const programs = requires('nbdkit', 'qemu-nbd')

t.test('requests at the edges get the answers of nbdkit and qemu-nbd', programs, async t => {
  const all = await servers(t)
  await compare(t, all, false, EDGES)
  await compare(t, all, true, [...EDGES, ...STRUCTURED_EDGES])
})

t.test('requests of recorded clients get the same answers', programs, async t => {
  const all = await servers(t)
  let count = 0
  for (const [name, stream] of recordedStreams()) {
    const requests = requestsOf(stream)
    const answers: Record<string, string[]> = {}
    for (const server of NAMES) {
      const client = await enter(all.places[server], true)
      answers[server] = []
      for (const fields of requests) {
        const answer = await answerTo(client, fields, all.bytes)
        // qemu-nbd's own word for a write to what is read-only.
        const writes = [WRITE, TRIM, ZEROES].includes(fields.command as 1)
        answers[server].push(writes && answer === EINVAL ? EPERM : answer)
      }
      client.destroy()
    }
    t.strictSame(answers['nbdkit'], answers['ours'], `${name}: nbdkit`)
    t.strictSame(answers['qemu-nbd'], answers['ours'], `${name}: qemu-nbd`)
    count += requests.length
  }
  t.ok(count > 50, `${count} requests were compared`)
})

t.test('options get the answers of nbdkit and qemu-nbd', programs, async t => {
  const { places } = await servers(t)
  const [ACK, UNSUP, POLICY, INVALID] = [1, 0x80000001, 0x80000002, 0x80000003]
  const UNKNOWN = 0x80000006
  type OptionCase = readonly [string, Buffer, number, Partial<Record<Name, number>>?]
  const cases: readonly OptionCase[] = [
    ['an unknown option', option(99, 'abcd'), UNSUP],
    ['EXTENDED_HEADERS', option(11), UNSUP],
    ['PEEK_EXPORT', option(4), UNSUP],
    ['STARTTLS', option(5), POLICY],
    ['LIST with data', option(3, 'ab'), INVALID],
    // Repeating LIST may be refused (nbdkit); here it is answered again.
    ['LIST', option(3), ACK],
    ['STRUCTURED_REPLY with data', option(8, 'ab'), INVALID],
    ['SET_META_CONTEXT too early', metaContext(10, '', ['base:allocation']), INVALID],
    ['STRUCTURED_REPLY', option(8), ACK],
    // Repeating it may be refused (qemu-nbd); here and in nbdkit it changes nothing.
    ['STRUCTURED_REPLY again', option(8), ACK, { 'qemu-nbd': INVALID }],
    ['INFO', info(6, '', [0, 1, 2, 3, 99]), ACK],
    ['INFO cut short', option(6, hex(9, 4)), INVALID],
    // nbdkit takes any name for its only export.
    ['INFO of an unknown export', info(6, 'none'), UNKNOWN, { nbdkit: ACK }],
    ['LIST_META_CONTEXT', metaContext(9, '', []), ACK],
    ['LIST_META_CONTEXT of base:', metaContext(9, '', ['base:']), ACK],
    ['SET_META_CONTEXT', metaContext(10, '', ['base:allocation', 'x:y']), ACK],
    ['GO of an unknown export', go('none'), UNKNOWN, { nbdkit: ACK }],
  ]
  for (const name of NAMES) {
    const client = await greet(places[name])
    for (const [what, message, expected, others] of cases) {
      const due = others?.[name] ?? expected
      t.equal(await ask(client, message), due, `${what}: ${name}`)
      // That was GO, and it was taken.
      if (what.startsWith('GO') && due === ACK) break
    }
    client.destroy()
  }
})

/** Requests of a recorded stream, without DISC. */
function requestsOf(stream: Buffer): RequestFields[] {
  const requests: RequestFields[] = []
  let at = 4
  while (stream.toString('latin1', at, at + 8) === 'IHAVEOPT') {
    at += 16 + stream.readUInt32BE(at + 12)
  }
  while (at + 28 <= stream.length) {
    const command = stream.readUInt16BE(at + 6)
    const length = stream.readUInt32BE(at + 24)
    if (command !== 2) {
      requests.push({
        command,
        flags: stream.readUInt16BE(at + 4),
        cookie: stream.readBigUInt64BE(at + 8),
        offset: stream.readBigUInt64BE(at + 16),
        length,
      })
    }
    at += 28 + (command === 1 ? length : 0)
  }
  return requests
}
