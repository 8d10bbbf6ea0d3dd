// The built program under systemd's own tools: sockets that are handed over, the words to the
// service manager, and the units in docs/.

import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { ServiceManager } from '../../dist/main/service-manager.js'
import { launchProgram, runProgram } from '../fixtures/program.js'
import { run, start } from '../fixtures/programs.js'
import { RawClient } from '../fixtures/raw-client.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const CLI = fileURLToPath(new URL('../../dist/main/cli.js', import.meta.url))
const UNITS = fileURLToPath(new URL('../../docs/systemd/', import.meta.url))
const MIB = 1024 * 1024

async function startOrigin(t: Test): Promise<SlowServer> {
  const origin = await SlowServer.start({ image: { size: 2 * MIB } })
  t.teardown(() => origin.close())
  return origin
}

/** Prints every datagram that comes to a socket, a line each. */
const LISTENER = `
import socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print('listening', flush=True)
while True:
    print(listener.recv(4096).decode().replace('\\n', ' '), flush=True)
`

t.test(
  'sockets of systemd are served, and stay when the server ends',
  requires('systemd-socket-activate'),
  async t => {
    const origin = await startOrigin(t)
    const directory = temporaryDirectory(t)
    const paths = [join(directory, 'one'), join(directory, 'two')]
    const program = [process.execPath, CLI, '-e', 'disk', origin.url]
    const listen = paths.flatMap(path => ['-l', path])
    const running = start(t, 'systemd-socket-activate', [...listen, ...program])
    await until(() => paths.every(path => existsSync(path)))
    for (const path of paths) {
      const client = await RawClient.enter(
        { socketPath: path, port: undefined },
        { name: 'disk', structured: false },
      )
      client.read(1n, MIB, 512)
      t.equal((await client.take(16 + 512)).readUInt32BE(4), 0)
      client.destroy()
    }
    t.equal(running.stdout, `nbd+unix:///disk?socket=${paths[0]}\n`)
    running.child.kill('SIGTERM')
    t.match(await running.ended, { status: 0 })
    t.ok(
      paths.every(path => existsSync(path)),
      'the sockets are not ours to take away',
    )
  },
)

t.test('sockets of systemd leave no choice of an address', async t => {
  // The shell becomes the program: it knows the id that LISTEN_PID must have.
  const program = ['-c', 'export LISTEN_PID=$$; exec "$@"', 'sh', process.execPath, CLI]
  const url = 'http://127.0.0.1:9/x'
  for (const [args, fds, says] of [
    [['-p', '0', url], '1', /Cannot use --port together with sockets that are handed over/],
    [['--run', 'true', url], '1', /Cannot use --run together with sockets/],
    [[url], 'many', /Cannot use 'many' for LISTEN_FDS: expected from 1 to 64/],
  ] as const) {
    const env = { PATH: process.env['PATH'], LISTEN_FDS: fds }
    const outcome = await run(t, '/bin/sh', [...program, ...args], { env })
    t.match(outcome, { status: 2, stdout: '', stderr: says })
  }
  const origin = await startOrigin(t)
  const env = { PATH: process.env['PATH'], LISTEN_FDS: '1' }
  const none = await run(t, '/bin/sh', [...program, origin.url], { env })
  t.match(none, { status: 1, stdout: '', stderr: /Cannot listen on descriptor 3: / })
})

t.test(
  'the service manager hears of the start, of life and of the end',
  requires('systemd-notify', 'python3'),
  async t => {
    const origin = await startOrigin(t)
    const directory = temporaryDirectory(t)
    const path = join(directory, 'notify')
    const socket = join(directory, 's')
    const listener = start(t, 'python3', ['-c', LISTENER, path])
    await until(() => listener.stdout.includes('listening'))
    const env = { ...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: '200000' }
    const running = launchProgram(t, ['-U', socket, origin.url], { env })
    await until(() => listener.stdout.includes('WATCHDOG=1'))
    t.match(
      listener.stdout,
      `READY=1 STATUS=Serving ${2 * MIB} bytes at nbd+unix:///?socket=${socket}`,
    )
    running.child.kill('SIGTERM')
    t.match(await running.ended, { status: 0, stderr: /^((?!warning).)*$/s })
    await until(() => listener.stdout.includes('STOPPING=1 STATUS='))
  },
)

t.test('--run keeps the words of the service manager from its command', async t => {
  const origin = await startOrigin(t)
  const env = { ...process.env, LISTEN_PID: '1', LISTEN_FDS: '1', WATCHDOG_USEC: '1' }
  const { stdout } = await runProgram(t, ['--run', 'env', origin.url], { env })
  t.match(stdout, /^uri=/m)
  t.notMatch(stdout, /^(LISTEN|WATCHDOG|NOTIFY)_/m)
})

t.test('ServiceManager warns once where systemd-notify is missing', async t => {
  const lines: string[] = []
  using manager = new ServiceManager({
    env: { NOTIFY_SOCKET: '/nonexistent', PATH: temporaryDirectory(t) },
    pid: 1,
    log: (level, message) => lines.push(`${level} ${message}`),
  })
  manager.ready('Serving')
  await manager.stopping('Ending')
  t.strictSame(lines, ['warn Cannot tell the service manager: systemd-notify: not found'])
})

t.test('the units in docs are sound', requires('systemd-analyze'), async t => {
  const directory = temporaryDirectory(t)
  const service = join(directory, 'nbd-prefetch@.service')
  // Where the program is installed is all that may be wrong here.
  const text = readFileSync(join(UNITS, 'nbd-prefetch@.service'), 'utf8')
  t.match(text, 'ExecStart=/usr/bin/nbd-prefetch ')
  t.match(text, / \$OPTIONS \$URL$/m, 'no empty argument where a variable names the image')
  writeFileSync(service, text.replace('/usr/bin/nbd-prefetch', process.execPath))
  copyFileSync(join(UNITS, 'nbd-prefetch@.socket'), join(directory, 'nbd-prefetch@.socket'))
  const units = ['nbd-prefetch@.service', 'nbd-prefetch@.socket'].map(name => join(directory, name))
  const outcome = await run(t, 'systemd-analyze', ['verify', '--man=no', ...units])
  t.equal(outcome.status, 0)
  t.notMatch(outcome.stderr, /nbd-prefetch@/, outcome.stderr)
})
