// A small NBD client with nothing but Node behind it: the demo copies an image with it on machines
// without qemu or libnbd, and tests use it as a second opinion. Written from the protocol document,
// it imports nothing of the server, so both can't be wrong in the same way.

import { createHash } from 'node:crypto'
import { Connection, type NbdAddress } from './nbd-client/connection.js'

export { type NbdAddress, NbdError } from './nbd-client/connection.js'

export interface NbdClientOptions {
  /** Default ''. */
  readonly exportName?: string
  /** Connections, at least 1. Default 1. */
  readonly connections?: number
}

export interface StreamOptions {
  /** Size of one read, bytes. Default 256 KiB. */
  readonly readBytes?: number
  /** Reads in flight over all connections. Default 64. */
  readonly inFlight?: number
}

/** One export, read over any number of connections. */
export class NbdClient {
  /** Bytes. */
  readonly size: number
  /** Largest payload of one request, bytes. */
  readonly maximum: number
  /** Transmission flags. */
  readonly flags: number
  readonly #connections: readonly Connection[]
  #next = 0

  private constructor(connections: readonly Connection[]) {
    const [first] = connections
    this.#connections = connections
    this.size = first?.size ?? 0
    this.maximum = first?.maximum ?? 0
    this.flags = first?.flags ?? 0
  }

  /**
   * Opens an export.
   * @throws NbdError if the server refuses, Error if it can't be reached or speaks something else
   */
  static async connect(address: NbdAddress, options: NbdClientOptions = {}): Promise<NbdClient> {
    const { exportName = '', connections = 1 } = options
    const opened = await Promise.allSettled(
      Array.from({ length: connections }, () => Connection.open(address, exportName)),
    )
    const good = opened.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    const bad = opened.find(result => result.status === 'rejected')
    if (bad !== undefined) {
      await Promise.all(good.map(connection => connection.close()))
      throw bad.reason
    }
    return new NbdClient(good)
  }

  /**
   * Reads a range, on the connections in turn.
   * @throws NbdError with the server's words if it fails
   */
  read(offset: number, length: number): Promise<Buffer> {
    const connection = this.#connections[this.#next++ % this.#connections.length] as Connection
    return connection.read(offset, length)
  }

  /** Reads the whole export and hands it out in order; waits for what `take` returns. */
  async stream(
    take: (chunk: Buffer, offset: number) => void | Promise<void>,
    options: StreamOptions = {},
  ): Promise<void> {
    const { readBytes = 256 * 1024, inFlight = 64 } = options
    const running: Promise<Buffer>[] = []
    let asked = 0
    let given = 0
    try {
      while (given < this.size) {
        while (asked < this.size && running.length < inFlight) {
          const length = Math.min(readBytes, this.size - asked)
          const read = this.read(asked, length)
          // Awaited in its turn; until then its failure is nobody's.
          read.catch(() => {})
          running.push(read)
          asked += length
        }
        const chunk = await (running.shift() as Promise<Buffer>)
        await take(chunk, given)
        given += chunk.length
      }
    } finally {
      // After a failure the others may fail as well, and nobody waits for them.
      await Promise.allSettled(running)
    }
  }

  /** SHA-256 of the whole export, hexadecimal. */
  async sha256(options: StreamOptions = {}): Promise<string> {
    const hash = createHash('sha256')
    await this.stream(chunk => void hash.update(chunk), options)
    return hash.digest('hex')
  }

  /** Takes leave of the server (reads under way are still answered) and waits for its end. */
  async close(): Promise<void> {
    await Promise.all(this.#connections.map(connection => connection.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
