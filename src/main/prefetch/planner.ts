// Says what to fetch next for the streams: how far ahead of each reader (window) and how much in
// one request (request size). Nothing is queued here: the scheduler asks when a request may start,
// so the answer always fits the readers' latest positions. Pure; time comes as an argument.

import { alignDown, alignUp, clamp, type Extent } from '../../shared/extent.js'
import type { Estimator } from './estimator.js'
import { cursorOf, type Stream, StreamTable } from './streams.js'

const MiB = 1024 * 1024

/** First request of a fresh stream: small, so that its first bytes come soon (Mountpoint: 1.1 MiB). */
const FIRST_REQUEST = 1 * MiB
/** Window of a stream the moment it is confirmed: several requests, not one (dittofs #1628). */
const FIRST_WINDOW = 32 * MiB
/** While a window is below this share of its bound it grows fourfold, then twofold (Linux). */
const QUICK_GROWTH_SHARE = 1 / 16
/**
 * Request size in units of what one connection could carry during a first-byte time: 9 keeps a
 * connection busy 90 % of the time (Arrow's rule); the ring's share of a connection bounds it.
 */
const REQUEST_DELAYS = 9
/** Requests are not made smaller than this for the sake of balance. */
const MIN_REQUEST = 1 * MiB
/** A stream without a read for this long asks for nothing more (rclone). */
const IDLE_MS = 5_000
/** The same where others want the room: a reader that has moved on must not starve its next place. */
const RIVAL_IDLE_MS = 1_000
/** A stream without a read for this long is forgotten (JuiceFS). */
const FORGET_MS = 30_000

/** What the planner needs to know of the ring and the image. */
export interface Coverage {
  /**
   * End (exclusive) of the bytes from `offset` on that need no fetch ahead: present, coming, or
   * served before. `offset` itself if its byte is missing. May stop early, at a block's end.
   *
   * @param again bytes served before are missing like any others: the reader reads them again
   */
  coveredUntil(offset: number, again: boolean): number
  /** End (exclusive) of the missing bytes from `offset` on, at most `limit`. */
  missingUntil(offset: number, limit: number, again: boolean): number
  /** True if the block at `offset` was served to its end before. */
  wasServed(offset: number): boolean
}

/** `auto` follows the measurements; a number fixes every window, in bytes; `off` fetches nothing ahead. */
export type Readahead = 'auto' | 'off' | number

export interface PlannerOptions {
  readonly imageBytes: number
  readonly blockBytes: number
  /** Largest request, bytes. */
  readonly maxRequestBytes: number
  /** Bytes of the ring that fetches ahead may take, all streams together. */
  readonly aheadBytes: number
  readonly readahead: Readahead
  readonly coverage: Coverage
  readonly estimator: Estimator
}

/** A fetch ahead of need, for one stream. */
export interface Plan {
  readonly extent: Extent
  readonly stream: Stream
}

/** Windows and request sizes of one export's streams. */
export class Planner {
  readonly #options: PlannerOptions
  readonly #streams = new StreamTable()

  constructor(options: PlannerOptions) {
    this.#options = options
  }

  get streams(): readonly Stream[] {
    return this.#streams.all
  }

  /** Notes a read; its stream's window slides with it. */
  observe(connection: number, offset: number, length: number, nowMs: number): Stream {
    const stream = this.#streams.observe(connection, offset, length, nowMs)
    stream.again = this.#options.coverage.wasServed(offset)
    if (stream.confirmed && stream.windowBytes === 0 && this.#options.readahead !== 'off') {
      stream.windowBytes = Math.min(FIRST_WINDOW, this.#options.aheadBytes)
      stream.grownMs = nowMs
      if (typeof this.#options.readahead === 'number') stream.windowBytes = this.#options.readahead
    }
    return stream
  }

  /** A read of the stream has to wait: its window is too small, if it has had time to fill. */
  stalled(stream: Stream, nowMs: number): void {
    if (stream.windowBytes === 0 || this.#options.readahead !== 'auto') return
    if (nowMs - stream.grownMs < this.#options.estimator.firstByteP50Ms / 2) return
    const bound = this.#options.aheadBytes
    const factor = stream.windowBytes < bound * QUICK_GROWTH_SHARE ? 4 : 2
    stream.windowBytes = Math.min(bound, stream.windowBytes * factor)
    stream.grownMs = nowMs
  }

  connectionClosed(connection: number): void {
    this.#streams.connectionClosed(connection)
  }

  /** True if a live stream is going to read this block. */
  isAhead(block: number, nowMs: number): boolean {
    const { blockBytes } = this.#options
    const start = block * blockBytes
    const live = this.#streams.all.length > 1 ? RIVAL_IDLE_MS : IDLE_MS
    return this.#streams.all.some(
      stream =>
        stream.confirmed &&
        nowMs - stream.lastReadMs < live &&
        start + blockBytes > cursorOf(stream) &&
        start < Math.max(stream.frontier, stream.next + blockBytes),
    )
  }

  /**
   * Size of the stream's next request, from what the estimator says and from where it stands:
   * small at first, doubled with each, bounded by the ring, split at the end of the image.
   *
   * @param offset where the request would begin
   * @param limit requests that may be in flight
   */
  requestBytes(stream: Stream | undefined, offset: number, limit: number): number {
    const { aheadBytes, maxRequestBytes, estimator, imageBytes, blockBytes } = this.#options
    const full = clamp(
      Math.min(REQUEST_DELAYS * estimator.delayBytes, aheadBytes / limit),
      MIN_REQUEST,
      maxRequestBytes,
    )
    // What is left, split evenly, so that all connections end together; but not into requests that
    // wait longer for their first byte than they take to come.
    const share = Math.max(MIN_REQUEST, estimator.delayBytes, (imageBytes - offset) / limit)
    const ramp = stream?.rampBytes || FIRST_REQUEST
    // A window holds at least four requests, so that it can slide.
    const slide = (stream?.windowBytes || Number.POSITIVE_INFINITY) / 4
    const bytes = Math.floor(Math.min(full, share, ramp, slide))
    return Math.max(blockBytes, alignUp(bytes, blockBytes))
  }

  /** Notes that a request of this stream was sent: the next may be twice as large. */
  requested(stream: Stream, end: number): void {
    stream.rampBytes = Math.min(
      (stream.rampBytes || FIRST_REQUEST) * 2,
      this.#options.maxRequestBytes,
    )
    stream.frontier = Math.max(stream.frontier, end)
  }

  /** Bytes below the stream's frontier were lost after all: they will be planned again. */
  lost(offset: number): void {
    for (const stream of this.#streams.all) {
      if (offset >= stream.next && offset < stream.frontier) stream.frontier = offset
    }
  }

  /**
   * The most urgent fetch ahead: for the stream with the least lead, the first missing bytes of its
   * window. Undefined if every window is full.
   *
   * @param limit requests that may be in flight
   * @param roomBytes bytes of the ring that may be taken now
   */
  next(limit: number, roomBytes: number, nowMs: number): Plan | undefined {
    if (this.#options.readahead === 'off') return undefined
    this.#streams.expire(nowMs - FORGET_MS)
    const active = this.#streams.all.filter(
      s => s.confirmed && s.windowBytes > 0 && nowMs - s.lastReadMs < IDLE_MS,
    )
    if (active.length > 1) active.sort((a, b) => leadOf(a) - leadOf(b))
    const fairShare = this.#options.aheadBytes / Math.max(1, active.length)
    for (const stream of active) {
      const extent = this.#missing(stream, fairShare, roomBytes, limit)
      if (extent !== undefined) return { extent, stream }
    }
    return undefined
  }

  #missing(
    stream: Stream,
    fairShare: number,
    roomBytes: number,
    limit: number,
  ): Extent | undefined {
    const { coverage, imageBytes, blockBytes } = this.#options
    const cursor = cursorOf(stream)
    const window = Math.min(stream.windowBytes, fairShare)
    const end = Math.min(imageBytes, cursor + window)
    let at = Math.max(cursor, stream.frontier)
    for (;;) {
      if (at >= end) return undefined
      const covered = coverage.coveredUntil(at, stream.again)
      if (covered <= at) break
      at = covered
      stream.frontier = Math.max(stream.frontier, at)
    }
    // A window that is shared must slide, too; with small requests, though, a small ring would starve.
    const slide = Math.max(blockBytes, alignUp(Math.floor(window / 2), blockBytes))
    const size = Math.min(this.requestBytes(stream, at, limit), slide)
    const stop = Math.min(imageBytes, alignDown(at + size, blockBytes))
    const length = coverage.missingUntil(at, Math.max(stop, at + 1), stream.again) - at
    // Waits until there is room for all of it: a reader frees its blocks one by one, and a request
    // for each would be the smallest, slowest kind.
    if (length > roomBytes || (at + length > end && end < imageBytes)) return undefined
    return { offset: at, length }
  }
}

/** How far a stream's requests are ahead of it, bytes. */
function leadOf(stream: Stream): number {
  return stream.frontier - cursorOf(stream)
}
