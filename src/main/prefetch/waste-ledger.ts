// Keeps account of what was fetched ahead and never read, as sequential runs that break off leave
// it behind. Where much is wasted, a run has to show more of itself before it is fetched ahead of.
// Pure; one for each export.

const MiB = 1024 * 1024

/** The account covers about so many of the latest bytes fetched ahead. */
const SPAN_BYTES = 64 * MiB
/** With less than this in the account nothing is judged, bytes. */
const LEAST_BYTES = 4 * MiB
/** Wasted shares above which runs are trusted less, and not at all. */
const MUCH = 1 / 5
const MOST = 1 / 2
/** How many times what it has read a run is fetched ahead, by how much is wasted. */
const TRUST = 4
const LITTLE_TRUST = 1
const NO_TRUST = 1 / 4

/** What came of fetching ahead. */
export class WasteLedger {
  #used = 0
  #wasted = 0

  /**
   * A run has ended.
   *
   * @param used bytes it has read
   * @param ahead bytes fetched for it that it has not
   */
  ended(used: number, ahead: number): void {
    this.#used += Math.min(used, SPAN_BYTES)
    this.#wasted += Math.min(ahead, SPAN_BYTES)
    const total = this.#used + this.#wasted
    if (total <= SPAN_BYTES) return
    this.#used *= SPAN_BYTES / total
    this.#wasted *= SPAN_BYTES / total
  }

  /** Share of the bytes fetched for the latest runs that was not read, 0 to 1. */
  get wastedShare(): number {
    const total = this.#used + this.#wasted
    return total < LEAST_BYTES ? 0 : this.#wasted / total
  }

  /** How far ahead of a new run may be fetched, in units of what it has read. */
  get trust(): number {
    const share = this.wastedShare
    return share > MOST ? NO_TRUST : share > MUCH ? LITTLE_TRUST : TRUST
  }
}
