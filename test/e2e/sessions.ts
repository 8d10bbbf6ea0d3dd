// Sessions that lapse: a login is renewed once for all, scripts run again, signed URLs are asked for anew; no read fails,
// and the server sees no more logins than there have to be.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { type Server, type ServerOptions, serve } from '../../dist/main/index.js'
import { runProgram } from '../fixtures/program.js'
import { firstWrongByte, servedImage, untilStatistics } from '../fixtures/served-image.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { VCENTER_PASSWORD, VCENTER_USER, Vcenter } from '../fixtures/vcenter.js'

const KIB = 1024
const MIB = 1024 * KIB
const image = new GeneratedImage({ size: 16 * MIB + 1 })
/** The disk of `DISK` in `DATACENTER`. */
const TARGET =
  '/folder/my%20vm/disk%20%281%29-flat.vmdk?dcPath=A%20B/My%2520DC&dsName=data%2520store'
const VPX_TARGET =
  '/folder/my%20vm/disk%20%281%29-flat.vmdk?dcPath=A%2520B/My%2520DC&dsName=data%2520store'
const DISK = '[data store] my vm/disk (1).vmdk'
/** Many small requests, so that there is always one under way. */
const SMALL = {
  blockSize: 64 * KIB,
  maxRequest: MIB,
  ringSize: 8 * MIB,
  readahead: 512 * KIB,
} as const

interface Run {
  readonly server: Server
  readonly log: readonly string[]
  client(connections?: number): Promise<NbdClient>
}

async function start(t: Test, options: ServerOptions): Promise<Run> {
  const log: string[] = []
  const server = await serve({
    unix: '-',
    ...options,
    log: (level, message, fields) => log.push(`${level} ${message} ${JSON.stringify(fields)}`),
  })
  t.teardown(() => server.close({ drainMs: 0 }))
  const client = async (connections = 1) => {
    const client = await NbdClient.connect({ path: server.unixSocket ?? '' }, { connections })
    t.teardown(() => client.close())
    return client
  }
  return { server, log, client }
}

const vpx = (vcenter: Vcenter, path = '/A%20B/My%20DC/host') => ({
  url: `vpx://VSPHERE.LOCAL%5cme@${vcenter.host}${path}?no_verify=1`,
  disk: DISK,
  password: VCENTER_PASSWORD,
})

t.test('a disk of vCenter is read with one login, and logged out of at the end', async t => {
  const vcenter = await Vcenter.start(t, { image, target: VPX_TARGET })
  const { server, client, log } = await start(t, vpx(vcenter))
  t.equal(await firstWrongByte(image, await client(2)), -1, 'every byte is right')
  t.match(server.statistics(), { logins: 1, failedReads: 0 })
  t.equal(vcenter.sessions, 1)
  await server.close()
  t.match(vcenter, { logins: 1, logouts: 1, maxSessions: 1, sessions: 0, refused: 0 })
  t.equal(vcenter.requests.filter(({ authorization }) => authorization).length, 1)
  const [login, ...others] = vcenter.requests
  t.notOk(login?.cookie)
  for (const { cookie } of others) t.match(cookie, /^vmware_soap_session="[0-9a-f-]+"$/)
  t.notMatch(log.join('\n'), new RegExp(`${VCENTER_PASSWORD}|vmware_soap_session="[0-9a-f]`))
})

t.test("a snapshot's base in place of its disk is warned of", async t => {
  const vcenter = await Vcenter.start(t, { image, target: VPX_TARGET })
  const ofSnapshot = { ...vpx(vcenter), disk: DISK.replace('.vmdk', '-000002.vmdk') }
  const { log } = await start(t, ofSnapshot)
  const warned = log.filter(line => line.startsWith('warn '))
  t.equal(warned.length, 1)
  t.match(warned[0], 'disk%20%281%29-flat.vmdk')
  t.match(warned[0], 'what was written since the snapshot is not in it')
  t.match(warned[0], '"code":"snapshot-base"')
  const { log: other } = await start(t, vpx(vcenter))
  t.notMatch(other.join('\n'), 'snapshot-base')
})

t.test('the debug log has every name that a disk of vCenter was looked for under', async t => {
  const vcenter = await Vcenter.start(t, { image, target: '/elsewhere' })
  const log: string[] = []
  const options = { ...vpx(vcenter), log: (_: string, message: string) => log.push(message) }
  await t.rejects(serve({ unix: '-', ...options }), { code: 'SOURCE' })
  const names = log.filter(line => line.startsWith('looked for https:'))
  t.strictSame(
    names.map(line => new URL(line.slice('looked for '.length)).search),
    [
      '?dcPath=A%2520B/My%2520DC&dsName=data%2520store',
      '?dcPath=A%20B/My%20DC&dsName=data%20store',
      '?dcPath=A%2520B&dsName=data%2520store',
      '?dcPath=A%20B&dsName=data%20store',
    ],
  )
})

t.test('a session that expires is renewed once each time, whoever meets it', async t => {
  const vcenter = await Vcenter.start(t, { image, target: VPX_TARGET, ttlMs: 150, thinkMs: 40 })
  const { server, client } = await start(t, { ...vpx(vcenter), ...SMALL })
  t.equal(await firstWrongByte(image, await client(4)), -1, 'every byte is right')
  const { logins, failedReads } = server.statistics()
  t.equal(failedReads, 0)
  t.ok(logins > 2, `it expired: ${logins} logins`)
  t.equal(vcenter.logins, logins)
  t.equal(vcenter.maxSessions, 1, 'a new one only when the old one is over')
  // What was under way when a session ended, and no request after that was known.
  t.ok(vcenter.refused <= (logins - 1) * 16, `${vcenter.refused} refusals at ${logins} logins`)
})

t.test('a session that expires every half second, during a copy of 128 MiB', async t => {
  const { image, origin, server, connect } = await servedImage(t, {
    size: 128 * MIB,
    origin: {
      auth: { user: 'me', password: VCENTER_PASSWORD },
      session: { ttlMs: 500 },
      thinkTimeMs: 20,
      totalBandwidth: 50e6,
    },
    server: { user: 'me', password: VCENTER_PASSWORD, session: 'vmware' },
  })
  t.equal(await firstWrongByte(image, await connect(4)), -1, 'every byte is right')
  const { logins, failedReads, requests } = server.statistics()
  t.equal(failedReads, 0)
  t.ok(logins > 2)
  const asked = origin.log.filter(({ headers }) => headers['authorization'] !== undefined)
  t.equal(asked.length, logins, 'one login for each end')
  t.ok((origin.stats.byStatus['401'] ?? 0) <= 16 * logins && requests < 1000, 'no storm')
})

t.test('all sessions end at once under many readers', async t => {
  const vcenter = await Vcenter.start(t, { image, target: VPX_TARGET, thinkMs: 20 })
  const { server, client } = await start(t, { ...vpx(vcenter), ...SMALL })
  const copies = [await client(2), await client(2)].map(one => firstWrongByte(image, one))
  for (let end = 1; end <= 3; end++) {
    // The login after the end before is over by then: two ends in one renewal cost one.
    await untilStatistics(
      server,
      ({ servedBytes, logins }) => servedBytes > end * 3 * MIB && logins === end,
    )
    vcenter.endSessions()
  }
  t.strictSame(await Promise.all(copies), [-1, -1])
  t.match(server.statistics(), { failedReads: 0, logins: 4 })
  t.equal(vcenter.logins, 4)
})

t.test('a plain URL takes the same session', async t => {
  const vcenter = await Vcenter.start(t, { image, target: TARGET, manager: 'ha-sessionmgr' })
  const { server, client } = await start(t, {
    url: vcenter.url,
    user: VCENTER_USER,
    password: VCENTER_PASSWORD,
    session: 'vmware',
    ca: vcenter.ca,
  })
  t.equal(await firstWrongByte(image, await client()), -1)
  await server.close()
  t.match(vcenter, { logins: 1, logouts: 1, sessions: 0 })
  t.strictSame([...new Set(vcenter.requests.map(({ target }) => target))], [TARGET, '/sdk'])
})

t.test('the disk is looked for under all names it may have', async t => {
  const cluster = await Vcenter.start(t, { image, target: VPX_TARGET.replaceAll('%25', '%') })
  await start(t, vpx(cluster, '/A%20B/My%20DC/Cluster/host'))
  t.equal(cluster.logins, 1)
  const base = await Vcenter.start(t, { image, target: VPX_TARGET })
  await start(t, { ...vpx(base), disk: DISK.replace('.vmdk', '-000002.vmdk') })
  t.equal(base.logins, 1)
  const none = await Vcenter.start(t, { image, target: VPX_TARGET })
  const gone = serve({ unix: '-', ...vpx(none), disk: '[data store] other/other.vmdk' })
  await t.rejects(gone, { code: 'SOURCE', message: /other-flat\.vmdk\?dcPath=.*: 404 Not Found$/ })
  t.match(none, { logins: 1, logouts: 1, sessions: 0 }, 'and logged out of')
})

t.test('the session begins under the name that the disk has, where others give none', async t => {
  const options = { image, target: VPX_TARGET, cookieless: true, ttlMs: 300, thinkMs: 15 }
  const vcenter = await Vcenter.start(t, options)
  const disk = DISK.replace('.vmdk', '-000002.vmdk')
  const { server, client } = await start(t, { ...vpx(vcenter), disk, ...SMALL })
  t.equal(await firstWrongByte(image, await client(4)), -1, 'every byte is right')
  const { logins, failedReads } = server.statistics()
  t.equal(failedReads, 0)
  const asked = vcenter.requests.filter(({ authorization }) => authorization !== undefined)
  t.equal(asked.at(-1)?.target, VPX_TARGET)
  t.ok(asked.length <= logins + 3, 'the name that was right is asked for first from then on')
  const none = await Vcenter.start(t, { image, target: '/folder/none', cookieless: true })
  const gone = serve({ unix: '-', ...vpx(none) })
  await t.rejects(gone, { code: 'SOURCE', message: /404 Not Found without/ })
  t.match(none, { logins: 0, refused: 0 })
})

t.test('a name that is answered 500 is tried once before the others', async t => {
  const options = { image, target: VPX_TARGET, cookieless: true, wrongName: 500 } as const
  const vcenter = await Vcenter.start(t, options)
  const disk = DISK.replace('.vmdk', '-000002.vmdk')
  await start(t, { ...vpx(vcenter, '/A%20B/My%20DC/Cluster/host'), disk })
  const refused = vcenter.requests.filter(({ status }) => status === 500)
  const [login, opening] = [true, false].map(
    logsIn =>
      refused.filter(({ authorization }) => (authorization !== undefined) === logsIn).length,
  )
  t.equal(login, opening)
  t.equal(new Set(refused.map(({ target }) => target)).size, login)
  t.equal(vcenter.logins, 1)
})

t.test('a password that is not accepted is told once, and never shown', async t => {
  const vcenter = await Vcenter.start(t, { image, target: VPX_TARGET })
  const wrong = serve({ unix: '-', ...vpx(vcenter), password: 'mistyped' })
  await t.rejects(wrong, {
    code: 'SOURCE',
    message: `Cannot log in to https://${vcenter.host}: 401 Unauthorized; the user name or password is not accepted`,
  })
  t.equal(vcenter.requests.length, 1, 'accounts are locked for trying')
  const unknown = {
    url: vcenter.url,
    user: VCENTER_USER,
    password: 'x',
    session: 'vmware',
  } as const
  await t.rejects(serve({ unix: '-', ...unknown }), {
    message: /Cannot log in to .*: Cannot set up TLS: .*; give the server's CA with --cacert/,
  })
  const { server, client, log } = await start(t, { ...vpx(vcenter), ...SMALL, readahead: 'off' })
  const reader = await client()
  await reader.read(4 * MIB, 4 * KIB)
  vcenter.changePassword('another')
  vcenter.endSessions()
  const before = vcenter.requests.length
  await t.rejects(reader.read(8 * MIB, 4 * KIB), /Cannot log in to .*: 401 Unauthorized/)
  await t.rejects(reader.read(9 * MIB, 4 * KIB), /Cannot log in to .*: 401 Unauthorized/)
  t.equal(
    vcenter.requests.slice(before).filter(({ authorization }) => authorization).length,
    1,
    'one login for both',
  )
  t.notMatch(log.join('\n'), VCENTER_PASSWORD)
  t.equal(server.statistics().logins, 1)
})

t.test('a cookie script runs again when its cookie is refused', async t => {
  const directory = temporaryDirectory(t)
  const runs = join(directory, 'runs')
  writeFileSync(runs, '')
  const { origin, server, connect, log } = await servedImage(t, {
    size: image.size,
    origin: { cookie: 'token=planted-0', thinkTimeMs: 10 },
    server: {
      ...SMALL,
      cookieScript: `echo "$iteration $url" >> '${runs}'; echo "token=planted-$iteration"`,
    },
  })
  const copy = firstWrongByte(image, await connect(2))
  for (let next = 1; next <= 3; next++) {
    await untilStatistics(server, ({ servedBytes }) => servedBytes > next * 3 * MIB)
    origin.setOptions({ cookie: `token=planted-${next}` })
  }
  t.equal(await copy, -1, 'every byte is right')
  t.match(server.statistics(), { logins: 4, failedReads: 0 })
  const lines = [0, 1, 2, 3].map(n => `${n} ${origin.url}\n`)
  t.equal(readFileSync(runs, 'utf8'), lines.join(''))
  t.notMatch(log.join('\n'), 'planted')
})

t.test('a header script is run by the clock', async t => {
  const { image, origin, server, connect } = await servedImage(t, {
    size: 8 * MIB,
    origin: { thinkTimeMs: 20, auth: { user: 'a', password: 'b' } },
    server: {
      ...SMALL,
      headerScript:
        'printf "X-Run: %s\\nUser-Agent: run/%s\\n" $iteration $iteration; echo "Authorization: Basic YTpi"',
      headerScriptRenew: 0.1,
    },
  })
  t.equal(await firstWrongByte(image, await connect()), -1)
  const { logins } = server.statistics()
  t.ok(logins > 1)
  t.strictSame(origin.stats.byStatus, { 206: origin.log.length })
  const agents = new Set(origin.log.map(({ headers }) => headers['user-agent']))
  t.ok(agents.has('run/0') && agents.has('run/1'), [...agents].join())
})

t.test('cookies of a file, of the server and of a script go together', async t => {
  const { image, origin, server, connect } = await servedImage(t, {
    size: 4 * MIB,
    origin: { cookie: 'token=planted-0', thinkTimeMs: 5 },
    server: {
      ...SMALL,
      // A value of the same name, as an earlier run left it.
      cookies:
        '#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\ttoken\tstale-value\n127.0.0.1\tFALSE\t/\tFALSE\t0\tkept\tyes',
      cookieScript: 'echo "token=planted-$iteration"',
    },
  })
  const client = await connect()
  await client.read(0, 4 * KIB)
  origin.setOptions({ cookie: 'token=planted-1' })
  t.equal(await firstWrongByte(image, client), -1)
  t.match(server.statistics(), { logins: 2, failedReads: 0 })
  const sent = new Set(origin.log.map(({ headers }) => headers['cookie']))
  t.strictSame([...sent], ['kept=yes; token=planted-0', 'kept=yes; token=planted-1'])
})

t.test('the signal of the start is nothing to a session that is open', async t => {
  const target = await SlowServer.start({ image, requireToken: true })
  t.teardown(() => target.close())
  const origin = await SlowServer.start({
    image,
    redirect: { all: true, origin: target.origin, signed: { requests: 12 } },
  })
  t.teardown(() => origin.close())
  const starting = new AbortController()
  const { server, client } = await start(t, {
    url: origin.url,
    ...SMALL,
    signal: starting.signal,
  })
  starting.abort()
  t.equal(await firstWrongByte(image, await client()), -1)
  const { resolvedAgain, failedReads } = server.statistics()
  t.equal(failedReads, 0)
  t.ok(resolvedAgain > 0)
})

t.test('a script that fails is told', async t => {
  const origin = await SlowServer.start({ image })
  t.teardown(() => origin.close())
  const open = (options: Partial<ServerOptions>) =>
    serve({ url: origin.url, unix: '-', ...options })
  await t.rejects(open({ cookieScript: 'exit 3' }), {
    code: 'SOURCE',
    message:
      'Cannot obtain request headers: --cookie-script: the script failed: ended with status 3',
  })
  await t.rejects(open({ headerScript: 'echo secret' }), { message: /line 1 of what it printed/ })
  t.equal(origin.log.length, 0)
})

t.test('signed URLs that expire are asked for anew, one at a time', async t => {
  const target = await SlowServer.start({ image, requireToken: true, thinkTimeMs: 10 })
  t.teardown(() => target.close())
  const origin = await SlowServer.start({
    image,
    redirect: { all: true, origin: target.origin, signed: { requests: 12 } },
  })
  t.teardown(() => origin.close())
  const { server, client } = await start(t, { url: origin.url, ...SMALL })
  t.equal(await firstWrongByte(image, await client(2)), -1, 'every byte is right')
  const { resolvedAgain, failedReads } = server.statistics()
  t.equal(failedReads, 0)
  t.ok(resolvedAgain > 1)
  t.equal(origin.log.length, 1 + resolvedAgain, 'the first server is asked once each time')
})

t.test('a redirect that leads to another version poisons the export', async t => {
  const target = await SlowServer.start({ image, requireToken: true })
  t.teardown(() => target.close())
  const origin = await SlowServer.start({
    image,
    redirect: { all: true, origin: target.origin, signed: { requests: 6 } },
  })
  t.teardown(() => origin.close())
  const { client, server } = await start(t, { url: origin.url, ...SMALL, readahead: 'off' })
  const reader = await client()
  await reader.read(2 * MIB, 4 * KIB)
  target.setOptions({ image: new GeneratedImage({ size: image.size, seed: 2 }) })
  const failures: string[] = []
  for (let at = 4 * MIB; failures.length < 2; at += 256 * KIB) {
    await reader.read(at, 4 * KIB).catch((error: Error) => failures.push(error.message))
  }
  t.match(failures, [/the ETag is another one now/, /the ETag is another one now/])
  t.ok(server.statistics().failedReads >= 2)
})

t.test('a server that refuses one file for good is not asked for ever', async t => {
  const vcenter = await Vcenter.start(t, { image, target: VPX_TARGET, ttlMs: 1 })
  const gone = start(t, { ...vpx(vcenter), retries: 1 })
  await t.rejects(gone, /401 Unauthorized/)
  t.ok(vcenter.requests.length < 10)
})

t.test('the command line serves a disk of vCenter and shows no secret', async t => {
  const vcenter = await Vcenter.start(t, { image, target: VPX_TARGET })
  const password = join(temporaryDirectory(t), 'pw')
  writeFileSync(password, `${VCENTER_PASSWORD}\n`, { mode: 0o600 })
  const { url } = vpx(vcenter)
  const { status, stdout, stderr } = await runProgram(t, [
    ...['-v', '--stats', '--password-file', password],
    ...['--run', 'ps -o args= -p $PPID; echo "$uri"'],
    url,
    DISK,
  ])
  t.equal(status, 0, stderr)
  t.match(stderr, /logins +1/)
  t.notMatch(stdout + stderr, new RegExp(`${VCENTER_PASSWORD}|vmware_soap_session="[0-9a-f]`))
  t.match(vcenter, { logins: 1, logouts: 1, sessions: 0 })
})
