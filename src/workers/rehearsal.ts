// This thread's part of a rehearsal: the same code as for clients, with a ring and connections of its
// own. These lead to no server: what stands for the socket answers itself, out of memory, as sockets
// and the kernel would cost more than all the rest.

import { Duplex } from 'node:stream'
import type { FetchResult, RehearsalTask } from '../shared/fetch-task.js'
import { createFetcher, type Fetcher } from './fetcher.js'
import type { Route } from './route.js'
import { SHARED_READS } from './socket-reads.js'

/** Without a request for so long the rehearsal is over, milliseconds: between two there are a few. */
const IDLE_MS = 500
/** Bytes that a socket has for one read. */
const PIECE_BYTES = 64 * 1024
/** No block of it is zero: such blocks take another way. */
const PIECE = Buffer.alloc(PIECE_BYTES, 0x55)
const RANGE = /\r\nrange: bytes=(\d+)-(\d+)/i

let fetcher: Fetcher | undefined
let timer: NodeJS.Timeout | undefined

/** Makes one request of a rehearsal. Never rejects. */
export function rehearse({ ring, transport, ...task }: RehearsalTask): Promise<FetchResult> {
  clearTimeout(timer)
  timer = setTimeout(end, IDLE_MS)
  fetcher ??= createFetcher({ ring, transports: [transport] }, () => ({
    to: () => nowhere(task.source.totalBytes),
  }))
  return fetcher.fetchSpan(task)
}

function end(): void {
  fetcher?.close()
  fetcher = undefined
}

function nowhere(totalBytes: number): Route {
  return {
    connect: (_options, callback) => {
      const socket = new AnsweringSocket(totalBytes)
      setImmediate(() => callback(null, socket as never))
      return socket
    },
    sharedReads: true,
    prefix: '',
    headers: [],
  }
}

/** Has what undici uses of a socket. Answers every request for a range. */
class AnsweringSocket extends Duplex {
  readonly #buffer = SHARED_READS.buffer as () => Uint8Array
  readonly #totalBytes: number
  readonly #took = SHARED_READS.callback
  /** Bytes of the present answer that were not read yet. */
  #left = 0

  constructor(totalBytes: number) {
    super({ allowHalfOpen: false })
    this.#totalBytes = totalBytes
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  override _read(): void {}

  override _write(head: Buffer, _encoding: string, done: () => void): void {
    done()
    const [, first, last] = RANGE.exec(head.toString('latin1')) ?? []
    this.#left = Number(last) + 1 - Number(first)
    const answer =
      `HTTP/1.1 206 Partial Content\r\nContent-Length: ${this.#left}\r\n` +
      `Content-Range: bytes ${first}-${last}/${this.#totalBytes}\r\n\r\n`
    setImmediate(() => {
      this.#deliver(Buffer.from(answer))
      this.#goOn()
    })
  }

  /** A piece in each turn of the event loop. */
  #goOn(): void {
    setImmediate(() => {
      if (this.destroyed || !(this.#left > 0)) return
      const bytes = Math.min(PIECE_BYTES, this.#left)
      this.#left -= bytes
      this.#deliver(PIECE.subarray(0, bytes))
      this.#goOn()
    })
  }

  #deliver(bytes: Uint8Array): void {
    const view = this.#buffer()
    view.set(bytes)
    this.#took(bytes.length, view)
  }
}
