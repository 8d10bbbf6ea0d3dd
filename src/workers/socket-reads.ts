// Reads every socket of this thread into one buffer. Node allocates 64 KiB for each read otherwise,
// which undici's parser passes on as views, and which are garbage once the body is copied: their
// allocation and collection cost more than the copying.
//
// A view of the buffer is valid until the next read, so it is lent for bytes that are certain to be
// body only: of anything else (undici keeps the pieces of a head it has seen half of) a copy is made.
//
// TLS comes record by record, of 16 KiB at most, and a way through the parser for each costs more than
// to decrypt it. Those that are body and come in one turn of the event loop are gathered first, in memory
// of the socket's own, as other sockets read meanwhile.

import type { OnReadOpts, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { COPY_ALIGNMENT } from '../shared/sharedarraybuffer-ring/index.js'

/** Most bytes of one read. What is copied out of it is still in the processor's cache. */
export const READ_BYTES = 128 * 1024
/** Most bytes of a TLS record (RFC 8446, 5.1): with less room than this left, nothing more is gathered. */
const RECORD_BYTES = 16 * 1024

/** What is known of the bytes that come next on a socket. */
export interface BodyGauge {
  /** So many bytes to come are certain to be body, 0 for none. */
  readonly bodyAhead: number
  /** Position modulo 8 at which the next byte of body should lie to be copied fast. */
  readonly alignment: number
}

const HEAD_END = '\r\n\r\n'

/** A buffer by alignment of its start. */
type Views = readonly Buffer[]

/** The buffer of all sockets that do not gather. */
const shared = newViews()
/** What the socket that is being made right now is to read with. */
let opening: SocketReads | undefined

/**
 * To be given as `onread` to whoever makes sockets. Sockets made outside of `readShared()` read as
 * Node has it by default.
 */
export const SHARED_READS: OnReadOpts = {
  // Node takes both from here when it makes a socket; they belong to that socket.
  get buffer() {
    return opening?.next as () => Uint8Array
  },
  get callback() {
    return opening?.took as OnReadOpts['callback']
  },
}

/**
 * Makes a socket that reads into the thread's buffer.
 *
 * @param make makes it, at once, with SHARED_READS; may make none
 * @param gauge asked before and after each read
 */
export function readShared(make: () => unknown, gauge: BodyGauge): unknown {
  const reads = new SocketReads(gauge)
  let socket: unknown
  opening = reads
  try {
    socket = make()
  } finally {
    opening = undefined
  }
  if (socket !== undefined) reads.attach(socket as Socket)
  return socket
}

/** The reading side of one socket. */
class SocketReads {
  readonly #gauge: BodyGauge
  #socket: Socket | undefined
  /** Where the next bytes are put. */
  #view = shared[0] as Buffer
  /** What it is a part of, for a socket that gathers. */
  #own: Views | undefined
  /** Bytes of the view that have come, all body, and wait for more of this turn: from `#start` on. */
  #gathered = 0
  /** Where in the view the bytes begin that come next or wait. */
  #start = 0
  /** Read from the network and not yet by the parser: a part of the buffer. */
  #unread: Buffer | undefined
  /** The piece of it that the parser is to have now. */
  #due: Buffer | undefined
  /** True once the head of an answer was looked for in what was read last. */
  #beheaded = false

  constructor(gauge: BodyGauge) {
    this.#gauge = gauge
  }

  attach(socket: Socket): void {
    this.#socket = socket
    const read = socket.read.bind(socket)
    socket.read = (size?: number) => {
      const due = this.#due
      this.#due = undefined
      return due ?? read(size)
    }
    if (socket instanceof TLSSocket) this.#gather(socket)
  }

  /** The buffer for the next read. */
  readonly next = (): Uint8Array => {
    if (this.#gathered > 0) return this.#view.subarray(this.#start + this.#gathered)
    this.#view = (this.#own ?? shared)[this.#gauge.alignment % COPY_ALIGNMENT] as Buffer
    this.#start = 0
    return this.#view
  }

  /** Bytes have come. @returns false if no more may come for now */
  readonly took = (count: number): boolean => {
    const bytes = this.#gathered + count
    if (this.#mayGather(bytes)) {
      if (this.#gathered === 0) setImmediate(this.#handOver)
      this.#gathered = bytes
      return true
    }
    this.#gathered = 0
    return this.#parse(this.#view.subarray(this.#start, this.#start + bytes))
  }

  #gather(socket: Socket): void {
    this.#own = newViews()
    // What has come is to be read before the end of the connection is told: a body that is always cut short
    // within a turn would never get any further.
    const push = socket.push.bind(socket)
    socket.push = (chunk: unknown, encoding?: BufferEncoding) => {
      if (chunk === null) this.#handOver()
      return push(chunk, encoding)
    }
  }

  /** True if `bytes`, the last of them just read, can wait for what else comes in this turn. */
  #mayGather(bytes: number): boolean {
    return (
      this.#view.buffer === this.#own?.[0]?.buffer &&
      bytes < this.#gauge.bodyAhead &&
      this.#start + bytes <= READ_BYTES - RECORD_BYTES &&
      // Else the parser is not reading: what is in its way must grow no further.
      this.#socket?.readableLength === 0
    )
  }

  /** Has parsed what waits. The next read goes behind it, as its buffer was given before. */
  readonly #handOver = (): void => {
    const start = this.#start
    this.#start += this.#gathered
    this.#gathered = 0
    if (start === this.#start || this.#socket?.destroyed !== false) return
    this.#parse(this.#view.subarray(start, this.#start))
  }

  /** Has `bytes` parsed. @returns false if no more may come for now */
  #parse(bytes: Buffer): boolean {
    const socket = this.#socket
    this.#unread = bytes
    this.#beheaded = false
    // One piece at a time: the parser, when an answer ends within one, may ask for the next before it is done
    // with this (undici does with pipelining), and can't take it then.
    while (this.#unread !== undefined && socket?.readableLength === 0 && !socket.destroyed) {
      const before: Buffer = this.#unread
      this.#due = this.#take()
      socket.emit('readable')
      if (this.#due === undefined) continue
      // Nobody reads yet, or has not read what came before.
      this.#due = undefined
      this.#unread = before
      break
    }
    const rest = this.#unread
    this.#unread = undefined
    if (rest === undefined) return true
    return socket !== undefined && !socket.destroyed && socket.push(Buffer.from(rest))
  }

  /** What the parser gets next of the bytes that have come: body as it lies, all else copied. */
  #take(): Buffer | undefined {
    const bytes = this.#unread
    if (bytes === undefined) return undefined
    const body = Math.max(0, this.#gauge.bodyAhead)
    let count = Math.min(bytes.length, body)
    if (body === 0) {
      // The head by itself, which is small: what is behind it is body to the gauge by then.
      const end = this.#beheaded ? -1 : bytes.indexOf(HEAD_END)
      this.#beheaded = true
      count = end === -1 ? bytes.length : end + HEAD_END.length
    }
    this.#unread = count < bytes.length ? bytes.subarray(count) : undefined
    const piece = bytes.subarray(0, count)
    return body > 0 ? piece : Buffer.from(piece)
  }
}

function newViews(): Views {
  const memory = new ArrayBuffer(READ_BYTES + COPY_ALIGNMENT)
  return Array.from({ length: COPY_ALIGNMENT }, (_, start) =>
    Buffer.from(memory, start, READ_BYTES),
  )
}
