// One connection to an NBD server: the newstyle handshake, then reads in any number, answered in any
// order by simple or structured replies, every one of which is checked against what was asked.

import { connect, type Socket } from 'node:net'
import { Intake } from './intake.js'
import {
  CHUNK_DATA,
  CHUNK_ERROR,
  CHUNK_HOLE,
  CMD_DISC,
  CMD_READ,
  encodeClientFlags,
  encodeGo,
  encodeOption,
  encodeRequest,
  IHAVEOPT,
  INFO_BLOCK_SIZE,
  INFO_EXPORT,
  NBDMAGIC,
  OPT_GO,
  OPT_STRUCTURED_REPLY,
  OPTION_REPLY_MAGIC,
  REP_ACK,
  REP_ERROR,
  REP_INFO,
  SIMPLE_MAGIC,
  STRUCTURED_MAGIC,
} from './wire.js'

/** No option reply of use to us is longer: a server that says so is not one. */
const MAX_REPLY_BYTES = 1024 * 1024

/** Where a server listens. */
export type NbdAddress =
  | { readonly path: string }
  | { readonly host: string; readonly port: number }

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

interface PendingRead {
  readonly offset: number
  readonly bytes: Buffer
  received: number
  failure: NbdError | undefined
  readonly resolve: (bytes: Buffer) => void
  readonly reject: (error: Error) => void
}

/** A connection that has opened its export. Must be closed. */
export class Connection {
  size = 0
  maximum = 32 * 1024 * 1024
  flags = 0
  readonly #socket: Socket
  readonly #closed: Promise<void>
  readonly #pending = new Map<bigint, PendingRead>()
  #cookie = 0n
  #failure: Error | undefined
  #closing = false
  readonly #intake: Intake

  private constructor(address: NbdAddress) {
    this.#socket = 'path' in address ? connect(address) : connect({ ...address, noDelay: true })
    this.#intake = new Intake(this.#socket, error => this.#end(error))
    this.#socket.on('error', error => this.#end(error))
    this.#closed = new Promise(resolve => {
      this.#socket.once('close', () => {
        this.#end(new Error('Cannot read: the server has closed the connection'))
        resolve()
      })
    })
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
    const greeting = await this.#intake.take(18)
    if (greeting.readBigUInt64BE(0) !== NBDMAGIC || greeting.readBigUInt64BE(8) !== IHAVEOPT) {
      throw new Error('Cannot connect: this is no NBD server of the newstyle kind')
    }
    this.#socket.write(encodeClientFlags(greeting.readUInt16BE(16)))
    this.#socket.write(encodeOption(OPT_STRUCTURED_REPLY, Buffer.alloc(0)))
    // An older server may not know them: simple replies are understood as well.
    await this.#optionReply(OPT_STRUCTURED_REPLY)
    this.#socket.write(encodeGo(exportName))
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

  async #optionReply(option: number): Promise<{ type: number; data: Buffer }> {
    const head = await this.#intake.take(20)
    const length = head.readUInt32BE(16)
    const isReply = head.readBigUInt64BE(0) === OPTION_REPLY_MAGIC
    if (!isReply || head.readUInt32BE(8) !== option || length > MAX_REPLY_BYTES) {
      throw new Error('Cannot connect: the server answers something else than it was asked')
    }
    return { type: head.readUInt32BE(12), data: await this.#intake.take(length) }
  }

  #expectReply(): void {
    const head = Buffer.alloc(20)
    this.#intake.expect(head, 0, 16, () => {
      const magic = head.readUInt32BE(0)
      const cookie = head.readBigUInt64BE(8)
      const read = this.#pending.get(cookie)
      if (read === undefined) throw new Error(`Cannot read: nobody has asked for ${cookie}`)
      if (magic === SIMPLE_MAGIC) this.#onSimple(cookie, read, head.readUInt32BE(4))
      else if (magic !== STRUCTURED_MAGIC) throw new Error('Cannot read: a reply has no magic')
      else this.#intake.expect(head, 16, 4, () => this.#onChunk(cookie, read, head))
    })
    this.#socket.resume()
  }

  #onSimple(cookie: bigint, read: PendingRead, errno: number): void {
    if (errno !== 0) {
      read.failure = new NbdError(describe(read), errno, '')
      this.#done(cookie, read)
      return
    }
    this.#intake.expect(read.bytes, 0, read.bytes.length, () => {
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
      this.#intake.expect(place, 0, 8, () => {
        const at = this.#place(read, place.readBigUInt64BE(0), length - 8)
        this.#intake.expect(read.bytes, at, length - 8, next)
      })
      return
    }
    if (length > MAX_REPLY_BYTES) throw new Error(`Cannot read: a chunk has ${length} bytes`)
    const payload = Buffer.alloc(length)
    this.#intake.expect(payload, 0, length, () => {
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
    this.#intake.end(this.#failure)
    for (const { reject } of this.#pending.values()) reject(this.#failure)
    this.#pending.clear()
  }
}

function describe({ offset, bytes }: PendingRead): string {
  return `read ${bytes.length} bytes at ${offset}`
}
