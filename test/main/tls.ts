// TLS inside NBD with real TLS: Node's client, and bytes no client would send.

import { once } from 'node:events'
import { connect } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { Listener, type ListenerSettings } from '../../dist/main/listener.js'
import { resolveTls, type TlsServerOptions } from '../../dist/main/tls-options.js'
import { MemoryExport, type MemoryExportOptions, patternBytes } from '../fixtures/memory-export.js'
import { clientFlags, exportName, go, option, request } from '../fixtures/nbd-encoder.js'
import { RawClient } from '../fixtures/raw-client.js'
import { KEY, tlsDirectory, USER } from '../fixtures/tls-directory.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
const pki = await tlsDirectory(t)

async function serve(
  t: Test,
  tls: TlsServerOptions,
  options: MemoryExportOptions = {},
  limits: ListenerSettings['limits'] = {},
) {
  const disk = new MemoryExport(options)
  const log: string[] = []
  const listener = await Listener.listen({
    address: { path: '-' },
    exports: [disk],
    limits,
    tls: resolveTls(tls),
    log: (_level, message, fields) => log.push(`${message} ${JSON.stringify(fields)}`),
  })
  t.teardown(() => listener.close(0))
  /** Waits until every client is gone and checks that it has left nothing behind. */
  const settle = async () => {
    await until(() => listener.clients === 0)
    t.equal(disk.pins, 0)
    t.equal(disk.closed.length, disk.opened.length)
  }
  return { disk, listener, log, settle }
}

const CERTIFICATES = { tls: 'require', tlsCertificates: pki.server } as const
const KEYS = { tls: 'require', tlsPsk: { [USER]: KEY } } as const
const TRUST: ConnectionOptions = { ca: pki.ca }
const knowing = (key: string, identity = USER): ConnectionOptions => ({
  pskCallback: () => ({ identity, psk: Buffer.from(key, 'hex') }),
  ciphers: 'TLS_AES_128_GCM_SHA256:PSK',
  checkServerIdentity: () => undefined,
})

t.test('reads inside TLS are those of the image, 1.2 and 1.3, certificates and keys', async t => {
  const both = { ...CERTIFICATES, ...KEYS }
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const [what, server, client] of [
      ['certificates', CERTIFICATES, TRUST],
      ['keys', KEYS, knowing(KEY)],
      ['certificates, where there are keys', both, TRUST],
      ['keys, where there are certificates', both, knowing(KEY)],
    ] as const) {
      const { listener, log, settle } = await serve(t, server, {
        size: 8 * MIB,
        pieceBytes: 99_999,
      })
      const tls = { ...client, minVersion: version, maxVersion: version }
      for (const structured of [true, false]) {
        const raw = await RawClient.enter(listener, { structured, tls })
        raw.read(1n, 5, MIB / 2)
        const replies = structured ? await raw.replies(6) : await raw.replies(1)
        const data = replies.map(reply => ('data' in reply ? reply.data : Buffer.of()))
        t.ok(Buffer.concat(data).equals(patternBytes(5, MIB / 2)), `${version}, ${what}`)
        raw.request({ command: 2 })
        t.equal((await raw.rest()).length, 0, 'DISC ends TLS and the connection')
        raw.destroy()
      }
      t.match(log.join('\n'), new RegExp(version))
      await settle()
    }
  }
})

t.test('older versions of TLS are refused', async t => {
  const { listener, settle } = await serve(t, CERTIFICATES)
  const tls = { ...TRUST, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }
  await t.rejects(RawClient.enter(listener, { tls: tls as ConnectionOptions }))
  await settle()
})

t.test('wrong keys, unknown users and clients without a key stay outside', async t => {
  const { disk, listener, settle } = await serve(t, KEYS)
  for (const tls of [knowing('00'.repeat(32)), knowing(KEY, 'mallory'), TRUST]) {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const options = { ...tls, minVersion: version, maxVersion: version }
      await t.rejects(RawClient.enter(listener, { tls: options }))
    }
  }
  await settle()
  t.strictSame(disk.opened, [])
})

t.test('--tls-verify-peer lets in certificates of the authority, and no others', async t => {
  const server = { ...CERTIFICATES, ...KEYS, tlsVerifyPeer: true }
  const { disk, listener, settle } = await serve(t, server)
  const stranger = await tlsDirectory(t)
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const limits = { minVersion: version, maxVersion: version }
    const pretending = knowing('00'.repeat(32))
    for (const identity of [
      ...[{}, stranger.client, pretending, knowing(KEY, 'mallory')],
      // Names a key, and speaks a suite with which TLS 1.3 can't ask for it.
      { ...pretending, ciphers: 'TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-GCM-SHA256' },
    ]) {
      // In TLS 1.3 a client believes itself inside until it reads.
      await t.rejects(RawClient.enter(listener, { tls: { ...TRUST, ...identity, ...limits } }))
    }
    t.equal(disk.opened.length, version === 'TLSv1.2' ? 0 : 2)
    for (const tls of [{ ...TRUST, ...pki.client }, knowing(KEY)]) {
      const raw = await RawClient.enter(listener, { tls: { ...tls, ...limits } })
      raw.read(1n, 0, 100)
      t.match(await raw.reply(), { kind: 'data', done: true })
      raw.destroy()
    }
  }
  await settle()
})

t.test('nothing is readable before the TLS that is required', async t => {
  const { disk, listener, settle } = await serve(t, CERTIFICATES, { name: 'secret name' })
  const raw = await RawClient.connect(listener)
  raw.send(Buffer.concat([clientFlags(3), option(3), go('secret name'), go(''), option(2)]))
  const bytes = await raw.rest()
  t.notOk(bytes.includes('secret name'))
  raw.destroy()
  const old = await RawClient.connect(listener)
  old.send(Buffer.concat([clientFlags(2), exportName('secret name'), request({ command: 0 })]))
  t.equal((await old.rest()).length, 18, 'the greeting and no more')
  old.destroy()
  await settle()
  t.strictSame(disk.opened, [])
})

t.test('what is sent in the clear behind STARTTLS is never taken for protocol', async t => {
  const { disk, listener, settle } = await serve(t, CERTIFICATES)
  const injected = Buffer.concat([option(8), go(''), request({ command: 0, length: 100 })])
  // In one segment with STARTTLS, and behind its acknowledgement.
  const together = await RawClient.connect(listener)
  together.send(Buffer.concat([clientFlags(3), option(5), injected]))
  await together.ended
  const behind = await RawClient.connect(listener)
  behind.send(Buffer.concat([clientFlags(3), option(5)]))
  await behind.take(18 + 20)
  behind.send(injected)
  t.notOk((await behind.rest()).includes('NBD'), 'at most a TLS alert')
  // And in front of a client's own handshake, as somebody in the middle would.
  const victim = await RawClient.connect(listener)
  victim.send(Buffer.concat([clientFlags(3), option(5)]))
  await victim.take(18 + 20)
  victim.socket.write(injected)
  await t.rejects(victim.upgrade(TRUST))
  for (const client of [together, behind, victim]) client.destroy()
  await settle()
  t.strictSame(disk.opened, [])
})

t.test('a client that stalls inside the TLS handshake is closed in time', async t => {
  const { listener, log, settle } = await serve(t, CERTIFICATES, {}, { handshakeTimeoutMs: 100 })
  const silent = await RawClient.connect(listener)
  silent.send(Buffer.concat([clientFlags(3), option(5)]))
  await silent.take(18 + 20)
  const half = await RawClient.connect(listener)
  half.send(Buffer.concat([clientFlags(3), option(5)]))
  await half.take(18 + 20)
  half.send(Buffer.from('16030100', 'hex'))
  await silent.ended
  await half.ended
  await settle()
  t.match(log.join('\n'), /has not chosen an export in time/)
})

t.test('a client that vanishes inside the TLS handshake leaves nothing behind', async t => {
  const { listener, settle } = await serve(t, CERTIFICATES)
  for (const step of [0, 18, 38]) {
    const raw = await RawClient.connect(listener)
    raw.send(Buffer.concat([clientFlags(3), option(5)]))
    await raw.take(step)
    raw.destroy()
  }
  const halfClosed = await RawClient.connect(listener)
  halfClosed.send(Buffer.concat([clientFlags(3), option(5)]))
  await halfClosed.take(38)
  halfClosed.socket.end()
  await halfClosed.ended
  halfClosed.destroy()
  await settle()
})

t.test('a client that reads nothing inside TLS is dropped', async t => {
  const limits = { maxOwedBytes: 4 * MIB, writeTimeoutMs: 300 }
  const options = { size: 8 * MIB, pieceBytes: 65_536 }
  const { disk, listener, settle } = await serve(t, CERTIFICATES, options, limits)
  const deaf = await RawClient.enter(listener, { tls: TRUST })
  deaf.socket.pause()
  for (let index = 0; index < 100; index++) deaf.read(BigInt(index), 0, MIB)
  await until(() => listener.clients === 0)
  t.ok(disk.maxPinnedBytes <= limits.maxOwedBytes, `${disk.maxPinnedBytes} bytes were pinned`)
  deaf.destroy()
  await settle()
})

t.test('Listener.close() drains clients inside TLS', async t => {
  const { disk, listener } = await serve(t, CERTIFICATES, { manual: true })
  const raw = await RawClient.enter(listener, { tls: TRUST })
  raw.read(1n, 0, 1000)
  await disk.waitForPending(1)
  const closed = listener.close(60_000)
  for (const read of [...disk.pending]) disk.answer(read)
  t.match(await raw.reply(), { kind: 'data', cookie: 1n, done: true })
  await raw.ended
  raw.destroy()
  await closed
  t.equal(disk.pins, 0)
})

t.test('Listener.close() ends TLS handshakes that are under way', async t => {
  const { listener } = await serve(t, CERTIFICATES)
  const raw = await RawClient.connect(listener)
  raw.send(Buffer.concat([clientFlags(3), option(5)]))
  await raw.take(18 + 20)
  await listener.close(60_000)
  await raw.ended
  t.equal(listener.clients, 0)
})

t.test('the URI asks for TLS where that is required, and only there', async t => {
  const secure = await serve(t, CERTIFICATES)
  t.match(secure.listener.uri('x'), /^nbds\+unix:\/\/\/x\?socket=/)
  const open = await serve(t, { ...CERTIFICATES, tls: 'on' })
  t.match(open.listener.uri('x'), /^nbd\+unix:/)
  const raw = await RawClient.enter(open.listener)
  raw.read(1n, 0, 10)
  t.match(await raw.reply(), { kind: 'data' }, 'who does not ask gets no TLS')
  raw.destroy()
  const tcp = await Listener.listen({
    address: { host: '127.0.0.1', port: 0 },
    exports: [new MemoryExport()],
    tls: resolveTls(CERTIFICATES),
  })
  t.teardown(() => tcp.close(0))
  t.equal(tcp.uri(''), `nbds://127.0.0.1:${tcp.port}/`)
})

t.test('TLS spoken at once, without NBD, gets no more than the greeting', async t => {
  const { listener, settle } = await serve(t, CERTIFICATES)
  const socket = connect(listener.socketPath ?? '')
  socket.write(Buffer.from('16030100c8010000c40303', 'hex'))
  const [greeting] = await once(socket, 'data')
  t.equal(greeting.length, 18)
  await once(socket, 'close')
  await settle()
})
