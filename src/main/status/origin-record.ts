// What is remembered of one origin for whoever looks: the governor's latest decisions and how often each
// was taken, and whether the origin answers. Time comes as an argument, monotonic milliseconds.

import type { GovernorDecision } from '../prefetch/governor.js'
import { type DecisionStatus, STATUS_BOUNDS } from './snapshot.js'

type Reason = GovernorDecision['reason']

/** Failures for so long, without a right answer among them, mean that the origin does not answer. */
const DOWN_AFTER_MS = 10_000

interface Decision {
  readonly atMs: number
  readonly reason: Reason
  readonly limit: number
}

/** One for each origin. */
export class OriginRecord {
  readonly counts: Record<Reason, number> = {
    growth: 0,
    refused: 0,
    trouble: 0,
    gate: 0,
    plateau: 0,
    'no plateau': 0,
    unused: 0,
  }
  readonly #decisions: Decision[] = []
  #answeredMs: number | undefined
  /** Of the first failure since the latest right answer, and of the latest. */
  #failingSinceMs: number | undefined
  #failedMs = 0

  /** The governor has decided. */
  decided({ reason, limit }: GovernorDecision, nowMs: number): void {
    this.counts[reason]++
    this.#decisions.push({ atMs: nowMs, reason, limit })
    if (this.#decisions.length > STATUS_BOUNDS.decisions) this.#decisions.shift()
  }

  /** The latest last. */
  decisions(nowMs: number): DecisionStatus[] {
    return this.#decisions.map(({ atMs, reason, limit }) => ({
      secondsAgo: (nowMs - atMs) / 1000,
      reason,
      limit,
    }))
  }

  /** A request was answered as it should be. */
  answered(nowMs: number): void {
    this.#answeredMs = nowMs
    this.#failingSinceMs = undefined
  }

  /** A request has failed. */
  failed(nowMs: number): void {
    this.#failingSinceMs ??= nowMs
    this.#failedMs = nowMs
  }

  /** Seconds since the latest right answer; null before the first. */
  answeredSeconds(nowMs: number): number | null {
    return this.#answeredMs === undefined ? null : (nowMs - this.#answeredMs) / 1000
  }

  /** True if requests have failed for a while and none was answered rightly since. */
  get down(): boolean {
    return (
      this.#failingSinceMs !== undefined && this.#failedMs - this.#failingSinceMs >= DOWN_AFTER_MS
    )
  }
}
