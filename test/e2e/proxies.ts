// Origins behind proxies: forwarded http, tunnelled https, proxies that speak TLS themselves and ask
// for a password. Each is told its own secrets and nobody else's.

import t, { type Test } from 'tap'
import { makeCertificate } from '../../.bench/slow-server/certificate.js'
import type { Certificate, SlowServerOptions } from '../../.bench/slow-server/options.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import type { ServerOptions } from '../../dist/main/index.js'
import { type OpenedSource, openSource } from '../fixtures/open-source.js'
import { rawOrigin } from '../fixtures/origin.js'
import { startProxy } from '../fixtures/proxy.js'
import { firstWrongByte, type ServedImage, servedImage } from '../fixtures/served-image.js'

const SIZE = 3 * 1024 * 1024 + 17
const LOGIN = { auth: { user: 'me', password: 'origin-password' } }
const CREDENTIALS = { user: 'me', password: 'origin-password' }

let certificate: Certificate
t.before(async () => {
  certificate = await makeCertificate()
})

/** Opens an image of a slow server without more. */
async function opening(
  t: Test,
  origin: Partial<SlowServerOptions>,
  options: Partial<ServerOptions>,
): Promise<OpenedSource> {
  const server = await SlowServer.start({ image: { size: SIZE }, ...origin })
  t.teardown(() => server.close())
  return await openSource(server.url, options)
}

async function copied(t: Test, served: ServedImage): Promise<void> {
  t.equal(await firstWrongByte(served.image, await served.connect(2)), -1, 'every byte is right')
}

function through(
  t: Test,
  origin: Partial<SlowServerOptions>,
  server: Partial<ServerOptions>,
): Promise<ServedImage> {
  return servedImage(t, { size: SIZE, origin, server: { workers: 1, ...server } })
}

t.test('an http origin is asked for through the proxy by whole URLs', async t => {
  const proxy = await startProxy(t, { login: 'pu:proxy-password' })
  const served = await through(t, LOGIN, {
    ...CREDENTIALS,
    proxy: `http://pu:proxy-password@${proxy.host}`,
  })
  await copied(t, served)
  t.ok(proxy.requests.length > 1)
  for (const request of proxy.requests) t.equal(request, `GET ${served.origin.url}`)
  for (const { headers } of served.origin.log) t.notOk(headers['proxy-authorization'])
})

t.test('an https origin is tunnelled to, and neither side learns the other secret', async t => {
  const proxy = await startProxy(t, { login: 'pu:proxy-password' })
  const served = await through(
    t,
    { ...LOGIN, tls: certificate },
    {
      ...CREDENTIALS,
      ca: certificate.ca,
      proxy: proxy.host,
      proxyUser: 'pu',
      proxyPassword: 'proxy-password',
    },
  )
  await copied(t, served)
  const { host } = new URL(served.origin.url)
  for (const request of proxy.requests) t.equal(request, `CONNECT ${host}`)
  for (const head of proxy.heads) {
    t.match(head, /proxy-authorization/i)
    t.notMatch(head, /^authorization/im)
  }
  for (const { headers } of served.origin.log) t.notOk(headers['proxy-authorization'])
})

t.test('a proxy that speaks TLS has a CA of its own', async t => {
  const own = await makeCertificate()
  const proxy = await startProxy(t, { tls: own, login: 'pu:x' })
  const settings = { ca: certificate.ca, proxy: `https://pu:x@${proxy.host}` }
  for (const tls of [false, certificate]) {
    await copied(t, await through(t, { tls }, { ...settings, proxyCa: own.ca }))
    await copied(t, await through(t, { tls }, { ...settings, proxyInsecure: true }))
  }
  await t.rejects(opening(t, { tls: certificate }, settings), {
    message: /: Cannot set up TLS with the proxy: .*; give the proxy's CA with --proxy-cacert FILE/,
  })
  await t.rejects(
    opening(t, { tls: certificate }, { ...settings, ca: own.ca, proxyCa: own.ca }),
    { message: /: Cannot set up TLS: .*; give the server's CA with --cacert FILE/ },
    'trusting the proxy is not trusting the origin',
  )
})

t.test('a proxy that refuses is told in its own words, at once', async t => {
  const proxy = await startProxy(t, { login: 'pu:right' })
  const proxies = { proxy: proxy.host, proxyUser: 'pu', proxyPassword: 'wrong' }
  for (const tls of [false, certificate]) {
    await t.rejects(opening(t, { tls }, { ca: certificate.ca, ...proxies }), {
      message: /: the proxy answers 407 .*; give --proxy-user and --proxy-password-file$/,
    })
  }
  t.equal(proxy.requests.length, 2, 'asked once each')
  for (const [answer, says] of [
    ['HTTP/1.1 403 Not for you\r\n\r\n', /: the proxy answers 403 Not for you$/],
    ['HTTP/1.1 401 Unauthorized\r\n\r\n', /the proxy answers 401 Unauthorized; give --proxy-user/],
    ['HTTP/1.1 407 A\r\nProxy-Authenticate: NTLM\r\n\r\n', /does not offer basic authentication/],
    ['SSH-2.0-OpenSSH\r\n\r\n', /Cannot use the proxy: its answer is not HTTP$/],
    ['x'.repeat(20_000), /Cannot use the proxy: its answer is not HTTP$/],
    ['HTTP/1.1 200 OK\r\n\r\nhello', /Cannot use the proxy: it sends more than its answer$/],
    ['HTTP/1.1 20', /Cannot connect to the proxy: connection reset by the server$/],
  ] as const) {
    const odd = await startProxy(t, { refuse: socket => void socket.end(answer) })
    const settings = { ca: certificate.ca, proxy: odd.host }
    await t.rejects(opening(t, { tls: certificate }, settings), { message: says })
  }
  const gone = await startProxy(t)
  await t.rejects(opening(t, { tls: certificate }, { proxy: `127.0.0.1:1` }), {
    message: /: Cannot connect to the proxy: connection refused$/,
  })
  t.equal(gone.requests.length, 0)
})

t.test('a proxy that never answers CONNECT meets the limit for connecting', async t => {
  const proxy = await startProxy(t, { refuse: () => {} })
  const settings = { proxy: proxy.host, connectTimeout: 0.3 }
  await t.rejects(opening(t, { tls: certificate }, settings), {
    message: /Cannot connect: no connection within the limit/,
  })
})

t.test('a proxy that can not be reached within the limit is named', async t => {
  const silent = await rawOrigin(t, () => {})
  const settings = { proxy: `https://${new URL(silent.url).host}`, connectTimeout: 0.2 }
  for (const tls of [false, certificate]) {
    await t.rejects(opening(t, { tls }, settings), {
      message: /Cannot connect to the proxy: no connection within the limit/,
    })
  }
})

t.test("the environment names proxies as it does to curl, and --proxy '' none", async t => {
  const [one, other] = [await startProxy(t), await startProxy(t)]
  const used = async (
    tls: boolean,
    env: Record<string, string>,
    rest: Partial<ServerOptions> = {},
  ) => {
    const before = [one.requests.length, other.requests.length] as const
    const origin = tls ? { tls: certificate } : {}
    await opening(t, origin, { ca: certificate.ca, env, ...rest })
    if (one.requests.length > before[0]) return 'one'
    return other.requests.length > before[1] ? 'other' : 'none'
  }
  const a = `http://${one.host}`
  const b = `http://${other.host}`
  t.equal(await used(false, { http_proxy: a, https_proxy: b }), 'one')
  t.equal(await used(true, { http_proxy: a, https_proxy: b }), 'other')
  t.equal(await used(false, { HTTP_PROXY: a }), 'none', 'a request could set it in a CGI program')
  t.equal(await used(true, { HTTPS_PROXY: a }), 'one')
  t.equal(await used(true, { all_proxy: a }), 'one')
  t.equal(await used(false, { ALL_PROXY: a, http_proxy: '' }), 'one')
  t.equal(await used(false, { http_proxy: a, NO_PROXY: 'example,127.0.0.0/8' }), 'none')
  t.equal(await used(false, { http_proxy: a, no_proxy: 'other', NO_PROXY: '*' }), 'one')
  t.equal(await used(false, { http_proxy: a }, { proxy: '' }), 'none')
  t.equal(await used(false, { http_proxy: a, no_proxy: '*' }, { noproxy: '' }), 'one')
  t.equal(await used(false, { http_proxy: a }, { proxy: b }), 'other')
})
