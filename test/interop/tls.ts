// TLS with the programs people use: libnbd's and qemu's, both on GnuTLS, by certificate and by key.

import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { Listener } from '../../dist/main/listener.js'
import { resolveTls, type TlsServerOptions } from '../../dist/main/tls-options.js'
import { MemoryExport } from '../fixtures/memory-export.js'
import { httpOrigin, imageBytes, serveRange } from '../fixtures/origin.js'
import { runProgram } from '../fixtures/program.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { KEY, tlsDirectory, USER } from '../fixtures/tls-directory.js'

const run = promisify(execFile)
const MIB = 1024 * 1024
const pki = await tlsDirectory(t)
const CERTIFICATES: TlsServerOptions = { tls: 'require', tlsCertificates: pki.server }
const KEYS: TlsServerOptions = { tls: 'require', tlsPsk: { [USER]: KEY } }
const BOTH: TlsServerOptions = { ...CERTIFICATES, ...KEYS }

async function stderrOf(program: string, args: readonly string[]): Promise<string> {
  const outcome = await run(program, args).catch((error: { stderr: string }) => error)
  return outcome instanceof Error ? outcome.stderr : 'nothing: it did not fail'
}

async function serve(t: Test, options: TlsServerOptions, unix = false) {
  const disk = new MemoryExport({ name: 'a disk', size: 5 * MIB + 511, pieceBytes: 300_000 })
  const listener = await Listener.listen({
    address: unix ? { path: '-' } : { host: '127.0.0.1', port: 0 },
    exports: [disk],
    tls: resolveTls(options),
  })
  t.teardown(() => listener.close(0))
  const close = async () => {
    await listener.close(10_000)
    t.equal(disk.pins, 0)
  }
  return { disk, listener, close }
}

/** The URI with what only a client knows: its name, its keys. */
function uriOf(listener: Listener, user: string, ...parameters: readonly string[]): string {
  const uri = listener.uri('a disk').replace(/^(nbds?(\+unix)?:\/\/)/, `$1${user}`)
  return `${uri}${uri.includes('?') ? '&' : '?'}${parameters.join('&')}`
}

t.test('nbdcopy copies every byte through TLS', requires('nbdcopy', 'nbdinfo'), async t => {
  const target = join(temporaryDirectory(t), 'copy')
  for (const options of [CERTIFICATES, KEYS, BOTH]) {
    for (const unix of [false, true]) {
      const { disk, listener, close } = await serve(t, options, unix)
      const uris = [
        // On a Unix socket there is no host name that a certificate could be of.
        ...(options !== KEYS && !unix ? [uriOf(listener, '', `tls-certificates=${pki.path}`)] : []),
        ...(options !== CERTIFICATES
          ? [uriOf(listener, `${USER}@`, `tls-psk-file=${pki.psk}`)]
          : []),
      ]
      for (const uri of uris) {
        writeFileSync(target, '')
        await run('nbdcopy', [uri, target])
        t.ok(readFileSync(target).equals(disk.bytes), uri)
        t.match((await run('nbdinfo', [uri])).stdout, /newstyle-fixed with TLS, using structured/)
      }
      await close()
    }
  }
})

t.test('libnbd without TLS is told that it is required', requires('nbdinfo'), async t => {
  const { disk, listener, close } = await serve(t, BOTH)
  const plain = listener.uri('a disk').replace('nbds:', 'nbd:')
  t.match(await stderrOf('nbdinfo', [plain]), /not supported/i)
  t.match(await stderrOf('nbdinfo', ['--list', plain]), /./)
  const wrong = `alice:${'00'.repeat(32)}\n`
  const file = join(temporaryDirectory(t), 'wrong.psk')
  writeFileSync(file, wrong)
  t.match(await stderrOf('nbdinfo', [uriOf(listener, 'alice@', `tls-psk-file=${file}`)]), /tls/i)
  t.strictSame(disk.opened, [])
  await close()
})

t.test('libnbd takes TLS where it is on offer, and does without', requires('nbdinfo'), async t => {
  const { listener, close } = await serve(t, { ...BOTH, tls: 'on' })
  t.match((await run('nbdinfo', [listener.uri('a disk')])).stdout, /without TLS/)
  const secure = uriOf(listener, '', `tls-certificates=${pki.path}`).replace('nbd:', 'nbds:')
  t.match((await run('nbdinfo', [secure])).stdout, /with TLS/)
  await close()
})

t.test('qemu-img converts through TLS', requires('qemu-img'), async t => {
  const directory = temporaryDirectory(t)
  const target = join(directory, 'copy')
  for (const [options, credentials] of [
    [CERTIFICATES, `tls-creds-x509,id=tls,endpoint=client,dir=${pki.path}`],
    [BOTH, `tls-creds-x509,id=tls,endpoint=client,dir=${pki.path}`],
    [KEYS, `tls-creds-psk,id=tls,endpoint=client,username=${USER},dir=${pki.path}`],
    [BOTH, `tls-creds-psk,id=tls,endpoint=client,username=${USER},dir=${pki.path}`],
  ] as const) {
    const { disk, listener, close } = await serve(t, options)
    const source = `driver=nbd,host=127.0.0.1,port=${listener.port},export=a disk,tls-creds=tls`
    const convert = [
      'convert',
      '--object',
      credentials,
      '--image-opts',
      source,
      '-O',
      'raw',
      target,
    ]
    await run('qemu-img', convert)
    const copy = readFileSync(target)
    t.ok(copy.subarray(0, disk.bytes.length).equals(disk.bytes), credentials)
    await close()
  }
})

t.test(
  '--tls-verify-peer turns qemu-img away without a certificate',
  requires('qemu-img'),
  async t => {
    const { disk, listener, close } = await serve(t, { ...CERTIFICATES, tlsVerifyPeer: true })
    const info = (directory: string) => [
      'info',
      '--object',
      `tls-creds-x509,id=tls,endpoint=client,dir=${directory}`,
      '--image-opts',
      `driver=nbd,host=127.0.0.1,port=${listener.port},export=a disk,tls-creds=tls`,
    ]
    t.match(await stderrOf('qemu-img', info(pki.anonymous)), /Could not open/)
    t.strictSame(disk.opened, [])
    t.match((await run('qemu-img', info(pki.path))).stdout, /virtual size: 5/)
    await close()
  },
)

t.test('the program itself serves over TLS', requires('nbdcopy'), async t => {
  const size = MIB + 3
  const origin = await httpOrigin(t, serveRange(size))
  const target = join(temporaryDirectory(t), 'copy')
  writeFileSync(target, '')
  const copy = `nbdcopy "$uri?tls-certificates=${pki.path}" '${target}'`
  const tls = ['--tls=require', `--tls-certificates=${pki.path}`, '--tls-psk', pki.psk]
  const { status, stderr } = await runProgram(t, [
    ...tls,
    '--tls-verify-peer',
    '--port=0',
    '--run',
    `case $uri in nbds:*) ${copy};; esac`,
    origin.url,
  ])
  t.equal(status, 0, stderr)
  t.notMatch(stderr, KEY)
  t.ok(readFileSync(target).equals(imageBytes(0, size)))
})
