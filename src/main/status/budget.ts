// A budget that fills up evenly: what may be spent in a moment, and for long. Pure: time comes as an
// argument, monotonic milliseconds.

/** So many units a second, and a store of them for the moment. */
export class Budget {
  readonly #perSecond: number
  readonly #most: number
  #units: number
  #atMs: number

  constructor(perSecond: number, most: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#most = most
    this.#units = most
    this.#atMs = nowMs
  }

  /** Takes one unit; false if there is none. */
  take(nowMs: number): boolean {
    const earned = ((nowMs - this.#atMs) / 1000) * this.#perSecond
    this.#units = Math.min(this.#most, this.#units + earned)
    this.#atMs = nowMs
    if (this.#units < 1) return false
    this.#units--
    return true
  }

  /** Takes so many units, there or not: it may take a while until there are some again. */
  fine(units: number): void {
    this.#units -= units
  }
}
