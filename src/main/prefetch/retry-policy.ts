// What to do about a failed request: try again at once, after a delay, or give up. The delay is
// exponential with full jitter (AWS's analysis: spreads a burst of retries best), and the server's
// Retry-After overrides it. How often is a matter of what failed, and of whether the origin serves
// others in the meantime. Pure: dice and attempts come as arguments.

import type { Failure } from '../../shared/failure.js'
import { failureOf } from '../../shared/failures.js'

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
  /** This request can't be answered; others may be. With a pause of the server's that there is no time for. */
  | { readonly action: 'fail'; readonly tooLongMs?: number }
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
/** What fails more often than by this chance, at the rate at which others fail, is no bad luck. */
const CREDIBLE_CHANCE = 1e-9
/** With a larger share of failures the origin is down, and who goes on asking keeps it there. */
const MOST_FAILING = 0.9
/** Attempts against bad luck, as a multiple of those that were asked for. */
const CHANCE_TIMES = 4
/** Upper bound of the delay while others are served: time heals no bad luck. Milliseconds. */
const MAX_CHANCE_DELAY_MS = 1000

/** Statuses of 400 to 499 that pass, besides 429. */
const PASSING_BELOW_500 = new Set([408, 425])
/** Statuses of 500 to 599 that stay: what is asked for is not there at all, or wants a login to the network. */
const LASTING_FROM_500 = new Set([501, 505, 511])

/** Sorts a failure into the way it is met. */
export function classify(failure: Failure): FailureClass {
  switch (failure.code) {
    case 'source-changed':
      return 'changed'
    case 'proxy':
    case 'status':
      if (failure.status === 429 || failure.status === 503) return 'refused'
      return isPassing(failure.status ?? 0) ? 'transient' : 'final'
    case 'reset':
      return failure.freshConnection === false ? 'stale-connection' : 'transient'
    case 'connect':
    case 'connect-timeout':
    case 'first-byte-timeout':
    case 'body-timeout':
    case 'short-body':
    case 'protocol':
    case 'worker-died':
    case 'session':
      return 'transient'
    case 'tls':
      // What has worked fails while a load balancer changes its nodes; at the start it is told at once.
      return failure.certificate === true ? 'final' : 'transient'
    case 'range-ignored':
    case 'wrong-range':
    case 'encoded':
      return 'suspect'
    case 'cancelled':
    case 'redirect':
    case 'spool':
    case 'internal':
      return 'final'
  }
}

/** A server in passing trouble. Which numbers gateways and CDNs have for it nobody can list: 509, 520 to 530, 599. */
function isPassing(status: number): boolean {
  if (status < 500) return PASSING_BELOW_500.has(status)
  return status < 600 && !LASTING_FROM_500.has(status)
}

/** What is known of a span whose request has failed. */
export interface Trial {
  /** Requests sent for it since it last made progress, the failed one included. */
  readonly attempts: number
  /** How many may be sent where nothing is known of others; 1 never repeats. */
  readonly maxAttempts: number
  /** Share of the origin's other requests that failed lately, 0 to 1; undefined without any. */
  readonly othersFailing?: number | undefined
  /** Time since the first of these requests failed, and how much of it is allowed, milliseconds. */
  readonly elapsedMs?: number
  readonly maxElapsedMs?: number
}

/**
 * Decides about one failed request.
 *
 * @param random a number in [0, 1)
 */
export function decideRetry(failure: Failure, trial: Trial, random: number): RetryDecision {
  const { attempts, elapsedMs = 0, maxElapsedMs = Number.POSITIVE_INFINITY } = trial
  const kind = classify(failure)
  if (kind === 'changed') return { action: 'poison' }
  if (kind === 'final') return { action: 'fail' }
  const byChance = chanceAttempts(trial)
  const limit = Math.max(ownAttempts(kind, trial), byChance)
  const leftMs = maxElapsedMs - elapsedMs
  const { retryAfterMs } = failure
  const pauseMs = Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)
  // However often it was asked: that is what keeps it from being asked again.
  if (retryAfterMs !== undefined && pauseMs > Math.max(0, leftMs))
    return { action: 'fail', tooLongMs: retryAfterMs }
  if (attempts >= limit || leftMs <= 0) return { action: 'fail' }
  if (kind === 'stale-connection' && attempts <= 1) return { action: 'retry', delayMs: 0 }
  if (retryAfterMs !== undefined) {
    const delayMs = pauseMs + random * BASE_DELAY_MS
    // Before its time the server would only say so again.
    if (delayMs <= leftMs) return { action: 'retry', delayMs }
    return { action: 'fail', tooLongMs: retryAfterMs }
  }
  // A server that refuses is to be left alone, whoever else it serves.
  const most = byChance > 0 && kind !== 'refused' ? MAX_CHANCE_DELAY_MS : MAX_DELAY_MS
  const bound = Math.min(most, BASE_DELAY_MS * 2 ** (attempts - 1))
  const jittered = MIN_DELAY_MS + random * (bound - MIN_DELAY_MS)
  // The dice may fall short again and again: the last attempt comes no sooner than it does on average.
  const missing = byChance === 0 && attempts + 1 >= limit ? averageMs(limit) - elapsedMs : 0
  return { action: 'retry', delayMs: Math.min(leftMs, Math.max(jittered, missing)) }
}

/** The failure as it is told with what was decided: the server asks for a pause that is not, or not all, waited. */
export function withPause(failure: Failure, decision: RetryDecision): Failure {
  const { retryAfterMs = 0, message } = failure
  const asked = Math.ceil(retryAfterMs / 1000)
  if (decision.action === 'fail' && decision.tooLongMs !== undefined) {
    return {
      ...failure,
      message: failureOf('status', 'no-time', { answer: message, asked }).message,
    }
  }
  if (decision.action !== 'retry' || retryAfterMs <= MAX_RETRY_AFTER_MS) return failure
  const told = { answer: message, asked, most: MAX_RETRY_AFTER_MS / 1000 }
  return { ...failure, message: failureOf('status', 'long-pause', told).message }
}

/** Time from the first failure to the last of so many attempts as it is on average, milliseconds. */
function averageMs(attempts: number): number {
  let sum = 0
  for (let n = 0; n < attempts - 1; n++) sum += Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** n) / 2
  return sum
}

/** Attempts that a failure is given for its own sake. */
function ownAttempts(kind: FailureClass, { maxAttempts }: Trial): number {
  return kind === 'suspect' ? Math.min(SUSPECT_ATTEMPTS, maxAttempts) : maxAttempts
}

/** Attempts after which it can't be bad luck any more; 0 where it never was. */
function chanceAttempts({ maxAttempts, othersFailing = 0 }: Trial): number {
  if (maxAttempts <= 1 || othersFailing <= 0 || othersFailing > MOST_FAILING) return 0
  const credible = Math.ceil(Math.log(CREDIBLE_CHANCE) / Math.log(othersFailing))
  return Math.min(credible, CHANCE_TIMES * maxAttempts)
}
