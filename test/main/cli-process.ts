// The command line as a process of its own: signals, files left behind, what ps shows, orphans.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const PROGRAM = fileURLToPath(new URL('../fixtures/cli-process.mjs', import.meta.url))
const url = 'http://me@host/x?sig=hunter2'

/** A directory with a short name, as sockets need. */
const directory = mkdtempSync(join(tmpdir(), 'nbdp-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
let sockets = 0

function start(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
) {
  const socket = join(directory, `s${sockets++}`)
  const child = spawn(process.execPath, [PROGRAM, '-U', socket, ...argv, url], {
    env: { ...process.env, ...env },
    stdio: [stdin, 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return { child, socket }
}

async function textOf(stream: NodeJS.ReadableStream | null, until: RegExp): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) {
    text += String(chunk)
    if (until.test(text)) break
  }
  return text
}

async function end(child: ChildProcess): Promise<number | string | null> {
  const [status, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return status ?? signal
}

t.test('SIGTERM and SIGQUIT end an idle server with 0 and without its socket', async t => {
  for (const signal of ['SIGTERM', 'SIGQUIT'] as const) {
    const { child, socket } = start([])
    const ended = end(child)
    t.equal(await textOf(child.stdout, /\n/), `nbd+unix:///?socket=${socket}\n`)
    t.ok(existsSync(socket))
    child.kill(signal)
    t.equal(await ended, 0, signal)
    t.notOk(existsSync(socket))
  }
})

t.test('a second signal ends a server that does not drain, without its files', async t => {
  const pidfile = join(directory, 'pid')
  const { child, socket } = start(['-P', pidfile], { FAKE_STUCK_CLOSE: '1' })
  const ended = end(child)
  await textOf(child.stdout, /\n/)
  t.equal(readFileSync(pidfile, 'utf8'), `${child.pid}\n`)
  child.kill('SIGTERM')
  await textOf(child.stderr, /draining/)
  child.kill('SIGINT')
  t.equal(await ended, 130)
  t.notOk(existsSync(socket))
  t.notOk(existsSync(pidfile))
})

t.test('a signal during the start ends a start that hangs', async t => {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGQUIT', 131],
  ] as const) {
    const { child } = start([], { FAKE_SLOW_START: '1' })
    const ended = end(child)
    await textOf(child.stderr, /starting/)
    child.kill(signal)
    t.equal(await ended, status)
  }
})

t.test('--run ends with the command and its status, output and all', async t => {
  const { child, socket } = start(['--run', 'echo "$uri"; test -S "$unixsocket" && exit 5'])
  const ended = end(child)
  t.equal(await textOf(child.stdout, /\n/), `nbd+unix:///?socket=${socket}\n`)
  t.equal(await ended, 5)
  t.notOk(existsSync(socket))
})

t.test('--run leaves standard input behind the password to the command', async t => {
  const { child } = start(
    [
      ...['--user', 'me', '--password-file', '-'],
      ...['--run', 'read -r line; test "$line" = for-us && exit 5'],
    ],
    {},
    'pipe',
  )
  const ended = end(child)
  child.stdin?.end('hunter2\nfor-us\n')
  t.equal(await ended, 5)
})

t.test(
  'the command line shows no credentials once the program runs',
  { skip: existsSync('/proc/self/cmdline') ? false : 'needs /proc' },
  async t => {
    const { child } = start(['--cookie', 'session=hunter2'])
    const ended = end(child)
    await textOf(child.stdout, /\n/)
    const shown = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')
    t.match(shown, /^nbd-prefetch\0/)
    t.notMatch(shown, /hunter2/)
    child.kill('SIGTERM')
    t.equal(await ended, 0)
  },
)

t.test('a closed standard output is no reason to stop', async t => {
  const { child, socket } = start(['-v'], {})
  const ended = end(child)
  child.stdout?.destroy()
  const log = textOf(child.stderr, /SIGTERM/)
  while (!existsSync(socket)) await new Promise(resolve => setTimeout(resolve, 10))
  await new Promise(resolve => setImmediate(resolve))
  t.equal(child.exitCode, null)
  child.kill('SIGTERM')
  await log
  t.equal(await ended, 0)
})

t.test('--exit-with-parent ends an orphan, without its socket', async t => {
  const socket = join(directory, 'orphan')
  const parent = spawn(
    '/bin/sh',
    ['-c', '"$@" & echo started; wait', 'sh', process.execPath, PROGRAM].concat([
      ...['-U', socket, '--exit-with-parent', url],
    ]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  // The pipe is the orphan's, too: it ends with the last of the two.
  const output = textOf(parent.stdout, /$^/)
  const parentEnded = end(parent)
  while (!existsSync(socket)) await new Promise(resolve => setTimeout(resolve, 10))
  parent.kill('SIGKILL')
  t.equal(await parentEnded, 'SIGKILL')
  t.match(await output, `nbd+unix:///?socket=${socket}\n`)
  t.notOk(existsSync(socket))
})
