// How long things took, counted by upper bound: what percentiles over any time and many servers can be
// told from.

import type { Histogram } from './snapshot.js'

/** From a loopback's answer to the half hour that a vCenter may think. */
export const LATENCY_BOUNDS_MS = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000,
] as const

/** Counts of one kind of times. */
export class LatencyHistogram {
  readonly #counts = new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0)
  #count = 0
  #sumMs = 0

  /** Notes a time, milliseconds. */
  add(ms: number): void {
    const index = LATENCY_BOUNDS_MS.findIndex(bound => ms <= bound)
    const place = index === -1 ? LATENCY_BOUNDS_MS.length : index
    this.#counts[place] = (this.#counts[place] as number) + 1
    this.#count++
    this.#sumMs += ms
  }

  /** As of now; a copy. */
  get figures(): Histogram {
    const { length } = LATENCY_BOUNDS_MS
    return {
      boundsMs: LATENCY_BOUNDS_MS.slice(0, length),
      counts: this.#counts.slice(),
      count: this.#count,
      sumMs: this.#sumMs,
    }
  }
}
