// Sends requests while the governor has room and sees each span to its end: retries that go on at
// the watermark, stragglers sent again, failures told to whoever waits.

import type { Extent } from '../shared/extent.js'
import type { Failure } from '../shared/failure.js'
import type { FetchResult, FetchTask, SourceRequest } from '../shared/fetch-task.js'
import { SlotFiller, SlotState } from '../shared/sharedarraybuffer-ring/index.js'
import type { Demand, DemandFetcher } from './block-reader.js'
import { FoldedWarning } from './folded-warning.js'
import type { Log } from './log.js'
import type { Origin, Requester } from './origin.js'
import { OriginHealth } from './prefetch/origin-health.js'
import { classify, decideRetry } from './prefetch/retry-policy.js'
import { Stalls } from './prefetch/stalls.js'
import { Stragglers } from './prefetch/stragglers.js'
import type { SharedRing } from './shared-ring.js'
import { type Choice, Span } from './span.js'
import { SpanChooser, type SpanChooserParts } from './span-chooser.js'
import type { FetchMeter } from './status/fetch-meter.js'

/**
 * Bytes a failed request must have brought for the count of attempts to start again: with less, a
 * server that breaks off after a byte would be asked a hundred thousand times before a read fails.
 */
const PROGRESS_BYTES = 4096
/** Attempts for a span nobody waits for: the read that may come asks afresh. */
const PREFETCH_ATTEMPTS = 3
/** Time between two looks at how bodies flow, milliseconds. */
const FLOW_MS = 250
/** Time for which a random read is expected to be followed by another, milliseconds. */
const RANDOM_MS = 2_000

/** Sends one span to a worker. Never rejects. */
export interface SpanRunner {
  run(task: FetchTask): Promise<FetchResult>
}

export interface SpanFetcherParts extends SpanChooserParts {
  readonly maxAttempts: number
  readonly source: () => SourceRequest
  /** The source's URL without secrets, for messages. */
  readonly sourceName: string
  readonly ring: SharedRing
  readonly origin: Origin
  readonly runner: SpanRunner
  readonly meter: FetchMeter
  readonly log: Log
  readonly random: () => number
}

/** Bounds how far the limit for a first byte grows with each attempt: at 120 s, to 32 minutes. */
const MAX_PATIENCE = 16

/** Fetches for one export. */
export class SpanFetcher implements DemandFetcher, Requester {
  readonly #parts: SpanFetcherParts
  readonly #chooser: SpanChooser
  readonly #stragglers: Stragglers
  readonly #stalls: Stalls
  readonly #health = new OriginHealth()
  /** Spans with a request under way. */
  readonly #running = new Set<Span>()
  /** Spans that failed and wait for their next attempt. */
  readonly #retries: { span: Span; dueMs: number }[] = []
  /** Who wants to know if a slot's fetch ends for good without filling it. */
  readonly #lostListeners = new Map<number, Set<(failure: Failure) => void>>()
  readonly #givenUp: FoldedWarning
  #poison: Failure | undefined
  #closed = false
  #lastSpan = 0
  /** Bytes brought by requests that are over. */
  #receivedBytes = 0
  #flowMs = Number.NEGATIVE_INFINITY
  #randomMs = Number.NEGATIVE_INFINITY

  constructor(parts: SpanFetcherParts) {
    this.#parts = parts
    this.#chooser = new SpanChooser(parts)
    this.#stragglers = new Stragglers(parts.origin.estimator)
    this.#stalls = new Stalls(parts.origin.estimator)
    parts.origin.join(this)
    this.#givenUp = new FoldedWarning(parts.log, count => `${count} requests were given up in all`)
  }

  get poison(): Failure | undefined {
    return this.#poison
  }

  /** Blocks that somebody waits for and no request brings yet. */
  get waitingDemands(): number {
    return this.#chooser.demands.size
  }

  get inFlight(): number {
    return this.#running.size
  }

  get wanting(): boolean {
    return this.#lostListeners.size > 0 || this.#chooser.demands.size > 0
  }

  get randomly(): boolean {
    return this.#parts.clock() - this.#randomMs < RANDOM_MS
  }

  receivedBytes(): number {
    let bytes = this.#receivedBytes
    for (const span of this.#running) bytes += span.position() - span.sentAt
    return bytes
  }

  /** Bytes that are asked for and have not come. */
  comingBytes(): number {
    let bytes = 0
    for (const span of this.#running) bytes += span.end - span.position()
    return bytes
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
    if (!demand.stream.confirmed) this.#randomMs = this.#parts.clock()
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

  /** Time until `bytes` of the slot are valid, as things go, milliseconds; undefined if no request brings them. */
  etaMs(slot: number, bytes: number): number | undefined {
    const { clock, origin } = this.#parts
    const { firstByteP50Ms, ratePerConnection } = origin.estimator
    for (const span of this.#running) {
      const distance = span.distanceTo(slot, bytes)
      if (distance === undefined) continue
      const silentMs = span.answered ? 0 : Math.max(0, firstByteP50Ms - (clock() - span.sentMs))
      return silentMs + (distance / ratePerConnection) * 1000
    }
    return undefined
  }

  requestMs(bytes: number): number {
    const { firstByteP50Ms, ratePerConnection } = this.#parts.origin.estimator
    return firstByteP50Ms + (bytes / ratePerConnection) * 1000
  }

  wake(): void {
    if (!this.#closed) this.#parts.origin.wake()
  }

  tend(nowMs: number): void {
    this.#resendLate(nowMs)
  }

  startDemand(nowMs: number): boolean {
    if (this.#closed) return false
    return this.#startRetry(nowMs, true) || this.#begin(this.#chooser.nextDemand(this))
  }

  startAhead(nowMs: number): boolean {
    if (this.#closed) return false
    if (this.#startRetry(nowMs, false)) return true
    if (this.#poison !== undefined) return false
    return this.#begin(this.#chooser.nextAhead(this, nowMs))
  }

  /** Nothing is started any more, and whoever waits is told. */
  close(failure: Failure): void {
    this.#closed = true
    this.#givenUp.end()
    this.#endAll(this.#poison ?? failure)
    this.#parts.origin.leave(this)
  }

  /** Fails whoever waits, now and from now on. */
  #endAll(failure: Failure): void {
    this.#poison ??= failure
    for (const demand of this.#chooser.demands.takeAll()) demand.fail(failure)
    for (const { span } of this.#retries.splice(0)) this.#lose(span, failure)
    for (const slot of [...this.#lostListeners.keys()]) this.#tellLost(slot, failure)
  }

  /** Repeats a request that is due: while a server lets few through, those waited for come first. */
  #startRetry(nowMs: number, waitedFor: boolean): boolean {
    const index = this.#retries.findIndex(
      ({ span, dueMs }) => dueMs <= nowMs && (!waitedFor || this.#isWaitedFor(span)),
    )
    if (index === -1) return false
    const [retry] = this.#retries.splice(index, 1) as [{ span: Span; dueMs: number }]
    const { ring, meter } = this.#parts
    const { span } = retry
    for (const [i, slot] of span.slots.entries()) {
      if (span.holds(i) && ring.memory.state(slot) === SlotState.FAILED) {
        span.epochs[i] = ring.owner.resume(slot)
      }
    }
    meter.retries++
    this.#send(span)
    return true
  }

  /** @returns false if there is nothing to begin */
  #begin(choice: Choice | undefined): boolean {
    if (choice === undefined) return false
    this.#send(new Span(++this.#lastSpan, choice, this.#parts.ring.memory))
    return true
  }

  /** Sends a request for what the span lacks. */
  #send(span: Span): void {
    const { ring, origin, runner, clock, meter, log } = this.#parts
    const { governor, estimator } = origin
    const { memory, waiter } = ring
    const open = span.unfinished()
    const firstSlot = span.slots[open[0] as number] as number
    const offset = span.position()
    span.sent(clock())
    const task: FetchTask = {
      spanId: span.id,
      source: this.#parts.source(),
      offset,
      length: span.end - offset,
      slots: open.map(i => span.slots[i] as number),
      epochs: open.map(i => span.epochs[i] as number),
      patience: span.patience,
      bulk: !this.#isWaitedFor(span),
    }
    governor.began()
    meter.requests++
    this.#stragglers.sent()
    this.#running.add(span)
    log('debug', 'request', { span: span.id, offset, length: task.length, attempt: span.requests })
    const firstByte = () => {
      const nowMs = clock()
      span.answered = true
      span.seenMs = nowMs
      governor.answered(nowMs, estimator.firstByteP50Ms, this.wanting)
      this.wake()
    }
    waiter.wait(firstSlot, memory.fill(firstSlot) + 1, firstByte)
    void runner.run(task).then(result => {
      if (!span.answered) waiter.cancel(firstSlot, firstByte)
      // Before it is over: the governor looks at how many were under way, this one included.
      if (result.ok && !span.answered)
        governor.answered(clock(), estimator.firstByteP50Ms, this.wanting)
      governor.ended()
      this.#running.delete(span)
      this.#receivedBytes += result.timings.receivedBytes
      this.#ended(span, result)
    })
  }

  #ended(span: Span, result: FetchResult): void {
    const { slots, meter, ring } = this.#parts
    const { estimator } = this.#parts.origin
    const { timings } = result
    meter.fetched(timings)
    // A refusal comes sooner than bytes would, and says nothing about them.
    const brought = result.ok || timings.receivedBytes > 0
    if (result.ok) {
      this.#health.noted(true)
      this.#givenUp.passed(this.#parts.clock())
    }
    if (brought && timings.firstByteMs >= 0) estimator.firstByte(timings.firstByteMs)
    estimator.body(timings.receivedBytes, timings.bodyMs)
    if (timings.newConnection) estimator.connected(timings.connectMs)
    if (!result.ok && result.failure.code === 'worker-died') this.#takeBack(span)
    // Tells everyone whose bytes have come before anything is decided about the rest.
    ring.waiter.poll()
    const whole = span.firstOpen() === -1
    if (whole) {
      for (const [i, slot] of span.slots.entries()) if (span.holds(i)) slots.fetched(slot)
    }
    if (!result.ok) this.#failed(span, result.failure, timings.receivedBytes, whole)
    else if (!whole) {
      const failure: Failure = { code: 'internal', message: 'the span ended without all its bytes' }
      this.#lose(span, failure)
    }
    this.wake()
  }

  #failed(span: Span, failure: Failure, receivedBytes: number, whole: boolean): void {
    const { clock, random, log, maxAttempts, sourceName, meter } = this.#parts
    const { governor } = this.#parts.origin
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
    // A lost request is found out soon, and a server that thinks for half an hour is waited for in the end.
    if (failure.code === 'first-byte-timeout') {
      span.patience = Math.min(MAX_PATIENCE, span.patience * 2)
    }
    const kind = classify(failure)
    if (kind === 'refused') governor.refused(span.sentMs, nowMs, failure.retryAfterMs)
    else if (kind === 'transient') governor.troubled(span.sentMs, nowMs)
    if (whole) return
    this.#health.noted(false)
    if (receivedBytes >= PROGRESS_BYTES) span.attempts = 1
    const { attempts } = span
    const trial = this.#isWaitedFor(span)
      ? { attempts, maxAttempts, othersFailing: this.#health.failureShare(attempts) }
      : { attempts, maxAttempts: Math.min(PREFETCH_ATTEMPTS, maxAttempts) }
    const decision = decideRetry(failure, trial, random())
    const fields = { span: span.id, code: failure.code, attempt: span.requests }
    if (decision.action === 'retry' && this.#poison === undefined) {
      log(
        'debug',
        `request failed, again in ${Math.round(decision.delayMs)} ms: ${failure.message}`,
        fields,
      )
      this.#retries.push({ span, dueMs: nowMs + decision.delayMs })
      return
    }
    const told: Failure = {
      ...failure,
      message: `GET ${sourceName}: ${failure.message} (${span.requests} ${span.requests === 1 ? 'attempt' : 'attempts'})`,
    }
    if (decision.action === 'poison' && this.#poison === undefined) {
      log('error', `the source has changed, no more of it is served: ${failure.message}`)
      this.#endAll(told)
    } else if (this.#isWaitedFor(span)) {
      this.#givenUp.warn(`request given up: ${told.message}`, fields, nowMs)
    } else {
      // Whoever comes to read it asks afresh.
      log('debug', `request given up: ${told.message}`, fields)
    }
    this.#lose(span, this.#poison ?? told)
  }

  /**
   * Takes back requests that hold up a reader: those whose first byte is overdue, and those whose
   * body has stopped flowing. Their slots come back as soon as the worker has let go, and the span
   * is sent again at once, on another connection.
   */
  #resendLate(nowMs: number): void {
    let cancelled = false
    const flow = nowMs - this.#flowMs >= FLOW_MS
    if (flow) this.#flowMs = nowMs
    for (const span of this.#running) {
      if (span.resending) continue
      if (span.answered ? !flow || !this.#isStalled(span, nowMs) : !this.#isLate(span, nowMs)) {
        continue
      }
      this.#takeForResending(span, nowMs)
      cancelled = true
    }
    if (cancelled) this.#parts.ring.owner.ringCancelBell()
  }

  #isLate(span: Span, nowMs: number): boolean {
    return this.#stragglers.isLate(span.sentMs, nowMs)
  }

  #isStalled(span: Span, nowMs: number): boolean {
    const bytes = span.position()
    const ms = nowMs - span.seenMs
    if (bytes === span.end || ms < this.#stalls.lateMs) return false
    const slow = this.#stalls.isSlow(bytes - span.seenBytes, ms)
    span.seenBytes = bytes
    span.seenMs = nowMs
    return slow && this.#isWaitedFor(span) && this.#stragglers.mayResend()
  }

  #takeForResending(span: Span, nowMs: number): void {
    const { meter, log, ring } = this.#parts
    span.resending = true
    meter.resent++
    log('debug', span.answered ? 'the body stands still, resumed' : 'no answer yet, sent again', {
      span: span.id,
      ms: Math.round(nowMs - span.sentMs),
    })
    for (const i of span.unfinished()) ring.owner.cancel(span.slots[i] as number)
  }

  /** The span's thread is gone: its slots are nobody's. */
  #takeBack(span: Span): void {
    const { owner, memory } = this.#parts.ring
    for (const [i, slot] of span.slots.entries()) {
      if (!span.holds(i)) continue
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
    const { slots, ring, planner } = this.#parts
    planner.lost(span.offset)
    const lost: number[] = []
    for (const [i, slot] of span.slots.entries()) {
      if (!span.holds(i)) continue
      if (ring.memory.isReady(slot)) {
        slots.fetched(slot)
        continue
      }
      ring.waiter.drop(slot)
      ring.table.lost(slot)
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

  #isWaitedFor(span: Span): boolean {
    return span.slots.some((slot, i) => span.holds(i) && this.#lostListeners.has(slot))
  }

  /** When a retry is due, or a request is to be looked at. */
  dueMs(nowMs: number): number {
    let dueMs = Number.POSITIVE_INFINITY
    // A retry that is due already waits for room, not for time.
    for (const retry of this.#retries) if (retry.dueMs > nowMs) dueMs = Math.min(dueMs, retry.dueMs)
    const answerMs = this.#stragglers.lateMs
    const bodyMs = this.#stalls.lateMs
    for (const { answered, sentMs, seenMs } of this.#running) {
      const lateMs = answered ? seenMs + bodyMs : sentMs + answerMs
      // One that was late already is looked at again when something happens.
      if (lateMs > nowMs) dueMs = Math.min(dueMs, lateMs)
    }
    return dueMs
  }
}
