import fc from 'fast-check'
import t from 'tap'
import { ChunkQueue } from '../../../dist/main/nbd/chunk-queue.js'
import { Handshake } from '../../../dist/main/nbd/handshake.js'
import type {
  ExportDirectory,
  ExportInfo,
  HandshakeEvent,
  TlsPolicy,
} from '../../../dist/main/nbd/messages.js'
import {
  clientFlags,
  exportName,
  GREETING,
  go,
  hex,
  info,
  metaContext,
  option,
  optionReplies,
  unhex,
} from '../../fixtures/nbd-encoder.js'

const SIZES = { minimum: 1, preferred: 4096, maximum: 32 * 1024 * 1024 }
const DISK: ExportInfo = {
  name: 'disk',
  description: 'a disk',
  size: 0x123456789a,
  blockSizes: SIZES,
}
const OTHER: ExportInfo = { name: 'gerät', size: 1, blockSizes: SIZES }
const DIRECTORY: ExportDirectory = {
  list: () => [DISK, OTHER],
  find: name => [DISK, OTHER].find(entry => entry.name === (name === '' ? 'disk' : name)),
}

const OPT = { ABORT: 2, LIST: 3, STARTTLS: 5, INFO: 6, GO: 7, STRUCTURED: 8, SET: 10 } as const
const ACK = 1
const ERR = {
  UNSUP: 0x80000001,
  POLICY: 0x80000002,
  INVALID: 0x80000003,
  TLS_REQD: 0x80000005,
  UNKNOWN: 0x80000006,
  SHUTDOWN: 0x80000007,
  TOO_BIG: 0x80000009,
} as const
/** HAS_FLAGS, READ_ONLY, SEND_FLUSH, CAN_MULTI_CONN, SEND_CACHE. */
const FLAGS = '0507'
/** With SEND_DF. */
const FLAGS_STRUCTURED = '0587'

class Harness {
  readonly queue = new ChunkQueue()
  readonly handshake: Handshake
  readonly last: HandshakeEvent[] = []
  sent = Buffer.alloc(0)

  constructor(allocation = false, directory = DIRECTORY, tls: TlsPolicy = 'off') {
    this.handshake = new Handshake({ queue: this.queue, directory, allocation, tls })
  }

  push(...messages: readonly Buffer[]): this {
    for (const message of messages) {
      this.queue.push(message)
      for (let event = this.handshake.next(); event !== undefined; event = this.handshake.next()) {
        if (event.type === 'send') this.sent = Buffer.concat([this.sent, event.bytes])
        else this.last.push(event)
      }
    }
    return this
  }

  /** Answers as [option, type, data in hex], messages of errors left out. */
  get answers(): unknown[] {
    return optionReplies(this.sent).map(({ option, type, data }) =>
      type >= 0x80000000 ? [option, type] : [option, type, data.toString('hex')],
    )
  }
}

const haggle = (...messages: readonly Buffer[]) => new Harness().push(clientFlags(3), ...messages)

const EXPORT_INFO = `0000000000123456789a${FLAGS}`
const BLOCK_SIZE_INFO = `0003 00000001 00001000 02000000`.replaceAll(' ', '')

t.test('Handshake.start() greets with fixed newstyle and no zeroes', async t => {
  t.strictSame(new Harness().handshake.start(), GREETING)
})

t.test('Handshake closes on client flags that were not offered', async t => {
  t.match(new Harness().push(clientFlags(7)).last, [{ type: 'close' }])
  t.match(new Harness().push(clientFlags(0x80000003)).last, [{ type: 'close' }])
})

t.test('EXPORT_NAME is answered with size, flags and 124 zeroes', async t => {
  const h = new Harness().push(clientFlags(1), exportName('disk'))
  t.equal(h.sent.toString('hex'), `000000123456789a${FLAGS}${'00'.repeat(124)}`)
  t.match(h.last, [{ type: 'enter', info: DISK, structuredReplies: false, contexts: [] }])
})

t.test('EXPORT_NAME is answered without zeroes where they were agreed away', async t => {
  t.equal(haggle(exportName('disk')).sent.toString('hex'), `000000123456789a${FLAGS}`)
})

t.test('EXPORT_NAME works for clients without fixed newstyle, nothing else does', async t => {
  for (const flags of [0, 2]) {
    const h = new Harness().push(clientFlags(flags), option(OPT.LIST), go('disk'))
    t.strictSame(h.answers, [
      [OPT.LIST, ERR.INVALID],
      [OPT.GO, ERR.INVALID],
    ])
    h.sent = Buffer.alloc(0)
    h.push(exportName(''))
    t.equal(h.sent.length, flags === 0 ? 134 : 10)
    t.match(h.last, [{ type: 'enter', info: { name: 'disk' } }])
  }
})

t.test('EXPORT_NAME of an unknown, malformed or overlong name closes', async t => {
  const names = [exportName('none'), option(1, 'ff'), option(1, '646973006b')]
  for (const message of names) t.match(haggle(message).last, [{ type: 'close' }])
  t.match(haggle(option(1, '', 4097)).last, [{ type: 'close' }], 'before the name is there')
})

t.test('GO tells size, flags and block sizes whether they are asked for or not', async t => {
  for (const types of [[], [0], [3], [0, 3, 3, 77]]) {
    const h = haggle(go('disk', types))
    t.strictSame(h.answers, [
      [OPT.GO, 3, EXPORT_INFO],
      [OPT.GO, 3, BLOCK_SIZE_INFO],
      [OPT.GO, ACK, ''],
    ])
    t.match(h.last, [{ type: 'enter', info: DISK, structuredReplies: false }])
  }
})

t.test('GO and INFO tell name and description when asked', async t => {
  const h = haggle(info(6, '', [1, 2]), info(6, 'gerät', [2, 1]))
  t.strictSame(h.answers, [
    [OPT.INFO, 3, EXPORT_INFO],
    [OPT.INFO, 3, BLOCK_SIZE_INFO],
    [OPT.INFO, 3, `0001${Buffer.from('disk').toString('hex')}`],
    [OPT.INFO, 3, `0002${Buffer.from('a disk').toString('hex')}`],
    [OPT.INFO, ACK, ''],
    [OPT.INFO, 3, `00000000000000000001${FLAGS}`],
    [OPT.INFO, 3, BLOCK_SIZE_INFO],
    [OPT.INFO, 3, `0001${Buffer.from('gerät').toString('hex')}`],
    [OPT.INFO, ACK, ''],
  ])
  t.strictSame(h.last, [], 'INFO enters nothing')
})

t.test('GO offers DF exactly if structured replies were agreed', async t => {
  const h = haggle(option(OPT.STRUCTURED), go('disk'))
  t.strictSame(h.answers.slice(0, 2), [
    [OPT.STRUCTURED, ACK, ''],
    [OPT.GO, 3, EXPORT_INFO.replace(FLAGS, FLAGS_STRUCTURED)],
  ])
  t.match(h.last, [{ type: 'enter', structuredReplies: true }])
})

t.test('GO of an unknown name fails and may be tried again', async t => {
  const h = haggle(go('none'), go('disk'))
  t.strictSame(h.answers[0], [OPT.GO, ERR.UNKNOWN])
  t.match(h.last, [{ type: 'enter', info: DISK }])
})

t.test('GO and INFO with malformed data get ERR_INVALID', async t => {
  const cases = {
    empty: '',
    'five bytes': '0000000000',
    'a name longer than the data': `${hex(3, 4)}64690000`,
    'a name of 4 GiB': `${hex(0xffffffff, 4)}6469736b0000`,
    'fewer types than counted': `${hex(0, 4)}00020003`,
    'bytes behind the types': `${hex(0, 4)}000000`,
    'a name that is no UTF-8': `${hex(1, 4)}ff0000`,
    'a name with NUL': `${hex(2, 4)}61000000`,
    'a name of 4097 bytes': `${hex(4097, 4)}${'61'.repeat(4097)}0000`,
  }
  for (const [name, data] of Object.entries(cases)) {
    for (const number of [OPT.INFO, OPT.GO]) {
      const h = haggle(option(number, data), option(OPT.STRUCTURED))
      t.strictSame(
        h.answers,
        [
          [number, ERR.INVALID],
          [OPT.STRUCTURED, ACK, ''],
        ],
        name,
      )
    }
  }
})

t.test('LIST tells every export and its description', async t => {
  const h = haggle(option(OPT.LIST))
  t.strictSame(h.answers, [
    [OPT.LIST, 2, `00000004${Buffer.from('diska disk').toString('hex')}`],
    [OPT.LIST, 2, `00000006${Buffer.from('gerät').toString('hex')}`],
    [OPT.LIST, ACK, ''],
  ])
})

t.test('LIST and STRUCTURED_REPLY with data get ERR_INVALID, the data are skipped', async t => {
  const h = haggle(option(OPT.LIST, '00'), option(OPT.STRUCTURED, 'abcdef'), go('disk'))
  t.strictSame(h.answers.slice(0, 3), [
    [OPT.LIST, ERR.INVALID],
    [OPT.STRUCTURED, ERR.INVALID],
    [OPT.GO, 3, EXPORT_INFO],
  ])
})

t.test('ABORT is acknowledged and ends the handshake, with data or without', async t => {
  for (const data of ['', 'abcd', 'ab'.repeat(100_000)]) {
    const h = haggle(option(OPT.ABORT, data), option(OPT.LIST))
    t.strictSame(h.answers, [[OPT.ABORT, ACK, '']])
    t.strictSame(h.last, [{ type: 'abort' }])
  }
})

t.test('STARTTLS gets ERR_POLICY, never a demand for TLS', async t => {
  t.strictSame(haggle(option(OPT.STARTTLS)).answers, [[OPT.STARTTLS, ERR.POLICY]])
})

const withTls = (tls: TlsPolicy, ...messages: readonly Buffer[]) =>
  new Harness(true, DIRECTORY, tls).push(clientFlags(3), ...messages)

t.test('STARTTLS is acknowledged once, and nothing is taken before TLS has begun', async t => {
  for (const tls of ['on', 'require'] as const) {
    const h = withTls(tls, option(OPT.STARTTLS))
    t.strictSame(h.answers, [[OPT.STARTTLS, ACK, '']])
    t.strictSame(h.last, [{ type: 'start-tls' }])
    t.equal(h.handshake.next(), undefined)
    h.handshake.secured()
    h.sent = Buffer.alloc(0)
    h.push(option(OPT.STARTTLS), option(OPT.STARTTLS, 'ab'), option(11), go('none'), go('disk'))
    t.strictSame(h.answers.slice(0, 4), [
      [OPT.STARTTLS, ERR.INVALID],
      [OPT.STARTTLS, ERR.INVALID],
      [11, ERR.UNSUP],
      [OPT.GO, ERR.UNKNOWN],
    ])
    t.match(h.last.at(-1), { type: 'enter', info: DISK })
  }
})

t.test('STARTTLS with data gets ERR_INVALID', async t => {
  t.strictSame(withTls('on', option(OPT.STARTTLS, 'ab')).answers, [[OPT.STARTTLS, ERR.INVALID]])
})

t.test('bytes behind STARTTLS close the connection, in whatever pieces they come', async t => {
  const injected = option(OPT.STRUCTURED)
  const together = withTls('on', Buffer.concat([option(OPT.STARTTLS), injected]))
  t.match(together.last, [{ type: 'start-tls' }, { type: 'close' }])
  const apart = withTls('on', option(OPT.STARTTLS), injected.subarray(0, 1))
  t.match(apart.last, [{ type: 'start-tls' }, { type: 'close' }])
})

t.test('nothing that was agreed on before STARTTLS survives it', async t => {
  const query = metaContext(10, 'disk', ['base:allocation'])
  const h = withTls('on', option(OPT.STRUCTURED), query, option(OPT.STARTTLS))
  h.handshake.secured()
  h.sent = Buffer.alloc(0)
  h.push(query, go('disk'))
  t.strictSame(h.answers[0], [OPT.SET, ERR.INVALID], 'structured replies are gone')
  t.match(h.last.at(-1), { type: 'enter', structuredReplies: false, contexts: [] })
})

t.test('before the TLS that is required, all but STARTTLS and ABORT get ERR_TLS_REQD', async t => {
  const numbers = [0, 3, 4, 6, 7, 8, 9, 10, 11, 0xffffffff]
  const h = withTls('require', ...numbers.map(number => option(number, 'ab'.repeat(70_000))))
  t.strictSame(
    h.answers,
    numbers.map(number => [number, ERR.TLS_REQD]),
  )
  h.sent = Buffer.alloc(0)
  h.push(go('disk'), option(OPT.LIST), option(OPT.ABORT))
  t.strictSame(h.answers, [
    [OPT.GO, ERR.TLS_REQD],
    [OPT.LIST, ERR.TLS_REQD],
    [OPT.ABORT, ACK, ''],
  ])
  t.strictSame(h.last, [{ type: 'abort' }])
  t.match(withTls('require', exportName('disk')).last, [{ type: 'close' }])
})

t.test('where TLS is on offer and not required, everything works without it', async t => {
  t.match(withTls('on', go('disk')).last, [{ type: 'enter', info: DISK }])
  t.strictSame(withTls('on', go('none')).answers, [[OPT.GO, ERR.UNKNOWN]])
})

t.test('STARTTLS is refused while the server shuts down', async t => {
  const h = new Harness(false, DIRECTORY, 'require').push(clientFlags(3))
  h.handshake.shutDown()
  h.push(option(OPT.STARTTLS))
  t.strictSame(h.answers, [[OPT.STARTTLS, ERR.SHUTDOWN]])
})

t.test('unknown options get ERR_UNSUP and the next message is understood', async t => {
  for (const number of [0, 4, 9, 10, 11, 12, 0xffffffff]) {
    const h = haggle(option(number, 'ab'.repeat(70_000)), option(OPT.STRUCTURED))
    t.strictSame(h.answers, [
      [number, ERR.UNSUP],
      [OPT.STRUCTURED, ACK, ''],
    ])
  }
})

t.test('errors carry a message for humans', async t => {
  const [reply] = optionReplies(haggle(go('none')).sent)
  t.equal(reply?.data.toString(), 'there is no export of this name')
})

t.test('option data above 64 KiB get ERR_TOO_BIG and are not kept', async t => {
  const h = new Harness().push(clientFlags(3), option(OPT.GO, '', 32 * 1024 * 1024))
  const chunk = Buffer.alloc(64 * 1024)
  for (let index = 0; index < 512; index++) {
    t.equal(h.sent.length, 0)
    h.push(chunk)
    if (h.queue.length !== 0) t.fail('data are kept')
  }
  t.strictSame(h.answers, [[OPT.GO, ERR.TOO_BIG]])
  t.match(h.push(go('disk')).last, [{ type: 'enter' }])
})

t.test('option data above 32 MiB close the connection', async t => {
  for (const number of [OPT.GO, OPT.ABORT, 99]) {
    t.match(haggle(option(number, '', 32 * 1024 * 1024 + 1)).last, [{ type: 'close' }])
    t.match(haggle(option(number, '', 0xffffffff)).last, [{ type: 'close' }])
  }
})

t.test('a wrong option magic closes the connection', async t => {
  t.match(haggle(unhex('49484156454f5055', hex(7, 4), hex(0, 4))).last, [{ type: 'close' }])
})

t.test('a client that never comes to an end is closed, one that asks a lot is not', async t => {
  const h = haggle(...Array.from({ length: 264 }, () => info(6, 'disk')))
  t.strictSame(h.last, [])
  t.match(h.push(info(6, 'disk')).last, [{ type: 'close' }])
})

t.test('Handshake.shutDown() refuses everything but ABORT', async t => {
  const h = haggle()
  h.handshake.shutDown()
  h.push(go('disk'), option(OPT.LIST), option(OPT.STARTTLS), option(99, 'abcd'), option(OPT.ABORT))
  t.strictSame(h.answers, [
    [OPT.GO, ERR.SHUTDOWN],
    [OPT.LIST, ERR.SHUTDOWN],
    [OPT.STARTTLS, ERR.SHUTDOWN],
    [99, ERR.SHUTDOWN],
    [OPT.ABORT, ACK, ''],
  ])
  const other = haggle()
  other.handshake.shutDown()
  t.match(other.push(exportName('disk')).last, [{ type: 'close' }])
})

t.test('Handshake leaves what follows it in the queue', async t => {
  const h = new Harness()
  h.push(Buffer.concat([clientFlags(3), go('disk'), Buffer.from('the first request')]))
  t.match(h.last, [{ type: 'enter' }])
  t.equal(h.queue.take(h.queue.length).toString(), 'the first request')
  t.equal(h.handshake.next(), undefined)
})

t.test('metadata contexts: LIST tells what a query finds', async t => {
  const found = [9, 4, `00000000${Buffer.from('base:allocation').toString('hex')}`]
  const cases: [string[], unknown[]][] = [
    [[], [found]],
    [['base:'], [found]],
    [['base:allocation', 'base:'], [found]],
    [['base:other', 'qemu:', 'x'], []],
  ]
  for (const [queries, expected] of cases) {
    const h = new Harness(true).push(clientFlags(3), metaContext(9, 'disk', queries))
    t.strictSame(h.answers, [...expected, [9, ACK, '']])
  }
})

t.test('metadata contexts: SET selects for the export that is entered', async t => {
  const selected = [10, 4, `00000001${Buffer.from('base:allocation').toString('hex')}`]
  const enter = (...messages: Buffer[]) =>
    new Harness(true).push(clientFlags(3), option(OPT.STRUCTURED), ...messages)
  const twice = enter(metaContext(10, 'disk', ['base:allocation', 'base:allocation']), go('disk'))
  t.strictSame(twice.answers.slice(1, 3), [selected, [10, ACK, '']], 'one id for one context')
  const contexts = (h: Harness) =>
    h.last.map(event => (event.type === 'enter' ? event.contexts : event))
  t.strictSame(contexts(twice), [[{ id: 1, name: 'base:allocation' }]])
  const select = metaContext(10, 'disk', ['base:allocation'])
  const none: [string, Buffer[]][] = [
    ['no query', [metaContext(10, 'disk', []), go('disk')]],
    ['base: alone', [metaContext(10, 'disk', ['base:']), go('disk')]],
    ['another export', [select, go('gerät')]],
    ['replaced by nothing', [select, metaContext(10, 'disk', []), go('disk')]],
    ['replaced by a failure', [select, metaContext(10, 'none', ['base:allocation']), go('disk')]],
    ['replaced by nonsense', [select, option(10, 'ff'), go('disk')]],
    ['replaced by too much', [select, option(10, '00'.repeat(65537)), go('disk')]],
  ]
  for (const [name, messages] of none) t.strictSame(contexts(enter(...messages)), [[]], name)
})

t.test('metadata contexts: SET needs structured replies, and both need sound data', async t => {
  const h = new Harness(true).push(clientFlags(3), metaContext(10, 'disk', ['base:allocation']))
  t.strictSame(h.answers, [[10, ERR.INVALID]])
  const name = `${hex(4, 4)}6469736b`
  const cases = {
    'no count': name,
    'a count beyond the data': `${name}${hex(0xffffffff, 4)}`,
    'a query beyond the data': `${name}${hex(1, 4)}${hex(5, 4)}61`,
    'bytes behind the last query': `${name}${hex(1, 4)}${hex(1, 4)}61ff`,
    'a query that is no UTF-8': `${name}${hex(1, 4)}${hex(1, 4)}ff`,
  }
  for (const [what, data] of Object.entries(cases)) {
    for (const number of [9, 10]) {
      const h = new Harness(true).push(
        clientFlags(3),
        option(OPT.STRUCTURED),
        option(number, data),
        option(OPT.LIST),
      )
      t.strictSame(h.answers[1], [number, ERR.INVALID], what)
      t.equal(h.answers.length, 5, 'the next option is understood')
    }
  }
})

t.test('any split of the bytes gives the same answers', async t => {
  const messages = Buffer.concat([
    clientFlags(3),
    option(OPT.STRUCTURED),
    option(77, 'abcdef'),
    info(6, 'gerät', [1, 2]),
    option(OPT.LIST),
    metaContext(10, 'disk', ['base:allocation']),
    go('disk', [3]),
    Buffer.from('rest'),
  ])
  const whole = new Harness(true).push(messages)
  const same = (h: Harness) =>
    h.sent.equals(whole.sent) && h.last.length === 1 && h.queue.take(4).toString() === 'rest'
  const bad: number[] = []
  for (let cut = 0; cut <= messages.length; cut++) {
    const h = new Harness(true).push(messages.subarray(0, cut), messages.subarray(cut))
    if (!same(h)) bad.push(cut)
  }
  t.strictSame(bad, [], 'cut at every byte')
  const single = new Harness(true)
  for (const byte of messages) single.push(Buffer.of(byte))
  t.ok(same(single), 'byte by byte')
  t.match(single.last, whole.last)
})

t.test('no bytes make it throw or keep more than one option', async () => {
  const noise = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes))
  const anyOption = fc
    .tuple(fc.nat(12), noise, fc.option(fc.nat(0xffffffff)))
    .map(([number, data, length]) => option(number, data.toString('hex'), length ?? undefined))
  const messages = fc.array(fc.oneof({ weight: 3, arbitrary: anyOption }, noise), { maxLength: 20 })
  fc.assert(
    fc.property(fc.boolean(), messages, (allocation, messages) => {
      const h = new Harness(allocation).push(clientFlags(3))
      for (const message of messages) {
        h.push(message)
        if (h.last.length > 0) break
        if (h.queue.length > 64 * 1024 + 16) return false
      }
      return h.last.length <= 1
    }),
  )
})
