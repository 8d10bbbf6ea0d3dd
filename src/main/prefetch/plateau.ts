// Finds out how many connections are enough. Growth is never held up by it: only once the limit
// has stood for a while does it try a quarter fewer, and keeps them away if as many bytes come.
// Pure; one for each governor.

/** Share of the limit that is taken away for a trial. */
const STEP = 1 / 4
/** With less goodput than this share of what it was, the connections are given back. */
const ENOUGH = 0.97
/** Time over which goodput is measured, in first-byte times, and at least so many milliseconds. */
const WINDOW_ROUNDS = 8
const MIN_WINDOW_MS = 1000
/** Time for which the limit must have stood before its first trial, milliseconds: a copy of seconds is left alone. */
const SETTLED_MS = 5_000
/** Time until the next trial after one that failed, milliseconds; a trial costs a quarter of a window. */
const HOLD_MS = 60_000
/** Time for which a limit that proved enough is not exceeded, milliseconds. */
const CEILING_MS = 30_000
/** No trial takes the limit below this: four connections press no server. */
const LEAST = 4

/** What is measured at one moment. */
export interface PlateauSample {
  readonly limit: number
  readonly inFlight: number
  /** Received from the origin since the start. */
  readonly bytes: number
  /** False while goodput says nothing: the reader is slow, the limit is still growing. */
  readonly usable: boolean
  readonly roundMs: number
  readonly nowMs: number
}

type Phase =
  | { readonly name: 'idle' }
  /** Measures what the limit brings as it is. */
  | { readonly name: 'before'; readonly sinceMs: number; readonly bytes: number }
  /** Waits until the requests beyond the lower limit have ended. */
  | { readonly name: 'draining'; readonly was: number; readonly rate: number }
  | {
      readonly name: 'after'
      readonly was: number
      readonly rate: number
      readonly sinceMs: number
      readonly bytes: number
    }

/** Trials of fewer connections. */
export class Plateau {
  #phase: Phase = { name: 'idle' }
  #notBeforeMs = 0
  #settledLimit = 0
  #ceiling = Number.POSITIVE_INFINITY
  #ceilingUntilMs = 0
  /** The limit that brought as much as a higher one did. */
  #proven = 0

  /** The limit not to be exceeded now. */
  ceiling(nowMs: number): number {
    if (nowMs >= this.#ceilingUntilMs) this.#ceiling = Number.POSITIVE_INFINITY
    return this.#ceiling
  }

  /** The limit was taken down for another reason: a trial under way says nothing any more. */
  reset(): void {
    this.#phase = { name: 'idle' }
    this.#ceiling = Number.POSITIVE_INFINITY
  }

  /** @returns the limit from now on: as it was, lower for a trial, or back where a trial failed */
  judge({ limit, inFlight, bytes, usable, roundMs, nowMs }: PlateauSample): number {
    const phase = this.#phase
    const windowMs = Math.max(MIN_WINDOW_MS, WINDOW_ROUNDS * roundMs)
    if (!usable) {
      this.#phase = { name: 'idle' }
      return phase.name === 'draining' || phase.name === 'after'
        ? this.#back(phase.was, nowMs)
        : limit
    }
    switch (phase.name) {
      case 'idle':
        if (limit !== this.#settledLimit) {
          this.#settledLimit = limit
          this.#notBeforeMs = Math.max(this.#notBeforeMs, nowMs + SETTLED_MS)
        }
        if (limit <= LEAST || nowMs < this.#notBeforeMs || inFlight < limit) return limit
        this.#phase = { name: 'before', sinceMs: nowMs, bytes }
        return limit
      case 'before': {
        if (nowMs - phase.sinceMs < windowMs) return limit
        const rate = (bytes - phase.bytes) / (nowMs - phase.sinceMs)
        this.#phase = { name: 'draining', was: limit, rate }
        const lower = Math.max(LEAST, Math.floor(limit * (1 - STEP)))
        this.#hold(lower, nowMs + HOLD_MS)
        return lower
      }
      case 'draining':
        if (inFlight > limit) return limit
        this.#phase = { name: 'after', was: phase.was, rate: phase.rate, sinceMs: nowMs, bytes }
        return limit
      case 'after': {
        if (nowMs - phase.sinceMs < windowMs) return limit
        this.#phase = { name: 'idle' }
        const rate = (bytes - phase.bytes) / (nowMs - phase.sinceMs)
        if (rate >= ENOUGH * phase.rate) {
          this.#proven = limit
          this.#hold(limit, nowMs + CEILING_MS)
          return limit
        }
        this.#notBeforeMs = nowMs + HOLD_MS
        return this.#back(phase.was, nowMs)
      }
    }
  }

  #back(limit: number, nowMs: number): number {
    if (limit === this.#proven) this.#hold(limit, nowMs + CEILING_MS)
    else this.#ceiling = Number.POSITIVE_INFINITY
    return limit
  }

  #hold(ceiling: number, untilMs: number): void {
    this.#ceiling = ceiling
    this.#ceilingUntilMs = untilMs
  }
}
