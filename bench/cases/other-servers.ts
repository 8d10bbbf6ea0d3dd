// NBD servers of others: nbdkit's curl plugin as people run it, and qemu-nbd over qemu's own curl
// driver. Each listens on a Unix socket of its own; temporary files go to the bench's directory.

import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Background } from '../programs.js'
import type { OriginAddress, RunningServer, ServerPeer } from './peer.js'
import { qemuSource } from './qemu-driver.js'

let sockets = 0

/** nbdkit's curl plugin between `filters` and further `parameters`. */
export function nbdkitCurl(
  label: string,
  filters: readonly string[] = [],
  parameters: readonly string[] = [],
): ServerPeer {
  const words = (url: string, ca: readonly string[]) => [
    ...filters.map(filter => `--filter=${filter}`),
    '-r',
    'curl',
    ...ca,
    ...parameters,
    `url=${url}`,
  ]
  return {
    kind: 'server',
    label,
    needs: ['nbdkit'],
    command: url => `nbdkit -U SOCKET ${words(url, []).join(' ')}`,
    serve: origins =>
      startAll(origins, 'nbdkit', (origin, socket) => [
        '-f',
        '--exit-with-parent',
        '-U',
        socket,
        ...words(origin.url, origin.caFile === undefined ? [] : [`cainfo=${origin.caFile}`]),
      ]),
  }
}

/** qemu-nbd, exporting what qemu's curl driver reads. */
export const QEMU_NBD: ServerPeer = {
  kind: 'server',
  label: "qemu-nbd over qemu's curl driver",
  needs: ['qemu-nbd'],
  command: url => `qemu-nbd -f raw -r -t -k SOCKET ${url}`,
  serve: origins =>
    startAll(origins, 'qemu-nbd', (origin, socket) => [
      '-r',
      '-t',
      '-e',
      '8',
      '-k',
      socket,
      ...asItIs(qemuSource(origin)),
    ]),
}

/** A source whose bytes are not looked at for a format: a qcow2 image is the client's to read. */
function asItIs(source: string): readonly string[] {
  // A json: name states its format itself.
  return source.startsWith('json:') ? [source] : ['-f', 'raw', source]
}

async function startAll(
  origins: readonly OriginAddress[],
  program: string,
  args: (origin: OriginAddress, socket: string) => readonly string[],
): Promise<RunningServer> {
  const running: RunningServer[] = []
  try {
    for (const origin of origins) running.push(await start(origin, program, args))
  } catch (error) {
    await together(running)[Symbol.asyncDispose]()
    throw error
  }
  return together(running)
}

async function start(
  origin: OriginAddress,
  program: string,
  args: (origin: OriginAddress, socket: string) => readonly string[],
): Promise<RunningServer> {
  const socket = join(origin.directory, `${program}-${++sockets}.sock`)
  const process = new Background(program, args(origin, socket), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...globalThis.process.env, TMPDIR: origin.directory },
  })
  const stop = async () => {
    await process[Symbol.asyncDispose]()
    rmSync(socket, { force: true })
  }
  const given = new AbortController()
  try {
    await Promise.race([accepts(socket, given.signal), process.ended(program)])
  } catch (error) {
    await stop()
    throw error
  } finally {
    given.abort()
  }
  return {
    uris: [`nbd+unix:///?socket=${socket}`],
    processes: [process],
    [Symbol.asyncDispose]: stop,
  }
}

/** Resolves once something accepts connections on the socket, or the signal says to give up. */
async function accepts(path: string, given: AbortSignal): Promise<void> {
  while (!given.aborted) {
    const open = await new Promise<boolean>(resolve => {
      const socket = connect(path)
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (open) return
    await sleep(10)
  }
}

/** Several servers as one. */
function together(servers: readonly RunningServer[]): RunningServer {
  return {
    uris: servers.flatMap(server => server.uris),
    processes: servers.flatMap(server => server.processes),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map(server => server[Symbol.asyncDispose]()))
    },
  }
}
