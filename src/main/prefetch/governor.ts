// Decides how many requests may be in flight at one origin, demand and prefetch together. Starts
// low, grows round by round until something objects, halves when the server refuses or connections
// break, and shuts the gate while a Retry-After runs. Pure.
//
// virt-v2v once dropped its readahead because it brought vCenter to 503 and did nothing about it.

/** Requests in flight before the first answer. */
export const INITIAL_LIMIT = 4
/** Longest Retry-After that is obeyed in full, milliseconds. */
const MAX_GATE_MS = 120_000
/** After a refusal, how long its level is not tried again, milliseconds. */
const CEILING_HOLD_MS = 30_000
/**
 * Up to this limit each round doubles it; above, it grows by half, but by one at first: a server's own limit is often just
 * this, and each request beyond it is refused.
 */
const DOUBLING_LIMIT = 8
/** Share of the limit that must be answered before a round counts as gone well. */
const ROUND_SHARE = 1 / 4
/** Answers, in units of the limit, before it is raised by one, once slow start has ended. */
const ROUNDS_PER_STEP = 2

/** One governor per origin, shared by all its exports. */
export class Governor {
  readonly ceiling: number
  #limit: number
  #inFlight = 0
  #peak = 0
  /** Grows by a share per round until the first objection. */
  #slowStart = true
  /** Time of the latest growth: answers to requests sent before it belong to the last round. */
  #raisedMs = Number.NEGATIVE_INFINITY
  /** Level that was refused before; not exceeded until the hold is over. */
  #refusedLevel = Number.POSITIVE_INFINITY
  #refusedUntilMs = 0
  /** Requests sent before this moment were judged by an older limit: their failure counts once. */
  #reducedMs = Number.NEGATIVE_INFINITY
  #gateMs = 0
  #answers = 0
  #throttled = 0

  /** @param ceiling `--connections`: never exceeded */
  constructor(ceiling: number) {
    this.ceiling = ceiling
    this.#limit = Math.min(INITIAL_LIMIT, ceiling)
  }

  /** Requests that may be in flight. */
  get limit(): number {
    return this.#limit
  }

  /** Answers 429 and 503 so far. */
  get throttled(): number {
    return this.#throttled
  }

  /** Time at which requests may be sent again, milliseconds; in the past while the gate is open. */
  get gateMs(): number {
    return this.#gateMs
  }

  /** Requests in flight now. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Most requests that were in flight at one time. */
  get peakInFlight(): number {
    return this.#peak
  }

  /** How many more requests may start now. */
  room(nowMs: number): number {
    return nowMs < this.#gateMs ? 0 : Math.max(0, this.#limit - this.#inFlight)
  }

  /** A request was sent. */
  began(): void {
    this.#inFlight++
    this.#peak = Math.max(this.#peak, this.#inFlight)
  }

  /** A request is over, however it went. */
  ended(): void {
    this.#inFlight--
  }

  /**
   * An answer has begun. The limit grows only while it is used: an idle one proves nothing.
   *
   * @param sentMs when the answered request was sent
   */
  answered(sentMs: number, nowMs: number): void {
    if (this.#inFlight * 2 < this.#limit || sentMs < this.#raisedMs) return
    if (nowMs >= this.#refusedUntilMs) this.#refusedLevel = Number.POSITIVE_INFINITY
    const most = Math.min(this.ceiling, this.#refusedLevel)
    if (this.#limit >= most) return
    this.#answers++
    if (this.#slowStart) {
      if (this.#answers < this.#limit * ROUND_SHARE) return
      let growth = this.#limit
      if (this.#limit === DOUBLING_LIMIT) growth = 1
      else if (this.#limit > DOUBLING_LIMIT) growth = Math.ceil(this.#limit / 2)
      this.#limit = Math.min(most, this.#limit + growth)
      // Back at what the server did accept: what lies above is tried one by one, much later.
      if (this.#limit === this.#refusedLevel) this.#slowStart = false
    } else {
      if (this.#answers < ROUNDS_PER_STEP * this.#limit) return
      this.#limit++
    }
    this.#answers = 0
    this.#raisedMs = nowMs
  }

  /**
   * The server refused a request (429, 503); `ended()` has been told of it.
   *
   * @param sentMs when the refused request was sent
   * @param retryAfterMs the server's own word, if it gave one
   */
  refused(sentMs: number, nowMs: number, retryAfterMs?: number): void {
    this.#throttled++
    // What is still in flight is what the server did accept.
    this.#refusedLevel = Math.min(this.#refusedLevel, Math.max(1, this.#inFlight))
    this.#refusedUntilMs = nowMs + CEILING_HOLD_MS
    this.#reduce(sentMs, nowMs, 0.5)
    this.#limit = Math.min(this.#limit, this.#refusedLevel)
    // Up to the level that was accepted it may come back as fast as it came (TCP's ssthresh).
    this.#slowStart = this.#limit < this.#refusedLevel
    if (retryAfterMs !== undefined) {
      this.#gateMs = Math.max(this.#gateMs, nowMs + Math.min(retryAfterMs, MAX_GATE_MS))
    }
  }

  /** A connection broke, timed out, or the server failed: pressing on would make it worse. */
  troubled(sentMs: number, nowMs: number): void {
    this.#reduce(sentMs, nowMs, 0.7)
    this.#slowStart = false
  }

  #reduce(sentMs: number, nowMs: number, factor: number): void {
    this.#answers = 0
    // One reduction for all requests that were under way together.
    if (sentMs <= this.#reducedMs) return
    this.#reducedMs = nowMs
    this.#limit = Math.max(1, Math.floor(this.#limit * factor))
  }
}
