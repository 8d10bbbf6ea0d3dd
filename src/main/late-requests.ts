// Which requests of one export hold up a reader: those whose first byte is overdue, and those whose body has stopped
// flowing. Finds them; taking them back is for whoever sent them. Time is an argument.

import type { Estimator } from './prefetch/estimator.js'
import { Stalls } from './prefetch/stalls.js'
import { Stragglers } from './prefetch/stragglers.js'
import type { Span } from './span.js'

/** Time between two looks at how bodies flow, milliseconds. */
const FLOW_MS = 250
/** What is sent again is asked for in parts of so many times what a connection carries in a first-byte time. */
const PART_DELAYS = 2
const MIN_PART_BYTES = 1024 * 1024

/** Watches requests under way. Times are monotonic milliseconds. */
export class LateRequests {
  readonly #estimator: Estimator
  readonly #stragglers: Stragglers
  readonly #stalls: Stalls
  #flowMs = Number.NEGATIVE_INFINITY

  constructor(estimator: Estimator) {
    this.#estimator = estimator
    this.#stragglers = new Stragglers(estimator)
    this.#stalls = new Stalls(estimator)
  }

  /** Least bytes of a request that is one of several in place of a late one. */
  get partBytes(): number {
    return Math.max(MIN_PART_BYTES, PART_DELAYS * this.#estimator.delayBytes)
  }

  /** A request was sent. */
  sent(): void {
    this.#stragglers.sent()
  }

  /** Those of `running` that are to be sent again now. Each counts as sent again. */
  take(running: Iterable<Span>, nowMs: number, isWaitedFor: (span: Span) => boolean): Span[] {
    const flow = nowMs - this.#flowMs >= FLOW_MS
    if (flow) this.#flowMs = nowMs
    const late: Span[] = []
    for (const span of running) {
      if (span.resending) continue
      const isLate = span.answered
        ? flow && this.#isStalled(span, nowMs, isWaitedFor)
        : this.#stragglers.isLate(span.sentMs, nowMs)
      if (isLate) late.push(span)
    }
    return late
  }

  /** When a request is to be looked at; infinite if none is. */
  dueMs(running: Iterable<Span>, nowMs: number): number {
    let dueMs = Number.POSITIVE_INFINITY
    const answerMs = this.#stragglers.lateMs
    const bodyMs = this.#stalls.lateMs
    for (const { answered, sentMs, seenMs } of running) {
      const lateMs = answered ? seenMs + bodyMs : sentMs + answerMs
      // One that was late already is looked at again when something happens.
      if (lateMs > nowMs) dueMs = Math.min(dueMs, lateMs)
    }
    return dueMs
  }

  #isStalled(span: Span, nowMs: number, isWaitedFor: (span: Span) => boolean): boolean {
    const bytes = span.position()
    const ms = nowMs - span.seenMs
    if (bytes === span.end || ms < this.#stalls.lateMs) return false
    const slow = this.#stalls.isSlow(bytes - span.seenBytes, ms)
    span.seenBytes = bytes
    span.seenMs = nowMs
    return slow && isWaitedFor(span) && this.#stragglers.mayResend()
  }
}
