// Who is measured: ourselves and the programs people use today, each with the exact commands. A
// server peer is started first and timed only through its client; a direct peer fetches by itself.

import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Background } from './programs.js'

const CLI = new URL('../dist/main/cli.js', import.meta.url).pathname

/** An NBD server that is up. */
export interface RunningServer extends AsyncDisposable {
  readonly uri: string
  readonly process: Background
}

/** One way to get at the image. */
export interface Peer {
  readonly label: string
  /** Programs it needs. */
  readonly needs: readonly string[]
  /** The command as a user would type it. */
  readonly command: (url: string) => string
  /** Starts an NBD server, for peers that are one. */
  readonly serve?: (url: string) => Promise<RunningServer>
  /** Copies the image to a file without NBD, for peers that are none. */
  readonly fetch?: (url: string, target: string) => readonly [string, ...string[]]
}

/** Ourselves with further flags. */
export function ours(label: string, flags: readonly string[] = []): Peer {
  return {
    label,
    needs: [],
    command: url => `nbd-prefetch ${[...flags, '-U', '-', url].join(' ')}`,
    async serve(url) {
      const args = [CLI, '-U', '-', ...flags, url]
      const process = new Background('node', args, { stdio: ['ignore', 'pipe', 'ignore'] })
      const [uri] = (await Promise.race([
        createInterface(process.stdout)
          [Symbol.asyncIterator]()
          .next()
          .then(line => [line.value]),
        process.ended('nbd-prefetch'),
      ])) as [string]
      return { uri, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() }
    },
  }
}

/** nbdkit's curl plugin with filters and parameters in front of the URL, and the plugin's own behind it. */
export function nbdkitCurl(
  label: string,
  filters: readonly string[] = [],
  parameters: readonly string[] = [],
): Peer {
  const args = (url: string) => ['-f', '-r', ...filters, 'curl', `url=${url}`, ...parameters]
  return {
    label,
    needs: ['nbdkit'],
    command: url => `nbdkit -U SOCKET ${args(url).join(' ')}`,
    async serve(url) {
      const directory = mkdtempSync(join(tmpdir(), 'bench-nbdkit-'))
      const socket = join(directory, 'socket')
      const process = new Background('nbdkit', ['-U', socket, ...args(url)], { stdio: 'ignore' })
      await Promise.race([accepts(socket), process.ended('nbdkit')])
      return {
        uri: `nbd+unix:///?socket=${socket}`,
        process,
        async [Symbol.asyncDispose]() {
          await process[Symbol.asyncDispose]()
          rmSync(directory, { recursive: true, force: true })
        },
      }
    },
  }
}

/** qemu's own curl block driver, which reads HTTP in the qemu-img process. */
export const QEMU_CURL: Peer = {
  label: "qemu's curl driver",
  needs: ['qemu-img'],
  command: url => `qemu-img convert -f raw -O raw ${url} TARGET`,
  fetch: (url, target) => ['qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', url, target],
}

export const ARIA2: Peer = {
  label: 'aria2c -x16 (download)',
  needs: ['aria2c'],
  command: url => `aria2c -x16 -s16 -k1M ${url}`,
  fetch: (url, target) => [
    'aria2c',
    '-q',
    '-x16',
    '-s16',
    '-k1M',
    '--file-allocation=none',
    '--allow-overwrite=true',
    '--auto-file-renaming=false',
    '-d',
    join(target, '..'),
    '-o',
    target.split('/').at(-1) as string,
    url,
  ],
}

export const CURL: Peer = {
  label: 'curl (download)',
  needs: ['curl'],
  command: url => `curl -o TARGET ${url}`,
  fetch: (url, target) => ['curl', '-s', '-o', target, url],
}

/** Resolves once something accepts connections on the socket. */
async function accepts(path: string): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>(resolve => {
      const socket = connect(path)
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (open) return
    await sleep(10)
  }
}
