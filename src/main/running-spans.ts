// The spans of one export with a request under way, and what can be said of the bytes they are to bring.

import type { Estimator } from './prefetch/estimator.js'
import type { Span } from './span.js'

/** A set of spans. */
export class RunningSpans {
  readonly #spans = new Set<Span>()
  readonly #estimator: Estimator
  readonly #clock: () => number

  /** @param clock monotonic milliseconds */
  constructor(estimator: Estimator, clock: () => number) {
    this.#estimator = estimator
    this.#clock = clock
  }

  get all(): ReadonlySet<Span> {
    return this.#spans
  }

  get size(): number {
    return this.#spans.size
  }

  add(span: Span): void {
    this.#spans.add(span)
  }

  delete(span: Span): void {
    this.#spans.delete(span)
  }

  /** True if bytes come for any of them. */
  get isAnswered(): boolean {
    for (const { answered } of this.#spans) if (answered) return true
    return false
  }

  /** Bytes that their requests have brought so far. */
  get receivedBytes(): number {
    let bytes = 0
    for (const span of this.#spans) bytes += span.position() - span.sentAt
    return bytes
  }

  /** Bytes that they are yet to bring. */
  get owedBytes(): number {
    let bytes = 0
    for (const span of this.#spans) bytes += span.missingBytes
    return bytes
  }

  /** See `balancedShare()`. */
  loads(): readonly number[] {
    const { ratePerConnection } = this.#estimator
    return Array.from(
      this.#spans,
      span => span.missingBytes + (this.#silentMs(span) / 1000) * ratePerConnection,
    )
  }

  /** The span whose request is to bring the slot's bytes. */
  bringing(slot: number): Span | undefined {
    for (const span of this.#spans) if (span.slots.includes(slot)) return span
    return undefined
  }

  /** See `DemandFetcher.etaMs()`. */
  etaMs(slot: number, bytes: number): number | undefined {
    for (const span of this.#spans) {
      const distance = span.distanceTo(slot, bytes)
      if (distance === undefined) continue
      return this.#silentMs(span) + (distance / this.#estimator.ratePerConnection) * 1000
    }
    return undefined
  }

  /** See `DemandFetcher.requestMs()`. */
  requestMs(bytes: number): number {
    const { firstByteP50Ms, ratePerConnection } = this.#estimator
    return firstByteP50Ms + (bytes / ratePerConnection) * 1000
  }

  /** Time until the span's request is likely to bring its first byte, milliseconds. */
  #silentMs({ answered, sentMs }: Span): number {
    if (answered) return 0
    return Math.max(0, this.#estimator.firstByteP50Ms - (this.#clock() - sentMs))
  }
}
