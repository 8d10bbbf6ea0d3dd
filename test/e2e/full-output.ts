// Standard output that takes nothing, or not all: a full disk is told, and no report passes for a whole one.

import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { runProgram } from '../fixtures/program.js'
import { type Running, start } from '../fixtures/programs.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const CLI = fileURLToPath(new URL('../../dist/main/cli.js', import.meta.url))
const withFull = { skip: existsSync('/dev/full') ? false : 'needs /dev/full' }
const url = 'http://127.0.0.1:9/disk.img'

/** Starts the program behind words of a shell, with its standard output in a file. */
function startInto(t: Test, file: string, args: readonly string[], before = ''): Running {
  const script = `file=$1; shift; ${before} exec env -u NODE_OPTIONS "$0" "$@" >"$file"`
  const env = { ...process.env, no_proxy: '*' }
  return start(t, '/bin/sh', ['-c', script, CLI, file, ...args], { env })
}

async function startOrigin(t: Test): Promise<SlowServer> {
  const origin = await SlowServer.start({ image: { size: 1024 * 1024 } })
  t.teardown(() => origin.close())
  return origin
}

const PRINTING = [['--help'], ['--version'], ['completion', 'bash'], ['config', url]] as const

t.test('what is asked for and can not be written is a failure', withFull, async t => {
  const stderr = 'nbd-prefetch: Cannot write to standard output: no space left on device\n'
  for (const args of PRINTING) {
    t.match(await startInto(t, '/dev/full', args).ended, { status: 1, stderr }, args.join(' '))
  }
  const origin = await startOrigin(t)
  for (const args of [
    ['probe', origin.url],
    ['probe', '--json', origin.url],
  ]) {
    t.match(await startInto(t, '/dev/full', args).ended, { status: 1, stderr }, args.join(' '))
  }
  t.match(await runProgram(t, ['--version']), { status: 0, stderr: '' })
})

t.test('what is written in part is a failure, too', async t => {
  const file = join(temporaryDirectory(t), 'out')
  // A disk that fills up takes what it can of the last write, as this limit does.
  const { status, stderr } = await startInto(t, file, ['--help'], 'ulimit -f 1;').ended
  t.equal(status, 1)
  t.equal(stderr, 'nbd-prefetch: Cannot write to standard output: file too large\n')
  t.ok(statSync(file).size > 0, 'a part is there')
})

t.test('a server whose URI can not be written says so, and serves', withFull, async t => {
  const origin = await startOrigin(t)
  const socket = join(temporaryDirectory(t), 's')
  const args = ['-U', socket, '--log-format', 'text', origin.url]
  const running = startInto(t, '/dev/full', args)
  await until(() => running.stderr.includes('warning'))
  t.strictSame(running.stderr.match(/^nbd-prefetch: warning: .*$/gm), [
    'nbd-prefetch: warning: Cannot write to standard output: no space left on device (code=output-write)',
  ])
  t.ok(existsSync(socket))
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0 })
})
