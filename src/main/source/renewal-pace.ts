// When a session may be renewed: not again and again where that does not help, and seldom where it does harm. Pure.

import type { Failure } from '../../shared/failure.js'
import type { RenewalReason } from './authorizer.js'

/** Renewals without a right answer between them after which it is something else that the server objects to. */
const MAX_FRUITLESS = 3
/** Time after a failed renewal in which no other is begun, milliseconds. */
const PAUSE_MS = 5_000
/** … where the password was not accepted, as accounts are locked for that, or where what there is may still be good. */
const LONG_PAUSE_MS = 60_000

/** How often the session of one image is renewed. */
export class RenewalPace {
  #fruitless = 0
  #failure: Failure | undefined
  #pausedUntilMs = Number.NEGATIVE_INFINITY
  /** Of renewals by the clock. */
  #dueFromMs = Number.NEGATIVE_INFINITY

  /** True if one by the clock may begin now. */
  isDue(nowMs: number): boolean {
    return nowMs >= this.#pausedUntilMs && nowMs >= this.#dueFromMs
  }

  /**
   * A request was refused with `failure`.
   *
   * @returns what the request fails with; undefined if a renewal is to begin now
   */
  refused(failure: Failure, nowMs: number): Failure | undefined {
    if (nowMs < this.#pausedUntilMs) return this.#failure
    if (this.#fruitless < MAX_FRUITLESS) return undefined
    // In a while one more is tried.
    this.#fruitless--
    this.#failure = failure
    this.#pausedUntilMs = nowMs + PAUSE_MS
    return failure
  }

  /** A request was answered rightly. */
  worked(): void {
    this.#fruitless = 0
  }

  /** A renewal has ended well: whether it was of any use is for the next answer to say. */
  renewed(): void {
    this.#fruitless++
  }

  /**
   * A renewal has failed.
   *
   * @param locks the password was not accepted
   */
  failed(failure: Failure, reason: RenewalReason, locks: boolean, nowMs: number): void {
    this.#failure = failure
    if (reason === 'clock') this.#dueFromMs = nowMs + LONG_PAUSE_MS
    if (reason !== 'clock' || locks) {
      this.#pausedUntilMs = nowMs + (locks ? LONG_PAUSE_MS : PAUSE_MS)
    }
  }
}
