// What became of the latest requests of an origin. A request that fails again and again is bad luck where others fail
// as often and still get through in between, and a habit of the server where nothing does: the record tells one from
// the other, and with it how long to go on asking. Pure.

/**
 * Requests remembered: enough to tell a rate, few enough to forget better times soon - a server that answers nothing
 * rightly any more shows after so many requests, all spans together.
 */
const REMEMBERED = 32
/** Others from which on it counts as one failure that there was none: so few are no proof that there will be none. */
const TELLING = 16
/** Failures in a row that make an outage: at one fault in two it takes hundreds of requests to see as many. */
const DOWN_STREAK = 8

/** The latest outcomes of one origin's requests. */
export class OriginHealth {
  /** Oldest first once full; true was a right answer. */
  readonly #outcomes: boolean[] = []
  #next = 0
  #failed = 0
  #streak = 0

  /** Notes what became of a request. Leave out those that were taken back. */
  noted(right: boolean): void {
    if (this.#outcomes[this.#next] === false) this.#failed--
    if (!right) this.#failed++
    this.#streak = right ? 0 : this.#streak + 1
    this.#outcomes[this.#next] = right
    this.#next = (this.#next + 1) % REMEMBERED
  }

  /** True if nothing was answered rightly for a while. */
  get down(): boolean {
    return this.#streak >= DOWN_STREAK
  }

  /**
   * Share of the other requests that failed lately, 0 to 1, with none of 16 or more taken as one; undefined if none is
   * remembered.
   *
   * @param ownFailures latest failures of the request in question, all noted here: they are left out, as it
   *   must not excuse itself
   */
  failureShare(ownFailures: number): number | undefined {
    const own = Math.min(ownFailures, this.#failed)
    const others = this.#outcomes.length - own
    if (others === 0) return undefined
    return Math.max(this.#failed - own, others >= TELLING ? 1 : 0) / others
  }
}
