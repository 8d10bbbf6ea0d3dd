// The ways to an origin: addresses by hand, Unix sockets, TLS versions, suites and certificates, and
// what the origin is told on them. Each against a real server that insists on it.

import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import type { TlsOptions } from 'node:tls'
import selfsigned from 'selfsigned'
import t from 'tap'
import { makeCertificate } from '../../.bench/slow-server/certificate.js'
import type { Certificate } from '../../.bench/slow-server/options.js'
import type { ServerOptions } from '../../dist/main/index.js'
import { openSource, outcomeOf as outcome } from '../fixtures/open-source.js'
import { type Answer, httpOrigin, serveRange } from '../fixtures/origin.js'
import { firstWrongByte, servedImage } from '../fixtures/served-image.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

const SIZE = 40_000

let certificate: Certificate
t.before(async () => {
  certificate = await makeCertificate()
})

t.test('resolve finds a host where it says, for its port alone', async t => {
  const origin = await httpOrigin(t, serveRange(SIZE))
  const { port } = new URL(origin.url)
  const url = `http://no.such.host.invalid:${port}/disk.img`
  for (const rule of [
    `no.such.host.invalid:${port}:127.0.0.1`,
    `NO.such.host.INVALID:${port}:[::1],127.0.0.1`,
    `*:${port}:127.0.0.1`,
  ]) {
    t.equal((await openSource(url, { resolve: ['x:1:::1', rule] })).request.totalBytes, SIZE, rule)
  }
  t.equal(origin.requests.at(-1)?.headers.host, `no.such.host.invalid:${port}`, 'Host stays')
  t.match(
    await outcome(url, { resolve: [`no.such.host.invalid:1:127.0.0.1`] }),
    /host name not found|name server/,
  )
  for (const rule of [
    '',
    'a',
    'a:1',
    'a:x:::1',
    'a:0:::1',
    'a:1:b',
    'a:1:',
    '-a:1',
    'a:70000:::1',
  ]) {
    t.match(await outcome(url, { resolve: [rule] }), /for --resolve: expected HOST:PORT:ADDRESS/)
  }
})

t.test('resolve leaves the certificate to the name in the URL', async t => {
  const { key, cert, ca } = certificate
  const origin = await httpOrigin(t, serveRange(SIZE), { key, cert })
  const { port } = new URL(origin.url)
  const at = (host: string) =>
    outcome(`https://${host}:${port}/`, { ca, resolve: [`*:${port}:127.0.0.1`] })
  t.equal(await at('localhost'), 'opened')
  t.match(await at('other.invalid'), /the certificate is for another host name/)
})

t.test('ipv4 and ipv6 connect to that kind of address alone', async t => {
  const origin = await httpOrigin(t, serveRange(SIZE))
  const { port } = new URL(origin.url)
  const url = `http://host.invalid:${port}/`
  const both = [`host.invalid:${port}:127.0.0.1,::1`]
  t.equal(await outcome(url, { ipv4: true, resolve: both }), 'opened')
  t.match(await outcome(url, { ipv6: true, resolve: both }), /Cannot connect: /, 'nothing on ::1')
  t.match(
    await outcome(url, { ipv6: true, resolve: [`host.invalid:${port}:127.0.0.1`] }),
    /the host has no address of the family asked for/,
  )
  t.match(await outcome(origin.url, { ipv6: true }), /Cannot use --ipv6: the URL's address/)
  t.match(await outcome(origin.url, { ipv4: true, ipv6: true }), /--ipv4 together with --ipv6/)
})

t.test('a Unix socket is connected to instead of host and port', async t => {
  const path = join(temporaryDirectory(t), 's')
  const hosts: (string | undefined)[] = []
  const server = http.createServer((request, response) => {
    hosts.push(request.headers.host)
    serveRange(SIZE)(request, response, 0)
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = 'http://some.host.invalid/disk.img'
  t.equal((await openSource(url, { unixSocketPath: path })).request.totalBytes, SIZE)
  t.strictSame(hosts, ['some.host.invalid'])
  t.match(await outcome(url, { unixSocketPath: `${path}-none` }), /no such socket/)
  t.match(await outcome(url, { unixSocketPath: path, proxy: 'p:1' }), /together with --proxy/)
})

t.test('TLS versions stay inside the bounds', async t => {
  const { key, cert, ca } = certificate
  const versions: (string | null)[] = []
  const at = async (tls: TlsOptions, options: Partial<ServerOptions>) => {
    const answer: Answer = (request, response, index) => {
      versions.push((request.socket as import('node:tls').TLSSocket).getProtocol())
      serveRange(SIZE)(request, response, index)
    }
    const origin = await httpOrigin(t, answer, { key, cert, ...tls })
    return await outcome(origin.url, { ca, ...options })
  }
  t.equal(await at({}, {}), 'opened')
  t.equal(await at({}, { tlsMax: '1.2' }), 'opened')
  t.equal(await at({ maxVersion: 'TLSv1.2' }, { tlsMin: '1.2' }), 'opened')
  t.strictSame(versions, ['TLSv1.3', 'TLSv1.2', 'TLSv1.2'])
  t.match(await at({ maxVersion: 'TLSv1.2' }, { tlsMin: '1.3' }), /Cannot set up TLS: .*version/)
  t.match(await at({ minVersion: 'TLSv1.3' }, { tlsMax: '1.2' }), /Cannot set up TLS: .*version/)
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  t.match(await at(old, {}), /Cannot set up TLS/, 'not unless asked for')
  t.equal(await at(old, { tlsMin: '1.0', ciphers: 'DEFAULT@SECLEVEL=0' }), 'opened')
  t.match(await at({}, { tlsMin: '1.3', tlsMax: '1.2' }), /it is the higher one/)
  t.match(
    await at({}, { tlsMin: '2' }),
    "Cannot use '2' for --tls-min: expected 1.0, 1.1, 1.2, 1.3",
  )
})

t.test('cipher suites are those asked for', async t => {
  const { key, cert, ca } = certificate
  const suites: string[] = []
  const answer: Answer = (request, response, index) => {
    suites.push((request.socket as import('node:tls').TLSSocket).getCipher().name)
    serveRange(SIZE)(request, response, index)
  }
  const origin = await httpOrigin(t, answer, { key, cert })
  const at = (options: Partial<ServerOptions>) => outcome(origin.url, { ca, ...options })
  t.equal(await at({ tls13Ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }), 'opened')
  t.equal(await at({ tlsMax: '1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }), 'opened')
  t.equal(await at({ ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }), 'opened')
  t.strictSame(suites.slice(0, 2), [
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
  ])
  t.match(suites[2], /^TLS_/, 'suites of TLS 1.3 are left alone')
  t.match(await at({ ciphers: 'none' }), /--ciphers: OpenSSL knows no such suites/)
  t.match(await at({ tls13Ciphers: 'TLS_X' }), /--tls13-ciphers: OpenSSL knows no such suites/)
  t.match(await at({ ciphers: 'TLS_AES_128_GCM_SHA256' }), /go into --tls13-ciphers/)
})

t.test("a client certificate is shown to the URL's origin and to nobody else", async t => {
  const { key, cert, ca } = certificate
  const client = await selfsigned.generate([{ name: 'commonName', value: 'me' }], {
    keyType: 'ec',
    algorithm: 'sha256',
  })
  const other = await selfsigned.generate([{ name: 'commonName', value: 'other' }])
  const seen: string[] = []
  const tls = { key, cert, ca: client.cert, requestCert: true, rejectUnauthorized: false }
  const noting =
    (name: string, answer: Answer): Answer =>
    (request, response, index) => {
      const peer = (request.socket as import('node:tls').TLSSocket).getPeerCertificate()
      seen.push(`${name} ${peer.subject?.CN ?? 'nobody'}`)
      answer(request, response, index)
    }
  const target = await httpOrigin(t, noting('target', serveRange(SIZE)), tls)
  const redirect: Answer = (_request, response) =>
    void response.writeHead(302, { location: target.url }).end()
  const origin = await httpOrigin(t, noting('origin', redirect), tls)
  const shown = { ca, clientCertificate: client.cert, clientKey: client.private }
  t.equal(await outcome(target.url, shown), 'opened')
  t.equal(await outcome(origin.url, shown), 'opened')
  t.strictSame(seen, ['target me', 'origin me', 'target nobody'])
  t.equal(
    await outcome(target.url, { ca, clientCertificate: `${client.cert}\n${client.private}` }),
    'opened',
  )
  t.match(await outcome(target.url, { ...shown, clientKey: other.private }), /does not belong to/)
  t.match(await outcome(target.url, { ca, clientCertificate: client.cert }), /no PEM private key/)
  t.match(await outcome(target.url, { ca, clientKey: client.private }), /--key without --cert/)
  t.match(await outcome('http://h/', shown), /Cannot use --cert: the URL is not https/)
})

t.test('a server that wants a client certificate is told of as that', async t => {
  const { key, cert, ca } = certificate
  const tls = { key, cert, requestCert: true, minVersion: 'TLSv1.3' } as const
  const { url } = await httpOrigin(t, serveRange(SIZE), tls)
  t.match(await outcome(url, { ca }), /certificate required; the server wants to see a client/)
})

t.test('an encrypted key opens with its passphrase', async t => {
  const { createPrivateKey } = await import('node:crypto')
  const { key, cert, ca } = certificate
  const client = await selfsigned.generate([{ name: 'commonName', value: 'me' }])
  const clientKey = createPrivateKey(client.private).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'open sesame',
  }) as string
  const tls = { key, cert, ca: client.cert, requestCert: true }
  const { url } = await httpOrigin(t, serveRange(SIZE), tls)
  const shown = { ca, clientCertificate: client.cert, clientKey }
  t.equal(await outcome(url, { ...shown, clientKeyPassphrase: 'open sesame' }), 'opened')
  t.match(await outcome(url, { ...shown, clientKeyPassphrase: 'x' }), /passphrase does not open it/)
  t.match(await outcome(url, shown), /it is encrypted, give --key-passphrase-file/)
  t.match(await outcome(url, { ca }), /Cannot |reset|closed/, 'the server does insist')
})

t.test('headers are added, left out and sent empty, the user agent to every host', async t => {
  const target = await httpOrigin(t, serveRange(SIZE))
  const origin = await httpOrigin(t, (_request, response) => {
    response.writeHead(302, { location: target.url }).end()
  })
  const heads = async (options: Partial<ServerOptions>) => {
    await openSource(origin.url, options)
    return [origin, target].map(({ requests }) => {
      const {
        range,
        connection,
        host,
        'accept-encoding': _,
        ...headers
      } = requests.at(-1)?.headers ?? {}
      return headers
    })
  }
  t.match(await heads({}), [{ 'user-agent': /^nbd-prefetch\/\d/ }, { 'user-agent': /^nbd-pre/ }])
  t.strictSame(await heads({ userAgent: 'me/1' }), [
    { 'user-agent': 'me/1' },
    { 'user-agent': 'me/1' },
  ])
  t.strictSame(await heads({ userAgent: '' }), [{}, {}])
  t.strictSame(await heads({ headers: { 'User-Agent': null, 'X-A': '' } }), [{ 'x-a': '' }, {}])
  t.strictSame(await heads({ headers: { 'user-agent': 'mine' }, userAgent: 'me' }), [
    { 'user-agent': 'mine' },
    { 'user-agent': 'me' },
  ])
  t.strictSame(await heads({ bearerToken: 'abc.def_~+/==', userAgent: '' }), [
    { authorization: 'Bearer abc.def_~+/==' },
    {},
  ])
  t.strictSame(
    await heads({
      user: 'me',
      password: 'pw',
      cookie: 'a=b',
      headers: { 'x-t': 'v' },
      userAgent: '',
    }),
    [{ authorization: 'Basic bWU6cHc=', cookie: 'a=b', 'x-t': 'v' }, {}],
    'no credential goes to another origin',
  )
  for (const name of ['Range', 'Accept-Encoding', 'Proxy-Authorization']) {
    t.match(await outcome(origin.url, { headers: { [name]: 'x' } }), /nbd-prefetch sets it itself/)
  }
  t.match(
    await outcome(origin.url, { headers: { Range: null } }),
    /Cannot leave out the header "Range"/,
  )
  t.match(await outcome(origin.url, { bearerToken: 'a', user: 'me' }), /together with a user/)
  t.match(await outcome(origin.url, { bearerToken: 'a b' }), /a character that tokens do not have/)
})

t.test('redirects stay inside their limits', async t => {
  const target = await httpOrigin(t, serveRange(SIZE))
  const origin = await httpOrigin(t, (request, response, index) => {
    const hops = Number(new URL(request.url ?? '', origin.url).searchParams.get('hops'))
    if (hops === 0) serveRange(SIZE)(request, response, index)
    else response.writeHead(302, { location: `?hops=${hops - 1}` }).end()
  })
  const at = (hops: number, options: Partial<ServerOptions>) =>
    outcome(new URL(`?hops=${hops}`, origin.url).href, options)
  t.equal(await at(2, { maxRedirects: 2 }), 'opened')
  t.match(await at(3, { maxRedirects: 2 }), /more than 2 redirects$/)
  t.equal(await at(0, { maxRedirects: 0 }), 'opened')
  t.match(await at(1, { maxRedirects: 0 }), /it redirects, and --max-redirects 0 allows none$/)
  t.equal(await at(20, {}), 'opened')
  t.match(await at(21, {}), /more than 20 redirects$/)
  t.match(
    await at(0, { protocols: 'https' }),
    /Cannot use the URL: --protocols does not allow http/,
  )
  t.match(await at(0, { protocols: 'http,ftp' }), /Cannot use 'http,ftp' for --protocols/)
  const { key, cert, ca } = certificate
  const secure = await httpOrigin(t, serveRange(SIZE), { key, cert })
  const up = await httpOrigin(t, (_request, response) => {
    response.writeHead(307, { location: secure.url }).end()
  })
  t.equal(await outcome(up.url, { ca }), 'opened', 'from http to https')
  t.match(
    await outcome(up.url, { ca, protocols: 'http' }),
    /it redirects to https, which --protocols does not allow$/,
  )
  const down = await httpOrigin(
    t,
    (_request, response) => void response.writeHead(307, { location: target.url }).end(),
    { key, cert },
  )
  t.match(await outcome(down.url, { ca }), /it redirects from https to http$/, 'never')
})

t.test('cookies that servers set are kept and go back where they belong', async t => {
  const target = await httpOrigin(t, serveRange(SIZE, { 'set-cookie': 'at=target; HttpOnly' }))
  const origin = await httpOrigin(t, (request, response, index) => {
    const cookies = (request.headers.cookie ?? '').split('; ')
    if (!cookies.includes('step=1')) {
      response
        .writeHead(302, {
          location: '/folder%20a/',
          'set-cookie': ['step=1; Path=/', 'evil=1; Domain=invalid'],
        })
        .end()
    } else if (new URL(request.url ?? '', origin.url).search === '') {
      response.writeHead(302, { location: target.url }).end()
    } else serveRange(SIZE, { 'set-cookie': `last=${index}; Max-Age=60` })(request, response, index)
  })
  const own = new URL(origin.url).hostname
  const file = `# Netscape HTTP Cookie File\n${own}\tFALSE\t/\tFALSE\t0\tgiven\tvalue\n`
  const { cookieFile } = await openSource(origin.url, { cookies: file, cookie: 'fixed=1' })
  t.strictSame(
    [...origin.requests, ...target.requests].map(({ headers }) => headers.cookie),
    ['fixed=1; given=value', 'fixed=1; given=value; step=1', 'given=value; step=1'],
    'a host in common shares its cookies, whatever the port, but not what --cookie says',
  )
  t.match(cookieFile, /#HttpOnly_127\.0\.0\.1\tFALSE\t\/folder%20a\tFALSE\t0\tat\ttarget\n/)
  t.notMatch(cookieFile, 'evil')
  const none = await httpOrigin(t, (request, response, index) => {
    serveRange(SIZE, { 'set-cookie': 'a=b' })(request, response, index)
  })
  t.equal((await openSource(none.url)).cookieFile, undefined, 'not unless asked for')
  t.notOk(none.requests.some(({ headers }) => headers.cookie))
})

t.test('a cookie set in mid-copy goes along from then on', async t => {
  const { image, origin, server, ...served } = await servedImage(t, {
    size: 8 * 1024 * 1024,
    origin: {
      auth: { user: 'me', password: 'pw' },
      session: { cookieName: 'vmware_soap_session' },
    },
    server: { user: 'me', password: 'pw', cookies: '' },
  })
  t.equal(await firstWrongByte(image, await served.connect()), -1)
  t.match(server.cookieFile(), /\tvmware_soap_session\t"[0-9a-f-]+"\n/)
  t.match(origin.log.at(-1)?.headers['cookie'], /^vmware_soap_session="/)
})

t.test('TCP keepalive is asked of the system as often as told', async t => {
  const { Router } = await import('../../dist/workers/route.js')
  const { TRANSPORT } = await import('../fixtures/span.js')
  const original = net.Socket.prototype.setKeepAlive
  const asked: unknown[] = []
  net.Socket.prototype.setKeepAlive = function (...args) {
    asked.push(args)
    return original.apply(this, args)
  }
  t.teardown(() => {
    net.Socket.prototype.setKeepAlive = original
  })
  const { url } = await httpOrigin(t, serveRange(SIZE))
  for (const tcpKeepaliveMs of [30_000, 0]) {
    const { connect } = new Router({ ...TRANSPORT, tcpKeepaliveMs }).to(new URL(url).origin)
    const { hostname, host, port, protocol } = new URL(url)
    const socket = await new Promise<net.Socket>((resolve, reject) =>
      connect({ hostname, host, port, protocol }, (error, socket) =>
        error === null ? resolve(socket) : reject(error),
      ),
    )
    socket.destroy()
  }
  t.strictSame(asked, [[true, 30_000]])
})
