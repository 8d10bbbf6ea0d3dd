// Sends requests while the governor has room and sees each span to its end: retries that go on at
// the watermark, stragglers sent again, failures told to whoever waits.

import { clamp, type Extent } from '../shared/extent.js'
import type { Failure } from '../shared/failure.js'
import type { FetchResult, FetchTask, SourceRequest } from '../shared/fetch-task.js'
import { type RingOwner, SlotFiller, SlotState } from '../shared/sharedarraybuffer-ring/index.js'
import type { Demand, DemandFetcher } from './block-reader.js'
import type { Log } from './log.js'
import type { Estimator } from './prefetch/estimator.js'
import { OriginHealth } from './prefetch/origin-health.js'
import { classify, decideRetry } from './prefetch/retry-policy.js'
import { Stragglers } from './prefetch/stragglers.js'
import type { RequestSource } from './source/request-source.js'
import { type Choice, SpanChooser, type SpanChooserParts } from './span-chooser.js'
import type { FetchMeter } from './status/fetch-meter.js'

/**
 * Bytes a failed request must have brought for the count of attempts to start again: with less, a
 * server that breaks off after a byte would be asked a hundred thousand times before a read fails.
 */
const PROGRESS_BYTES = 4096
/** Attempts for a span nobody waits for: the read that may come asks afresh. */
const PREFETCH_ATTEMPTS = 3
/** Times a request is sent again for a renewed session or URL before it is told: more is no coincidence. */
const MAX_OBJECTIONS = 12
/** Time over which those who waited for the end of an outage are spread, milliseconds. */
const RETURN_MS = 250
/** Time without prefetch after a failure that asking again would not mend, milliseconds. */
const HOLD_MS = 1_000
/** Sends one span to a worker. Never rejects. */
export interface SpanRunner {
  run(task: FetchTask): Promise<FetchResult>
}

/** A timer that can be taken back; for tests on virtual time. */
export interface Timers {
  set(ms: number, callback: () => void): unknown
  clear(timer: unknown): void
}

/** A run of neighbouring bytes fetched by one request, with the slots that take it. */
interface Span extends Choice {
  readonly id: number
  readonly epochs: number[]
  /** Requests sent since the span last made progress. */
  attempts: number
  /** Requests sent in all. */
  requests: number
  sentMs: number
  /** What the request in flight was made from. */
  source: SourceRequest | undefined
  /** Times the source was renewed for it since it last made progress. */
  objections: number
  /** When the first of the `attempts` failed; undefined while none has. */
  failedMs: number | undefined
  /** True while the request in flight is being taken back to be sent again. */
  resending: boolean
}

/** A span that failed and waits for its next attempt. */
interface Retry {
  readonly span: Span
  dueMs: number
  /** Everything failed when it did: it need not wait once something is answered. */
  readonly outage?: boolean
}

export interface SpanFetcherParts extends SpanChooserParts {
  readonly maxAttempts: number
  /** Time from a request's first failure in which it is repeated, milliseconds. */
  readonly maxRetryMs: number
  readonly source: RequestSource
  /** The source's URL without secrets, for messages. */
  readonly sourceName: string
  readonly owner: RingOwner
  readonly estimator: Estimator
  readonly runner: SpanRunner
  readonly meter: FetchMeter
  readonly log: Log
  readonly random: () => number
  readonly timers: Timers
}

/** Fetches for one export. */
export class SpanFetcher implements DemandFetcher {
  readonly #parts: SpanFetcherParts
  readonly #chooser: SpanChooser
  readonly #stragglers: Stragglers
  readonly #health = new OriginHealth()
  /** Spans whose request has shown no byte yet. */
  readonly #unanswered = new Set<Span>()
  /** Spans that failed and wait for their next attempt. */
  readonly #retries: Retry[] = []
  /** Who wants to know if a slot's fetch ends for good without filling it. */
  readonly #lostListeners = new Map<number, Set<(failure: Failure) => void>>()
  #poison: Failure | undefined
  #closed = false
  #lastSpan = 0
  #awake = false
  /** Until when nothing is prefetched. */
  #holdMs = 0
  #timer: unknown
  #timerMs = Number.POSITIVE_INFINITY

  constructor(parts: SpanFetcherParts) {
    this.#parts = parts
    this.#chooser = new SpanChooser(parts)
    this.#stragglers = new Stragglers(parts.estimator)
    parts.source.onRenewed = failure => this.#renewed(failure)
  }

  get poison(): Failure | undefined {
    return this.#poison
  }

  /** Blocks that somebody waits for and no request brings yet. */
  get waitingDemands(): number {
    return this.#chooser.demands.size
  }

  /** Spans that failed and wait for their next attempt. */
  get waitingRetries(): number {
    return this.#retries.length
  }

  demand(demand: Demand): void {
    if (this.#poison !== undefined) {
      demand.fail(this.#poison)
      return
    }
    this.#chooser.demands.add(demand)
    this.wake()
  }

  withdraw(demand: Demand): void {
    this.#chooser.demands.withdraw(demand)
  }

  onLost(slot: number, listener: (failure: Failure) => void): () => void {
    const listeners = this.#lostListeners.get(slot) ?? new Set()
    listeners.add(listener)
    this.#lostListeners.set(slot, listeners)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#lostListeners.delete(slot)
    }
  }

  served(offset: number): void {
    this.#parts.served.set(Math.floor((offset - 1) / this.#parts.blockBytes))
  }

  /** CACHE: the range will be read. What the ring has room for is fetched after all demand. */
  hint(extent: Extent): void {
    this.#chooser.hint(extent)
    this.wake()
  }

  /** True if a CACHE that still counts covers the block. */
  isHinted(block: number): boolean {
    return this.#chooser.isHinted(block)
  }

  /**
   * Looks for work after the present turn, so that all requests a client sent together are seen
   * together.
   */
  wake(): void {
    if (this.#awake || this.#closed) return
    this.#awake = true
    queueMicrotask(() => {
      this.#awake = false
      this.pump()
    })
  }

  /** Starts every request that may start now. */
  pump(): void {
    if (this.#closed) return
    const { governor, source, clock } = this.#parts
    const nowMs = clock()
    this.#resendStragglers(nowMs)
    while (governor.room(nowMs) > 0 && source.isReady(nowMs)) {
      const started =
        this.#startRetry(nowMs) || this.#begin(this.#chooser.next(this.#mayPrefetch(nowMs), nowMs))
      if (!started) break
    }
    this.#arm(nowMs)
  }

  /** Nothing is started any more, and whoever waits is told. */
  close(failure: Failure): void {
    this.#closed = true
    this.#parts.timers.clear(this.#timer)
    this.#endAll(this.#poison ?? failure)
  }

  /** Fails whoever waits, now and from now on. */
  #endAll(failure: Failure): void {
    this.#poison ??= failure
    this.#failWaiting(failure)
    for (const slot of [...this.#lostListeners.keys()]) this.#tellLost(slot, failure)
  }

  /** Fails whoever waits for a request that is not under way. */
  #failWaiting(failure: Failure): void {
    for (const demand of this.#chooser.demands.takeAll()) demand.fail(failure)
    for (const { span } of this.#retries.splice(0)) this.#lose(span, failure)
  }

  /**
   * Repeats a request that is due. While a server lets few through, those waited for come first, and of these the oldest:
   * where nothing helps, a read is to fail when its own attempts are used up, not when everybody's are.
   */
  #startRetry(nowMs: number): boolean {
    const due = this.#retries.filter(({ dueMs }) => dueMs <= nowMs)
    const waitedFor = due.filter(({ span }) => this.#isWaitedFor(span))
    const [first, ...others] = waitedFor.length > 0 ? waitedFor : due
    if (first === undefined) return false
    const retry = others.reduce((a, b) => (b.span.id < a.span.id ? b : a), first)
    this.#retries.splice(this.#retries.indexOf(retry), 1)
    const { owner, meter } = this.#parts
    const { span } = retry
    for (const [i, slot] of span.slots.entries()) {
      if (this.#holds(span, i) && owner.memory.state(slot) === SlotState.FAILED) {
        span.epochs[i] = owner.resume(slot)
      }
    }
    meter.retries++
    this.#send(span)
    return true
  }

  /** @returns false if there is nothing to begin */
  #begin(choice: Choice | undefined): boolean {
    if (choice === undefined) return false
    const { memory } = this.#parts.owner
    this.#send({
      ...choice,
      id: ++this.#lastSpan,
      epochs: choice.slots.map(slot => memory.epoch(slot)),
      attempts: 0,
      requests: 0,
      sentMs: 0,
      source: undefined,
      objections: 0,
      failedMs: undefined,
      resending: false,
    })
    return true
  }

  /** Sends a request for what the span lacks. */
  #send(span: Span): void {
    const { owner, governor, runner, waiter, clock, meter, log } = this.#parts
    const open = this.#unfinished(span)
    const first = open[0] as number
    const firstSlot = span.slots[first] as number
    const offset = this.#offsetOf(span, first) + owner.memory.fill(firstSlot)
    span.attempts++
    span.requests++
    span.sentMs = clock()
    span.source = this.#parts.source.request
    const task: FetchTask = {
      spanId: span.id,
      source: span.source,
      offset,
      length: span.end - offset,
      slots: open.map(i => span.slots[i] as number),
      epochs: open.map(i => span.epochs[i] as number),
      bulk: !this.#isWaitedFor(span),
    }
    governor.began()
    meter.requests++
    this.#stragglers.sent()
    log('debug', 'request', { span: span.id, offset, length: task.length, attempt: span.requests })
    const firstByte = () => {
      this.#unanswered.delete(span)
      governor.answered(span.sentMs, clock())
      this.wake()
    }
    this.#unanswered.add(span)
    waiter.wait(firstSlot, owner.memory.fill(firstSlot) + 1, firstByte)
    void runner.run(task).then(result => {
      const unanswered = this.#unanswered.delete(span)
      if (unanswered) waiter.cancel(firstSlot, firstByte)
      // Before it is over: the governor looks at how many were under way, this one included.
      if (result.ok && unanswered) governor.answered(span.sentMs, clock())
      governor.ended()
      this.#ended(span, result)
    })
  }

  #ended(span: Span, result: FetchResult): void {
    const { table, estimator, meter, waiter } = this.#parts
    const { timings } = result
    meter.fetched(timings)
    // A refusal comes sooner than bytes would, and says nothing about them.
    const brought = result.ok || timings.receivedBytes > 0
    if (result.ok) {
      if (this.#health.down) this.#outageOver()
      this.#health.noted(true)
      if (span.source !== undefined) this.#parts.source.worked(span.source)
    }
    if (brought && timings.firstByteMs >= 0) estimator.firstByte(timings.firstByteMs)
    estimator.body(timings.receivedBytes, timings.bodyMs)
    if (timings.newConnection) estimator.connected(timings.connectMs)
    if (!result.ok && result.failure.code === 'worker-died') this.#takeBack(span)
    // Tells everyone whose bytes have come before anything is decided about the rest.
    waiter.poll()
    const whole = this.#unfinished(span).length === 0
    if (whole) {
      for (const [i, slot] of span.slots.entries()) if (this.#holds(span, i)) table.fetched(slot)
    }
    if (!result.ok) this.#failed(span, result.failure, timings.receivedBytes, whole)
    else if (!whole) {
      const failure: Failure = { code: 'internal', message: 'the span ended without all its bytes' }
      this.#lose(span, failure)
    }
    this.wake()
  }

  #failed(span: Span, failure: Failure, receivedBytes: number, whole: boolean): void {
    const { governor, clock, random, log, maxAttempts, maxRetryMs, sourceName, meter } = this.#parts
    if (this.#closed) {
      // Ended by us, with its thread.
      if (!whole) this.#lose(span, this.#poison ?? failure)
      return
    }
    const nowMs = clock()
    const takenBack = span.resending && failure.code === 'cancelled'
    span.resending = false
    if (takenBack && !whole && this.#poison === undefined) {
      this.#retries.push({ span, dueMs: nowMs })
      return
    }
    meter.failure(failure.code)
    const kind = classify(failure)
    if (kind === 'refused') governor.refused(span.sentMs, nowMs, failure.retryAfterMs)
    else if (kind === 'transient') governor.troubled(span.sentMs, nowMs)
    if (whole) return
    if (receivedBytes >= PROGRESS_BYTES) {
      span.attempts = 1
      span.objections = 0
      span.failedMs = undefined
    }
    const objection = this.#objection(span, failure, nowMs)
    if (objection === 'again') {
      // Not the span's failure: it is sent again as if it had not been sent.
      span.attempts--
      this.#retries.push({ span, dueMs: nowMs })
      return
    }
    if (objection !== undefined || kind === 'final') this.#holdMs = nowMs + HOLD_MS
    if (objection !== undefined) {
      log('warn', `request given up: ${objection.message}`)
      this.#lose(span, objection)
      return
    }
    this.#health.noted(false)
    const { attempts } = span
    span.failedMs ??= nowMs
    const time = { elapsedMs: nowMs - span.failedMs, maxElapsedMs: maxRetryMs }
    const trial = this.#isWaitedFor(span)
      ? { attempts, maxAttempts, ...time, othersFailing: this.#health.failureShare(attempts) }
      : { attempts, maxAttempts: Math.min(PREFETCH_ATTEMPTS, maxAttempts), ...time }
    const decision = decideRetry(failure, trial, random())
    const fields = { span: span.id, code: failure.code, attempt: span.requests }
    if (decision.action === 'retry' && this.#poison === undefined) {
      log(
        'debug',
        `request failed, again in ${Math.round(decision.delayMs)} ms: ${failure.message}`,
        fields,
      )
      const outage = kind === 'transient' && this.#health.down
      this.#retries.push({ span, dueMs: nowMs + decision.delayMs, outage })
      return
    }
    const told: Failure = {
      ...failure,
      message: `GET ${sourceName}: ${failure.message} (${span.requests} ${span.requests === 1 ? 'attempt' : 'attempts'})`,
    }
    if (decision.action === 'poison' && this.#poison === undefined) {
      this.#changed(told)
    } else {
      log('warn', `request given up: ${told.message}`, fields)
    }
    this.#lose(span, this.#poison ?? told)
  }

  /** False where prefetch would only repeat what has just failed for good. */
  #mayPrefetch(nowMs: number): boolean {
    return this.#poison === undefined && nowMs >= this.#holdMs && !this.#health.down
  }

  /** The origin is back: whoever failed for its absence asks again now, in no particular order. */
  #outageOver(): void {
    const { clock, random } = this.#parts
    const latestMs = clock() + RETURN_MS
    for (const retry of this.#retries) {
      if (retry.outage) retry.dueMs = Math.min(retry.dueMs, latestMs - random() * RETURN_MS)
    }
  }

  /** What a renewal of the source does about a failure; see `RequestSource.objected()`. */
  #objection(span: Span, failure: Failure, nowMs: number): 'again' | Failure | undefined {
    if (span.source === undefined || this.#poison !== undefined) return undefined
    if (span.objections >= MAX_OBJECTIONS) return undefined
    const objection = this.#parts.source.objected(span.source, failure, nowMs)
    if (objection === 'again') span.objections++
    return objection
  }

  /** A renewal of the source has ended: all that waits goes on, or fails with it. */
  #renewed(failure: Failure | undefined): void {
    if (failure !== undefined && !this.#closed) {
      if (classify(failure) === 'changed') this.#changed(failure)
      else this.#failWaiting(failure)
    }
    this.wake()
  }

  #changed(failure: Failure): void {
    this.#parts.log('error', `the source has changed, no more of it is served: ${failure.message}`)
    this.#endAll(failure)
  }

  /**
   * Takes back requests whose first byte is overdue, before a reader comes to them. Their slots come back as soon as the
   * worker has let go, and the span is sent again at once, on another connection.
   */
  #resendStragglers(nowMs: number): void {
    const { owner, log, meter } = this.#parts
    let cancelled = false
    for (const span of this.#unanswered) {
      if (span.resending || !this.#stragglers.isLate(span.sentMs, nowMs)) continue
      span.resending = true
      cancelled = true
      meter.resent++
      log('debug', 'no answer yet, sent again', {
        span: span.id,
        ms: Math.round(nowMs - span.sentMs),
      })
      for (const i of this.#unfinished(span)) owner.cancel(span.slots[i] as number)
    }
    if (cancelled) owner.ringCancelBell()
  }

  /** The span's thread is gone: its slots are nobody's. */
  #takeBack(span: Span): void {
    const { owner } = this.#parts
    const { memory } = owner
    for (const [i, slot] of span.slots.entries()) {
      if (!this.#holds(span, i)) continue
      owner.abandon(slot)
      // It may have ended between a slot's last byte and letting go of it: nothing is left to fetch.
      if (memory.state(slot) !== SlotState.FAILED || memory.fill(slot) < memory.length(slot))
        continue
      const epoch = owner.resume(slot)
      span.epochs[i] = epoch
      new SlotFiller(memory, slot, epoch).complete()
    }
  }

  /** The span's missing bytes will not come. */
  #lose(span: Span, failure: Failure): void {
    const { table, waiter, planner } = this.#parts
    planner.lost(span.offset)
    const lost: number[] = []
    for (const [i, slot] of span.slots.entries()) {
      if (!this.#holds(span, i)) continue
      if (this.#parts.owner.memory.isReady(slot)) {
        table.fetched(slot)
        continue
      }
      waiter.drop(slot)
      table.lost(slot)
      lost.push(slot)
    }
    // Told when no slot of the span can be found any more: a read sent in answer asks afresh.
    for (const slot of lost) this.#tellLost(slot, failure)
  }

  #tellLost(slot: number, failure: Failure): void {
    const listeners = this.#lostListeners.get(slot)
    this.#lostListeners.delete(slot)
    for (const listener of listeners ?? []) listener(failure)
  }

  /** Positions of the span's slots that are not whole yet. */
  #unfinished(span: Span): number[] {
    const { memory } = this.#parts.owner
    const open: number[] = []
    for (const [i, slot] of span.slots.entries()) {
      if (this.#holds(span, i) && !memory.isReady(slot)) open.push(i)
    }
    return open
  }

  /** False once the slot was whole, was given up, and serves another block. */
  #holds(span: Span, index: number): boolean {
    return this.#parts.owner.memory.epoch(span.slots[index] as number) === span.epochs[index]
  }

  #isWaitedFor(span: Span): boolean {
    return span.slots.some((slot, i) => this.#holds(span, i) && this.#lostListeners.has(slot))
  }

  #offsetOf(span: Span, index: number): number {
    const { table, blockBytes } = this.#parts
    const slot = span.slots[index] as number
    return table.blockOf(slot) * blockBytes + table.startOf(slot)
  }

  /** Comes back when a retry is due or the governor's gate opens. */
  #arm(nowMs: number): void {
    const { governor, timers } = this.#parts
    // A retry that is due already waits for room, not for time.
    const later = this.#retries.map(retry => retry.dueMs).filter(dueMs => dueMs > nowMs)
    if (this.#holdMs > nowMs) later.push(this.#holdMs)
    const { lateMs } = this.#stragglers
    for (const span of this.#unanswered) {
      // One that was late already is looked at again when something happens.
      if (span.sentMs + lateMs > nowMs) later.push(span.sentMs + lateMs)
    }
    const dueMs =
      governor.gateMs > nowMs ? governor.gateMs : Math.min(...later, Number.POSITIVE_INFINITY)
    if (dueMs === this.#timerMs) return
    timers.clear(this.#timer)
    this.#timerMs = dueMs
    if (dueMs === Number.POSITIVE_INFINITY) return
    this.#timer = timers.set(clamp(dueMs - nowMs, 1, 60_000), () => {
      this.#timerMs = Number.POSITIVE_INFINITY
      this.pump()
    })
  }
}
