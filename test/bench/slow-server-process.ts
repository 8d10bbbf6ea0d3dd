import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { startInProcess } from '../../.bench/slow-server/in-process.js'
import { rawRequest } from '../fixtures/raw-http-client.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

t.test('startInProcess() serves from another process and reports over IPC', async t => {
  const image = new GeneratedImage({ size: 2 * MIB, seed: 8 })
  await using server = await startInProcess({ image: { size: 2 * MIB, seed: 8 }, tls: true })
  const { url, caPem: ca, pid = 0 } = server
  t.ok(pid > 0 && pid !== process.pid)
  const { body } = await rawRequest(url, { ca })
  t.equal(body.length, image.size)
  t.equal(image.compare(0, body), -1)
  await until(async () => (await server.log())[0]?.endMs !== undefined)
  t.match(await server.stats(), { requests: 1, bytesSent: 2 * MIB, byStatus: { 200: 1 } })
  t.match(await server.log(), [{ n: 1, status: 200, bytesSent: 2 * MIB }])
  t.ok((await server.cpuUsage()).user > 0)
  await server.clearLog()
  t.same(await server.log(), [])

  await server.setOptions({ faults: [{ kind: 'status', status: 500 }] })
  t.equal((await rawRequest(url, { ca })).status, 500)
  await t.rejects(server.setOptions({ bandwidth: -1 }), RangeError)

  await server.kill()
  t.notOk(isAlive(pid))
  t.equal((await rawRequest(url, { ca })).status, 0)
  await t.rejects(server.stats(), /not running/)
  await server.restart()
  t.equal(server.url, url, 'the same port')
  t.equal((await rawRequest(url, { ca })).status, 500, 'the same options and certificate')
  t.equal((await server.stats()).requests, 1, 'counters are new')
})

t.test('startInProcess() refuses what cannot be sent or started', async t => {
  const image = new GeneratedImage({ size: 1 })
  await t.rejects(startInProcess({ image }), TypeError)
  const faults = [{ kind: 'garbage', match: () => true } as const]
  await t.rejects(startInProcess({ image: { size: 1 }, faults }), TypeError)
  await t.rejects(startInProcess({ image: { file: '/nonexistent' } }), { code: 'ENOENT' })
})

t.test("the server's process ends when its parent is killed", async t => {
  const module = new URL('../../.bench/slow-server/in-process.js', import.meta.url).href
  const parent = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `const { startInProcess } = await import('${module}')
       const server = await startInProcess({ image: { size: 1 } })
       console.log(server.pid)`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [line] = await once(createInterface(parent.stdout), 'line')
  const pid = Number(line)
  t.ok(isAlive(pid))
  parent.kill('SIGKILL')
  await until(() => !isAlive(pid))
})

t.test('the command line serves until it is told to stop', async t => {
  const cli = new URL('../../.bench/slow-server/cli.js', import.meta.url)
  const args = ['--size', '64K', '--seed', '3', '--fault', 'status,status=502,first=1']
  const child = spawn(process.execPath, [cli.pathname, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [url] = await once(createInterface(child.stdout), 'line')
  t.equal((await rawRequest(url)).status, 502)
  const { body } = await rawRequest(url)
  t.equal(new GeneratedImage({ size: 64 * 1024, seed: 3 }).compare(0, body), -1)
  child.kill('SIGINT')
  const [code] = await once(child, 'exit')
  t.equal(code, 0)

  const bad = spawn(process.execPath, [cli.pathname, '--size', 'big'], { stdio: 'ignore' })
  const [badCode] = await once(bad, 'exit')
  t.equal(badCode, 1)
})
