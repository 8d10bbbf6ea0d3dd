// Requests of one export that failed: whether, when and in which order they are sent again, and how long nothing is
// fetched ahead for their sake. Time and randomness are arguments.

import type { Failure } from '../shared/failure.js'
import { OriginHealth } from './prefetch/origin-health.js'
import { classify, decideRetry, type RetryDecision } from './prefetch/retry-policy.js'
import type { Span } from './span.js'

/** Attempts for a span nobody waits for: the read that may come asks afresh. */
const PREFETCH_ATTEMPTS = 3
/** Time over which those who waited for the end of an outage are spread, milliseconds. */
const RETURN_MS = 250
/** Time without prefetch after a failure that asking again would not mend, milliseconds. */
const HOLD_MS = 1_000

/** A span that failed and waits for its next attempt. */
interface Retry {
  readonly span: Span
  dueMs: number
  /** Everything failed when it did: it need not wait once something is answered. */
  readonly outage: boolean
  /** What it is told if it never gets its turn; undefined for one that is sent again for no fault of its own. */
  readonly failure?: Failure
}

/** How often and how long a request is repeated. */
export interface RetryLimits {
  /** Times it is sent in all. */
  readonly maxAttempts: number
  /** Time from its first failure in which it is repeated, milliseconds. */
  readonly maxRetryMs: number
}

/** What waits to be sent again. Times are monotonic milliseconds. */
export class RetryQueue {
  readonly #limits: RetryLimits
  readonly #health = new OriginHealth()
  readonly #retries: Retry[] = []
  /** Until when nothing is fetched ahead. */
  #holdMs = Number.NEGATIVE_INFINITY

  constructor(limits: RetryLimits) {
    this.#limits = limits
  }

  /** Spans that wait. */
  get size(): number {
    return this.#retries.length
  }

  /** False where fetching ahead would only repeat what has just failed for good. */
  mayPrefetch(nowMs: number): boolean {
    return nowMs >= this.#holdMs && !this.#health.down
  }

  /** When a span falls due, or fetching ahead may go on; infinite if neither is to come. */
  dueMs(nowMs: number): number {
    let dueMs = this.#holdMs > nowMs ? this.#holdMs : Number.POSITIVE_INFINITY
    // What is due already waits for room, not for time; but not for ever.
    for (const retry of this.#retries) {
      const nextMs = retry.dueMs > nowMs ? retry.dueMs : this.#endMs(retry)
      if (nextMs > nowMs) dueMs = Math.min(dueMs, nextMs)
    }
    return dueMs
  }

  /**
   * Takes out the oldest span that is due and, where `waitedFor` is given, somebody waits for. Oldest first: where nothing
   * helps, a read is to fail when its own attempts are used up, not when everybody's are.
   */
  take(nowMs: number, waitedFor?: (span: Span) => boolean): Span | undefined {
    let oldest: Retry | undefined
    for (const retry of this.#retries) {
      const { span, dueMs } = retry
      if (dueMs > nowMs || (oldest !== undefined && oldest.span.id < span.id)) continue
      if (waitedFor === undefined || waitedFor(span)) oldest = retry
    }
    if (oldest !== undefined) this.#retries.splice(this.#retries.indexOf(oldest), 1)
    return oldest?.span
  }

  /**
   * Takes out a span whose time is over and which was due all the same: others were sent instead. Where a server
   * lets one request through in two minutes, the last of many would wait for hours.
   */
  takeExpired(nowMs: number): { readonly span: Span; readonly failure: Failure } | undefined {
    const index = this.#retries.findIndex(
      retry => retry.dueMs <= nowMs && this.#endMs(retry) <= nowMs,
    )
    const retry = this.#retries[index]
    if (retry?.failure === undefined) return undefined
    this.#retries.splice(index, 1)
    return { span: retry.span, failure: retry.failure }
  }

  /** When the span's time is over; infinite for one that is sent again for no fault of its own. */
  #endMs({ span, failure }: Retry): number {
    if (failure === undefined || span.failedMs === undefined) return Number.POSITIVE_INFINITY
    return span.failedMs + this.#limits.maxRetryMs
  }

  /** Takes out all. */
  takeAll(): Span[] {
    return this.#retries.splice(0).map(retry => retry.span)
  }

  /** The span is to be sent again as soon as there is room, for no fault of its own. */
  again(span: Span, nowMs: number): void {
    this.#retries.push({ span, dueMs: nowMs, outage: false })
  }

  /** A request was answered rightly. If none was for a while, whoever failed then asks now, in no particular order. */
  succeeded(nowMs: number, random: () => number): void {
    if (this.#health.down) {
      for (const retry of this.#retries) {
        if (retry.outage) retry.dueMs = Math.min(retry.dueMs, nowMs + RETURN_MS * random())
      }
    }
    this.#health.noted(true)
  }

  /** A request has failed in a way that asking again would not mend. */
  hold(nowMs: number): void {
    this.#holdMs = nowMs + HOLD_MS
  }

  /**
   * Decides about a span whose request has failed, and keeps it if it is to be sent again.
   *
   * @param waitedFor true if somebody waits for its bytes
   * @param random a number in [0, 1)
   */
  failed(
    span: Span,
    failure: Failure,
    nowMs: number,
    waitedFor: boolean,
    random: number,
  ): RetryDecision {
    const { maxAttempts, maxRetryMs } = this.#limits
    this.#health.noted(false)
    const kind = classify(failure)
    if (kind === 'final') this.hold(nowMs)
    span.failedMs ??= nowMs
    const { attempts } = span
    const trial = {
      attempts,
      maxAttempts: waitedFor ? maxAttempts : Math.min(PREFETCH_ATTEMPTS, maxAttempts),
      elapsedMs: nowMs - span.failedMs,
      maxElapsedMs: maxRetryMs,
      ...(waitedFor && { othersFailing: this.#health.failureShare(attempts) }),
    }
    const decision = decideRetry(failure, trial, random)
    if (decision.action === 'retry') {
      const outage = kind === 'transient' && this.#health.down
      this.#retries.push({ span, dueMs: nowMs + decision.delayMs, outage, failure })
    }
    return decision
  }
}
