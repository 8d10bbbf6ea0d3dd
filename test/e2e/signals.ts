// What ends the built program, and what ends with it: signals, a parent that goes, a terminal, and
// the processes of --run.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { rawOrigin } from '../fixtures/origin.js'
import { launchProgram, startProgram } from '../fixtures/program.js'
import { start, succeed } from '../fixtures/programs.js'
import { RawClient } from '../fixtures/raw-client.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
const CLI = fileURLToPath(new URL('../../dist/main/cli.js', import.meta.url))
const withProc = { skip: existsSync('/proc/self/stat') ? false : 'needs /proc' }

async function startOrigin(t: Test): Promise<SlowServer> {
  const origin = await SlowServer.start({ image: { size: 8 * MIB } })
  t.teardown(() => origin.close())
  return origin
}

/** True while a process lives; one that has ended and not been waited for does not. */
function lives(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Parent of a process; undefined once it has ended. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}

/** A --run command of a shell, a subshell and a program in it, which writes down their ids. */
function nested(directory: string): { command: string; pids: () => number[] } {
  const file = join(directory, 'pids')
  const command = `( sh -c 'echo $$; exec tail -f /dev/null' & echo $!; wait ) | cat >${file}; true`
  return {
    command,
    pids: () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : []),
  }
}

t.test('a second signal leaves the socket to a server that has it by now', async t => {
  const origin = await startOrigin(t)
  const path = join(temporaryDirectory(t), 's')
  const first = await startProgram(t, ['-U', path, origin.url])
  origin.setOptions({ faults: [{ kind: 'stall-before-headers' }] })
  const client = await RawClient.enter({ socketPath: path, port: undefined })
  t.teardown(() => client.destroy())
  client.read(1n, 4 * MIB, 512)
  await until(() => origin.stats.concurrent > 0)
  first.child.kill('SIGTERM')
  await until(() => !existsSync(path))
  origin.setOptions({ faults: [] })
  const second = await startProgram(t, ['-U', path, origin.url])
  first.child.kill('SIGTERM')
  t.match(await first.ended, { status: 143 })
  t.ok(existsSync(path), 'the socket of the second server is there')
  const other = await RawClient.enter({ socketPath: path, port: undefined })
  other.destroy()
  second.child.kill('SIGTERM')
  t.match(await second.ended, { status: 0 })
})

t.test('SIGUSR1 opens no debugger', async t => {
  const origin = await startOrigin(t)
  const path = join(temporaryDirectory(t), 's')
  const running = await startProgram(t, ['-U', path, origin.url])
  running.child.kill('SIGUSR1')
  const client = await RawClient.enter({ socketPath: path, port: undefined })
  client.destroy()
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0 })
  t.notMatch(running.stderr, /debugger|inspector/i)
})

t.test('SIGUSR2 ends nothing where there are no files to open again', async t => {
  const origin = await startOrigin(t)
  const running = await startProgram(t, ['-U', '-', origin.url])
  running.child.kill('SIGUSR2')
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0, signal: null })
})

t.test('SIGUSR2 ends nothing while settings are read', requires('mkfifo'), async t => {
  const fifo = join(temporaryDirectory(t), 'config')
  await succeed(t, 'mkfifo', '-m', '600', fifo)
  const { child, ended } = launchProgram(t, ['config', '--config', fifo])
  // Opened once the program is there to read it.
  const config = await open(fifo, 'w')
  child.kill('SIGUSR2')
  await config.writeFile('{}')
  await config.close()
  t.match(await ended, { status: 0, signal: null, stderr: '' })
})

t.test('SIGHUP ends nothing that was started by nohup', requires('nohup'), async t => {
  const origin = await startOrigin(t)
  const env = { ...process.env, no_proxy: '*', NODE_OPTIONS: '' }
  const path = join(temporaryDirectory(t), 's')
  const server = start(t, 'nohup', [CLI, '-U', path, origin.url], { env })
  await until(() => server.stdout !== '')
  server.child.kill('SIGHUP')
  server.child.kill('SIGTERM')
  t.match(await server.ended, { status: 0 }, 'the second signal was the first')
  // Node gives signals their usual effect again in what it starts.
  const command = 'kill -HUP $PPID $$; printenv NOHUP; echo here'
  const running = start(t, 'nohup', [CLI, '--run', command, origin.url], { env })
  t.match(await running.ended, { status: 0, stdout: /^here$/m })
})

t.test('running reads get the time of --drain-timeout and no more', async t => {
  const origin = await startOrigin(t)
  const path = join(temporaryDirectory(t), 's')
  for (const [seconds, answered] of [
    ['3600', true],
    ['0.1', false],
    ['0', false],
  ] as const) {
    const running = await startProgram(t, ['-U', path, '--drain-timeout', seconds, origin.url])
    origin.setOptions({ faults: [{ kind: 'stall-before-headers' }] })
    const client = await RawClient.enter(
      { socketPath: path, port: undefined },
      { structured: false },
    )
    t.teardown(() => client.destroy())
    client.read(1n, 4 * MIB, 512)
    await until(() => origin.stats.concurrent > 0)
    running.child.kill('SIGTERM')
    await until(() => !existsSync(path))
    origin.setOptions({ faults: [] })
    // The origin's connections break, and the read is sent again.
    if (answered) origin.resetConnections()
    t.equal((await client.rest()).length, answered ? 16 + 512 : 0, `${seconds} s`)
    t.match(await running.ended, { status: 0 })
  }
})

t.test('a signal ends every process of --run', withProc, async t => {
  const origin = await startOrigin(t)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const { command, pids } = nested(temporaryDirectory(t))
    const running = launchProgram(t, ['--run', command, origin.url])
    await until(() => pids().length === 2)
    running.child.kill(signal)
    t.not((await running.ended).status, 0, signal)
    await until(() => !pids().some(lives))
  }
})

t.test('a second signal kills processes of --run that ignore the first', withProc, async t => {
  const origin = await startOrigin(t)
  const stubborn = `sh -c 'trap "" TERM; echo $$; exec tail -f /dev/null'`
  const command = `trap 'echo told' TERM; ${stubborn} & while :; do wait; done`
  const running = launchProgram(t, ['--run', command, origin.url])
  await until(() => running.stdout.includes('\n'))
  running.child.kill('SIGTERM')
  await until(() => running.stdout.includes('told'))
  const pid = Number.parseInt(running.stdout, 10)
  t.ok(lives(pid))
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 143 })
  await until(() => !lives(pid))
})

t.test('--exit-with-parent ends the processes of --run, too', withProc, async t => {
  const origin = await startOrigin(t)
  const { command, pids } = nested(temporaryDirectory(t))
  const parent = spawn(
    '/bin/sh',
    ['-c', '"$@" & wait', 'sh', process.execPath, CLI, '--exit-with-parent'].concat([
      ...['--run', command, origin.url],
    ]),
    { stdio: 'ignore' },
  )
  t.teardown(() => parent.kill('SIGKILL'))
  await until(() => pids().length === 2)
  parent.kill('SIGKILL')
  await until(() => !pids().some(lives))
  t.pass('all are gone')
})

t.test('--exit-with-parent notices a parent that goes during the start', withProc, async t => {
  const silent = await rawOrigin(t, () => {})
  const file = join(temporaryDirectory(t), 'pid')
  const parent = spawn(
    '/bin/sh',
    ['-c', `"$@" & echo $! >${file}; wait`, 'sh', process.execPath, CLI].concat([
      ...['--exit-with-parent', '-U', '-', silent.url],
    ]),
    { stdio: 'ignore' },
  )
  t.teardown(() => parent.kill('SIGKILL'))
  await until(() => silent.requests.length > 0)
  const pid = Number(readFileSync(file, 'utf8'))
  t.ok(lives(pid))
  parent.kill('SIGKILL')
  await until(() => !lives(pid))
})

t.test('--exit-with-parent ends where the parent was gone before the start', withProc, async t => {
  const silent = await rawOrigin(t, () => {})
  const file = join(temporaryDirectory(t), 'pid')
  // Waits until its parent has ended, and becomes the program then.
  const late =
    'while kill -0 $0 2>/dev/null; do :; done; echo $$ >$1.new; mv $1.new $1; shift; exec "$@"'
  const args = [process.execPath, CLI, '--exit-with-parent', '-U', '-', silent.url]
  // In a session of its own: an orphan in the session of process 1 may be a child of it.
  const parent = spawn('/bin/sh', ['-c', 'sh -c "$0" $$ "$@" & exit', late, file, ...args], {
    stdio: 'ignore',
    detached: true,
  })
  await once(parent, 'exit')
  await until(() => existsSync(file))
  const pid = Number(readFileSync(file, 'utf8'))
  t.teardown(() => lives(pid) && process.kill(pid, 'SIGKILL'))
  const adopter = parentOf(pid)
  if (adopter !== undefined && adopter !== 1) {
    return t.comment(
      `process ${adopter} takes in orphans here, which nobody can tell from a parent`,
    )
  }
  await until(() => !lives(pid))
  t.strictSame(silent.requests, [], 'nothing was asked of the origin')
})

t.test(
  'on a terminal the command reads from it and gets Ctrl-C once',
  requires('script'),
  async t => {
    const origin = await startOrigin(t)
    const directory = temporaryDirectory(t)
    const command = join(directory, 'command')
    writeFileSync(
      command,
      `trap 'echo got-''int; exit 7' INT
read line </dev/tty; echo "read <$line>"
while :; do sleep 0.05; done\n`,
    )
    const shell = `exec env -u NODE_OPTIONS '${process.execPath}' '${CLI}' --run 'exec sh ${command}' '${origin.url}'`
    const child = spawn('script', ['-qec', shell, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text
    })
    const ended = once(child, 'close')
    child.stdin.write('from-the-terminal\n')
    await until(() => output.includes('read <from-the-terminal>'))
    child.stdin.write('\x03')
    t.strictSame((await ended)[0], 7)
    t.equal(output.match(/got-int/g)?.length, 1, output)
  },
)

t.test('the exit status tells how an end was asked for', async t => {
  const origin = await startOrigin(t)
  const directory = temporaryDirectory(t)
  const served = await startProgram(t, ['-U', join(directory, 's'), origin.url])
  served.child.kill('SIGINT')
  t.match(await served.ended, { status: 0 }, 'it served, and has ended in order')
  const silent = await rawOrigin(t, () => {})
  const starting = launchProgram(t, ['-U', join(directory, 's'), silent.url])
  await until(() => silent.requests.length > 0)
  starting.child.kill('SIGTERM')
  t.match(await starting.ended, { status: 143, stdout: '' }, 'it never served')
  t.strictSame(readdirSync(directory), [])
})
