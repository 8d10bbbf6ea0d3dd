// Reads every socket of this thread into one buffer. Node allocates 64 KiB for each read otherwise,
// which undici's parser passes on as views, and which are garbage once the body is copied: their
// allocation and collection cost more than the copying.
//
// A view of the buffer is valid until the next read, so it is lent for bytes that are certain to be
// body only: of anything else (undici keeps the pieces of a head it has seen half of) a copy is made.

import type { OnReadOpts, Socket } from 'node:net'
import { COPY_ALIGNMENT } from '../shared/sharedarraybuffer-ring/index.js'

/** Most bytes of one read. What is copied out of it is still in the processor's cache. */
export const READ_BYTES = 64 * 1024

/** What is known of the bytes that come next on a socket. */
export interface BodyGauge {
  /** So many bytes to come are certain to be body, 0 for none. */
  readonly bodyAhead: number
  /** Position modulo 8 at which the next byte of body should lie to be copied fast. */
  readonly alignment: number
}

/** The buffer by alignment of its start. */
const views = sharedViews()
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
  #view = views[0] as Buffer
  /** Read from the network and not yet by the parser. */
  #chunk: Buffer | undefined

  constructor(gauge: BodyGauge) {
    this.#gauge = gauge
  }

  attach(socket: Socket): void {
    this.#socket = socket
    const read = socket.read.bind(socket)
    socket.read = (size?: number) => {
      const chunk = this.#chunk
      if (chunk === undefined) return read(size)
      this.#chunk = undefined
      return chunk
    }
  }

  /** The buffer for the next read. */
  readonly next = (): Uint8Array => {
    this.#view = views[this.#gauge.alignment % COPY_ALIGNMENT] as Buffer
    return this.#view
  }

  /** Bytes have come. @returns false if no more may come for now */
  readonly took = (count: number): boolean => {
    const socket = this.#socket
    const bytes = this.#view.subarray(0, count)
    // Nobody reads yet, or has not read what came before.
    if (socket === undefined || socket.readableLength > 0) return this.#keep(bytes)
    this.#chunk = count <= this.#gauge.bodyAhead ? bytes : Buffer.from(bytes)
    socket.emit('readable')
    const rest = this.#chunk
    this.#chunk = undefined
    return rest === undefined || this.#keep(rest)
  }

  #keep(bytes: Buffer): boolean {
    return this.#socket?.push(Buffer.from(bytes)) ?? false
  }
}

function sharedViews(): readonly Buffer[] {
  const memory = new ArrayBuffer(READ_BYTES + COPY_ALIGNMENT)
  return Array.from({ length: COPY_ALIGNMENT }, (_, start) =>
    Buffer.from(memory, start, READ_BYTES),
  )
}
