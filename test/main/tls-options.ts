// TLS as it is asked for: on the command line's side files, on the library's texts; whatever would
// protect less than was asked for is refused.

import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readTlsCertificates, readTlsPsk } from '../../dist/main/tls-files.js'
import { resolveTls } from '../../dist/main/tls-options.js'
import { UsageError } from '../../dist/main/usage-error.js'
import type { Warn } from '../../dist/main/warning.js'
import { CliRun } from '../fixtures/cli-host.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { KEY, tlsDirectory, USER } from '../fixtures/tls-directory.js'

const pki = await tlsDirectory(t)

function refusal(options: object): string {
  try {
    resolveTls(options)
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  return 'accepted'
}

t.test('resolveTls() offers TLS only when asked to', async t => {
  t.equal(resolveTls({}), undefined)
  t.equal(resolveTls({ tls: 'off' }), undefined)
  t.equal(resolveTls({ tls: 'on', tlsCertificates: pki.server })?.required, false)
  t.equal(resolveTls({ tls: 'require', tlsPsk: { [USER]: KEY } })?.required, true)
})

t.test(
  'resolveTls() refuses what would leave a server open that was meant to be closed',
  async t => {
    t.equal(
      refusal({ tlsCertificates: pki.server }),
      'Cannot use --tls-certificates: TLS is off, add --tls=on or --tls=require',
    )
    t.match(refusal({ tls: 'off', tlsPsk: { [USER]: KEY } }), /^Cannot use --tls-psk: TLS is off/)
    t.match(refusal({ tlsVerifyPeer: true }), /^Cannot use --tls-verify-peer: TLS is off/)
    t.match(refusal({ tls: 'require' }), /^Cannot use --tls=require: it needs --tls-cert/)
    t.match(
      refusal({ tls: 'on', tlsVerifyPeer: true, tlsPsk: { [USER]: KEY } }),
      /^Cannot use --tls-verify-peer: there is no ca-cert.pem/,
    )
    t.equal(refusal({ tls: 'yes' }), "Cannot use 'yes' for --tls: expected off, on or require")
  },
)

t.test('resolveTls() refuses certificates and keys that can not work', async t => {
  const { cert, key, ca } = pki.server
  const broken = { cert: cert.replace(/\nM/, '\n!'), key, ca }
  t.match(refusal({ tls: 'on', tlsCertificates: broken }), /^Cannot use the --tls-certificates: ./)
  t.equal(
    refusal({ tls: 'on', tlsCertificates: { ...pki.client, key, ca } }),
    'Cannot use the --tls-certificates: key values mismatch',
  )
  for (const hex of ['', '00', '0'.repeat(33), 'g'.repeat(32), '00'.repeat(257), ' '.repeat(32)]) {
    const message = refusal({ tls: 'on', tlsPsk: { [USER]: hex } })
    t.equal(message, `Cannot use the --tls-psk: the key of '${USER}' is not hex of 16 to 256 bytes`)
  }
  t.equal(refusal({ tls: 'on', tlsPsk: {} }), 'Cannot use the --tls-psk: it has no key')
})

t.test('readTlsCertificates() reads the directory, the authority if it is there', async t => {
  const warnings: string[] = []
  const warn: Warn = ({ text }) => warnings.push(text)
  t.match(await readTlsCertificates(pki.path, warn), { ...pki.server, crl: undefined })
  t.strictSame(warnings, [])
  const copy = await tlsDirectory(t)
  rmSync(join(copy.path, 'ca-cert.pem'))
  chmodSync(join(copy.path, 'server-key.pem'), 0o644)
  t.match(await readTlsCertificates(copy.path, warn), { ca: undefined })
  t.match(warnings, [/^the TLS key '.*server-key.pem' can be read by others: chmod 600 helps$/])
  rmSync(join(copy.path, 'server-key.pem'))
  await t.rejects(readTlsCertificates(copy.path, warn), {
    code: 'FILE',
    message: /^Cannot read the TLS key '.*server-key.pem': no such file or directory$/,
  })
})

t.test('readTlsPsk() reads lines of user:hex and shows no key when it can not', async t => {
  const directory = temporaryDirectory(t)
  const file = (text: string) => {
    const path = join(directory, 'keys')
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const warn = () => {}
  t.strictSame(await readTlsPsk(pki.psk, warn), { bob: '00'.repeat(32), [USER]: KEY })
  t.strictSame(await readTlsPsk(file(`#c3a4:${KEY}\r\n\n`), warn), { ä: KEY })
  t.strictSame(
    await readTlsPsk(file(`__proto__:${KEY}`), warn),
    JSON.parse(`{"__proto__":"${KEY}"}`),
  )
  for (const text of [KEY, `a:b:${KEY}`, `a:${KEY}x`, ':00', 'a:', `a: ${KEY}`]) {
    const error = await readTlsPsk(file(`ok:${KEY}\n${text}\n`), warn).catch(error => error)
    t.ok(error instanceof UsageError)
    t.match(error.message, /^Cannot use the TLS keys '.*keys': line 2 is not of the form user:hex$/)
  }
  await t.rejects(readTlsPsk(join(directory, 'none'), warn), {
    message: /^Cannot read the TLS keys '.*none': no such file or directory$/,
  })
})

t.test('runCli() reads the files and hands on their texts', async t => {
  const url = 'https://host/disk.img'
  const cli = new CliRun([
    ...['--tls=require', '--tls-certificates', pki.path, '--tls-psk', pki.psk, url],
  ])
  const status = cli.run()
  await cli.until(() => cli.out !== '')
  cli.process.emit('SIGTERM', 'SIGTERM')
  t.equal(await status, 0)
  t.match(cli.served[0], { tls: 'require', tlsCertificates: pki.server, tlsPsk: { [USER]: KEY } })
  for (const [args, expected] of [
    [['--tls=on'], { status: 2, error: /needs --tls-certificates or --tls-psk/ }],
    [['--tls-psk', pki.psk], { status: 2, error: /--tls-psk: TLS is off/ }],
    [['--tls=on', '--tls-psk', '/none'], { status: 1, error: /the TLS keys '\/none': no such/ }],
    [['--tls=on', '--tls-certificates', '/none'], { status: 1, error: /Cannot read the TLS c/ }],
  ] as const) {
    const failing = new CliRun([...args, url])
    t.equal(await failing.run(), expected.status)
    t.match(failing.error, expected.error)
  }
})
