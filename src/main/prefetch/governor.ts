// Decides how many requests may be in flight at one origin, demand and prefetch together. Starts
// low, doubles while answers come, halves when the server refuses, takes less when connections break, shuts
// the gate while a Retry-After runs, and gives back what brings no more bytes. Pure.
//
// virt-v2v once dropped its readahead because it brought vCenter to 503 and did nothing about it.

import { Plateau } from './plateau.js'

/** Requests in flight before the first answer. */
export const INITIAL_LIMIT = 4
/** Longest Retry-After that is obeyed in full, milliseconds. */
const MAX_GATE_MS = 120_000
/** After a refusal, how long its level is not tried again, milliseconds. */
const CEILING_HOLD_MS = 30_000
/**
 * Above this limit it grows one by one, so that a server which allows no more refuses one request
 * instead of a burst: a refusal comes sooner than an answer.
 */
const BURST_LIMIT = 8
/** Steps that a doubling above BURST_LIMIT is spread over, in a first-byte time. */
const STEPS_PER_ROUND = 8
/** Answers, in units of the limit, before it is raised by one, once slow start has ended. */
const ROUNDS_PER_STEP = 2

/**
 * A limit that no reader has needed for so long is taken down by a quarter, milliseconds: what was
 * found out about the server grows old (RFC 7661 does the same to TCP).
 */
const UNUSED_MS = 1000
const UNUSED_SHARE = 3 / 4

/** What the governor has decided, for the log. */
export type GovernorDecision =
  | {
      readonly reason: 'refused' | 'trouble' | 'plateau' | 'no plateau' | 'unused'
      readonly limit: number
    }
  | { readonly reason: 'gate'; readonly limit: number; readonly closedMs: number }
  | { readonly reason: 'growth'; readonly limit: number }

/** Why no further request is sent. */
export type HeldBack = 'refused' | 'ceiling'

/** One governor per origin, shared by all its exports. */
export class Governor {
  readonly ceiling: number
  readonly #decided: (decision: GovernorDecision) => void
  readonly #plateau = new Plateau()
  #limit: number
  #inFlight = 0
  /** Of these, requests for whole files. */
  #downloads = 0
  #peak = 0
  /** Every answer raises the limit until the first objection. */
  #slowStart = true
  /** Raises that answers have earned and that were not made yet. */
  #credit = 0
  /** Time of the latest raise, milliseconds. */
  #raisedMs = Number.NEGATIVE_INFINITY
  /** Usual time to the first byte, milliseconds. */
  #roundMs = 0
  /** Level that was refused before; not exceeded until the hold is over. */
  #refusedLevel = Number.POSITIVE_INFINITY
  #refusedUntilMs = 0
  #accepted: number | undefined
  /** Requests sent before this moment were judged by an older limit: their failure counts once. */
  #reducedMs = Number.NEGATIVE_INFINITY
  /** When the limit was last used up, or taken down because it was not. */
  #usedMs = Number.POSITIVE_INFINITY
  #gateMs = 0
  #throttled = 0
  #reductions = 0

  /**
   * @param ceiling `--connections`: never exceeded
   * @param decided told of every decision
   */
  constructor(ceiling: number, decided: (decision: GovernorDecision) => void = () => {}) {
    this.ceiling = ceiling
    this.#decided = decided
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

  /** Requests that were in flight beside the one that was refused last; undefined if none was. */
  get accepted(): number | undefined {
    return this.#accepted
  }

  /** Times the limit was taken down, for whatever reason. */
  get reductions(): number {
    return this.#reductions
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
    if (nowMs < this.#gateMs) return 0
    this.#grow(nowMs)
    if (this.#inFlight < this.#limit) return this.#limit - this.#inFlight
    // Downloads last: at a low limit nothing else would be asked for until they are over, nor the limit rise.
    return this.#inFlight === this.#downloads ? 1 : 0
  }

  /** True if one request less would still leave no room for another. */
  get isOverfull(): boolean {
    return this.#inFlight > Math.max(this.#limit, this.#downloads + 1)
  }

  /**
   * What keeps further requests from being sent: an origin that has lately refused some, or the ceiling.
   * Undefined if there is room, or the limit is what the governor itself thinks best.
   */
  heldBack(nowMs: number): HeldBack | undefined {
    if (nowMs < this.#gateMs) return 'refused'
    if (this.#inFlight < this.#limit) return undefined
    if (this.#limit >= this.ceiling) return 'ceiling'
    return nowMs < this.#refusedUntilMs ? 'refused' : undefined
  }

  /** The limit to be expected a first-byte time from now, if answers go on as they do. */
  prospect(nowMs: number): number {
    if (!this.#slowStart) return this.#limit
    return Math.max(this.#limit, Math.min(2 * this.#limit, this.#most(nowMs)))
  }

  /** When the limit can grow without a further answer; infinite if it can't. */
  get nextRaiseMs(): number {
    return this.#credit >= 1 && this.#limit < this.#most(this.#raisedMs)
      ? this.#raisedMs + this.#paceMs
      : Number.POSITIVE_INFINITY
  }

  /** The probe was answered, which is as good as a first round. */
  probed(): void {
    this.#limit = Math.min(this.ceiling, 2 * INITIAL_LIMIT)
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

  /** A request for a whole file was sent. It counts like any other, but keeps no other from being sent alone. */
  downloadBegan(): void {
    this.#downloads++
    this.began()
  }

  /** … and is over. */
  downloadEnded(): void {
    this.#downloads--
    this.ended()
  }

  /**
   * An answer has begun. The limit grows only while it is used, and while it is not the reader who
   * sets the pace.
   *
   * @param roundMs usual time to the first byte
   * @param wanting true if a reader waits for bytes
   */
  answered(nowMs: number, roundMs: number, wanting: boolean): void {
    this.#roundMs = roundMs
    if (!wanting || this.#inFlight * 2 < this.#limit) return
    const earned = this.#slowStart ? 1 : 1 / (ROUNDS_PER_STEP * this.#limit)
    this.#credit = Math.min(this.#credit + earned, this.#limit)
    this.#grow(nowMs)
  }

  /**
   * Looks whether the connections that were opened last bring anything.
   *
   * @param bytes received from the origin since the start
   * @param wanting true if a reader waits for bytes: otherwise it is the reader who sets the pace
   */
  delivered(bytes: number, wanting: boolean, nowMs: number): void {
    this.#wane(wanting, nowMs)
    const settled = !this.#slowStart || this.#limit >= this.#most(nowMs)
    const limit = this.#plateau.judge({
      limit: this.#limit,
      inFlight: this.#inFlight,
      bytes,
      usable: wanting && settled && nowMs >= this.#gateMs,
      roundMs: this.#roundMs,
      nowMs,
    })
    if (limit === this.#limit) return
    const reason = limit < this.#limit ? 'plateau' : 'no plateau'
    this.#limit = Math.min(limit, this.#most(nowMs))
    this.#decided({ reason, limit: this.#limit })
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
    this.#accepted = this.#refusedLevel
    this.#refusedUntilMs = nowMs + CEILING_HOLD_MS
    this.#reduce(sentMs, nowMs, 0.5, 'refused', this.#refusedLevel)
    // Up to the level that was accepted it may come back as fast as it came (TCP's ssthresh).
    this.#slowStart = this.#limit < this.#refusedLevel
    if (retryAfterMs !== undefined) {
      const closedMs = Math.min(retryAfterMs, MAX_GATE_MS)
      this.#gateMs = Math.max(this.#gateMs, nowMs + closedMs)
      this.#decided({ reason: 'gate', limit: this.#limit, closedMs })
    }
  }

  /** A connection broke, timed out, or the server failed: pressing on would make it worse. */
  troubled(sentMs: number, nowMs: number): void {
    this.#reduce(sentMs, nowMs, 0.7, 'trouble')
    this.#slowStart = false
  }

  get #paceMs(): number {
    return this.#limit < BURST_LIMIT ? 0 : this.#roundMs / STEPS_PER_ROUND
  }

  /** The highest limit that may be tried now. */
  #most(nowMs: number): number {
    if (nowMs >= this.#refusedUntilMs) this.#refusedLevel = Number.POSITIVE_INFINITY
    return Math.min(this.ceiling, this.#refusedLevel, this.#plateau.ceiling(nowMs))
  }

  /** Makes the raises that were earned, as far as their time has come. */
  #grow(nowMs: number): void {
    const before = this.#limit
    const most = this.#most(nowMs)
    while (this.#credit >= 1 && this.#limit < most && nowMs >= this.#raisedMs + this.#paceMs) {
      this.#limit++
      this.#credit--
      this.#raisedMs = nowMs
    }
    if (this.#limit === before) return
    // Back at what the server did accept: what lies above is tried one by one, much later.
    if (this.#limit === this.#refusedLevel) {
      this.#slowStart = false
      this.#credit = 0
    }
    this.#decided({ reason: 'growth', limit: this.#limit })
  }

  #wane(wanting: boolean, nowMs: number): void {
    const used = wanting || this.#inFlight >= this.#limit
    if (used || this.#usedMs === Number.POSITIVE_INFINITY) this.#usedMs = nowMs
    if (nowMs - this.#usedMs < UNUSED_MS || this.#limit <= INITIAL_LIMIT) return
    this.#usedMs = nowMs
    this.#credit = 0
    this.#slowStart = true
    this.#limit = Math.max(INITIAL_LIMIT, Math.floor(this.#limit * UNUSED_SHARE))
    this.#decided({ reason: 'unused', limit: this.#limit })
  }

  /** @param most the limit is taken down to this in any case */
  #reduce(
    sentMs: number,
    nowMs: number,
    factor: number,
    reason: 'refused' | 'trouble',
    most = Number.POSITIVE_INFINITY,
  ): void {
    this.#credit = 0
    this.#plateau.reset()
    const before = this.#limit
    this.#limit = Math.min(before, most)
    // One reduction for all requests that were under way together.
    if (sentMs > this.#reducedMs) {
      this.#reducedMs = nowMs
      this.#reductions++
      this.#limit = Math.min(most, Math.max(1, Math.floor(before * factor)))
    } else if (this.#limit === before) return
    this.#decided({ reason, limit: this.#limit })
  }
}
