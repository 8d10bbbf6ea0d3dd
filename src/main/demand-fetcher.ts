// What reads need of those who fetch: the seam between answering from the ring and filling it.

import type { Failure } from '../shared/failure.js'
import type { Stream } from './prefetch/streams.js'

/** Bytes somebody waits for that no slot holds yet. All offsets are of the image. */
export interface Demand {
  readonly offset: number
  /** Exclusive; in the same block as `offset`. */
  readonly end: number
  readonly stream: Stream
  /** The read it belongs to, in debug lines; undefined where there are none. */
  readonly readId: string | undefined
  /** The slot that will hold the bytes; to be pinned now. */
  attach(slot: number): void
  /** The bytes can't be had. */
  fail(failure: Failure): void
}

/** Fetches what is missing: the layer below. */
export interface DemandFetcher {
  /** Set once the source has changed or is closed: nothing of it may be served any more. */
  readonly poison: Failure | undefined
  demand(demand: Demand): void
  /** Nobody waits any more; the fetch may or may not happen. */
  withdraw(demand: Demand): void
  /** The failure that ended the slot's fetch is told to this listener, until the slot is whole. */
  onLost(slot: number, listener: (failure: Failure) => void): () => void
  /**
   * Time until `bytes` of the slot are valid, as things go, milliseconds; undefined if no request
   * brings them.
   */
  etaMs(slot: number, bytes: number): number | undefined
  /** Usual time for a request of so many bytes, milliseconds. */
  requestMs(bytes: number): number
  /** The named read waits for bytes of the slot, which are under way. */
  joined(readId: string, slot: number): void
  /** A window has moved or grown: look for work. */
  wake(): void
  /** All bytes up to this offset of its block were served. */
  served(offset: number): void
}
