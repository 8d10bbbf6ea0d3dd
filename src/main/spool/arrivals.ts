// Who waits for which byte of a file that comes from its start to its end.

import type { Failure } from '../../shared/failure.js'

/** Told once: without a failure the bytes are there. */
export type Arrived = (failure?: Failure) => void

/** A watermark that is waited for. */
export class Arrivals {
  readonly #waiting = new Map<Arrived, number>()
  #watermark = 0
  /** No more than the least byte anybody waits for. */
  #next = Number.POSITIVE_INFINITY
  #failure: Failure | undefined

  /** The first so many bytes are there. */
  get watermark(): number {
    return this.#watermark
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** True if the bytes up to `end`, exclusive, are there. */
  has(end: number): boolean {
    return end <= this.#watermark
  }

  /** Calls back once the bytes up to `end` are there, or never will be: maybe before this returns. */
  wait(end: number, arrived: Arrived): void {
    if (this.has(end)) arrived()
    else if (this.#failure !== undefined) arrived(this.#failure)
    else {
      this.#waiting.set(arrived, end)
      this.#next = Math.min(this.#next, end)
    }
  }

  /** The callback will not come any more. */
  cancel(arrived: Arrived): void {
    this.#waiting.delete(arrived)
  }

  /** The first `bytes` bytes are there; what was there before stays so. */
  advance(bytes: number): void {
    this.#watermark = Math.max(this.#watermark, bytes)
    if (this.#watermark < this.#next) return
    this.#next = Number.POSITIVE_INFINITY
    for (const [arrived, end] of [...this.#waiting]) {
      if (!this.has(end)) this.#next = Math.min(this.#next, end)
      // Whoever was called before may have cancelled others.
      else if (this.#waiting.delete(arrived)) arrived()
    }
  }

  /** What is not there will not come. */
  fail(failure: Failure): void {
    this.#failure ??= failure
    for (const arrived of [...this.#waiting.keys()]) {
      if (this.#waiting.delete(arrived)) arrived(this.#failure)
    }
  }
}
