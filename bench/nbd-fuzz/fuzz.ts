// Sends changed streams to a living server while a healthy client reads beside them. What must hold:
// the server stays, the healthy client gets every byte as it is, and nothing is held in the end.

import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { Listener } from '../../dist/main/listener.js'
import { ChunkQueue } from '../../dist/main/nbd/chunk-queue.js'
import { Handshake } from '../../dist/main/nbd/handshake.js'
import { Transmission } from '../../dist/main/nbd/transmission.js'
import { resolveTls } from '../../dist/main/tls-options.js'
import { seededRandom } from '../engine/virtual-time.js'
import { NbdClient } from '../nbd-client.js'
import { EXPORT_BYTES, IMAGE, PatternExport } from './pattern-export.js'
import { type FuzzedStream, fuzzedStream, recordedStreams } from './streams.js'

/** Streams under way at one time. */
const PARALLEL = 16
const KEY = '00112233445566778899aabbccddeeff'

export interface FuzzReport {
  readonly streams: number
  /** Streams that got as far as an export. */
  readonly entered: number
  /** Reads of the healthy client, each compared with the image. */
  readonly healthyReads: number
  /** What must be zero, of the exports, when all clients have left. */
  readonly pins: number
  readonly open: number
}

/**
 * Runs the streams of the seeds [`seed`, `seed + count`) against a server.
 * @throws Error if the healthy client gets a wrong byte or an error
 */
export async function fuzzServer(seed: number, count: number): Promise<FuzzReport> {
  const recordings = [...recordedStreams().values()]
  const random = seededRandom(seed)
  // Names that the recordings ask for.
  const exports = ['disk', 'other'].map(name => new PatternExport(name, random))
  const listener = await Listener.listen({
    address: { path: '-' },
    exports,
    tls: resolveTls({ tls: 'on', tlsPsk: { alice: KEY } }),
    limits: { handshakeTimeoutMs: 5000, writeTimeoutMs: 2000, parkAfterMs: 20 },
  })
  const path = listener.socketPath as string
  const healthy = new HealthyClient(
    await NbdClient.connect({ path }, { exportName: 'disk' }),
    random,
  )
  try {
    let next = seed
    const worker = async () => {
      while (next < seed + count) {
        await send(path, fuzzedStream(next++, recordings))
        healthy.check()
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, worker))
    await healthy.stop()
    while (listener.clients > 0) await turn()
    const sum = (of: (disk: PatternExport) => number) => exports.reduce((n, e) => n + of(e), 0)
    return {
      streams: count,
      // The healthy client has, too.
      entered: sum(disk => disk.opened) - 1,
      healthyReads: healthy.reads,
      pins: sum(disk => disk.pins),
      open: sum(disk => disk.open),
    }
  } finally {
    await listener.close(0)
  }
}

/** Sends one stream as a client of its own; resolves when the connection is over. */
async function send(path: string, stream: FuzzedStream): Promise<void> {
  const socket = connect({ path, allowHalfOpen: true })
  socket.on('error', () => {})
  const closed = new Promise(resolve => socket.once('close', resolve))
  if (stream.reads) socket.resume()
  let sent = 0
  for (const cut of stream.cuts) {
    if (socket.destroyed) break
    if (cut > sent) socket.write(stream.bytes.subarray(sent, cut))
    sent = cut
    await turn()
  }
  if (stream.leaves === 'end' && stream.reads) socket.end()
  else if (stream.leaves === 'after an answer' && stream.reads && !socket.destroyed) {
    await Promise.race([once(socket, 'data').catch(() => {}), closed, turn()])
    socket.destroy()
  } else socket.destroy()
  await closed
}

/** Reads at random places, without an end, and compares. */
class HealthyClient {
  reads = 0
  readonly #client: NbdClient
  readonly #running: Promise<void>
  #stopped = false
  #error: unknown

  constructor(client: NbdClient, random: () => number) {
    this.#client = client
    this.#running = this.#run(random).catch((error: unknown) => {
      this.#error = error
    })
  }

  /** @throws what has gone wrong so far */
  check(): void {
    if (this.#error !== undefined) throw this.#error
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
    await this.#client.close()
    this.check()
  }

  async #run(random: () => number): Promise<void> {
    // Below the place where reads fail.
    const end = EXPORT_BYTES / 2
    while (!this.#stopped) {
      const offset = Math.floor(random() * (end - 1))
      const length = 1 + Math.floor(random() * Math.min(100_000, end - offset - 1))
      const bytes = await this.#client.read(offset, length)
      if (!bytes.equals(IMAGE.subarray(offset, offset + length))) {
        throw new Error(`wrong bytes in the read of ${length} at ${offset}`)
      }
      this.reads++
      await turn()
    }
  }
}

/** Feeds the streams of the seeds [`seed`, `seed + count`) to the state machines. @returns requests let through */
export function fuzzMachines(seed: number, count: number): number {
  const recordings = [...recordedStreams().values()]
  const disk = new PatternExport('disk', () => 0)
  const directory = {
    list: () => [disk.info],
    find: (name: string) => (name === '' || name === 'disk' ? disk.info : undefined),
  }
  let requests = 0
  for (let current = seed; current < seed + count; current++) {
    const { bytes, cuts } = fuzzedStream(current, recordings)
    const queue = new ChunkQueue(128 * 1024)
    const tls = (['off', 'on', 'require'] as const)[current % 3] ?? 'off'
    const handshake = new Handshake({ queue, directory, allocation: true, tls })
    let transmission: Transmission | undefined
    let over = false
    const pump = () => {
      while (!over && transmission === undefined) {
        const event = handshake.next()
        if (event === undefined) return
        if (event.type === 'abort' || event.type === 'close') over = true
        else if (event.type === 'start-tls' && queue.length === 0) handshake.secured()
        else if (event.type === 'enter') {
          const { structuredReplies, contexts, info } = event
          const { size, blockSizes } = info
          const rules = { size, blockSizes, structuredReplies, contexts: contexts.length > 0 }
          transmission = new Transmission(queue, rules)
        }
      }
      while (!over) {
        const request = transmission?.next()
        if (request === undefined) return
        if (request.type === 'close' || request.type === 'disconnect') over = true
        if ('length' in request) {
          const { offset, length } = request
          if (length < 1 || offset < 0 || offset + length > EXPORT_BYTES) {
            throw new Error(`seed ${current}: ${length} bytes at ${offset} were let through`)
          }
          requests++
        }
      }
    }
    let sent = 0
    for (const cut of cuts) {
      if (over) break
      queue.push(bytes.subarray(sent, cut))
      sent = cut
      pump()
    }
  }
  return requests
}
