// Finds requests whose first byte is overdue, so that they are sent again on another connection: one
// straggler would hold up an in-order reader with all its requests. How
// often is bounded, so that a server that is slow as a whole is not asked everything twice. Pure.
//
// After "The Tail at Scale" (Dean, Barroso 2013) and aws-c-s3's cancel-and-resend.

import type { Estimator } from './estimator.js'

/** Answers that must have been measured before anything counts as late. */
const MIN_ANSWERS = 8
/** Late is later than this many times the 95th percentile … */
const P95_TIMES = 1.5
/** … and than this many times the median: at twice, a busy machine lost more than stragglers cost … */
const P50_TIMES = 2.5
/** … and than this, milliseconds: below it a busy machine looks like a late answer. */
const MIN_LATE_MS = 200
/** Requests sent again for each request sent: the budget. */
const RESEND_SHARE = 0.05
/** Budget that may be saved up, in requests. */
const MAX_BUDGET = 4

/** Judges the requests of one export. Times are monotonic milliseconds. */
export class Stragglers {
  readonly #estimator: Estimator
  #budget = 1

  constructor(estimator: Estimator) {
    this.#estimator = estimator
  }

  /** Age at which a request without a byte is late; infinite while too little is known. */
  get lateMs(): number {
    const { answers, firstByteP50Ms, firstByteP95Ms, connectMs } = this.#estimator
    if (answers < MIN_ANSWERS) return Number.POSITIVE_INFINITY
    const usual = Math.max(P95_TIMES * firstByteP95Ms, P50_TIMES * firstByteP50Ms, MIN_LATE_MS)
    // It may have had to open its connection first.
    return usual + P95_TIMES * connectMs
  }

  /** A request was sent. */
  sent(): void {
    this.#budget = Math.min(MAX_BUDGET, this.#budget + RESEND_SHARE)
  }

  /**
   * Decides about a request that has shown no byte.
   *
   * @returns true if it is to be sent again; the budget is charged for it
   */
  isLate(sentMs: number, nowMs: number): boolean {
    return nowMs - sentMs >= this.lateMs && this.mayResend()
  }

  /** Takes one from the budget, if it has one left. */
  mayResend(): boolean {
    if (this.#budget < 1) return false
    this.#budget--
    return true
  }
}
