// What an NBD session needs from whatever stands behind an export name: its properties, and reads
// answered piece by piece. The session knows nothing of rings, spans or HTTP; the reader knows
// nothing of NBD.

import type { Failure } from '../shared/failure.js'
import type { ExportInfo, StatusExtent } from './nbd/messages.js'

/** One read of an export, already checked to lie inside it. */
export interface ReadRequest {
  /** First byte, 0 to size - 1. */
  readonly offset: number
  /** Bytes, at least 1; may be larger than the ring. */
  readonly length: number
  /** Number of the connection that asks: streams are recognised by it, fairness is kept by it. */
  readonly connection: number
  /**
   * True if nothing may be handed out before everything is there (simple replies, DF): then one
   * call covers the whole range - `data()`, or `hole()` if all of it is zero - or `fail()` comes
   * without anything before it. `zeroViews()` fills the zero parts of a range that mixes both.
   */
  readonly whole: boolean
  /** Names the read in debug lines; absent where nobody takes these. */
  readonly id?: string | undefined
}

/** Takes the answer of one read. Calls come in this order: (data | hole)*, then one of end or fail. */
export interface ReadSink {
  /**
   * The next bytes of the range, in order and without gaps: the first call starts at the request's
   * offset. The views show the ring itself and stay valid until `release()`, which must be called
   * exactly once, when the bytes have left or will never leave.
   */
  data(offset: number, views: readonly Uint8Array[], release: () => void): void
  /**
   * The next `length` bytes (at least 1) of the range are known to be zero and need not be sent;
   * continues the range as `data()` does. Neighbouring holes are best told in one call.
   */
  hole(offset: number, length: number): void
  /** Every byte was handed out. */
  end(): void
  /** The bytes from `offset` on can't be had. No further call follows. */
  fail(failure: Failure, offset: number): void
}

/** A running read. */
export interface ReadHandle {
  /** The client is gone: no further call reaches the sink. Pieces handed out must still be released. */
  cancel(): void
}

/** An image under an export name. */
export interface Export {
  readonly info: ExportInfo
  /** Starts a read. The sink may be called before this returns. */
  read(request: ReadRequest, sink: ReadSink): ReadHandle
  /** NBD_CMD_CACHE: the range will be read soon. Returns at once. */
  cache(offset: number, length: number, connection: number): void
  /**
   * NBD_CMD_BLOCK_STATUS: which parts of the range are known to be holes or zeroes, told at once.
   * At least one extent, the first at `offset`, none empty, none beyond the range (it may be told
   * short), neighbours different. Where it is missing base:allocation is not offered.
   */
  blockStatus?(offset: number, length: number, connection: number): readonly StatusExtent[]
  /**
   * A client that has stopped was handed `bytes` which it will not be sent, and `reads` of its reads
   * are started again once it goes on: they are not to be counted twice. Fewer than none are of a client that has
   * left instead.
   */
  calledBack?(bytes: number, reads: number): void
  /** True while others wait, or will soon, for the memory behind the pieces that were handed out. */
  readonly memoryIsScarce?: boolean
  /** A client entered transmission: a good moment to open connections to the origin. */
  connectionOpened(connection: number): void
  /** A client has left: its streams end. */
  connectionClosed(connection: number): void
}
