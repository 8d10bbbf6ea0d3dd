import t, { type Test } from 'tap'
import { AccessControl, type AccessOptions, signedQuery } from '../../.bench/slow-server/access.js'
import type { SlowServerOptions } from '../../.bench/slow-server/options.js'
import type { RequestHead } from '../../.bench/slow-server/request-parser.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { rawRequest } from '../fixtures/raw-http-client.js'

const AUTH = { user: 'vmware', password: 'pass:word' }
const BASIC = { Authorization: `Basic ${Buffer.from('vmware:pass:word').toString('base64')}` }

async function start(t: Test, options: Partial<SlowServerOptions>): Promise<SlowServer> {
  const server = await SlowServer.start({ image: { size: 10_000 }, ...options })
  t.teardown(() => server.close())
  return server
}

const request = (headers: Record<string, string>, query = ''): RequestHead => ({
  method: 'GET',
  path: '/disk.img',
  query,
  headers,
  persistent: true,
})

/** Status of the refusal, or 0. */
function refusal(access: AccessControl, head: RequestHead, epochMs: number): number {
  const result = access.check(head, epochMs)
  return 'refusal' in result ? result.refusal.status : 0
}

t.test('AccessControl.check() asks for user and password', async t => {
  const server = await start(t, { auth: AUTH })
  const refused = await rawRequest(server.url)
  t.equal(refused.status, 401)
  t.match(refused.headers['www-authenticate'], /^Basic realm=/)
  const wrong = { Authorization: `Basic ${Buffer.from('vmware:pass').toString('base64')}` }
  t.equal((await rawRequest(server.url, { headers: wrong })).status, 401)
  const right = await rawRequest(server.url, { headers: BASIC })
  t.equal(right.status, 200)
  t.notOk('set-cookie' in right.headers)
  t.equal(server.log[0]?.headers['authorization'], undefined)
  t.equal(server.log[2]?.headers['authorization'], BASIC.Authorization)
  server.setOptions({ auth: undefined })
  t.equal((await rawRequest(server.url)).status, 200)
})

t.test('AccessControl.check() asks for a cookie', async t => {
  const server = await start(t, { cookie: 'key=value' })
  t.equal((await rawRequest(server.url)).status, 401)
  t.equal((await rawRequest(server.url, { headers: { Cookie: 'key=valueX' } })).status, 401)
  t.equal((await rawRequest(server.url, { headers: { Cookie: 'a=b; key=value' } })).status, 200)
})

t.test('AccessControl.check() hands out sessions that stand for the password', async t => {
  const server = await start(t, { auth: AUTH, session: {} })
  const first = await rawRequest(server.url, { headers: BASIC })
  t.equal(first.status, 200)
  const cookie = /^(vmware_soap_session="[\w-]+"); Path=\//.exec(first.headers['set-cookie'] ?? '')
  const headers = { Cookie: cookie?.[1] ?? '' }
  const second = await rawRequest(server.url, { headers })
  t.equal(second.status, 200)
  t.notOk('set-cookie' in second.headers)
  server.expireSessions()
  t.equal((await rawRequest(server.url, { headers })).status, 401)
  const renewed = await rawRequest(server.url, { headers: { ...headers, ...BASIC } })
  t.equal(renewed.status, 200)
  t.not(renewed.headers['set-cookie'], first.headers['set-cookie'])
})

t.test('AccessControl sessions end by time and by use', async t => {
  const open = (session: AccessOptions['session']): [AccessControl, RequestHead] => {
    const access = new AccessControl({ auth: AUTH, session })
    const result = access.check(request({ authorization: BASIC.Authorization }), 1000)
    const [header] = 'headers' in result ? result.headers : []
    return [access, request({ cookie: header?.[1].split(';')[0] ?? '' })]
  }
  const [timed, byTime] = open({ ttlMs: 500 })
  t.equal(refusal(timed, byTime, 1499), 0)
  t.equal(refusal(timed, byTime, 1500), 401)
  t.equal(timed.sessions, 0)
  const [counted, byUse] = open({ requests: 3, cookieName: 'sid' })
  t.match(byUse.headers['cookie'], /^sid=/)
  t.same(
    [1, 2, 3].map(() => refusal(counted, byUse, 1000)),
    [0, 0, 401],
  )
})

t.test('AccessControl.check() honours signed URLs until they expire', async t => {
  const access = new AccessControl({ requireToken: true, auth: AUTH })
  t.equal(refusal(access, request({}), 0), 403)
  const timed = request({}, signedQuery({ ms: 100 }, 1000))
  t.equal(refusal(access, timed, 1099), 0, 'without a password')
  t.equal(refusal(access, timed, 1100), 403)
  const counted = request({}, signedQuery({ requests: 2 }, 1000))
  t.same(
    [1, 2, 3].map(() => refusal(access, counted, 1e15)),
    [0, 0, 403],
  )
  const forged = request({}, signedQuery({ ms: 100 }, 1000).replace('.1100.', '.9100.'))
  t.equal(refusal(access, forged, 2000), 403)
  const gone = new AccessControl({ tokenStatus: 410 })
  t.equal(refusal(gone, timed, 5000), 410)
  t.equal(refusal(gone, request({}), 5000), 0, 'none is needed')
})

t.test('SlowServer redirects, over hops, to another origin, in circles', async t => {
  const server = await start(t, {})
  const follow = async (url: string): Promise<{ status: number; location: string }> => {
    const { status, headers } = await rawRequest(url)
    return { status, location: new URL(headers['location'] ?? '', url).href }
  }
  const once = await follow(`${server.origin}/redirect/disk.img`)
  t.same(once, { status: 302, location: `${server.origin}/direct/disk.img` })
  t.equal((await rawRequest(once.location)).status, 200)
  const twice = await follow(`${server.origin}/redirect/2/disk.img`)
  t.equal(twice.location, `${server.origin}/redirect/1/disk.img`)
  t.same((await follow(twice.location)).location, once.location)
  const loop = `${server.origin}/redirect-loop/disk.img`
  t.same(await follow(loop), { status: 302, location: loop })
  t.equal((await follow(`${server.origin}/redirect/none`)).status, 302)
  t.equal((await rawRequest(`${server.origin}/direct/none`)).status, 404)

  const other = await start(t, {})
  server.setOptions({ redirect: { all: true, status: 307, origin: other.origin } })
  const away = await follow(server.url)
  t.same(away, { status: 307, location: `${other.origin}/direct/disk.img` })
  t.equal((await rawRequest(away.location)).status, 200)
  t.equal((await rawRequest(server.url, { method: 'HEAD' })).status, 307)
})

t.test('SlowServer redirects to signed URLs that expire', async t => {
  const target = await start(t, { requireToken: true, tokenStatus: 410 })
  const server = await start(t, {
    redirect: { all: true, origin: target.origin, signed: { requests: 1 } },
  })
  const { headers } = await rawRequest(server.url)
  const location = headers['location'] as string
  t.equal((await rawRequest(location)).status, 200)
  t.equal((await rawRequest(location)).status, 410)
  const again = (await rawRequest(server.url)).headers['location'] as string
  t.not(again, location)
  t.equal((await rawRequest(again)).status, 200)
  t.equal((await rawRequest(target.url)).status, 410, 'without a token')

  const alone = await start(t, { requireToken: true, redirect: { all: true, signed: {} } })
  const own = (await rawRequest(alone.url)).headers['location'] as string
  t.equal((await rawRequest(new URL(own, alone.url).href)).status, 200)
})
