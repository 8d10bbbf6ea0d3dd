// One HTTP server: the budget of requests that all exports behind it share, and whose turn it is.
// What somebody waits for goes before what nobody waits for yet, whichever export wants it. Of what is waited
// for, the export with the fewest requests under way is served first; of the rest, the one that was given least.

import { clamp } from '../shared/extent.js'
import type { Estimator } from './prefetch/estimator.js'
import type { Governor, HeldBack } from './prefetch/governor.js'
import { OriginRecord } from './status/origin-record.js'
import { StateTimes } from './status/state-times.js'
import { type Taker, Turns } from './turns.js'

/** A timer that can be taken back; for tests on virtual time. */
export interface Timers {
  set(ms: number, callback: () => void): unknown
  clear(timer: unknown): void
}

/** An export's side of it: starts one request when asked to. */
export interface Requester extends Taker {
  /** True while a reader waits for bytes. */
  readonly wanting: boolean
  /** True while somebody reads at random: prefetch leaves a connection to the next such read. */
  readonly randomly: boolean
  /** Looks after the requests under way. */
  tend(nowMs: number): void
  /** Starts the most urgent request that somebody waits for; false if there is none. */
  startDemand(nowMs: number): boolean
  /** Starts a request ahead of need; false if there is none. */
  startAhead(nowMs: number): boolean
  /** Fails what has waited for its turn for too long. */
  giveUp(nowMs: number): void
  /** When something falls due without any event, milliseconds; infinite if nothing does. */
  dueMs(nowMs: number): number
}

/** Share of the limit that prefetch leaves free while somebody reads at random. */
const RESERVE_SHARE = 1 / 8
/** Least time between two looks at the goodput, milliseconds. */
const GOODPUT_MS = 100

export interface OriginParts {
  readonly governor: Governor
  readonly estimator: Estimator
  /** Monotonic milliseconds. */
  readonly clock: () => number
  readonly timers: Timers
  /** Told of what becomes of requests. Default: one that nobody looks at. */
  readonly record?: OriginRecord
}

/** Starts requests while its governor has room. */
export class Origin {
  readonly governor: Governor
  readonly estimator: Estimator
  readonly record: OriginRecord
  readonly #clock: () => number
  readonly #timers: Timers
  readonly #requesters: Requester[] = []
  readonly #turns = new Turns<Requester>()
  readonly #heldBack = new StateTimes<HeldBack>()
  #awake = false
  #timer: unknown
  #timerMs = Number.POSITIVE_INFINITY
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor(parts: OriginParts) {
    this.governor = parts.governor
    this.estimator = parts.estimator
    this.record = parts.record ?? new OriginRecord()
    this.#clock = parts.clock
    this.#timers = parts.timers
  }

  /**
   * Requests that the export may count on while the one it sends now is under way: its share of the
   * limit to come, among those that have some under way.
   */
  shareOf(requester: Requester): number {
    let busy = 1
    for (const other of this.#requesters) if (other !== requester && other.inFlight > 0) busy++
    return Math.max(1, this.governor.prospect(this.#clock()) / busy)
  }

  /** Time during which further requests were held back for that reason, milliseconds. */
  heldBackMs(why: HeldBack, nowMs: number): number {
    return this.#heldBack.ms(why, nowMs)
  }

  /** From now on the export is asked for work. */
  join(requester: Requester): void {
    this.#requesters.push(requester)
  }

  /** The export is closed. */
  leave(requester: Requester): void {
    const index = this.#requesters.indexOf(requester)
    if (index !== -1) this.#requesters.splice(index, 1)
    this.#turns.forget(requester)
    if (this.#requesters.length === 0) this.#timers.clear(this.#timer)
  }

  /**
   * Looks for work after the present turn, so that all requests a client sent together are seen
   * together.
   */
  wake(): void {
    if (this.#awake) return
    this.#awake = true
    queueMicrotask(() => {
      this.#awake = false
      this.pump()
    })
  }

  /** Starts every request that may start now. */
  pump(): void {
    if (this.#requesters.length === 0) return
    const nowMs = this.#clock()
    for (const requester of this.#requesters) requester.tend(nowMs)
    this.#lookAtGoodput(nowMs)
    const { governor } = this
    while (governor.room(nowMs) > 0 && this.#startDemand(nowMs)) {}
    // Of a single request at a time nothing can be left, or prefetch would come to a stop.
    const most = Math.min(governor.limit - 1, Math.ceil(governor.limit * RESERVE_SHARE))
    const reserve = this.#requesters.some(r => r.randomly) ? most : 0
    while (governor.room(nowMs) > reserve && this.#startAhead(nowMs)) {}
    for (const requester of this.#requesters) requester.giveUp(nowMs)
    this.#heldBack.enter(governor.heldBack(nowMs), nowMs)
    this.#arm(nowMs)
  }

  /** Asks one export after the other, those with the fewest requests first. */
  #startDemand(nowMs: number): boolean {
    const inTurn = this.#isShared
      ? this.#requesters.toSorted((a, b) => a.inFlight - b.inFlight)
      : this.#requesters
    return this.#first(inTurn, requester => requester.startDemand(nowMs))
  }

  /** Asks one export after the other, those that were given least first. */
  #startAhead(nowMs: number): boolean {
    const inTurn = this.#isShared ? this.#turns.order(this.#requesters) : this.#requesters
    return this.#first(inTurn, requester => requester.startAhead(nowMs))
  }

  /**
   * Asks until one has started a request. Of equals it is the last next time: where there are more
   * exports than requests allowed, those who have none under way are all equal.
   */
  #first(inTurn: readonly Requester[], start: (requester: Requester) => boolean): boolean {
    const starter = inTurn.find(start)
    if (starter === undefined) return false
    const index = this.#requesters.indexOf(starter)
    if (index !== -1) this.#requesters.push(...this.#requesters.splice(index, 1))
    return true
  }

  get #isShared(): boolean {
    return this.#requesters.length > 1
  }

  #lookAtGoodput(nowMs: number): void {
    if (nowMs - this.#lookedMs < GOODPUT_MS || this.governor.inFlight === 0) return
    this.#lookedMs = nowMs
    let bytes = 0
    for (const requester of this.#requesters) bytes += requester.receivedBytes()
    const wanting = this.#requesters.some(requester => requester.wanting)
    this.estimator.delivered(bytes, wanting, nowMs)
    this.governor.delivered(bytes, wanting, nowMs)
  }

  /** Comes back when something falls due, the governor's gate opens, or its limit may grow. */
  #arm(nowMs: number): void {
    const { gateMs, nextRaiseMs } = this.governor
    const nextMs = gateMs > nowMs ? gateMs : nextRaiseMs
    let dueMs = nextMs > nowMs ? nextMs : Number.POSITIVE_INFINITY
    for (const requester of this.#requesters) dueMs = Math.min(dueMs, requester.dueMs(nowMs))
    if (dueMs === this.#timerMs) return
    this.#timers.clear(this.#timer)
    this.#timerMs = dueMs
    if (dueMs === Number.POSITIVE_INFINITY) return
    this.#timer = this.#timers.set(clamp(dueMs - nowMs, 1, 60_000), () => {
      this.#timerMs = Number.POSITIVE_INFINITY
      this.pump()
    })
  }
}
