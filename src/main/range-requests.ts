// The requests of one export that are under way: sent by a worker, watched until they are over, taken
// back when they hold up a reader. What to send, and what becomes of a span afterwards, is decided elsewhere.

import type { FetchResult, FetchTask, SourceRequest } from '../shared/fetch-task.js'
import { LateRequests } from './late-requests.js'
import type { Log } from './log.js'
import type { Origin } from './origin.js'
import { RunningSpans } from './running-spans.js'
import type { SharedRing } from './shared-ring.js'
import type { RequestSource } from './source/request-source.js'
import type { Span } from './span.js'
import { SpanLog } from './span-log.js'
import { cancelSlots } from './span-slots.js'
import type { FetchMeter } from './status/fetch-meter.js'

/** Sends one span to a worker. Never rejects. */
export interface SpanRunner {
  run(task: FetchTask): Promise<FetchResult>
  /** Opens connections for requests to come; absent where there is nothing to open. */
  prepare?(source: SourceRequest, connections: number): void
}

/** Who decides about spans. */
export interface RangeRequestsOwner {
  /** True while a reader waits for bytes. */
  readonly wanting: boolean
  /** True if a read waits for bytes of the span. */
  isWaitedFor(span: Span): boolean
  /** Something has changed: look for work. */
  wake(): void
  /** A request is over. The span is under way no more. */
  ended(span: Span, result: FetchResult): void
}

export interface RangeRequestsParts {
  readonly ring: SharedRing
  readonly runner: SpanRunner
  readonly origin: Origin
  readonly source: RequestSource
  readonly meter: FetchMeter
  readonly log: Log
  /** Monotonic milliseconds. */
  readonly clock: () => number
}

/** Sends the requests of one export. */
export class RangeRequests {
  readonly running: RunningSpans
  readonly #parts: RangeRequestsParts
  readonly #owner: RangeRequestsOwner
  readonly #late: LateRequests
  readonly #log: SpanLog
  /** Connections that were asked for since a client came. */
  #connections = 0
  /** Bytes brought by requests that are over. */
  #receivedBytes = 0

  constructor(parts: RangeRequestsParts, owner: RangeRequestsOwner) {
    this.#parts = parts
    this.#owner = owner
    this.running = new RunningSpans(parts.origin.estimator, parts.clock)
    this.#late = new LateRequests(parts.origin.estimator)
    this.#log = new SpanLog(parts.log)
  }

  /** Bytes that all requests have brought so far. */
  get receivedBytes(): number {
    return this.#receivedBytes + this.running.receivedBytes
  }

  /** Bytes of one of the requests in place of a late one, at least. */
  get partBytes(): number {
    return this.#late.partBytes
  }

  /** A client has come: connections are opened while it says what it wants. */
  prepare(): void {
    this.#connections = 0
    this.#openFor(this.#parts.origin.governor.limit)
  }

  /** The named read waits for bytes of the slot, which are under way. */
  joined(readId: string, slot: number): void {
    this.#log.joined(readId, this.running.bringing(slot))
  }

  /**
   * Sends a request for what the span lacks.
   * @param reads names those that it is made for, asked only if that is told
   */
  send(span: Span, reads: () => string | undefined): void {
    const { ring, origin, runner, clock, meter } = this.#parts
    const source = this.#parts.source.request
    const { governor } = origin
    const { memory, waiter } = ring
    const open = span.unfinished()
    const firstSlot = span.slots[open[0] as number] as number
    const offset = span.position()
    span.sent(source, clock())
    const task: FetchTask = {
      spanId: span.id,
      source,
      offset,
      length: span.end - offset,
      slots: open.map(i => span.slots[i] as number),
      epochs: open.map(i => span.epochs[i] as number),
      patience: span.patience,
      bulk: !this.#owner.isWaitedFor(span),
    }
    governor.began()
    // Connections for the next round stand by the time the answers to this one allow it.
    if (2 * governor.inFlight >= governor.limit) this.#openFor(governor.prospect(clock()))
    meter.requests++
    this.#late.sent()
    this.running.add(span)
    span.request = meter.requests
    this.#log.sent(span, task, reads)
    const firstByte = () => this.#firstByte(span)
    waiter.wait(firstSlot, memory.fill(firstSlot) + 1, firstByte)
    void runner.run(task).then(result => {
      if (!span.answered) waiter.cancel(firstSlot, firstByte)
      this.#over(span, result)
    })
  }

  /**
   * Takes back requests that hold up a reader: those whose first byte is overdue, and those whose
   * body has stopped flowing. Their slots come back as soon as the worker has let go, and the span
   * is to be sent again at once, on another connection.
   */
  takeBackLate(nowMs: number): void {
    const { meter, ring } = this.#parts
    const late = this.#late.take(this.running.all, nowMs, span => this.#owner.isWaitedFor(span))
    for (const span of late) {
      span.resending = true
      meter.resent++
      this.#log.resent(span, nowMs)
      cancelSlots(span, ring.owner)
    }
    if (late.length > 0) ring.owner.ringCancelBell()
  }

  /** When a request is to be looked at; infinite if none is. */
  dueMs(nowMs: number): number {
    return this.#late.dueMs(this.running.all, nowMs)
  }

  /** Opens connections for so many requests at a time, before they are sent. */
  #openFor(requests: number): void {
    const count = Math.floor(requests)
    if (count <= this.#connections) return
    this.#connections = count
    this.#parts.runner.prepare?.(this.#parts.source.request, count)
  }

  #firstByte(span: Span): void {
    const nowMs = this.#parts.clock()
    span.answered = true
    span.seenMs = nowMs
    this.#answered(nowMs)
    this.#owner.wake()
  }

  #answered(nowMs: number): void {
    const { governor, estimator } = this.#parts.origin
    governor.answered(nowMs, estimator.firstByteP50Ms, this.#owner.wanting)
  }

  #over(span: Span, result: FetchResult): void {
    const { origin, meter, clock } = this.#parts
    const { estimator, governor } = origin
    const { timings } = result
    // Before it is over: the governor looks at how many were under way, this one included.
    if (result.ok && !span.answered) this.#answered(clock())
    governor.ended()
    this.running.delete(span)
    this.#receivedBytes += timings.receivedBytes
    this.#log.over(span, result)
    meter.fetched(timings, !result.ok, clock())
    // A refusal comes sooner than bytes would, and says nothing about them.
    const brought = result.ok || timings.receivedBytes > 0
    if (brought && timings.firstByteMs >= 0) estimator.firstByte(timings.firstByteMs)
    estimator.body(timings.receivedBytes, timings.bodyMs)
    if (timings.newConnection) estimator.connected(timings.connectMs)
    this.#owner.ended(span, result)
  }
}
