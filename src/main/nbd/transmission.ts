// The transmission phase as a state machine without a socket: takes bytes from the connection's
// queue and hands out one checked request at a time, so its owner can stop between two. Payload of
// refused writes is dropped as it arrives; nothing but a request head is ever held.

import type { ChunkQueue } from './chunk-queue.js'
import { Cmd, CmdFlag, Errno, MAX_SKIPPED_BYTES } from './constants.js'
import type { Refusal, Request, RequestHeader } from './messages.js'
import { refusalText } from './refusals.js'
import { decodeRequest, REQUEST_BYTES, type RequestRules, refusalOf } from './request-codec.js'

const SHUTDOWN: Refusal = { errno: Errno.ESHUTDOWN, message: refusalText('server-ends') }

/** One connection's requests, in the order of arrival. Ends with `disconnect` or `close`. */
export class Transmission {
  readonly #queue: ChunkQueue
  readonly #rules: RequestRules
  /** A refused write whose payload is being dropped. */
  #write: { answer: Request; left: number } | undefined
  #shuttingDown = false
  #ended = false

  constructor(queue: ChunkQueue, rules: RequestRules) {
    this.#queue = queue
    this.#rules = rules
  }

  /** From now on every request but DISC is refused with ESHUTDOWN. */
  shutDown(): void {
    this.#shuttingDown = true
  }

  /** The next request, or undefined until more bytes are queued. */
  next(): Request | undefined {
    if (this.#ended) return undefined
    if (this.#write !== undefined) return this.#skipPayload(this.#write)
    if (this.#queue.length < REQUEST_BYTES) return undefined
    const header = decodeRequest(this.#queue.take(REQUEST_BYTES))
    if (header === undefined) return this.#close(refusalText('request-magic'))
    if (header.command === Cmd.DISC) {
      this.#ended = true
      return { type: 'disconnect' }
    }
    const refusal = this.#shuttingDown ? SHUTDOWN : refusalOf(header, this.#rules)
    if (refusal === undefined) return accepted(header)
    const { command, cookie, length } = header
    const answer: Request = { type: 'refuse', cookie, command, refusal }
    if (command !== Cmd.WRITE) return answer
    if (length > MAX_SKIPPED_BYTES)
      return this.#close(refusalText('write-too-long', { bytes: length }))
    this.#write = { answer, left: length }
    return this.#skipPayload(this.#write)
  }

  #skipPayload(write: { answer: Request; left: number }): Request | undefined {
    write.left -= this.#queue.skip(write.left)
    if (write.left > 0) return undefined
    this.#write = undefined
    return write.answer
  }

  #close(reason: string): Request {
    this.#ended = true
    return { type: 'close', reason }
  }
}

function accepted({ command, cookie, flags, offset, length }: RequestHeader): Request {
  if (length === 0 || command === Cmd.FLUSH) return { type: 'succeed', cookie, command }
  switch (command) {
    case Cmd.READ:
      return { type: 'read', cookie, offset, length, dontFragment: (flags & CmdFlag.DF) !== 0 }
    case Cmd.CACHE:
      return { type: 'cache', cookie, offset, length }
    default: {
      const oneExtent = (flags & CmdFlag.REQ_ONE) !== 0
      return { type: 'block-status', cookie, offset, length, oneExtent }
    }
  }
}
