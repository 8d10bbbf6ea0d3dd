// What can be wrong at the start, on the built program: one line that says it, the right exit
// status, nothing on standard output and nothing left behind.

import { readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { SlowServerOptions } from '../../.bench/slow-server/options.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { httpOrigin, rawOrigin } from '../fixtures/origin.js'
import { runProgram, startProgram } from '../fixtures/program.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

const MIB = 1024 * 1024

async function startOrigin(t: Test, options: Partial<SlowServerOptions> = {}): Promise<SlowServer> {
  const origin = await SlowServer.start({ image: { size: MIB }, ...options })
  t.teardown(() => origin.close())
  return origin
}

/** Runs the program with these arguments and checks how it fails. */
async function fails(
  t: Test,
  args: readonly string[],
  says: RegExp,
  { status = 1, left = [] as string[], directory = temporaryDirectory(t) } = {},
): Promise<void> {
  const pidfile = join(directory, 'pid')
  const env = { ...process.env, TMPDIR: directory }
  const outcome = await runProgram(t, ['-P', pidfile, ...args], { env })
  t.match(outcome, { status, signal: null, stdout: '' })
  const lines = outcome.stderr.split('\n').filter(line => !line.startsWith('Try '))
  t.match(lines, [says, /^$/])
  t.equal(lines.length, 2, `one line: ${outcome.stderr}`)
  t.strictSame(readdirSync(directory).sort(), left, 'nothing is left behind')
}

// Most of the time of each is the start of Node.
t.jobs = 2

t.test('origin that is not there', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  const url = `http://127.0.0.1:${port}/disk.img`
  await fails(t, ['-U', '-', url], /Cannot open http:.*Cannot connect: connection refused$/)
  await fails(
    t,
    ['-U', '-', 'http://host.invalid/disk.img'],
    /Cannot open .*: (host name not found|the name server)/,
  )
})

t.test('origin that refuses', async t => {
  const origin = await startOrigin(t, { auth: { user: 'me', password: 'right' } })
  const passwordFile = join(temporaryDirectory(t), 'password')
  writeFileSync(passwordFile, 'wrong-password\n', { mode: 0o600 })
  await fails(t, ['-U', '-', `${origin.origin}/other.img`], /(401 Unauthorized|404 Not Found)/)
  await fails(t, ['-U', '-', origin.url], /401 Unauthorized; give --user and --password-file/)
  const login = ['--user', 'me', '--password-file', passwordFile]
  await fails(
    t,
    ['-U', '-', ...login, origin.url],
    /401 Unauthorized; the user name or password is not accepted$/,
  )
  origin.setOptions({ auth: undefined })
  await fails(
    t,
    ['-U', '-', `${origin.origin}/other.img`],
    /Cannot open .*other\.img: 404 Not Found$/,
  )
  origin.setOptions({ ranges: false })
  await fails(t, ['-U', '-', origin.url], /the server does not support range requests/)
  origin.setOptions({ ranges: true, faults: [{ kind: 'status', status: 403 }] })
  await fails(t, ['-U', '-', origin.url], /403 Forbidden; the server refuses access/)
  origin.setOptions({ faults: [{ kind: 'gzip' }] })
  await fails(t, ['--retries', '0', '-U', '-', origin.url], /encoded: gzip; the server compresses/)
})

t.test('origin that speaks something else, or nothing', async t => {
  const garbage = await rawOrigin(t, socket => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))
  await fails(t, ['--retries', '0', '-U', '-', garbage.url], /Cannot open http:/)
  const silent = await rawOrigin(t, () => {})
  const patience = ['--first-byte-timeout', '0.2', '--retries', '0']
  await fails(t, [...patience, '-U', '-', silent.url], /no answer within the limit$/)
})

t.test('origin that redirects for ever, or to nowhere', async t => {
  const circle = await rawOrigin(t, socket => {
    socket.write('HTTP/1.1 302 Found\r\nLocation: /disk.img\r\nContent-Length: 0\r\n\r\n')
  })
  await fails(t, ['-U', '-', circle.url], /more than 20 redirects$/)
  const ftp = await rawOrigin(t, socket => {
    socket.write('HTTP/1.1 302 Found\r\nLocation: ftp://host/x\r\nContent-Length: 0\r\n\r\n')
  })
  await fails(t, ['-U', '-', ftp.url], /redirects to ftp:, which is not HTTP$/)
})

t.test('certificates', async t => {
  const origin = await startOrigin(t, { tls: true })
  const files = temporaryDirectory(t)
  const broken = join(files, 'broken.pem')
  writeFileSync(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  const ca = join(files, 'ca.pem')
  writeFileSync(ca, origin.caPem ?? '')
  await fails(t, ['-U', '-', origin.url], /Cannot open https:.*TLS.*--cacert FILE, or --insecure/)
  const usage = { status: 2 }
  await fails(
    t,
    ['--cacert', broken, '-U', '-', origin.url],
    /--cacert: its certificate is broken/,
    usage,
  )
  await fails(t, ['--cacert', join(files, 'none'), '-U', '-', origin.url], /Cannot read .*none/)
  const plain = await httpOrigin(t, (_request, response) => void response.end())
  const mistaken = plain.url.replace('http:', 'https:')
  await fails(
    t,
    ['-U', '-', mistaken],
    /Cannot set up TLS: the server (does not speak it$|speaks plain HTTP)/,
  )
  // Waits for the end of a request, as some servers do; the default limit is half a minute.
  const patient = await startOrigin(t)
  const waiting = patient.url.replace('http:', 'https:')
  await fails(t, ['-U', '-', waiting], /the server speaks plain HTTP; is http:\/\/ meant\?$/)
  await fails(t, ['-U', '-', origin.url.replace('https:', 'http:')], /; is https:\/\/ meant\?$/)
  for (const trust of [['--cacert', ca], ['--insecure']]) {
    const { uri } = await startProgram(t, ['-U', '-', ...trust, origin.url])
    t.match(uri, /^nbd\+unix:/)
  }
})

t.test('addresses that can not be listened on', async t => {
  const origin = await startOrigin(t)
  const busy = createServer().listen(0, '127.0.0.1')
  t.teardown(() => busy.close())
  await new Promise(resolve => busy.once('listening', resolve))
  const { port } = busy.address() as { port: number }
  await fails(
    t,
    ['-p', `${port}`, origin.url],
    /Cannot listen on 127\.0\.0\.1:\d+: the address is in use$/,
  )
  await fails(t, ['-i', '192.0.2.1', origin.url], /Cannot listen on .*does not have the address$/)
  const directory = temporaryDirectory(t)
  await fails(t, ['-U', join(directory, 'x'.repeat(120)), origin.url], /--unix: it has \d+ bytes/, {
    status: 2,
    directory,
  })
  await fails(
    t,
    ['-U', join(directory, 'none', 'socket'), origin.url],
    /the directory does not exist$/,
    {
      directory,
    },
  )
  const path = join(directory, 'socket')
  await startProgram(t, ['-U', path, origin.url])
  await fails(t, ['-U', path, origin.url], /the socket is in use by another server$/, {
    directory,
    left: ['socket'],
  })
  const file = join(directory, 'file')
  writeFileSync(file, 'precious')
  await fails(t, ['-U', file, origin.url], /file: it exists and is not a socket$/, {
    directory,
    left: ['file', 'socket'],
  })
})

t.test('wrong usage', async t => {
  const usage = { status: 2 }
  const url = 'http://127.0.0.1:9/disk.img'
  await fails(t, [], /URL/, usage)
  await fails(t, ['--nonsense', url], /--nonsense/, usage)
  await fails(t, ['--ring-size', '12Q', url], /'12Q'.*--ring-size/, usage)
  await fails(t, ['--ring-size', '64K', url], /--ring-size/, usage)
  await fails(t, ['--connections', '0', url], /--connections/, usage)
  await fails(t, ['-U', '-', '-p', '1', url], /--unix together with --port/, usage)
  await fails(t, ['ftp://host/disk.img'], /only http and https/, usage)
  await fails(
    t,
    ['--user', 'me', '--password-file', '/nonexistent', url],
    /Cannot read .*nonexistent/,
  )
  const outcome = await runProgram(t, ['http://me:secret-word@host:port/'])
  t.equal(outcome.status, 2)
  t.notMatch(outcome.stderr, 'secret-word', 'no secret is shown')
})

t.test('a pidfile that can not be written', async t => {
  const origin = await startOrigin(t)
  const directory = temporaryDirectory(t)
  const { status, stderr } = await runProgram(t, [
    '-P',
    join(directory, 'none', 'pid'),
    '-U',
    join(directory, 'socket'),
    origin.url,
  ])
  t.equal(status, 1)
  t.match(stderr, /Cannot write .*pid/)
  t.strictSame(readdirSync(directory), [])
})

t.test('an image of more blocks than there are books for', async t => {
  const origin = await startOrigin(t, { image: { size: 200 * 2 ** 40 } })
  await fails(t, [origin.url], /219902325555200 bytes are too many .* larger --block-size$/)
  const huge = await startOrigin(t, { image: { size: 2 ** 52 } })
  await fails(t, ['--block-size', '64K', huge.url], /bytes are too many for blocks of 64K;/)
})
