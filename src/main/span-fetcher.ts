// Has requests sent while the governor has room and sees each span to its end: retries that go on at
// the watermark, stragglers sent again, failures told to whoever waits. While what requests are made
// from is renewed, nothing is sent.

import type { Extent } from '../shared/extent.js'
import type { Failure } from '../shared/failure.js'
import { failureOf, givenUp } from '../shared/failures.js'
import type { FetchResult } from '../shared/fetch-task.js'
import type { Demand, DemandFetcher } from './demand-fetcher.js'
import { LostSlots } from './lost-slots.js'
import type { Requester } from './origin.js'
import { classify } from './prefetch/retry-policy.js'
import type { Stream } from './prefetch/streams.js'
import { RangeRequests, type RangeRequestsOwner, type SpanRunner } from './range-requests.js'
import { type RetryLimits, RetryQueue } from './retry-queue.js'
import type { SharedRing } from './shared-ring.js'
import { type Choice, Span } from './span.js'
import { SpanChooser, type SpanChooserParts } from './span-chooser.js'
import { SpanFailures, type SpanFailuresParts } from './span-failures.js'
import { resumeSlots, takeBackSlots } from './span-slots.js'
import { warn, warning } from './warning.js'

/** Time for which a random read is expected to be followed by another, milliseconds. */
const RANDOM_MS = 2_000
/** Time that a read waits for its turn at least where nothing is answered, however short retries are. Milliseconds. */
const LEAST_PATIENCE_MS = 30_000

export interface SpanFetcherParts
  extends SpanChooserParts,
    RetryLimits,
    Omit<SpanFailuresParts, 'retries'> {
  readonly ring: SharedRing
  readonly runner: SpanRunner
  /** True if somebody is going to read this block. */
  readonly isAhead: (block: number) => boolean
}

/** Fetches for one export. */
export class SpanFetcher implements DemandFetcher, Requester, RangeRequestsOwner {
  readonly #parts: SpanFetcherParts
  readonly #chooser: SpanChooser
  readonly #requests: RangeRequests
  readonly #retries: RetryQueue
  readonly #lost = new LostSlots()
  readonly #failures: SpanFailures
  #poison: Failure | undefined
  #closed = false
  /** Nothing was answered rightly since the first of these failures; and what is told of the latest. */
  #failing:
    | { readonly sinceMs: number; readonly latestMs: number; readonly failure: Failure }
    | undefined
  /** The latest read that had to be fetched before its stream had shown a sequence, and when. */
  #stray: { readonly stream: Stream; readonly atMs: number } | undefined

  constructor(parts: SpanFetcherParts) {
    this.#parts = parts
    this.#chooser = new SpanChooser(parts)
    this.#requests = new RangeRequests(parts, this)
    this.#retries = new RetryQueue(parts)
    this.#failures = new SpanFailures({ ...parts, retries: this.#retries })
    parts.source.onRenewed = failure => this.#renewed(failure)
    parts.origin.join(this)
  }

  get poison(): Failure | undefined {
    return this.#poison
  }

  /** Blocks that somebody waits for and no request brings yet. */
  get waitingDemands(): number {
    return this.#chooser.demands.size
  }

  get inFlight(): number {
    return this.#requests.running.size
  }

  get wanting(): boolean {
    return this.#lost.size > 0 || this.#chooser.demands.size > 0
  }

  get randomly(): boolean {
    // The first read of a sequence is one, too, until the second comes.
    if (this.#stray === undefined || this.#stray.stream.confirmed) return false
    return this.#parts.clock() - this.#stray.atMs < RANDOM_MS
  }

  receivedBytes(): number {
    return this.#requests.receivedBytes
  }

  owedBytes(): number {
    return this.#requests.running.owedBytes
  }

  loads(): readonly number[] {
    return this.#requests.running.loads()
  }

  /** Spans with a request under way. */
  get running(): ReadonlySet<Span> {
    return this.#requests.running.all
  }

  /** Spans that failed and wait for their next attempt. */
  get waitingRetries(): number {
    return this.#retries.size
  }

  demand(demand: Demand): void {
    if (this.#poison !== undefined) {
      demand.fail(this.#poison)
      return
    }
    const { stream } = demand
    if (!stream.confirmed) this.#stray = { stream, atMs: this.#parts.clock() }
    this.#chooser.demands.add(demand, this.#parts.clock())
    this.wake()
  }

  withdraw(demand: Demand): void {
    this.#chooser.demands.withdraw(demand)
  }

  onLost(slot: number, listener: (failure: Failure) => void): () => void {
    return this.#lost.listen(slot, listener)
  }

  served(offset: number): void {
    this.#parts.served.set(Math.floor((offset - 1) / this.#parts.blockBytes))
  }

  /** CACHE: the range will be read. As much of it as hints have room for is fetched after all demand. */
  hint(extent: Extent, connection: number): void {
    this.#chooser.hint(extent, connection)
    this.wake()
  }

  /** What a client announced by CACHE counts no more. */
  connectionClosed(connection: number): void {
    this.#chooser.connectionClosed(connection)
    this.wake()
  }

  /** True if a CACHE that still counts covers the block. */
  isHinted(block: number): boolean {
    return this.#chooser.isHinted(block)
  }

  etaMs(slot: number, bytes: number): number | undefined {
    return this.#requests.running.etaMs(slot, bytes)
  }

  requestMs(bytes: number): number {
    return this.#requests.running.requestMs(bytes)
  }

  joined(readId: string, slot: number): void {
    this.#requests.joined(readId, slot)
  }

  wake(): void {
    if (!this.#closed) this.#parts.origin.wake()
  }

  /** A client has come: connections are opened while it says what it wants. */
  prepare(): void {
    const { source, clock } = this.#parts
    if (this.#closed || this.#poison !== undefined || !source.isReady(clock())) return
    this.#requests.prepare()
  }

  tend(nowMs: number): void {
    const { source, origin } = this.#parts
    const { gateMs, isOverfull } = origin.governor
    // Else what is taken back could not be sent again.
    if (source.isReady(nowMs) && gateMs <= nowMs && !isOverfull) {
      this.#requests.takeBackLate(nowMs)
    }
  }

  startDemand(nowMs: number): boolean {
    if (this.#closed || !this.#parts.source.isReady(nowMs)) return false
    return this.#startRetry(nowMs, true) || this.#begin(this.#chooser.nextDemand(this))
  }

  startAhead(nowMs: number): boolean {
    if (this.#closed || !this.#parts.source.isReady(nowMs)) return false
    if (this.#startRetry(nowMs, false)) return true
    if (this.#poison !== undefined || !this.#retries.mayPrefetch(nowMs)) return false
    return this.#begin(this.#chooser.nextAhead(this, nowMs))
  }

  giveUp(nowMs: number): void {
    const { sourceName } = this.#parts
    for (;;) {
      const expired = this.#retries.takeExpired(nowMs)
      if (expired === undefined) break
      const { span, failure } = expired
      this.#lose(span, givenUp(failure, sourceName, span.requests))
      this.wake()
    }
    const { demands } = this.#chooser
    while (this.#failing !== undefined && this.#demandDueMs <= nowMs) {
      const block = demands.oldest?.block as number
      for (const demand of demands.take(block)) demand.fail(this.#failing.failure)
    }
  }

  /** When the read that has waited longest is to fail, as nothing is answered; infinite if none is. */
  get #demandDueMs(): number {
    const oldest = this.#chooser.demands.oldest
    const failing = this.#failing
    // What failed before it came says nothing about it, and bytes that come are an answer.
    if (oldest === undefined || failing === undefined || failing.latestMs <= oldest.sinceMs) {
      return Number.POSITIVE_INFINITY
    }
    if (this.#requests.running.isAnswered) return Number.POSITIVE_INFINITY
    const patienceMs = Math.max(LEAST_PATIENCE_MS, this.#parts.maxRetryMs)
    return Math.max(oldest.sinceMs, failing.sinceMs) + patienceMs
  }

  /** Nothing is started any more, and whoever waits is told. */
  close(failure: Failure): void {
    this.#closed = true
    this.#failures.end()
    this.#endAll(this.#poison ?? failure)
    this.#parts.origin.leave(this)
  }

  /** Fails whoever waits, now and from now on. */
  #endAll(failure: Failure): void {
    this.#poison ??= failure
    this.#failWaiting(failure)
    this.#lost.tellAll(failure)
  }

  /** Fails whoever waits for a request that is not under way. */
  #failWaiting(failure: Failure): void {
    for (const demand of this.#chooser.demands.takeAll()) demand.fail(failure)
    for (const span of this.#retries.takeAll()) this.#lose(span, failure)
  }

  #changed(failure: Failure): void {
    const { code, message } = failure
    warn(this.#parts.log, warning('served-source-changed', { failure: message }), { code }, 'error')
    this.#endAll(failure)
  }

  /** A renewal of the source has ended: all that waits goes on, or fails with it. */
  #renewed(failure: Failure | undefined): void {
    if (failure !== undefined && !this.#closed) {
      if (classify(failure) === 'changed') this.#changed(failure)
      else this.#failWaiting(failure)
    }
    this.wake()
  }

  /** Repeats a request that is due: while a server lets few through, those waited for come first. */
  #startRetry(nowMs: number, waitedFor: boolean): boolean {
    const isWaitedFor = waitedFor ? (span: Span) => this.isWaitedFor(span) : undefined
    let span = this.#retries.take(nowMs, isWaitedFor)
    // Its reader has gone meanwhile.
    while (span !== undefined && !waitedFor && !this.#isWanted(span)) {
      this.#lose(span, failureOf('cancelled', 'given-up'))
      // What somebody waits for may have lacked its slots.
      this.wake()
      span = this.#retries.take(nowMs)
    }
    if (span === undefined) return false
    const { ring, meter } = this.#parts
    resumeSlots(span, ring.owner)
    meter.retries++
    this.#send(span)
    return true
  }

  /** @returns false if there is nothing to begin */
  #begin(choice: Choice | undefined): boolean {
    if (choice === undefined) return false
    this.#send(new Span(++this.#parts.meter.spans, choice, this.#parts.ring.memory))
    return true
  }

  /** Sends a request for what the span lacks. */
  #send(span: Span): void {
    this.#requests.send(span, () => this.#chooser.takeNames())
  }

  ended(span: Span, result: FetchResult): void {
    const { slots, ring, origin, source, clock, random } = this.#parts
    if (result.ok) {
      this.#failing = undefined
      origin.record.answered(clock())
      this.#retries.succeeded(clock(), random)
      if (span.source !== undefined) source.worked(span.source)
      this.#failures.passed(clock())
    }
    if (!result.ok && result.failure.code === 'worker-died') takeBackSlots(span, ring.owner)
    // Tells everyone whose bytes have come before anything is decided about the rest.
    ring.waiter.poll()
    const whole = span.firstOpen() === -1
    if (whole) {
      for (const [i, slot] of span.slots.entries()) if (span.holds(i)) slots.fetched(slot)
    }
    if (!result.ok) this.#failed(span, result.failure, result.timings.receivedBytes, whole)
    else if (!whole) {
      const failure = failureOf('internal', 'early')
      this.#lose(span, failure)
    }
    this.wake()
  }

  #failed(span: Span, failure: Failure, receivedBytes: number, whole: boolean): void {
    if (this.#closed) {
      // Ended by us, with its thread.
      if (!whole) this.#lose(span, this.#poison ?? failure)
      return
    }
    const nowMs = this.#parts.clock()
    const takenBack = span.resending && failure.code === 'cancelled'
    span.resending = false
    if (takenBack && !whole && this.#poison === undefined) {
      // Not the server's failure.
      span.attempts--
      // In parts: the reader waits for it, and what was lost by waiting is to be made up for.
      const parts = span.divided(this.#requests.partBytes, () => ++this.#parts.meter.spans)
      for (const part of parts) this.#retries.again(part, nowMs)
      return
    }
    this.#failures.count(span, failure, nowMs)
    this.#failing = {
      sinceMs: this.#failing?.sinceMs ?? nowMs,
      latestMs: nowMs,
      failure: givenUp(failure, this.#parts.sourceName, span.requests),
    }
    if (whole) return
    if (this.#poison !== undefined) {
      this.#lose(span, this.#poison)
      return
    }
    const waitedFor = this.isWaitedFor(span)
    const verdict = this.#failures.judge(span, failure, { receivedBytes, waitedFor, nowMs })
    if (verdict.what === 'again') return
    if (verdict.what === 'changed') this.#changed(verdict.failure)
    this.#lose(span, verdict.failure)
  }

  /** The span's missing bytes will not come. */
  #lose(span: Span, failure: Failure): void {
    const { slots, ring, planner } = this.#parts
    planner.lost({ offset: span.offset, length: span.end - span.offset })
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
    for (const slot of lost) this.#lost.tell(slot, failure)
  }

  /** True if anybody waits for bytes of the span, or is going to read them. */
  #isWanted(span: Span): boolean {
    const { blockBytes, isAhead } = this.#parts
    if (this.isWaitedFor(span)) return true
    for (let offset = span.offset; offset < span.end; offset += blockBytes) {
      if (isAhead(Math.floor(offset / blockBytes))) return true
    }
    return isAhead(Math.floor((span.end - 1) / blockBytes))
  }

  /** True if a read waits for bytes of the span. */
  isWaitedFor(span: Span): boolean {
    return span.slots.some((slot, i) => span.holds(i) && this.#lost.has(slot))
  }

  /** When a retry is due, or a request is to be looked at. */
  dueMs(nowMs: number): number {
    const demandMs = this.#demandDueMs
    const waitMs = demandMs > nowMs ? demandMs : Number.POSITIVE_INFINITY
    return Math.min(this.#retries.dueMs(nowMs), this.#requests.dueMs(nowMs), waitMs)
  }
}
