// How much one request fetches: small at first, so that its first bytes come soon, then as much as
// keeps a connection busy, bounded by the ring and by the window; and such that at the end of the image all
// connections finish together, those whose bytes are read first a little sooner. Pure.

import { alignUp, clamp } from '../../shared/extent.js'
import { balancedShare } from './balance.js'
import type { Estimator } from './estimator.js'

const MiB = 1024 * 1024

/** First request of a fresh stream: small, so that its first bytes come soon (Mountpoint: 1.1 MiB). */
const FIRST_REQUEST = 1 * MiB
/** Each request of a stream may be so many times as large as the one before. */
const RAMP = 4
/**
 * Request size in units of what one connection could carry during a first-byte time: 9 keeps a
 * connection busy 90 % of the time (Arrow's rule); the ring's share of a connection bounds it.
 */
export const REQUEST_DELAYS = 9
/** Requests are not made smaller than this for the sake of balance. */
export const MIN_REQUEST = 1 * MiB
/** The windows of all streams together hold at least so many requests, and each two, so that they can slide. */
const REQUESTS_PER_WINDOW = 8
const LEAST_PER_WINDOW = 2
/**
 * Rate at which a reader takes what has come already, bytes per second: qemu-img out of a full ring, on
 * two cores.
 */
const READER_RATE = 1.2e9
/** … and no request is made smaller by more than this share for it. */
const SOONER_SHARE = 1 / 4

/** What the size of a request depends on. */
export interface RequestSizing {
  /** Bytes that are still to be asked for, this request's included. */
  readonly left: number
  /** See `balancedShare()`. */
  readonly loads: readonly number[]
  /** Requests that may be in flight. */
  readonly limit: number
  /** Streams that are fetched ahead of, this one included: at least 1. */
  readonly streams: number
  /** The stream's window, and what its next request may be at most; 0 where there is none yet. */
  readonly windowBytes: number
  readonly rampBytes: number
  /** Bytes of the ring that fetches ahead may take. */
  readonly aheadBytes: number
  readonly maxRequestBytes: number
  readonly blockBytes: number
  readonly estimator: Estimator
}

/** Bytes for a request that begins now: whole blocks, at least one. */
export function requestBytes(sizing: RequestSizing): number {
  const { aheadBytes, blockBytes, estimator, limit, maxRequestBytes } = sizing
  const full = clamp(
    Math.min(REQUEST_DELAYS * estimator.delayBytes, aheadBytes / limit),
    MIN_REQUEST,
    maxRequestBytes,
  )
  const ramp = sizing.rampBytes || FIRST_REQUEST
  const perWindow = Math.max(LEAST_PER_WINDOW, REQUESTS_PER_WINDOW / sizing.streams)
  const slide = (sizing.windowBytes || Number.POSITIVE_INFINITY) / perWindow
  const bytes = Math.floor(Math.min(full, shareOf(sizing), ramp, slide))
  return Math.max(blockBytes, alignUp(bytes, blockBytes))
}

/** What a stream's request may be at most after one that was bounded by `rampBytes`. */
export function nextRamp(rampBytes: number, maxRequestBytes: number): number {
  return Math.min((rampBytes || FIRST_REQUEST) * RAMP, maxRequestBytes)
}

/** The part of what is left that this connection takes. */
function shareOf({ left, loads, limit, estimator }: RequestSizing): number {
  const free = Math.max(1, Math.floor(limit) - loads.length)
  const even = balancedShare(left, loads, free, estimator.delayBytes)
  // What lies further back may come later, by the time the reader needs for all before it: with
  // everything at once it would still have most of it to take.
  const behind = Math.max(0, left - even)
  const sooner = (behind / READER_RATE) * estimator.ratePerConnection
  return Math.max(MIN_REQUEST, even - Math.min(sooner, SOONER_SHARE * even))
}
