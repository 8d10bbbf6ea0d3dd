// `nbd-prefetch probe` as users run it, against servers of every kind: what it finds, what it costs,
// what it recommends, and that it says nothing secret.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import type { SlowServerOptions } from '../../.bench/slow-server/options.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import type { ProbeReport } from '../../dist/main/probing/report.js'
import { httpOrigin, rawOrigin, serveRange } from '../fixtures/origin.js'
import { launchProgram, runProgram } from '../fixtures/program.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'
import { VCENTER_PASSWORD, Vcenter } from '../fixtures/vcenter.js'

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const image = new GeneratedImage({ size: 2 * GIB + 1 })

interface PrintedReport extends ProbeReport {
  readonly command: string
  readonly arguments: readonly string[]
}

async function startOrigin(t: Test, options: Partial<SlowServerOptions> = {}): Promise<SlowServer> {
  const origin = await SlowServer.start({ image, ...options })
  t.teardown(() => origin.close())
  return origin
}

/** Probes for JSON, which must succeed; and is its own within the budget. */
async function reportOf(t: Test, args: readonly string[]): Promise<PrintedReport> {
  const { status, stdout, stderr } = await runProgram(t, ['probe', '--json', ...args])
  t.equal(status, 0, stderr)
  const report = JSON.parse(stdout) as PrintedReport
  t.equal(report.schema, 1)
  t.ok(report.cost.readBytes <= report.cost.budgetBytes, 'within the budget')
  return report
}

t.test(
  'probe measures a server that thinks, within its budget, and finds the defaults fit',
  async t => {
    // Slow enough that it, and not what else the machine does, says how long a body takes.
    const origin = await startOrigin(t, { thinkTimeMs: 20, bandwidth: 4e6 })
    const report = await reportOf(t, ['--budget', '8M', origin.url])
    t.match(report.server, {
      url: origin.url,
      sizeBytes: image.size,
      ranges: true,
      pinnedBy: 'etag',
      redirects: 0,
      httpVersion: '1.1',
      tls: null,
      cookies: [],
    })
    const { firstByte, parallel, pipelining, ratePerConnection, failures } = report.measurements
    t.equal(firstByte.requests, 20)
    t.ok(firstByte.p50Ms >= 18, `first byte after ${firstByte.p50Ms} ms`)
    t.ok(firstByte.p95Ms >= firstByte.p50Ms)
    t.equal(firstByte.keepsConnections, true)
    t.ok(ratePerConnection > 0)
    t.strictSame(
      parallel.rounds.slice(0, 2).map(round => round.connections),
      [1, 2],
    )
    t.equal(parallel.accepted, null)
    t.match(pipelining, { measured: true })
    t.strictSame(failures, {})
    t.strictSame(report.recommendation.flags, [])
    t.equal(report.command, `nbd-prefetch ${origin.url}`)
    const sent = origin.log.reduce((sum, entry) => sum + entry.bytesSent, 0)
    t.equal(report.cost.readBytes, sent, 'every byte the server sent is counted')
    t.ok(sent <= report.plan.totalBytes && report.plan.totalBytes <= 8 * MIB)
    t.ok(origin.stats.maxConcurrent <= 16)
  },
)

t.test('probe finds where a server begins to refuse, and stays below', async t => {
  const origin = await startOrigin(t, {
    thinkTimeMs: 100,
    bandwidth: 30e6,
    concurrency: { max: 4 },
  })
  const report = await reportOf(t, ['--budget', '8M', origin.url])
  const { parallel } = report.measurements
  t.match(parallel, { end: 'refused', accepted: 4 })
  t.match(parallel.rounds.at(-1), { connections: 8, refused: 4, accepted: 4 })
  t.match(report.recommendation.flags, [{ flag: '--connections', value: '4', reason: /503/ }])
  // Requests of 27 MB would fit it, and larger ones where a busy machine answers later.
  const [command, ...words] = report.command.split(' ')
  t.equal(command, 'nbd-prefetch')
  t.match(words.join(' '), /^--connections 4( --max-request 32M)? http:\S+$/)
  t.equal(origin.stats.byStatus['503'], 4, 'no more refusals than it took to see them')
})

t.test('probe of a server without ranges says so, in one line, and what to do', async t => {
  const origin = await startOrigin(t, { ranges: false })
  const { status, stdout, stderr } = await runProgram(t, ['probe', '--json', origin.url])
  t.equal(status, 1)
  t.equal(stdout, '')
  const lines = stderr.trimEnd().split('\n')
  t.match(
    lines.at(-1),
    /^nbd-prefetch: Cannot open .*does not support range requests.*give --spool DIR/,
  )
  t.equal(lines.filter(line => line.includes('Cannot')).length, 1)
  t.equal(origin.log.length, 1)
})

t.test('probe follows a redirect and measures its target, which gets no credentials', async t => {
  const target = await startOrigin(t)
  const origin = await startOrigin(t, { redirect: { all: true, origin: target.origin } })
  const report = await reportOf(t, [
    '--budget',
    '4M',
    '--user',
    'me',
    '--password',
    'pw-word',
    origin.url,
  ])
  t.equal(report.server.redirects, 1)
  t.equal(new URL(report.server.url).origin, target.origin)
  t.equal(origin.log.length, 1)
  t.ok(target.log.length > 20)
  for (const { headers } of target.log) t.notOk(headers['authorization'])
  t.equal(report.arguments.at(-1), origin.url, 'it is the original URL that is to be served')
})

t.test('probe tells of TLS, and of cookies by their names', async t => {
  const origin = await startOrigin(t, { tls: true })
  const { server } = await reportOf(t, ['--budget', '4M', '--insecure', origin.url])
  t.match(server.tls, { version: 'TLSv1.3', cipher: /^TLS_/ })
  const cookies = await httpOrigin(
    t,
    serveRange(MIB, { 'set-cookie': 'session=planted-word; Path=/' }),
  )
  const jar = join(temporaryDirectory(t), 'jar')
  const outcome = await runProgram(t, ['probe', '--budget', '4M', '--cookie-jar', jar, cookies.url])
  t.match(outcome, { status: 0, stdout: /cookies +it sets session;/ })
  t.notMatch(outcome.stdout + outcome.stderr, /planted-word/)
  t.match(readFileSync(jar, 'utf8'), /session\tplanted-word/)
})

t.test('probe prints for people what it found, and a command to copy', async t => {
  const origin = await startOrigin(t)
  const { status, stdout, stderr } = await runProgram(t, ['probe', '--budget', '4M', origin.url])
  t.equal(status, 0)
  t.match(stdout, new RegExp(`^${origin.url}\n {2}size +2\\.00 GiB`))
  t.match(stdout, /^ {2}first byte +[\d.]+ m?s median, 95 % within/m)
  t.match(stdout, /^ {2}one connection +[\d.]+ .iB\/s$/m)
  t.match(stdout, new RegExp(`^The defaults fit:\n {2}nbd-prefetch ${origin.url}$`, 'm'))
  t.match(stderr, /^nbd-prefetch: measuring http\S+: at most 4\.00 MiB of it are read\n/)
  t.notMatch(stderr, '\r', 'no progress where there is no terminal')
})

t.test('probe prints no secret, whatever it prints', async t => {
  const origin = await startOrigin(t, { auth: { user: 'me', password: 'planted-word' } })
  const url = new URL(origin.url)
  url.username = 'me'
  url.password = 'planted-word'
  const ways = [
    ['--user', 'me', '--password', 'planted-word', origin.url],
    ['--header', 'Authorization: Basic bWU6cGxhbnRlZC13b3Jk', origin.url],
    [url.href],
  ]
  for (const way of ways) {
    for (const form of [[], ['--json'], ['-v']]) {
      const outcome = await runProgram(t, ['probe', '--budget', '4M', ...form, ...way])
      t.equal(outcome.status, 0, outcome.stderr)
      t.notMatch(outcome.stdout + outcome.stderr, /planted-word|bWU6cGxhbnRlZC13b3Jk/)
    }
  }
  const refused = await runProgram(t, [
    'probe',
    '--user',
    'me',
    '--password',
    'planted',
    origin.url,
  ])
  t.match(refused, {
    status: 1,
    stdout: '',
    stderr: /401 .*the user name or password is not accepted\n$/,
  })
})

t.test('probe measures small and empty images as far as there is something', async t => {
  const small = await startOrigin(t, { image: new GeneratedImage({ size: 1000 }) })
  const report = await reportOf(t, [small.url])
  t.match(report.measurements, { firstByte: { requests: 20 }, parallel: { rounds: [] } })
  t.strictSame(report.recommendation.flags, [])
  const empty = await httpOrigin(t, (_request, response) => {
    response.writeHead(416, { 'content-range': 'bytes */0', 'content-length': 0 }).end()
  })
  const outcome = await runProgram(t, ['probe', empty.url])
  t.match(outcome, { status: 0, stdout: /The image is empty/ })
})

t.test('probe rides out single failures and counts them', async t => {
  const answer = serveRange(64 * MIB)
  const origin = await httpOrigin(t, (request, response, index) => {
    if (index === 3) request.socket.destroy()
    else answer(request, response, index)
  })
  const report = await reportOf(t, ['--budget', '4M', origin.url])
  t.strictSame(report.measurements.failures, { reset: 1 })
  t.equal(report.measurements.firstByte.requests, 19)
})

t.test('probe ends in one line where the server fails midway', async t => {
  const answer = serveRange(64 * MIB)
  for (const [status, words] of [
    [403, '403 Forbidden'],
    [412, '412 Precondition Failed: the ETag is another one now'],
    [503, '503 Service Unavailable'],
  ] as const) {
    const origin = await httpOrigin(t, (request, response, index) => {
      if (index < 5) answer(request, response, index)
      else response.writeHead(status, { 'content-length': 0 }).end()
    })
    const outcome = await runProgram(t, ['probe', origin.url])
    t.match(outcome, { status: 1, stdout: '' })
    t.match(outcome.stderr, new RegExp(`nbd-prefetch: Cannot measure \\S+: ${words}\n$`))
    t.ok(origin.requests.length <= 8, 'it is not pressed')
  }
})

t.test('probe logs in to a vCenter, renews what expires, and logs out', async t => {
  const target = '/folder/vm/disk-flat.vmdk?dcPath=DC&dsName=store'
  const small = new GeneratedImage({ size: 16 * MIB })
  const options = { image: small, target, ttlMs: 150, thinkMs: 15 }
  const vcenter = await Vcenter.start(t, options)
  const image = [
    `vpx://VSPHERE.LOCAL%5cme@${vcenter.host}/DC/host?no_verify=1`,
    '[store] vm/disk.vmdk',
  ]
  const password = join(temporaryDirectory(t), 'pw')
  writeFileSync(password, `${VCENTER_PASSWORD}\n`, { mode: 0o600 })
  const report = await reportOf(t, ['--budget', '4M', '--password-file', password, ...image])
  t.equal(report.server.sizeBytes, small.size)
  t.strictSame(report.measurements.failures, {}, 'no request failed for its session')
  t.equal(report.measurements.firstByte.requests, 20)
  t.strictSame(report.arguments.slice(-2), image, 'the command names server and disk')
  t.ok(vcenter.logins > 1, 'it expired meanwhile')
  t.match(vcenter, { maxSessions: 1, sessions: 0 })
})

t.test('probe ends with the status of the signal that ended it', async t => {
  const origin = await rawOrigin(t, () => {})
  const program = launchProgram(t, ['probe', origin.url])
  await until(() => origin.requests.length > 0)
  program.child.kill('SIGINT')
  t.match(await program.ended, { status: 130, stdout: '' })
})

t.test('probe ends with 2 for wrong usage', async t => {
  for (const [args, words] of [
    [[], /Cannot probe an image: its URL is missing/],
    [['--budget', '1M', 'http://h/x'], /'1M' for --budget: expected a size from 4M to 64G/],
    [['--ring-size', '1G', 'http://h/x'], /unknown option '--ring-size'/],
    [['http://h/x', 'http://h/y'], /Cannot \w+ more than one URL/],
    [['a=http://h/x'], /Cannot probe several images/],
    [['ftp://h/x'], /Cannot use/],
  ] as const) {
    t.match(await runProgram(t, ['probe', ...args]), { status: 2, stdout: '', stderr: words })
  }
  const late = await runProgram(t, ['--ipv4', 'probe', 'http://h/x'])
  t.match(late, { status: 2, stderr: /'probe' must be its first word/ })
})
