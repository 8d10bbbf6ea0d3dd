// What to do about a failed request: try again at once, after a delay, or give up. The delay is
// exponential with full jitter (AWS's analysis: spreads a burst of retries best), and the server's
// Retry-After overrides it. Pure: dice and attempts come as arguments.

import type { Failure } from '../../shared/failure.js'

/** Delay of the first repetition, milliseconds; doubled for each further one. */
const BASE_DELAY_MS = 250
/** Upper bound of the exponential delay, milliseconds. */
const MAX_DELAY_MS = 10_000
/** Longest Retry-After that is waited out, milliseconds: beyond it, asking again is as good. */
const MAX_RETRY_AFTER_MS = 120_000
/** Floor below full jitter: a repetition within the same few milliseconds meets the same trouble. */
const MIN_DELAY_MS = 20

export type RetryDecision =
  | { readonly action: 'retry'; readonly delayMs: number }
  /** This request can't be answered; others may be. */
  | { readonly action: 'fail' }
  /** No byte of this source may be served any more. */
  | { readonly action: 'poison' }

/** How a failure is met, apart from how often it has happened. */
export type FailureClass =
  /** The server is pressed: slow down. */
  | 'refused'
  /** Something broke on the way: try again. */
  | 'transient'
  /** An idle connection had ended: try again at once. */
  | 'stale-connection'
  /** Not the bytes that were asked for: one bad proxy among many, or the server's habit. */
  | 'suspect'
  /** Asking again would give the same answer. */
  | 'final'
  /** The file is not the one the export was opened with. */
  | 'changed'

/** Attempts for an answer that was not what was asked: a habit shows soon. */
const SUSPECT_ATTEMPTS = 4

/** HTTP statuses of a server in passing trouble, besides 429 and 503. */
const TRANSIENT_STATUS = new Set([408, 425, 500, 502, 504, 507])

/** Sorts a failure into the way it is met. */
export function classify(failure: Failure): FailureClass {
  switch (failure.code) {
    case 'source-changed':
      return 'changed'
    case 'status':
      if (failure.status === 429 || failure.status === 503) return 'refused'
      return TRANSIENT_STATUS.has(failure.status ?? 0) ? 'transient' : 'final'
    case 'reset':
      return failure.freshConnection === false ? 'stale-connection' : 'transient'
    case 'connect':
    case 'connect-timeout':
    case 'first-byte-timeout':
    case 'body-timeout':
    case 'short-body':
    case 'protocol':
    case 'worker-died':
      return 'transient'
    case 'range-ignored':
    case 'wrong-range':
    case 'encoded':
      return 'suspect'
    case 'cancelled':
    case 'redirect':
    case 'tls':
    case 'internal':
      return 'final'
  }
}

/**
 * Decides about one failed request.
 *
 * @param attempts requests sent for this span since it last made progress, this one included
 * @param maxAttempts how many may be sent
 * @param random a number in [0, 1)
 */
export function decideRetry(
  failure: Failure,
  attempts: number,
  maxAttempts: number,
  random: number,
): RetryDecision {
  const kind = classify(failure)
  if (kind === 'changed') return { action: 'poison' }
  const limit = kind === 'suspect' ? Math.min(SUSPECT_ATTEMPTS, maxAttempts) : maxAttempts
  if (kind === 'final' || attempts >= limit) return { action: 'fail' }
  if (kind === 'stale-connection' && attempts <= 1) return { action: 'retry', delayMs: 0 }
  if (failure.retryAfterMs !== undefined) {
    const delayMs = Math.min(failure.retryAfterMs, MAX_RETRY_AFTER_MS) + random * BASE_DELAY_MS
    return { action: 'retry', delayMs }
  }
  const bound = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** (attempts - 1))
  return { action: 'retry', delayMs: MIN_DELAY_MS + random * (bound - MIN_DELAY_MS) }
}
