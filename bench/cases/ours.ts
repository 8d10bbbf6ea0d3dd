// Ourselves, with any flags. Several exports are one process each until one process can serve
// several: `serve` is the only place that would change.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Background } from '../programs.js'
import type { OriginAddress, RunningServer, ServerPeer } from './peer.js'

const CLI = new URL('../../dist/main/cli.js', import.meta.url).pathname

let sockets = 0

/** nbd-prefetch with `flags` in front of the URL. */
export function ours(label: string, flags: readonly string[] = []): ServerPeer {
  return {
    kind: 'server',
    label,
    needs: [],
    command: url => ['nbd-prefetch', ...flags, '-U', '-', url].join(' '),
    serve: async origins => {
      const started = await Promise.allSettled(origins.map(origin => start(origin, flags)))
      const running = started.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
      const failed = started.find(one => one.status === 'rejected')
      if (failed !== undefined) {
        await Promise.all(running.map(one => one[Symbol.asyncDispose]()))
        throw failed.reason
      }
      return together(running)
    },
  }
}

/** Several servers as one. */
export function together(servers: readonly RunningServer[]): RunningServer {
  return {
    uris: servers.flatMap(server => server.uris),
    processes: servers.flatMap(server => server.processes),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map(server => server[Symbol.asyncDispose]()))
    },
  }
}

async function start(origin: OriginAddress, flags: readonly string[]): Promise<RunningServer> {
  const socket = join(origin.directory, `ours-${++sockets}.sock`)
  const trust = origin.caFile === undefined ? [] : ['--cacert', origin.caFile]
  const args = [CLI, '--exit-with-parent', '-U', socket, ...trust, ...flags, origin.url]
  const process = new Background(globalThis.process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...globalThis.process.env, TMPDIR: origin.directory },
  })
  try {
    const uri = await Promise.race([
      createInterface(process.stdout)
        [Symbol.asyncIterator]()
        .next()
        .then(line => (line.done === true ? new Promise<never>(() => {}) : line.value)),
      process.ended('nbd-prefetch'),
    ])
    return {
      uris: [uri],
      processes: [process],
      async [Symbol.asyncDispose]() {
        await process[Symbol.asyncDispose]()
        rmSync(socket, { force: true })
      },
    }
  } catch (error) {
    await process[Symbol.asyncDispose]()
    throw error
  }
}
