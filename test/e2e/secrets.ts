// A full run with a secret planted everywhere one can be: none of them may show in any output, in what
// NBD clients are told, in the process table, or at another origin.

import { createPrivateKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import selfsigned from 'selfsigned'
import t from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { makeCertificate } from '../../.bench/slow-server/certificate.js'
import { httpOrigin, serveRange } from '../fixtures/origin.js'
import { startProgram } from '../fixtures/program.js'
import { startProxy } from '../fixtures/proxy.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

const MIB = 1024 * 1024
const PLANTED = {
  inUrl: 'planted-in-the-url',
  cookie: 'planted-cookie-value',
  jar: 'planted-in-the-jar',
  set: 'planted-by-the-server',
  header: 'planted-header-value',
  token: 'planted-bearer-token',
  proxy: 'planted-proxy-password',
  passphrase: 'planted-key-passphrase',
}

for (const login of ['user info in the URL', 'a bearer token'] as const) {
  t.test(`no output shows a secret: ${login}`, async t => {
    const directory = temporaryDirectory(t)
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text, { mode: 0o600 })
      return join(directory, name)
    }
    const { key, cert, ca } = await makeCertificate()
    const client = await selfsigned.generate([{ name: 'commonName', value: 'me' }])
    const encrypted = createPrivateKey(client.private).export({
      ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PLANTED.passphrase },
    }) as string
    const bearer = login === 'a bearer token'
    let failing = false
    const tls = { key, cert, ca: client.cert, requestCert: true }
    const origin = await httpOrigin(
      t,
      (request, response, index) => {
        const set = { 'set-cookie': `s=${PLANTED.set}; Path=/` }
        if (!failing) return serveRange(8 * MIB, set)(request, response, index)
        // A server that repeats whatever it was told, in words that go into messages.
        const inUrl = bearer ? '' : PLANTED.inUrl
        const told = `${request.headers.authorization} ${request.headers.cookie}`
        response.writeHead(403, `No: ${told} ${inUrl} ${request.headers['x-token']}`).end()
      },
      tls,
    )
    const proxy = await startProxy(t, { login: `pu:${PLANTED.proxy}` })
    const url = new URL(origin.url)
    if (!bearer) {
      url.username = 'me'
      url.password = PLANTED.inUrl
    }
    const jar = file('jar', `127.0.0.1\tFALSE\t/\tTRUE\t0\tj\t${PLANTED.jar}\n`)
    const program = await startProgram(
      t,
      [
        ...['-U', '-', '-v', '--stats', '--readahead', 'off', '--retries', '1', '--workers', '1'],
        ...['--cacert', file('ca', ca), '--cert', file('cert', client.cert)],
        ...['--key', file('key', encrypted)],
        ...['--key-passphrase-file', file('passphrase', PLANTED.passphrase)],
        ...['--cookie', `c=${PLANTED.cookie}`, '--cookie-jar', jar],
        ...['--header', `X-Token: ${PLANTED.header}`],
        ...(bearer ? ['--bearer-token-file', file('token', PLANTED.token)] : []),
        url.href,
      ],
      {
        env: {
          ...process.env,
          https_proxy: `http://pu:${PLANTED.proxy}@${proxy.host}`,
          no_proxy: '',
        },
      },
    )
    const shown = [readFileSync(`/proc/${program.pid}/cmdline`, 'latin1')]
    const nbd = await NbdClient.connect({
      path: new URL(program.uri).searchParams.get('socket') as string,
    })
    t.teardown(() => nbd.close())
    await nbd.read(0, MIB)
    await nbd.read(3 * MIB, MIB)
    failing = true
    const error = await nbd.read(6 * MIB, MIB).catch((error: Error) => error)
    t.match(error, { message: /403 No: / }, 'the reason gets through')
    shown.push(String((error as Error).stack))
    await nbd.close()
    program.child.kill('SIGTERM')
    const { status, stdout, stderr } = await program.ended
    t.equal(status, 0)
    shown.push(stdout, stderr)
    for (const [name, secret] of Object.entries(PLANTED)) {
      const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]
      for (const form of forms) {
        t.notOk(
          shown.some(text => text.includes(form)),
          `${name} shows nowhere`,
        )
      }
      const basic = Buffer.from(`me:${secret}`).toString('base64')
      t.notOk(
        shown.some(text => text.includes(basic)),
        `${name} shows nowhere as basic`,
      )
    }
    // They were sent, all of them: else this test would prove nothing.
    const headers = origin.requests.at(-1)?.headers ?? {}
    t.match(headers.cookie, `c=${PLANTED.cookie}; j=${PLANTED.jar}; s=${PLANTED.set}`)
    t.equal(headers['x-token'], PLANTED.header)
    t.match(headers.authorization, bearer ? `Bearer ${PLANTED.token}` : /^Basic /)
    t.ok(proxy.requests.length > 0)
    t.match(readFileSync(jar, 'utf8'), PLANTED.set, 'the jar is where cookies are to show')
  })
}
