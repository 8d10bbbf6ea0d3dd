// Whose turn it is among exports that fetch ahead from one origin: that of the one which has been given
// the fewest bytes, those its requests are yet to bring included. Counted in requests, an export that comes
// a moment before the others takes a window of large ones and stays ahead by it.
//
// Start-time fair queueing (Goyal, Vin, Cheng 1996): who was idle begins where the one that was served least
// stands, so that nobody saves up.

/** What is looked at of an export. */
export interface Taker {
  /** Requests under way. */
  readonly inFlight: number
  /** Bytes received so far, those of requests under way included. */
  receivedBytes(): number
  /** Bytes that the requests under way are yet to bring. */
  owedBytes(): number
}

/** Of one origin. */
export class Turns<T extends Taker> {
  /** Added to what an export has been given. */
  readonly #skews = new Map<T, number>()

  /** All of them, the next first; those given the same in the order they are in. */
  order(takers: readonly T[]): readonly T[] {
    const standings = takers.map(taker => ({ taker, received: this.#received(taker) }))
    const busy = standings.filter(({ taker }) => taker.inFlight > 0)
    const start =
      busy.length > 0
        ? Math.min(...busy.map(({ received }) => received))
        : Math.max(...standings.map(({ received }) => received))
    return standings
      .map(({ taker, received }) => {
        const behind = taker.inFlight === 0 ? Math.max(0, start - received) : 0
        if (behind > 0) this.#skews.set(taker, this.#skew(taker) + behind)
        return { taker, given: received + behind + taker.owedBytes() }
      })
      .sort((a, b) => a.given - b.given)
      .map(({ taker }) => taker)
  }

  /** It is asked no more. */
  forget(taker: T): void {
    this.#skews.delete(taker)
  }

  #received(taker: T): number {
    return taker.receivedBytes() + this.#skew(taker)
  }

  #skew(taker: T): number {
    return this.#skews.get(taker) ?? 0
  }
}
