// The built program from start to end, with a real client: signals, --run, and what is left behind.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import type { SlowServerOptions } from '../../.bench/slow-server/options.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { differenceOf } from '../fixtures/image-copy.js'
import { launchProgram, runProgram, startProgram } from '../fixtures/program.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
const image = new GeneratedImage({ size: 4 * MIB + 1 })

async function startOrigin(t: Test, options: Partial<SlowServerOptions> = {}): Promise<SlowServer> {
  const origin = await SlowServer.start({ image, ...options })
  t.teardown(() => origin.close())
  return origin
}

t.test('SIGTERM lets reads in flight finish, then ends with 0 and without a trace', async t => {
  const origin = await startOrigin(t, { thinkTimeMs: 500 })
  const directory = temporaryDirectory(t)
  const path = join(directory, 'socket')
  const pidfile = join(directory, 'pid')
  const program = await startProgram(t, ['-U', path, '-P', pidfile, '--stats', origin.url])
  t.equal(program.uri, `nbd+unix:///?socket=${path}`)
  t.equal(readFileSync(pidfile, 'utf8').trim(), `${program.pid}`)
  const client = await NbdClient.connect({ path })
  const read = client.read(2 * MIB, 4096)
  await until(() => origin.stats.concurrent > 0)
  program.child.kill('SIGTERM')
  t.equal(image.compare(2 * MIB, await read), -1)
  const { status, signal, stderr } = await program.ended
  t.match({ status, signal }, { status: 0, signal: null })
  t.match(stderr, /^served +4\.00 KiB/m)
  t.strictSame(readdirSync(directory), [])
})

t.test('a second signal ends the program at once', async t => {
  const origin = await startOrigin(t, { faults: [{ kind: 'stall-before-headers', after: 1 }] })
  const directory = temporaryDirectory(t)
  const path = join(directory, 'socket')
  const program = await startProgram(t, ['-U', path, '-P', join(directory, 'pid'), origin.url])
  const client = await NbdClient.connect({ path })
  const read = t.rejects(client.read(2 * MIB, 4096))
  await until(() => origin.stats.concurrent > 0)
  program.child.kill('SIGINT')
  await until(() => program.stderr.includes('SIGINT: letting running reads finish'))
  program.child.kill('SIGINT')
  t.match(await program.ended, { status: 130, signal: null })
  await read
  t.strictSame(readdirSync(directory), [])
})

t.test('SIGTERM while the origin does not answer the first request', async t => {
  const origin = await startOrigin(t, { faults: [{ kind: 'stall-before-headers' }] })
  const directory = temporaryDirectory(t)
  const program = launchProgram(t, ['-U', join(directory, 'socket'), origin.url])
  await until(() => origin.stats.concurrent > 0)
  program.child.kill('SIGTERM')
  t.match(await program.ended, { status: 143, stdout: '', stderr: '' })
  t.strictSame(readdirSync(directory), [])
})

t.test(
  '--run copies with the program it is given and ends with it',
  requires('qemu-img'),
  async t => {
    const origin = await startOrigin(t)
    const target = join(temporaryDirectory(t), 'copy')
    const temporary = temporaryDirectory(t)
    const command =
      'test -S "$unixsocket" && qemu-img convert -O raw "$uri" "$TARGET" && echo "$nbd"'
    const { status, stdout, stderr } = await runProgram(t, ['--run', command, origin.url], {
      env: { ...process.env, TARGET: target, TMPDIR: temporary },
    })
    t.equal(status, 0)
    t.match(stderr, /^nbd-prefetch: opened [^\n]*\n$/)
    t.match(stdout, /^nbd\+unix:\/\/\/\?socket=.*\/socket\n$/)
    t.equal(differenceOf(image, target), undefined, 'the copy is the image')
    t.strictSame(readdirSync(temporary), [], 'the private socket is gone')
  },
)

t.test('--run passes the exit status through, and a signal to the command', async t => {
  const origin = await startOrigin(t)
  t.match(await runProgram(t, ['--run', 'exit 42', origin.url]), { status: 42, stdout: '' })
  t.match(await runProgram(t, ['--run', 'kill -9 $$', origin.url]), { status: 137 })
  const program = launchProgram(t, ['--run', 'echo up; exec sleep 600', origin.url])
  await until(() => program.stdout.includes('up'))
  program.child.kill('SIGTERM')
  t.match(await program.ended, { status: 143 })
})

t.test('a socket file of a server that was killed is replaced', async t => {
  const origin = await startOrigin(t)
  const path = join(temporaryDirectory(t), 'socket')
  const first = await startProgram(t, ['-U', path, origin.url])
  first.child.kill('SIGKILL')
  await first.ended
  t.ok(existsSync(path))
  await startProgram(t, ['-U', path, origin.url])
  const client = await NbdClient.connect({ path })
  t.equal(image.compare(0, await client.read(0, 1000)), -1)
  await client.close()
})
