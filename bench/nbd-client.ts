// A small NBD client with nothing but Node behind it: the demo copies an image with it on machines
// without qemu or libnbd, and tests use it as a second opinion. Written from the protocol document,
// it imports nothing of the server, so both can't be wrong in the same way.

import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'

const NBDMAGIC = 0x4e42444d41474943n
const IHAVEOPT = 0x49484156454f5054n
const OPTION_REPLY_MAGIC = 0x0003e889045565a9n
const OPT_GO = 7
const OPT_STRUCTURED_REPLY = 8
const REP_ACK = 1
const REP_INFO = 3
const REP_ERROR = 0x80000000
const INFO_EXPORT = 0
const INFO_BLOCK_SIZE = 3
const CMD_READ = 0
const CMD_DISC = 2
const REQUEST_MAGIC = 0x25609513
const SIMPLE_MAGIC = 0x67446698
const STRUCTURED_MAGIC = 0x668e33ef
const CHUNK_DATA = 1
const CHUNK_HOLE = 2
const CHUNK_ERROR = 0x8000
/** No option reply of use to us is longer: a server that says so is not one. */
const MAX_REPLY_BYTES = 1024 * 1024

/** Where a server listens. */
export type NbdAddress =
  | { readonly path: string }
  | { readonly host: string; readonly port: number }

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

/** The server has answered with an error. */
export class NbdError extends Error {
  override readonly name = 'NbdError'
  /** Error number of a reply, or type of an option reply. */
  readonly errno: number

  constructor(what: string, errno: number, text: string) {
    super(`Cannot ${what}: ${text === '' ? `error ${errno}` : text}`)
    this.errno = errno
  }
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

interface PendingRead {
  readonly offset: number
  readonly bytes: Buffer
  received: number
  failure: NbdError | undefined
  readonly resolve: (bytes: Buffer) => void
  readonly reject: (error: Error) => void
}

class Connection {
  size = 0
  maximum = 32 * 1024 * 1024
  flags = 0
  readonly #socket: Socket
  readonly #closed: Promise<void>
  readonly #pending = new Map<bigint, PendingRead>()
  #cookie = 0n
  #failure: Error | undefined
  #closing = false
  // What is being received: `#missing` bytes for `#target` at `#at`, and what follows then.
  #target: Buffer = Buffer.alloc(0)
  #at = 0
  #missing = 0
  #then: (() => void) | undefined
  #fail: ((error: Error) => void) | undefined

  private constructor(address: NbdAddress) {
    this.#socket = 'path' in address ? connect(address) : connect({ ...address, noDelay: true })
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    this.#socket.on('error', error => this.#end(error))
    this.#closed = new Promise(resolve => {
      this.#socket.once('close', () => {
        this.#end(new Error('Cannot read: the server has closed the connection'))
        resolve()
      })
    })
    // Nothing is parsed until somebody asks for bytes.
    this.#socket.pause()
  }

  static async open(address: NbdAddress, exportName: string): Promise<Connection> {
    const connection = new Connection(address)
    try {
      await connection.#handshake(exportName)
    } catch (error) {
      connection.#socket.destroy()
      throw error
    }
    connection.#expectReply()
    return connection
  }

  read(offset: number, length: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      const cookie = this.#cookie++
      const bytes = Buffer.allocUnsafe(length)
      this.#pending.set(cookie, { offset, bytes, received: 0, failure: undefined, resolve, reject })
      this.#socket.write(encodeRequest(CMD_READ, cookie, offset, length))
    })
  }

  async close(): Promise<void> {
    if (!this.#closing && this.#failure === undefined) {
      this.#closing = true
      this.#socket.write(encodeRequest(CMD_DISC, 0n, 0, 0))
    }
    await this.#closed
  }

  async #handshake(exportName: string): Promise<void> {
    const greeting = await this.#take(18)
    if (greeting.readBigUInt64BE(0) !== NBDMAGIC || greeting.readBigUInt64BE(8) !== IHAVEOPT) {
      throw new Error('Cannot connect: this is no NBD server of the newstyle kind')
    }
    const flags = Buffer.alloc(4)
    flags.writeUInt32BE(greeting.readUInt16BE(16) & 3)
    this.#socket.write(flags)
    this.#sendOption(OPT_STRUCTURED_REPLY, Buffer.alloc(0))
    // An older server may not know them: simple replies are understood as well.
    await this.#optionReply(OPT_STRUCTURED_REPLY)
    const name = Buffer.from(exportName)
    const data = Buffer.alloc(8 + name.length)
    data.writeUInt32BE(name.length)
    name.copy(data, 4)
    data.writeUInt16BE(1, 4 + name.length)
    data.writeUInt16BE(INFO_BLOCK_SIZE, 6 + name.length)
    this.#sendOption(OPT_GO, data)
    for (;;) {
      const { type, data } = await this.#optionReply(OPT_GO)
      if (type === REP_ACK) return
      if (type >= REP_ERROR) {
        throw new NbdError(`open the export '${exportName}'`, type, data.toString())
      }
      if (type !== REP_INFO || data.length < 2) continue
      const info = data.readUInt16BE(0)
      if (info === INFO_EXPORT && data.length === 12) {
        this.size = Number(data.readBigUInt64BE(2))
        this.flags = data.readUInt16BE(10)
      }
      if (info === INFO_BLOCK_SIZE && data.length === 14) this.maximum = data.readUInt32BE(10)
    }
  }

  #sendOption(option: number, data: Buffer): void {
    const head = Buffer.alloc(16)
    head.writeBigUInt64BE(IHAVEOPT, 0)
    head.writeUInt32BE(option, 8)
    head.writeUInt32BE(data.length, 12)
    this.#socket.write(Buffer.concat([head, data]))
  }

  async #optionReply(option: number): Promise<{ type: number; data: Buffer }> {
    const head = await this.#take(20)
    const length = head.readUInt32BE(16)
    const isReply = head.readBigUInt64BE(0) === OPTION_REPLY_MAGIC
    if (!isReply || head.readUInt32BE(8) !== option || length > MAX_REPLY_BYTES) {
      throw new Error('Cannot connect: the server answers something else than it was asked')
    }
    return { type: head.readUInt32BE(12), data: await this.#take(length) }
  }

  #take(count: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      const bytes = Buffer.alloc(count)
      this.#fail = reject
      this.#expect(bytes, 0, count, () => {
        // Whoever awaits this asks for more only later: what has come stays with the socket.
        this.#socket.pause()
        resolve(bytes)
      })
      if (count > 0) this.#socket.resume()
    })
  }

  /** Calls `then` once `count` bytes lie in `target` from `at` on. */
  #expect(target: Buffer, at: number, count: number, then: () => void): void {
    this.#target = target
    this.#at = at
    this.#missing = count
    this.#then = then
    if (count === 0) then()
  }

  #onData(chunk: Buffer): void {
    let at = 0
    try {
      while (at < chunk.length) {
        if (this.#missing === 0) {
          this.#socket.unshift(chunk.subarray(at))
          return
        }
        const count = Math.min(this.#missing, chunk.length - at)
        chunk.copy(this.#target, this.#at, at, at + count)
        this.#at += count
        this.#missing -= count
        at += count
        if (this.#missing === 0) this.#then?.()
      }
    } catch (error) {
      this.#end(error as Error)
      this.#socket.destroy()
    }
  }

  #expectReply(): void {
    const head = Buffer.alloc(20)
    this.#expect(head, 0, 16, () => {
      const magic = head.readUInt32BE(0)
      const cookie = head.readBigUInt64BE(8)
      const read = this.#pending.get(cookie)
      if (read === undefined) throw new Error(`Cannot read: nobody has asked for ${cookie}`)
      if (magic === SIMPLE_MAGIC) this.#onSimple(cookie, read, head.readUInt32BE(4))
      else if (magic !== STRUCTURED_MAGIC) throw new Error('Cannot read: a reply has no magic')
      else this.#expect(head, 16, 4, () => this.#onChunk(cookie, read, head))
    })
    this.#socket.resume()
  }

  #onSimple(cookie: bigint, read: PendingRead, errno: number): void {
    if (errno !== 0) {
      read.failure = new NbdError(describe(read), errno, '')
      this.#done(cookie, read)
      return
    }
    this.#expect(read.bytes, 0, read.bytes.length, () => {
      read.received = read.bytes.length
      this.#done(cookie, read)
    })
  }

  #onChunk(cookie: bigint, read: PendingRead, head: Buffer): void {
    const done = (head.readUInt16BE(4) & 1) !== 0
    const type = head.readUInt16BE(6)
    const length = head.readUInt32BE(16)
    const next = () => (done ? this.#done(cookie, read) : this.#expectReply())
    if (type === CHUNK_DATA && length > 8) {
      const place = Buffer.alloc(8)
      this.#expect(place, 0, 8, () => {
        const at = this.#place(read, place.readBigUInt64BE(0), length - 8)
        this.#expect(read.bytes, at, length - 8, next)
      })
      return
    }
    if (length > MAX_REPLY_BYTES) throw new Error(`Cannot read: a chunk has ${length} bytes`)
    const payload = Buffer.alloc(length)
    this.#expect(payload, 0, length, () => {
      if (type === CHUNK_HOLE && length === 12) {
        const bytes = payload.readUInt32BE(8)
        const at = this.#place(read, payload.readBigUInt64BE(0), bytes)
        read.bytes.fill(0, at, at + bytes)
      } else if (type >= CHUNK_ERROR && length >= 6) {
        const text = payload.toString('utf8', 6, 6 + payload.readUInt16BE(4))
        read.failure ??= new NbdError(describe(read), payload.readUInt32BE(0), text)
      } else if (type !== 0 || length !== 0) {
        throw new Error(`Cannot read: chunk type ${type} with ${length} bytes has no sense`)
      }
      next()
    })
  }

  /** Where a content chunk goes in the read's buffer. */
  #place(read: PendingRead, offset: bigint, length: number): number {
    const at = Number(offset) - read.offset
    if (at < 0 || at + length > read.bytes.length) {
      throw new Error('Cannot read: a chunk lies outside the request')
    }
    read.received += length
    return at
  }

  #done(cookie: bigint, read: PendingRead): void {
    this.#pending.delete(cookie)
    if (read.failure !== undefined) read.reject(read.failure)
    else if (read.received !== read.bytes.length) {
      read.reject(
        new Error(`Cannot ${describe(read)}: ${read.received} bytes came and nothing was said`),
      )
    } else read.resolve(read.bytes)
    this.#expectReply()
  }

  #end(error: Error): void {
    this.#failure ??= error
    this.#fail?.(this.#failure)
    for (const { reject } of this.#pending.values()) reject(this.#failure)
    this.#pending.clear()
  }
}

function describe({ offset, bytes }: PendingRead): string {
  return `read ${bytes.length} bytes at ${offset}`
}

function encodeRequest(command: number, cookie: bigint, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(28)
  bytes.writeUInt32BE(REQUEST_MAGIC, 0)
  bytes.writeUInt16BE(command, 6)
  bytes.writeBigUInt64BE(cookie, 8)
  bytes.writeBigUInt64BE(BigInt(offset), 16)
  bytes.writeUInt32BE(length, 24)
  return bytes
}
