// One read's answer: takes the pieces an export hands out and turns them into messages. It trusts
// nobody: pieces that do not continue the range exactly become an error for the client, never data.

import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import type { ReadHandle, ReadSink } from './export.js'
import { Errno } from './nbd/constants.js'
import { errnoOf } from './nbd/nbd-errno.js'
import {
  encodeErrorOffset,
  encodeOffsetData,
  encodeOffsetHole,
  encodeSimpleReply,
} from './nbd/reply-codec.js'
import type { Lease, ReplyWriter } from './reply-writer.js'
import { zeroViews } from './zero-views.js'

/** The session a read belongs to. */
export interface ReadOwner {
  readonly writer: ReplyWriter
  readonly structuredReplies: boolean
  /** See `Export.memoryIsScarce`. */
  readonly memoryIsScarce: boolean
  /**
   * The reply is complete, in so far as it was handed to the writer.
   * @param undelivered bytes of the range that will not be sent
   */
  settled(read: ReadReply, undelivered: number, failure?: Failure): void
  /** So many bytes that were handed to the writer were called back by it: they will be asked for again. */
  calledBack(bytes: number): void
  /** A message of a reply that was settled was called back by the writer: it will be started again. */
  unsettled(read: ReadReply, failure?: Failure): void
}

/** From the request to its last message. */
export class ReadReply implements ReadSink {
  readonly cookie: bigint
  readonly offset: number
  readonly length: number
  /** See `ReadRequest.whole`. */
  readonly whole: boolean
  /** Set by the owner once the export has returned it. */
  handle: ReadHandle | undefined
  /** Names it in debug lines. Set by the owner when it is started, if there are any. */
  id: string | undefined
  readonly #owner: ReadOwner
  /** Bytes of the range that were given to the writer. */
  #delivered = 0
  #settled = false
  #failure: Failure | undefined

  constructor(
    owner: ReadOwner,
    { cookie, offset, length }: { cookie: bigint; offset: number; length: number },
    whole: boolean,
  ) {
    this.#owner = owner
    this.cookie = cookie
    this.offset = offset
    this.length = length
    this.whole = whole
  }

  /** What is still to be asked of the export: all of the range, unless parts of it have left. */
  get rest(): { offset: number; length: number } {
    return { offset: this.#next, length: this.length - this.#delivered }
  }

  /** Asks the export for nothing any more. The read may be started again, with `rest`. */
  callOff(): void {
    this.handle?.cancel()
    this.handle = undefined
  }

  data(offset: number, views: readonly Uint8Array[], release: () => void): void {
    let bytes = 0
    for (const view of views) bytes += view.length
    if (this.#settled || bytes === 0) {
      release()
      return
    }
    if (!this.#continues(offset, bytes)) {
      release()
      return
    }
    const last = this.#deliver(bytes)
    // The last piece completes the reply at once: its bytes are there, no error can follow.
    const head = this.#owner.structuredReplies
      ? encodeOffsetData(this.cookie, offset, bytes, last)
      : encodeSimpleReply(this.cookie, Errno.OK)
    this.#owner.writer.send(head, last, views, bytes, this.#lease(offset, release))
    if (last) this.#settle()
  }

  hole(offset: number, length: number): void {
    if (this.#settled || length === 0 || !this.#continues(offset, length)) return
    const last = this.#deliver(length)
    if (this.#owner.structuredReplies) {
      const chunk = encodeOffsetHole(this.cookie, offset, length, last)
      this.#owner.writer.send(chunk, last, [], length, this.#lease(offset))
    } else {
      const head = encodeSimpleReply(this.cookie, Errno.OK)
      this.#owner.writer.send(head, last, zeroViews(length), length, this.#lease(offset))
    }
    if (last) this.#settle()
  }

  end(): void {
    if (!this.#settled) this.#breach(`the read ended ${this.length - this.#delivered} bytes early`)
  }

  fail(failure: Failure, offset: number): void {
    if (this.#settled) return
    const errno = errnoOf(failure.code)
    // The error names a byte of the request which was not sent, as the protocol wants it.
    const at = Math.min(Math.max(offset, this.#next), this.offset + this.length - 1)
    const message = this.#owner.structuredReplies
      ? encodeErrorOffset(this.cookie, errno, failure.message, at)
      : encodeSimpleReply(this.cookie, errno)
    this.#owner.writer.send(message, true, [], 0, this.#lease(this.#next))
    this.#settle(failure)
  }

  get #next(): number {
    return this.offset + this.#delivered
  }

  /** True if a piece is what is due next; fails the read otherwise. */
  #continues(offset: number, bytes: number): boolean {
    const left = this.length - this.#delivered
    if (offset === this.#next && bytes <= left && (!this.whole || bytes === left)) return true
    this.#breach(`${bytes} bytes at ${offset} where ${left} from ${this.#next} on are due`)
    return false
  }

  /** @returns true if nothing is left to be delivered */
  #deliver(bytes: number): boolean {
    this.#delivered += bytes
    return this.#delivered === this.length
  }

  #breach(problem: string): void {
    this.handle?.cancel()
    this.fail(failureOf('internal', 'read', { problem }), this.#next)
  }

  #settle(failure?: Failure): void {
    this.#settled = true
    this.#failure = failure
    this.#owner.settled(this, this.length - this.#delivered, failure)
  }

  #lease(offset: number, release?: () => void): Lease {
    const recalled = () => this.#rewind(offset)
    if (release === undefined) return { release: () => {}, recalled }
    return { release, recalled, isScarce: () => this.#owner.memoryIsScarce }
  }

  /** A message was called back: what it brought, and all behind it, has to be delivered again. */
  #rewind(offset: number): void {
    const delivered = Math.min(this.#delivered, offset - this.offset)
    this.#owner.calledBack(this.#delivered - delivered)
    this.#delivered = delivered
    if (!this.#settled) return
    this.#settled = false
    this.#owner.unsettled(this, this.#failure)
  }
}
