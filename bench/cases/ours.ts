// Ourselves, with any flags. Several exports are served by one process, as NAME=URL.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ownNodeFirst } from '../own-node.js'
import { Background } from '../programs.js'
import type { OriginAddress, RunningServer, ServerPeer } from './peer.js'

/** The program. */
export const CLI = new URL('../../dist/main/cli.js', import.meta.url).pathname

let sockets = 0

/** nbd-prefetch with `flags` in front of the URL. */
export function ours(label: string, flags: readonly string[] = []): ServerPeer {
  return {
    kind: 'server',
    label,
    needs: [],
    command: url => ['nbd-prefetch', ...flags, '-U', '-', url].join(' '),
    serve: origins => start(origins, flags),
  }
}

/** What the command line says of the images: one URL, or a name in front of each of several. */
export function imageArguments(urls: readonly string[]): readonly string[] {
  return urls.length === 1 ? urls : urls.map((url, i) => `disk${i}=${url}`)
}

async function start(
  origins: readonly OriginAddress[],
  flags: readonly string[],
): Promise<RunningServer> {
  const [first] = origins
  if (first === undefined) throw new Error('Cannot serve: no URL is given')
  const socket = join(first.directory, `ours-${++sockets}.sock`)
  const trust = first.caFile === undefined ? [] : ['--cacert', first.caFile]
  const images = imageArguments(origins.map(origin => origin.url))
  const args = ['--exit-with-parent', '-U', socket, ...trust, ...flags, ...images]
  // The file itself, as users run it.
  const process = new Background(CLI, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...ownNodeFirst(globalThis.process.env), TMPDIR: first.directory },
  })
  try {
    const uris = await Promise.race([
      firstLines(process.stdout, origins.length),
      process.ended('nbd-prefetch'),
    ])
    return {
      uris,
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

/** The first so many lines; never resolves where there are fewer: why is for others to say. */
async function firstLines(stream: NodeJS.ReadableStream, count: number): Promise<string[]> {
  const lines: string[] = []
  for await (const line of createInterface(stream)) {
    lines.push(line)
    if (lines.length === count) return lines
  }
  return await new Promise<never>(() => {})
}
