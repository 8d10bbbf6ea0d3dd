// Where requests go and what they carry: redirects are followed once, and what a user gave for one
// server never reaches another.

import t, { type Test } from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import type { SlowServerOptions } from '../../.bench/slow-server/options.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { type ServerOptions, serve } from '../../dist/main/index.js'
import { rawOrigin } from '../fixtures/origin.js'
import { firstWrongByte, servedImage } from '../fixtures/served-image.js'

const MIB = 1024 * 1024
const image = new GeneratedImage({ size: 6 * MIB + 1 })

async function startOrigin(t: Test, options: Partial<SlowServerOptions> = {}): Promise<SlowServer> {
  const origin = await SlowServer.start({ image, ...options })
  t.teardown(() => origin.close())
  return origin
}

/** Serves a URL and reads it all. */
async function readAll(t: Test, options: ServerOptions): Promise<void> {
  const server = await serve({ unix: '-', ...options })
  t.teardown(() => server.close({ drainMs: 0 }))
  const client = await NbdClient.connect({ path: server.unixSocket ?? '' })
  t.teardown(() => client.close())
  t.equal(await firstWrongByte(image, client), -1, 'every byte is right')
}

const GIVEN = {
  user: 'me',
  password: 'secret-word',
  cookie: 'session=cookie-word',
  headers: { 'x-secret': 'header-word' },
} as const

t.test('a redirect within the server is resolved once', async t => {
  const origin = await startOrigin(t, { redirect: { all: true } })
  await readAll(t, { url: origin.url, ...GIVEN })
  const redirected = origin.log.filter(({ status }) => status === 302)
  t.equal(redirected.length, 1)
  t.ok(origin.log.length > 2)
  for (const { headers } of origin.log) {
    t.match(headers, { cookie: GIVEN.cookie, authorization: /^Basic / })
  }
})

t.test('a redirect to another server carries no credentials there', async t => {
  const target = await startOrigin(t)
  const origin = await startOrigin(t, { redirect: { all: true, origin: target.origin } })
  await readAll(t, { url: origin.url, ...GIVEN })
  t.match(origin.log, [{ headers: { cookie: GIVEN.cookie, authorization: /^Basic / } }])
  t.equal(origin.log.length, 1)
  t.ok(target.log.length > 1)
  for (const { headers } of target.log) {
    t.notMatch(Object.values(headers).join('\n'), /-word|Basic/)
    t.notOk(headers['authorization'] ?? headers['cookie'])
  }
})

t.test('no header a user gave reaches another server, not even a custom one', async t => {
  const heads: string[] = []
  const target = await rawOrigin(t, (socket, head) => {
    heads.push(head)
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
  })
  const origin = await startOrigin(t, {
    redirect: { all: true, origin: new URL(target.url).origin },
  })
  await t.rejects(serve({ url: origin.url, unix: '-', ...GIVEN }), { message: /404 Not Found/ })
  t.equal(heads.length, 1)
  t.notMatch(heads[0], /-word|basic|x-secret|cookie|authorization/i)
})

t.test('basic authentication, a cookie and a header go with every request', async t => {
  const origin = await startOrigin(t, {
    auth: { user: GIVEN.user, password: GIVEN.password },
    cookie: GIVEN.cookie,
  })
  await readAll(t, { url: origin.url, ...GIVEN })
  t.strictSame(Object.keys(origin.stats.byStatus), ['206'])
  const { log } = await servedImage(t, {
    size: MIB,
    origin: { auth: { user: GIVEN.user, password: GIVEN.password } },
    server: GIVEN,
  })
  t.notMatch(log.join('\n'), /-word/, 'no secret is logged')
})

t.test('user and password may come in the URL and are never shown', async t => {
  const origin = await startOrigin(t, { auth: { user: 'a b', password: 'p@ss/word' } })
  const url = origin.url.replace('//', '//a%20b:p%40ss%2Fword@')
  await readAll(t, { url })
  origin.setOptions({ auth: { user: 'a b', password: 'another' } })
  const error: unknown = await serve({ url, unix: '-' }).catch(error => error)
  t.match(error, { code: 'SOURCE', message: '401 Unauthorized' })
  t.notMatch(String(error), /p@ss|p%40ss/)
})
