// The program copies nothing through itself before it takes clients: nobody else may notice.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { runProgram, startProgram } from '../fixtures/program.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

t.test('after its start the server was asked once, and no client was there', async t => {
  const origin = await SlowServer.start({ image: { size: 64 * 1024 * 1024 } })
  t.teardown(() => origin.close())
  const directory = temporaryDirectory(t)
  const env = { ...process.env, no_proxy: '*', TMPDIR: directory }
  const socket = join(directory, 'socket')
  const args = [origin.url, '--unix', socket, '--status', '127.0.0.1:0', '-v']
  const program = await startProgram(t, args, { env })
  t.equal(origin.stats.requests, 1)
  t.same(readdirSync(directory), ['socket'])
  t.notMatch(program.stderr, /rehearsal|client/)
  const [, url] = /(http:\/\/127\.0\.0\.1:\d+\/)/.exec(program.stderr.replace(origin.url, '')) ?? []
  const status = (await (await fetch(`${url}status.json`)).json()) as {
    statistics: Record<string, unknown>
    clients: unknown[]
    workers: { requests: number }[]
  }
  const { reads, servedBytes, requests, totalClients } = status.statistics
  t.same({ reads, servedBytes, requests }, { reads: 0, servedBytes: 0, requests: 1 })
  t.notOk(totalClients)
  t.same(status.clients, [])
})

t.test('a start that fails leaves nothing of it', async t => {
  const origin = await SlowServer.start({ image: { size: 1024 * 1024 } })
  t.teardown(() => origin.close())
  const directory = temporaryDirectory(t)
  const env = { ...process.env, no_proxy: '*', TMPDIR: directory }
  const args = [new URL('/elsewhere', origin.url).href, '--unix', join(directory, 'socket')]
  const { status, stderr } = await runProgram(t, args, { env })
  t.equal(status, 1)
  t.match(stderr, /404/)
  t.same(readdirSync(directory), [])
})

t.test('where no temporary file can be made the program starts', async t => {
  const origin = await SlowServer.start({ image: { size: 1024 * 1024 } })
  t.teardown(() => origin.close())
  const directory = temporaryDirectory(t)
  const env = { ...process.env, no_proxy: '*', TMPDIR: join(directory, 'nowhere') }
  const program = await startProgram(t, [origin.url, '--unix', join(directory, 'socket'), '-v'], {
    env,
  })
  t.match(program.stderr, /debug.*no rehearsal: /)
  t.notMatch(program.stderr, /warn|error/)
})
