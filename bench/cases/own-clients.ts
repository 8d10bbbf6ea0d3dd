// Workloads of our own NBD client, for what no program does: the time to the first byte, a reader
// that takes no more than so many bytes a second, and a copy on machines with nothing but Node.

import { setTimeout as sleep } from 'node:timers/promises'
import { NbdClient } from '../nbd-client.js'
import { type Workload, type WorkloadContext, WrongBytes } from './workload.js'

const KiB = 1024
const MiB = 1024 * KiB

/** Opens the source and stops whatever it does when the context says so. */
async function withClient<T>(
  { sources: [uri = ''], given }: WorkloadContext,
  action: (client: NbdClient) => Promise<T>,
): Promise<T> {
  const { pathname, searchParams } = new URL(uri)
  const exportName = decodeURIComponent(pathname.slice(1))
  const client = await NbdClient.connect({ path: searchParams.get('socket') ?? '' }, { exportName })
  let stop = () => {}
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(given.reason)
    given.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([action(client), stopped])
  } finally {
    given.removeEventListener('abort', stop)
    // Not awaited: a server that hangs does not answer it either, and is stopped next.
    client.close().catch(() => {})
  }
}

function mustMatch(context: WorkloadContext, offset: number, bytes: Uint8Array): void {
  const wrong = context.image.compare(offset, bytes)
  if (wrong !== -1) throw new WrongBytes(`the byte at ${offset + wrong} differs from the image`)
}

/** From the start of the server's process to the first 4 KiB at the client. */
export const FIRST_BYTE: Workload = {
  label: 'first byte (own client)',
  needs: [],
  command: source => `start the server, open ${source}, read 4 KiB`,
  with: ['server'],
  copies: false,
  own: true,
  async measure(context) {
    const connecting = performance.now()
    return await withClient(context, async client => {
      const bytes = await client.read(0, 4 * KiB)
      const now = performance.now()
      mustMatch(context, 0, bytes)
      return {
        seconds: (now - context.servingSince) / 1000,
        bytes: bytes.length,
        content: 'compared' as const,
        extra: { fromConnectingMs: now - connecting },
      }
    })
  },
}

/** Reads in order, some in flight, as fast as they come. */
export function ownCopy(readBytes: number, inFlight: number): Workload {
  const shape = `${readBytes >= MiB ? `${readBytes / MiB} MiB` : `${readBytes / KiB} KiB`} × ${inFlight}`
  return {
    label: `own client, ${shape}`,
    needs: [],
    command: source => `read ${source} in order, ${shape} in flight`,
    with: ['server'],
    copies: true,
    own: true,
    async measure(context) {
      return await withClient(context, async client => {
        const start = performance.now()
        await client.stream((chunk, offset) => mustMatch(context, offset, chunk), {
          readBytes,
          inFlight,
        })
        const seconds = (performance.now() - start) / 1000
        return { seconds, bytes: client.size, content: 'compared' as const }
      })
    },
  }
}

/** Takes `rate` bytes a second and no more, for five seconds at most. */
export function limited(rate: number): Workload {
  return {
    label: `own client at ${rate / 1e6} MB/s`,
    needs: [],
    command: source => `read ${source} in order, 256 KiB × 4 in flight, ${rate / 1e6} MB/s`,
    with: ['server'],
    copies: false,
    own: true,
    async measure(context) {
      return await withClient(context, async client => {
        const end = Math.min(client.size, Math.ceil((rate * 5) / (256 * KiB)) * 256 * KiB)
        const start = performance.now()
        let waitedMs = 0
        const running: Promise<Buffer>[] = []
        let asked = 0
        for (let given = 0; given < end; ) {
          while (asked < end && running.length < 4) {
            const read = client.read(asked, Math.min(256 * KiB, end - asked))
            read.catch(() => {})
            running.push(read)
            asked += 256 * KiB
          }
          const asking = performance.now()
          const chunk = await (running.shift() as Promise<Buffer>)
          waitedMs += performance.now() - asking
          mustMatch(context, given, chunk)
          given += chunk.length
          const early = (given / rate) * 1000 - (performance.now() - start)
          if (early > 0) await sleep(early)
        }
        const seconds = (performance.now() - start) / 1000
        return { seconds, bytes: end, content: 'compared' as const, extra: { waitedMs } }
      })
    },
  }
}

/** Compares the export in places, for clients that keep nothing of what they read. */
export async function sample(context: WorkloadContext, places = 16): Promise<void> {
  await withClient(context, async client => {
    for (let i = 0; i < places; i++) {
      const offset = Math.floor((i * client.size) / places)
      const bytes = await client.read(offset, Math.min(64 * KiB, client.size - offset))
      mustMatch(context, offset, bytes)
    }
  })
}
