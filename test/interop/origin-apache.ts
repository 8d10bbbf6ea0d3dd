// Images behind Apache httpd: ranges, a password, TLS, HTTP/2, a redirect.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeCertificate } from '../../.bench/slow-server/certificate.js'
import { outcomeOf } from '../fixtures/open-source.js'
import { copyThrough } from '../fixtures/origin-copy.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { freePorts, imageFile, startWebServer, writeFiles } from '../fixtures/web-server.js'

const SIZE = 8 * 1024 * 1024 + 511
/** Debian's; others install elsewhere. */
const MODULES = '/usr/lib/apache2/modules'

t.test('Apache httpd', requires('apache2'), async t => {
  const directory = temporaryDirectory(t)
  const [plain = 0, tls = 0] = await freePorts(2)
  const { key, cert, ca } = await makeCertificate()
  mkdirSync(join(directory, 'www/login'), { recursive: true })
  const image = imageFile(join(directory, 'www/disk.img'), SIZE)
  imageFile(join(directory, 'www/login/disk.img'), SIZE)
  const modules = [
    ...['mpm_event', 'authn_core', 'authn_file', 'authz_core', 'authz_user', 'auth_basic'],
    ...['alias', 'socache_shmcb', 'ssl', 'http2', 'deflate', 'filter'],
  ].filter(name => existsSync(`${MODULES}/mod_${name}.so`))
  const password = createHash('sha1').update('right').digest('base64')
  writeFiles(directory, {
    'key.pem': key,
    'cert.pem': cert,
    htpasswd: `me:{SHA}${password}\n`,
    'apache.conf': `
      ServerName localhost
      ServerRoot ${directory}
      PidFile ${directory}/pid
      DefaultRuntimeDir ${directory}
      Mutex pthread
      ErrorLog /dev/null
      ${modules.map(name => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
      StartServers 1
      ServerLimit 2
      ThreadsPerChild 32
      MaxRequestWorkers 64
      Listen 127.0.0.1:${plain}
      Listen 127.0.0.1:${tls}
      DocumentRoot ${directory}/www
      SetOutputFilter DEFLATE
      Redirect /moved http://localhost:${plain}/disk.img
      <Directory ${directory}/www>
        Require all granted
      </Directory>
      <Location /login>
        AuthType Basic
        AuthName test
        AuthUserFile ${directory}/htpasswd
        Require valid-user
      </Location>
      <VirtualHost 127.0.0.1:${tls}>
        SSLEngine on
        SSLCertificateFile ${directory}/cert.pem
        SSLCertificateKeyFile ${directory}/key.pem
        Protocols h2 http/1.1
      </VirtualHost>`,
  })
  const args = ['-f', `${directory}/apache.conf`, '-DFOREGROUND']
  await startWebServer(t, 'apache2', args, [plain, tls])
  const url = `http://127.0.0.1:${plain}/disk.img`

  await t.test('ranges, with compression switched on for everything', async t => {
    t.strictSame((await copyThrough(t, image, url)).failures, {})
  })

  await t.test('a password', async t => {
    const locked = `http://127.0.0.1:${plain}/login/disk.img`
    const login = { user: 'me', password: 'right' }
    t.strictSame((await copyThrough(t, image, locked, login)).failures, {})
    t.match(await outcomeOf(locked), /: 401 Unauthorized; give --user/)
    t.match(await outcomeOf(locked, { ...login, password: 'x' }), /: 401 Unauthorized; the user/)
  })

  await t.test('TLS, over HTTP/1.1 and HTTP/2', async t => {
    const secure = `https://localhost:${tls}/disk.img`
    t.strictSame((await copyThrough(t, image, secure, { ca })).failures, {})
    t.strictSame((await copyThrough(t, image, secure, { ca, httpVersion: '2' })).failures, {})
  })

  await t.test('a redirect to another host name', async t => {
    await copyThrough(t, image, `http://127.0.0.1:${plain}/moved`)
  })
})
