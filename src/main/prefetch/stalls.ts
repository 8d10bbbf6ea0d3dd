// Finds bodies that have stopped flowing while somebody waits for them, long before the time limit
// for any body: such a request is taken back and goes on from where it stopped, on another
// connection. Pure.

import type { Estimator } from './estimator.js'

/** A body is late after so many times the 95th percentile of first-byte times … */
const P95_TIMES = 8
/** … and at least so many milliseconds: packets are lost and sent again in less. */
const LEAST_MS = 2_000
/** … if it brought less than this share of what connections usually bring in that time. */
const SLOW_SHARE = 1 / 20

/** Judges bodies of one origin. */
export class Stalls {
  readonly #estimator: Estimator

  constructor(estimator: Estimator) {
    this.#estimator = estimator
  }

  /** Time without a byte after which a body that somebody waits for is taken back, milliseconds. */
  get lateMs(): number {
    const { measured, firstByteP95Ms } = this.#estimator
    return measured ? Math.max(LEAST_MS, P95_TIMES * firstByteP95Ms) : Number.POSITIVE_INFINITY
  }

  /** True if a body that brought so many bytes in this time stands still, or nearly so. */
  isSlow(bytes: number, ms: number): boolean {
    return bytes < (SLOW_SHARE * this.#estimator.ratePerConnection * ms) / 1000
  }
}
