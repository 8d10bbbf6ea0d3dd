// nginx on the loopback with one file of random bytes, over http and https: an origin that costs
// little itself, so that what is measured is who reads from it.

import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.js'
import { Background } from './programs.js'
import { makeCertificate } from './slow-server/certificate.js'

const PIECE = 64 * 1024 * 1024

/** A running nginx; ends when disposed of. */
export interface FileServer extends AsyncDisposable {
  readonly http: string
  readonly https: string
}

/**
 * @param directory private and empty, for the file and whatever nginx writes
 * @param size of the file, bytes
 */
export async function startFileServer(directory: string, size: number): Promise<FileServer> {
  const root = join(directory, 'root')
  mkdirSync(root)
  writeRandom(join(root, 'disk.img'), size)
  const { key, cert } = await makeCertificate()
  writeFileSync(join(directory, 'key.pem'), key, { mode: 0o600 })
  writeFileSync(join(directory, 'cert.pem'), cert)
  const [plain, secure] = [await freePort(), await freePort()]
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    kind => `${kind}_temp_path ${directory};`,
  )
  // One process, run by whoever runs the bench.
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/error.log;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; ${temporary.join(' ')}
  server {
    listen 127.0.0.1:${plain}; listen 127.0.0.1:${secure} ssl; root ${root};
    ssl_certificate ${directory}/cert.pem; ssl_certificate_key ${directory}/key.pem;
  }
}
`,
  )
  const args = [
    '-p',
    directory,
    '-c',
    join(directory, 'nginx.conf'),
    '-e',
    `${directory}/error.log`,
  ]
  const server = new Background('nginx', args, { stdio: 'ignore' })
  await Promise.race([accepts(plain), server.ended('nginx')])
  return {
    http: `http://127.0.0.1:${plain}/disk.img`,
    https: `https://127.0.0.1:${secure}/disk.img`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** Random bytes, repeated: nobody looks further back than a piece. */
function writeRandom(path: string, size: number): void {
  const piece = randomBytes(Math.min(PIECE, size))
  const file = openSync(path, 'w', 0o644)
  for (let at = 0; at < size; ) at += writeSync(file, piece, 0, Math.min(piece.length, size - at))
  closeSync(file)
}

async function accepts(port: number): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('connect', () => socket.destroy()).on('error', () => resolve(false))
    })
    if (open) return
    await sleep(10)
  }
}
