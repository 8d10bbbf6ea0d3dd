// Says what to fetch next for the streams: how far ahead of each reader (window) and how much in
// one request (request size). Nothing is queued here: the scheduler asks when a request may start,
// so the answer always fits the readers' latest positions. Pure; time comes as an argument.

import { alignDown, alignUp, clamp, type Extent, endOf } from '../../shared/extent.js'
import type { Estimator } from './estimator.js'
import { MIN_REQUEST, nextRamp, requestBytes } from './request-size.js'
import { cursorOf, rateOf, type Stream, StreamTable } from './streams.js'
import { WasteLedger } from './waste-ledger.js'

const MiB = 1024 * 1024

/** Largest window of a stream before it has had to wait: several requests, not one (dittofs #1628). */
const FIRST_WINDOW = 96 * MiB
/** A window grows no further than so many times what the reader has taken: it may be a slow one. */
const GROWTH_TIMES = 4
/** … unless it has waited without a break for so long: then it is not slower than the origin. Milliseconds. */
const PATIENCE_MS = 100
/** … where a pause as short as this, between one read and the next, is no break. Milliseconds. */
const BREAK_MS = 20
/** Smallest window of a confirmed stream. */
const LEAST_WINDOW = 256 * 1024
/** While a window is below this share of its bound it grows fourfold, then twofold (Linux). */
const QUICK_GROWTH_SHARE = 1 / 16
/**
 * A reader that has not waited for this long sets the pace itself: its window need not be larger
 * than what it reads while a request is answered. Milliseconds.
 */
const CONTENT_MS = 2_000
/** … times this, and at least so many bytes. */
const CONTENT_TIMES = 2
const CONTENT_WINDOW = 8 * MiB
/** A stream without a read for this long asks for nothing more (rclone). */
const IDLE_MS = 5_000
/** The same where others want the room: a reader that has moved on must not starve its next place. */
const RIVAL_IDLE_MS = 1_000
/**
 * A stream that waits for nothing and was not read for this long has no share of the room while others
 * are read: nbdcopy leaves one behind every 128 MiB. Milliseconds.
 */
const PAUSE_MS = 250
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
  /**
   * End (exclusive) of the missing bytes from `offset` on, at most `limit`.
   *
   * @param bridge blocks known to be zero count as missing where there are at most so many bytes of them and
   *   missing ones follow: fetching them costs less time than a further request
   */
  missingUntil(offset: number, limit: number, again: boolean, bridge: number): number
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
  /** Bytes of the ring that this export's fetches ahead may take, all streams together. */
  readonly aheadBytes: () => number
  readonly readahead: Readahead
  readonly coverage: Coverage
  readonly estimator: Estimator
}

/** What the scheduler knows about requests when it asks. */
export interface RequestState {
  /** Requests that may be in flight. */
  readonly limit: number
  /** Bytes of the image that were never asked for. */
  readonly unaskedBytes: number
  /** See `balancedShare()`. Asked only where a request is to be sized: most looks find none to send. */
  readonly loads: () => readonly number[]
}

/** A fetch ahead of need, for one stream. */
export interface Plan {
  readonly extent: Extent
  readonly stream: Stream
}

/** Windows and request sizes of one export's streams. */
export class Planner {
  readonly ledger = new WasteLedger()
  readonly #options: PlannerOptions
  readonly #streams: StreamTable

  constructor(options: PlannerOptions) {
    this.#options = options
    this.#streams = new StreamTable(stream => {
      if (!stream.confirmed) return
      this.ledger.ended(stream.runBytes, Math.max(0, stream.frontier - stream.next))
    })
  }

  get streams(): readonly Stream[] {
    return this.#streams.all
  }

  /** Bytes of the ring that fetches ahead may take. */
  get aheadBytes(): number {
    return this.#options.aheadBytes()
  }

  /** True if a confirmed stream was read lately. */
  isActive(nowMs: number): boolean {
    return this.#streams.all.some(s => s.windowBytes > 0 && isRead(s, RIVAL_IDLE_MS, nowMs))
  }

  /** Notes a read; its stream's window slides with it. */
  observe(connection: number, offset: number, length: number, nowMs: number): Stream {
    const stream = this.#streams.observe(connection, offset, length, nowMs)
    this.#repeats(stream, offset)
    this.#open(stream, nowMs)
    return stream
  }

  /** The connection is going to read on from `offset`, and much. */
  announce(connection: number, offset: number, nowMs: number): void {
    const stream = this.#streams.announce(connection, offset, nowMs)
    this.#repeats(stream, offset)
    this.#open(stream, nowMs)
  }

  /** Notes whether the stream reads what was served before. */
  #repeats(stream: Stream, offset: number): void {
    const again = this.#options.coverage.wasServed(offset)
    // What was passed over as another reader's may be its own after all.
    if (again && !stream.again) stream.frontier = Math.min(stream.frontier, stream.next)
    stream.again = again
  }

  /** Opens a confirmed stream's window as far as it has shown itself. */
  #open(stream: Stream, nowMs: number): void {
    const { readahead, aheadBytes } = this.#options
    if (!stream.confirmed || readahead === 'off') return
    if (typeof readahead === 'number') {
      stream.windowBytes = readahead
      return
    }
    const shown = Math.max(LEAST_WINDOW, this.ledger.trust * stream.runBytes)
    const windowBytes = Math.min(FIRST_WINDOW, shown, aheadBytes())
    if (windowBytes <= stream.windowBytes) return
    stream.windowBytes = windowBytes
    stream.grownMs = nowMs
  }

  /** A read of the stream has to wait. */
  stalled(stream: Stream, nowMs: number): void {
    const pausing = stream.stalledReads++ === 0 && nowMs - stream.stalledMs > BREAK_MS
    if (pausing) stream.waitingMs = nowMs
    stream.stalledMs = nowMs
    this.#widen(stream, nowMs)
  }

  /** A read of the stream that waited goes on, or is over. */
  resumed(stream: Stream, nowMs: number): void {
    stream.stalledReads--
    stream.stalledMs = nowMs
  }

  /** A window whose reader waits is too small, if it has had time to fill. */
  #widen(stream: Stream, nowMs: number): void {
    const { readahead, estimator } = this.#options
    if (stream.stalledReads === 0 || stream.windowBytes < FIRST_WINDOW / 2) return
    if (readahead !== 'auto') return
    if (nowMs - stream.grownMs < estimator.firstByteP50Ms / 2) return
    const taken =
      nowMs - stream.waitingMs >= PATIENCE_MS
        ? Number.POSITIVE_INFINITY
        : Math.max(FIRST_WINDOW, GROWTH_TIMES * stream.servedBytes)
    const bound = Math.min(this.#bound(), taken)
    if (stream.windowBytes >= bound) return
    const factor = stream.windowBytes < bound * QUICK_GROWTH_SHARE ? 4 : 2
    stream.windowBytes = Math.min(bound, stream.windowBytes * factor)
    stream.grownMs = nowMs
  }

  /** No window need be larger: twice what comes while a request is answered, and never the ring's room. */
  #bound(): number {
    const { estimator, maxRequestBytes } = this.#options
    const ahead = this.#options.aheadBytes()
    if (estimator.goodput === 0) return ahead
    const requestMs = (maxRequestBytes / estimator.ratePerConnection) * 1000
    const delayBytes = (estimator.goodput * (estimator.firstByteP95Ms + requestMs)) / 1000
    return clamp(2 * delayBytes, Math.min(ahead, FIRST_WINDOW), ahead)
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
        isRead(stream, live, nowMs) &&
        start + blockBytes > cursorOf(stream) &&
        start < Math.max(stream.frontier, stream.next + blockBytes),
    )
  }

  /**
   * Size of the stream's next request, from what the estimator says and from where it stands.
   *
   * @param offset where the request would begin
   */
  requestBytes(stream: Stream | undefined, offset: number, state: RequestState): number {
    const { imageBytes } = this.#options
    return requestBytes({
      ...this.#options,
      left: Math.min(state.unaskedBytes || imageBytes, imageBytes - this.#lowest(offset)),
      loads: state.loads(),
      limit: state.limit,
      streams: Math.max(1, this.#streams.all.filter(({ confirmed }) => confirmed).length),
      windowBytes: stream?.windowBytes ?? 0,
      rampBytes: stream?.rampBytes ?? 0,
      aheadBytes: this.#options.aheadBytes(),
    })
  }

  /** See `Coverage.missingUntil()`. A first reader's zeroes were fetched for it just now. */
  bridgeBytes({ again }: Stream): number {
    return again ? this.#options.estimator.delayBytes : 0
  }

  /** Where the confirmed stream that is furthest behind will ask next; `offset` if none is below. */
  #lowest(offset: number): number {
    let lowest = offset
    for (const { confirmed, frontier } of this.#streams.all) {
      if (confirmed && frontier < lowest) lowest = frontier
    }
    return lowest
  }

  /** Notes that a request of this stream was sent: the next may be larger. */
  requested(stream: Stream, { offset, length }: Extent): void {
    const { maxRequestBytes } = this.#options
    stream.rampBytes = nextRamp(stream.rampBytes, maxRequestBytes)
    // Unless bytes before it were given up for it.
    if (stream.frontier >= offset || cursorOf(stream) >= offset) {
      stream.frontier = Math.max(stream.frontier, offset + length)
    }
  }

  /** Bytes below a stream's frontier are not there, or will not come, after all: they will be planned again. */
  lost(extent: Extent): void {
    for (const stream of this.#streams.all) {
      const from = Math.max(extent.offset, stream.next)
      if (from < Math.min(endOf(extent), stream.frontier)) stream.frontier = from
    }
  }

  /**
   * How far ahead of its reader the stream may be fetched now, bytes: its window, or its share of the
   * room, by the rate at which it is read.
   */
  reachOf(stream: Stream, nowMs: number): number {
    return this.#reach(stream, this.#active(nowMs), nowMs)
  }

  /**
   * The most urgent fetch ahead: for the stream with the least lead, the first missing bytes of its
   * window. Undefined if every window is full.
   *
   * @param roomBytes bytes of the ring that may be taken now
   */
  next(state: RequestState, roomBytes: number, nowMs: number): Plan | undefined {
    if (this.#options.readahead === 'off') return undefined
    this.#streams.expire(nowMs - FORGET_MS)
    const active = this.#active(nowMs)
    for (const stream of active) this.#widen(stream, nowMs)
    if (active.length > 1) active.sort((a, b) => leadOf(a) - leadOf(b))
    for (const stream of active) {
      const window = this.#reach(stream, active, nowMs)
      const extent = this.#missing(stream, window, roomBytes, state)
      if (extent !== undefined) return { extent, stream }
    }
    return undefined
  }

  /** Streams to fetch ahead of, a pausing one only while no other is read. */
  #active(nowMs: number): Stream[] {
    const open = this.#streams.all.filter(
      s => s.confirmed && s.windowBytes > 0 && isRead(s, IDLE_MS, nowMs),
    )
    const busy = open.filter(s => s.waitingBytes > 0 || isRead(s, PAUSE_MS, nowMs))
    return busy.length > 0 ? busy : open
  }

  #reach(stream: Stream, active: readonly Stream[], nowMs: number): number {
    const ahead = this.#options.aheadBytes()
    let reach = stream.windowBytes
    if (this.#options.readahead === 'auto' && nowMs - stream.stalledMs > CONTENT_MS) {
      const rate = rateOf(stream, nowMs)
      const { estimator } = this.#options
      const requestMs = ((2 * MIN_REQUEST) / estimator.ratePerConnection) * 1000
      const needed = (CONTENT_TIMES * rate * (estimator.firstByteP95Ms + requestMs)) / 1000
      if (stream.stalledReads === 0) reach = Math.min(reach, Math.max(CONTENT_WINDOW, needed))
    }
    if (active.length <= 1) return Math.min(reach, ahead)
    const rates = active.reduce((sum, other) => sum + rateOf(other, nowMs), 0)
    const even = ahead / active.length
    const share = rates > 0 ? (ahead * rateOf(stream, nowMs)) / rates : even
    // Half of what is even is everybody's: a rate is known only by reading.
    return Math.min(reach, Math.max(share, even) / 2 + even / 2)
  }

  #missing(
    stream: Stream,
    window: number,
    roomBytes: number,
    state: RequestState,
  ): Extent | undefined {
    const { coverage, imageBytes, blockBytes } = this.#options
    const cursor = cursorOf(stream)
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
    const size = Math.min(this.requestBytes(stream, at, state), slide)
    const stop = Math.min(imageBytes, alignDown(at + size, blockBytes))
    const limit = Math.max(stop, at + 1)
    const bridge = this.bridgeBytes(stream)
    const length = coverage.missingUntil(at, limit, stream.again, bridge) - at
    // Waits until there is room for all of it: a reader frees its blocks one by one, and a request
    // for each would be the smallest, slowest kind.
    if (length > roomBytes || (at + length > end && end < imageBytes)) return undefined
    return { offset: at, length }
  }
}

/** True if the stream was read in the last `ms`, or would be if its latest reads had been answered. */
function isRead(stream: Stream, ms: number, nowMs: number): boolean {
  return stream.stalledReads > 0 || nowMs - stream.lastReadMs < ms
}

/** How far a stream's requests are ahead of it, bytes. */
function leadOf(stream: Stream): number {
  return stream.frontier - cursorOf(stream)
}
