// A piece of a read: it holds a token and a slot from the moment it is asked for until its bytes have left.

import type { Failure } from '../shared/failure.js'
import type { BlockRead } from './block-read.js'
import type { Demand } from './demand-fetcher.js'
import type { Stream } from './prefetch/streams.js'

/** A piece of a read: bytes of one slot, or of a block that is known to be zero. */
export class ReadPiece implements Demand {
  readonly read: BlockRead
  readonly offset: number
  end: number
  slot = -1
  ready = false
  /** True if its bytes were known when they were asked for. */
  hit = false
  /** True if it lies in a block known to be zero: it holds no slot. */
  zero = false
  #unsubscribe: (() => void) | undefined

  constructor(read: BlockRead, offset: number, end: number) {
    this.read = read
    this.offset = offset
    this.end = end
  }

  get stream(): Stream {
    return this.read.stream
  }

  get readId(): string | undefined {
    return this.read.request.id
  }

  /** Bytes of the slot that must be valid: exclusive end, counted from the slot's start. */
  get need(): number {
    return this.read.reader.needOf(this.slot, this.end)
  }

  attach(slot: number): void {
    const { fetcher } = this.read.reader
    const { table, waiter } = this.read.reader.ring
    this.slot = slot
    table.pin(slot)
    if (waiter.wait(slot, this.need, this.arrived)) {
      this.ready = true
      this.read.progressed()
      return
    }
    this.#unsubscribe = fetcher.onLost(slot, failure => this.fail(failure))
  }

  readonly arrived = (): void => {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.ready = true
    this.read.progressed()
  }

  fail(failure: Failure): void {
    this.#unsubscribe = undefined
    this.read.failed(failure, this.offset)
  }

  /** Gives the slot and the token back; the piece is no longer used. */
  release(): void {
    const { fetcher } = this.read.reader
    const { table, waiter, admission } = this.read.reader.ring
    if (this.zero) {
      // Holds nothing but its token.
    } else if (this.slot === -1) {
      fetcher.withdraw(this)
    } else {
      if (!this.ready) {
        waiter.cancel(this.slot, this.arrived)
        this.#unsubscribe?.()
        this.#unsubscribe = undefined
      }
      table.unpin(this.slot)
    }
    admission.give(this.read.request.connection)
  }
}
