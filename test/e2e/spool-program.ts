// The built program with --spool: what is left in the directory, whatever ends it.

import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import type { SlowServerOptions } from '../../.bench/slow-server/options.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import {
  launchProgram,
  type RunningProgram,
  runProgram,
  startProgram,
} from '../fixtures/program.js'
import { start } from '../fixtures/programs.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
const image = new GeneratedImage({ size: 8 * MIB + 1 })
const STALLED = [{ kind: 'stall-mid-body', afterBytes: 4 * MIB, after: 1 }] as const

async function startOrigin(t: Test, options: Partial<SlowServerOptions> = {}): Promise<SlowServer> {
  const origin = await SlowServer.start({ image, ranges: false, ...options })
  t.teardown(() => origin.close())
  return origin
}

/** The program in the middle of a download, of which the first half has come. */
async function downloading(
  t: Test,
): Promise<{ program: RunningProgram; spool: string; read: Promise<Buffer> }> {
  const origin = await startOrigin(t, { faults: STALLED })
  const spool = temporaryDirectory(t)
  const path = join(temporaryDirectory(t), 'socket')
  const program = await startProgram(t, ['-U', path, '--spool', spool, origin.url])
  const client = await NbdClient.connect({ path })
  t.equal(image.compare(0, await client.read(0, 4 * MIB)), -1)
  const files = readdirSync(`/proc/${program.pid}/fd`).map(fd => {
    try {
      return readlinkSync(`/proc/${program.pid}/fd/${fd}`)
    } catch {
      return ''
    }
  })
  t.equal(files.filter(file => file.startsWith(spool)).length, 1, 'the file is there')
  t.strictSame(readdirSync(spool), [], 'and has no name')
  return { program, spool, read: client.read(6 * MIB, 4096) }
}

t.jobs = 2

t.test('SIGTERM in the middle of a download ends it', async t => {
  const origin = await startOrigin(t, { faults: STALLED })
  const spool = temporaryDirectory(t)
  const program = await startProgram(t, ['-U', '-', '--stats', '--spool', spool, origin.url])
  program.child.kill('SIGTERM')
  const { status, stderr } = await program.ended
  t.equal(status, 0)
  t.match(stderr, /^requests +2 /m)
  t.strictSame(readdirSync(spool), [])
})

t.test('a second signal does not wait for a read that waits', async t => {
  const { program, spool, read } = await downloading(t)
  const failed = t.rejects(read)
  program.child.kill('SIGTERM')
  await until(() => program.stderr.includes('SIGTERM: letting running reads finish'))
  program.child.kill('SIGTERM')
  t.match(await program.ended, { status: 143, signal: null })
  await failed
  t.strictSame(readdirSync(spool), [])
})

t.test('SIGKILL leaves nothing in the directory', async t => {
  const { program, spool, read } = await downloading(t)
  const failed = t.rejects(read)
  program.child.kill('SIGKILL')
  t.match(await program.ended, { signal: 'SIGKILL' })
  await failed
  t.strictSame(readdirSync(spool), [])
})

t.test('SIGTERM while an image without a length is waited for', async t => {
  const spool = temporaryDirectory(t)
  const origin = await startOrigin(t, { faults: [{ kind: 'chunked' }], bandwidth: 100_000 })
  const program = launchProgram(t, ['-U', '-', '--spool', spool, origin.url])
  await until(() => program.stderr.includes('has no known length'))
  program.child.kill('SIGTERM')
  t.match(await program.ended, { status: 143, stdout: '' })
  t.strictSame(readdirSync(spool), [])
})

t.test('a file system that takes no more', async t => {
  const origin = await startOrigin(t)
  const spool = temporaryDirectory(t)
  // The limit of a shell for files is met as a full disk is: by an error of the call, in blocks of 512.
  const limited = (url: string) =>
    start(t, 'sh', [
      '-c',
      'ulimit -f 4096; exec env -u NODE_OPTIONS no_proxy="*" "$0" "$@"',
      process.execPath,
      'dist/main/cli.js',
      '-U',
      '-',
      '--spool',
      spool,
      url,
    ]).ended
  const refused = await limited(origin.url)
  t.match(refused, { status: 1, stdout: '' })
  t.match(refused.stderr, /Cannot open http.*: Cannot write the spool file: file too large$/m)
  origin.setOptions({ faults: [{ kind: 'chunked' }] })
  const filled = await limited(origin.url)
  t.match(filled, { status: 1, stdout: '' })
  t.match(filled.stderr, /Cannot open http.*: Cannot write the spool file: file too large$/m)
  t.strictSame(readdirSync(spool), [])
})

t.test('without --spool the refusal names it', async t => {
  const origin = await startOrigin(t)
  const { status, stderr } = await runProgram(t, ['-U', '-', origin.url])
  t.equal(status, 1)
  t.match(stderr, /does not support range requests.* give --spool DIR /)
  const usage = await runProgram(t, ['-U', '-', '--spool-limit', '1G', origin.url])
  t.equal(usage.status, 2)
  t.match(usage.stderr, /Cannot use --spool-limit without --spool/)
})
