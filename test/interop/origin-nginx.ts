// Images behind nginx, alone and as a reverse proxy: ranges, compression, limits that answer 503,
// passwords, TLS versions, connections that are closed after a few requests.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeCertificate } from '../../.bench/slow-server/certificate.js'
import type { Image } from '../../.bench/slow-server/image.js'
import { outcomeOf } from '../fixtures/open-source.js'
import { copyThrough } from '../fixtures/origin-copy.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { freePorts, imageFile, startWebServer, writeFiles } from '../fixtures/web-server.js'

const SIZE = 12 * 1024 * 1024 + 345
const NEEDED = requires('nginx')

interface Nginx {
  readonly image: Image
  readonly ca: string
  /** URLs of the image, by what is special there. */
  readonly at: (path: string) => string
  readonly tls12: string
  readonly tls13: string
}

async function startNginx(t: Test): Promise<Nginx> {
  const directory = temporaryDirectory(t)
  const [plain = 0, tls12 = 0, tls13 = 0] = await freePorts(3)
  const { key, cert, ca } = await makeCertificate()
  mkdirSync(join(directory, 'www/a b'), { recursive: true })
  const image = imageFile(join(directory, 'www/a b/disk.img'), SIZE)
  const root = `${directory}/www/`
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map(name => `${name}_temp_path ${directory}/tmp-${name};`)
    .join('\n')
  writeFiles(directory, {
    'key.pem': key,
    'cert.pem': cert,
    htpasswd: 'me:{PLAIN}right\n',
    'nginx.conf': `
      daemon off; master_process off; pid ${directory}/pid; error_log stderr crit;
      events { worker_connections 512; }
      http {
        access_log off;
        ${temporary}
        default_type text/plain;
        gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;
        ssl_certificate ${directory}/cert.pem; ssl_certificate_key ${directory}/key.pem;
        limit_conn_zone $binary_remote_addr zone=connections:1m;
        limit_req_zone $binary_remote_addr zone=requests:1m rate=30r/s;
        server {
          listen 127.0.0.1:${plain};
          location /plain/ { alias ${root}; }
          location /few/ { alias ${root}; keepalive_requests 10; }
          location /whole/ { alias ${root}; max_ranges 0; }
          location /login/ {
            alias ${root}; auth_basic "test"; auth_basic_user_file ${directory}/htpasswd;
          }
          location /connections/ { alias ${root}; limit_conn connections 3; limit_rate 4m; }
          location /requests/ { alias ${root}; limit_req zone=requests burst=2 nodelay; }
          location /onward/ { proxy_pass http://127.0.0.1:${plain}/plain/; }
          location /slash { return 302 /plain/a%20b/disk.img; }
        }
        server { listen 127.0.0.1:${tls12} ssl; ssl_protocols TLSv1.2; root ${root}; }
        server { listen 127.0.0.1:${tls13} ssl http2; ssl_protocols TLSv1.3; root ${root}; }
      }`,
  })
  const args = ['-c', `${directory}/nginx.conf`, '-p', directory, '-e', 'stderr']
  await startWebServer(t, 'nginx', args, [plain, tls12, tls13])
  return {
    image,
    ca,
    at: path => `http://127.0.0.1:${plain}/${path}/a%20b/disk.img`,
    tls12: `https://localhost:${tls12}/a%20b/disk.img`,
    tls13: `https://localhost:${tls13}/a%20b/disk.img`,
  }
}

t.test('nginx', NEEDED, async t => {
  const { image, ca, at, tls12, tls13 } = await startNginx(t)

  await t.test('ranges, with compression switched on for everything', async t => {
    const { failures } = await copyThrough(t, image, at('plain'))
    t.strictSame(failures, {})
  })

  await t.test('ten requests a connection', async t => {
    const { failures, connectionsOpened, requests } = await copyThrough(t, image, at('few'), {
      maxRequest: 1024 * 1024,
      blockSize: 64 * 1024,
      readahead: 'off',
      connections: 2,
    })
    t.strictSame(failures, {}, 'an announced end is no failure')
    t.ok(connectionsOpened >= Math.floor(requests / 10), `${connectionsOpened} for ${requests}`)
  })

  await t.test('a server that ignores ranges is refused', async t => {
    t.match(
      await outcomeOf(at('whole')),
      /: 200 OK with the whole file, not a range; the server does not support range requests/,
    )
  })

  await t.test('a password', async t => {
    const login = { user: 'me', password: 'right' }
    t.match((await copyThrough(t, image, at('login'), login)).failures, {})
    t.match(await outcomeOf(at('login')), /: 401 Unauthorized; give --user and --password-file/)
    t.match(
      await outcomeOf(at('login'), { ...login, password: 'wrong' }),
      /: 401 Unauthorized; the user name or password is not accepted$/,
    )
    t.match(await outcomeOf(`${at('plain')}-none`), /: 404 Not Found$/)
  })

  await t.test('503 beyond three requests at a time, or thirty a second', async t => {
    for (const limit of ['connections', 'requests']) {
      const { throttled } = await copyThrough(t, image, at(limit), { maxRequest: 1024 * 1024 })
      t.ok(throttled > 0, `${limit}: ${throttled} refusals`)
    }
  })

  await t.test('a reverse proxy in between', async t => {
    await copyThrough(t, image, at('onward'))
  })

  await t.test('TLS 1.2, TLS 1.3, HTTP/2', async t => {
    await copyThrough(t, image, tls12, { ca })
    await copyThrough(t, image, tls13, { ca })
    t.match((await copyThrough(t, image, tls13, { ca, httpVersion: '2' })).failures, {})
    t.match(await outcomeOf(tls12, { ca, tlsMin: '1.3' }), /Cannot set up TLS: /)
    t.match(await outcomeOf(tls13, { ca, tlsMax: '1.2' }), /Cannot set up TLS: /)
    t.match(await outcomeOf(tls13), /Cannot set up TLS: .*certificate.*--cacert/)
  })
})
