// Images behind lighttpd, behind HAProxy, behind a proxy with a password (tinyproxy), and behind
// Python's http.server, which knows no ranges.

import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeCertificate } from '../../.bench/slow-server/certificate.js'
import type { Image } from '../../.bench/slow-server/image.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { outcomeOf } from '../fixtures/open-source.js'
import { copyThrough } from '../fixtures/origin-copy.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { freePorts, imageFile, startWebServer, writeFiles } from '../fixtures/web-server.js'

const SIZE = 8 * 1024 * 1024 + 1

/** lighttpd with an image. */
async function startLighttpd(t: Test): Promise<{ image: Image; port: number; url: string }> {
  const directory = temporaryDirectory(t)
  const [port = 0] = await freePorts(1)
  const image = imageFile(join(directory, 'disk.img'), SIZE)
  writeFiles(directory, {
    'lighttpd.conf': `
      server.document-root = "${directory}"
      server.bind = "127.0.0.1"
      server.port = ${port}
      server.errorlog = "${directory}/errors"
      server.upload-dirs = ( "${directory}" )`,
  })
  await startWebServer(t, 'lighttpd', ['-D', '-f', `${directory}/lighttpd.conf`], [port])
  return { image, port, url: `http://127.0.0.1:${port}/disk.img` }
}

t.test('lighttpd', requires('lighttpd'), async t => {
  const { image, url } = await startLighttpd(t)
  t.strictSame((await copyThrough(t, image, url)).failures, {})
  t.match(await outcomeOf(`${url}x`), /: 404 Not Found$/)
})

t.test('HAProxy in between', requires('haproxy', 'lighttpd'), async t => {
  const { image, port } = await startLighttpd(t)
  const directory = temporaryDirectory(t)
  const [front = 0, secure = 0, dead = 0, nobody = 0] = await freePorts(4)
  const { key, cert, ca } = await makeCertificate()
  writeFiles(directory, {
    'both.pem': `${cert}\n${key}`,
    'haproxy.cfg': `
global
  maxconn 200
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:${front}
  bind 127.0.0.1:${secure} ssl crt ${directory}/both.pem alpn h2,http/1.1
  default_backend back
frontend dead
  bind 127.0.0.1:${dead}
  default_backend none
backend back
  http-reuse always
  server one 127.0.0.1:${port} maxconn 4
backend none
  server one 127.0.0.1:${nobody}
`,
  })
  const ports = [front, secure, dead]
  await startWebServer(t, 'haproxy', ['-db', '-f', `${directory}/haproxy.cfg`], ports)
  t.strictSame((await copyThrough(t, image, `http://127.0.0.1:${front}/disk.img`)).failures, {})
  const url = `https://localhost:${secure}/disk.img`
  for (const httpVersion of ['1.1', '2']) {
    t.strictSame((await copyThrough(t, image, url, { ca, httpVersion })).failures, {}, httpVersion)
  }
  t.match(await outcomeOf(`http://127.0.0.1:${dead}/x`), /: 503 Service Unavailable$/)
})

t.test('a proxy with a password', requires('tinyproxy'), async t => {
  const directory = temporaryDirectory(t)
  const [port = 0] = await freePorts(1)
  const certificate = await makeCertificate()
  const origins = await Promise.all(
    [false, certificate].map(tls => SlowServer.start({ image: { size: SIZE }, tls })),
  )
  for (const origin of origins) t.teardown(() => origin.close())
  const image = imageFile(join(directory, 'disk.img'), SIZE)
  const [open, secure] = origins as [SlowServer, SlowServer]
  writeFiles(directory, {
    'tinyproxy.conf': `
Port ${port}
Listen 127.0.0.1
Timeout 60
MaxClients 100
LogLevel Critical
LogFile "${directory}/log"
Allow 127.0.0.1
BasicAuth me right
ConnectPort ${new URL(secure.url).port}
`,
  })
  await startWebServer(t, 'tinyproxy', ['-d', '-c', `${directory}/tinyproxy.conf`], [port])
  const proxy = { proxy: `http://127.0.0.1:${port}`, proxyUser: 'me', proxyPassword: 'right' }
  const { ca } = certificate
  await copyThrough(t, image, open.url, proxy)
  await copyThrough(t, image, secure.url, { ...proxy, ca })
  for (const { url } of origins) {
    t.match(await outcomeOf(url, { ...proxy, proxyPassword: 'wrong', ca }), / 40[17] /)
  }
  t.match(
    await outcomeOf(secure.url.replace(/:\d+/, ':1'), { ...proxy, ca }),
    /the proxy answers 403/,
    'a port it does not tunnel to',
  )
})

t.test("Python's http.server is refused: it knows no ranges", requires('python3'), async t => {
  const directory = temporaryDirectory(t)
  const [port = 0] = await freePorts(1)
  imageFile(join(directory, 'disk.img'), 1024 * 1024)
  const args = ['-m', 'http.server', String(port), '--bind', '127.0.0.1', '-d', directory]
  await startWebServer(t, 'python3', args, [port])
  t.match(
    await outcomeOf(`http://127.0.0.1:${port}/disk.img`),
    /: 200 OK with the whole file, not a range; the server does not support range requests/,
  )
})
