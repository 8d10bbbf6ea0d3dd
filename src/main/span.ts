// A run of neighbouring bytes that one request at a time fetches, with the slots that take it and
// what has come of it so far. It outlives its requests: what fails is asked for again from where it
// stopped.

import type { SourceRequest } from '../shared/fetch-task.js'
import { type RingMemory, SlotState } from '../shared/sharedarraybuffer-ring/index.js'

/** Bytes to fetch by one request, and the slots taken for them, in order. */
export interface Choice {
  readonly offset: number
  /** Exclusive. */
  readonly end: number
  readonly slots: readonly number[]
}

/** One span. Times are monotonic milliseconds. */
export class Span implements Choice {
  readonly id: number
  readonly offset: number
  readonly end: number
  readonly slots: readonly number[]
  /** Epoch of each slot: a slot whose epoch differs has been whole, given up, and serves another block. */
  readonly epochs: number[]
  /** Requests sent since the span last made progress. */
  attempts = 0
  /** Requests sent in all. */
  requests = 0
  /** How many times the limit the next request's first byte may take. */
  patience = 1
  /** Times the source was renewed for it since it last made progress. */
  objections = 0
  /** When the first of the `attempts` failed; undefined while none has. */
  failedMs: number | undefined
  /** What the request under way was made from. */
  source: SourceRequest | undefined
  /** Number of the request under way, in debug lines. */
  request = 0
  /** When the request under way was sent. */
  sentMs = 0
  /** First byte that the request under way asked for. */
  sentAt = 0
  /** True once the request under way has brought a byte. */
  answered = false
  /** True while the request under way is being taken back to be sent again. */
  resending = false
  /** How far it had come when its flow was last judged, and when that was. */
  seenBytes = 0
  seenMs = 0
  readonly #memory: RingMemory
  /** Where in the image each slot's bytes begin. */
  readonly #starts: readonly number[]
  /** All slots before this one are whole. */
  #firstOpen = 0

  /** @param whole the span it was a part of, from the slot at this position on */
  constructor(
    id: number,
    choice: Choice,
    memory: RingMemory,
    whole?: { span: Span; from: number },
  ) {
    this.id = id
    this.offset = choice.offset
    this.end = choice.end
    this.slots = choice.slots
    this.#memory = memory
    if (whole !== undefined) {
      const { span, from } = whole
      const to = from + choice.slots.length
      this.epochs = span.epochs.slice(from, to)
      this.#starts = span.#starts.slice(from, to)
      this.attempts = span.attempts
      this.requests = span.requests
      this.patience = span.patience
      this.objections = span.objections
      this.failedMs = span.failedMs
      this.source = span.source
      this.sentMs = span.sentMs
      return
    }
    this.epochs = choice.slots.map(slot => memory.epoch(slot))
    const starts: number[] = []
    let at = choice.offset
    for (const slot of choice.slots) {
      starts.push(at)
      at += memory.length(slot)
    }
    this.#starts = starts
  }

  /**
   * The span in parts that can be asked for at the same time, with no request of its own under way: each
   * but the last lacks `partBytes` at least.
   *
   * @param nextId gives the ids of all parts but the first, which keeps its own
   */
  divided(partBytes: number, nextId: () => number): Span[] {
    const parts: Span[] = []
    let from = 0
    let missing = 0
    const cut = (to: number) => {
      const offset = from === 0 ? this.offset : (this.#starts[from] as number)
      const end = this.#starts[to] ?? this.end
      const choice = { offset, end, slots: this.slots.slice(from, to) }
      const id = parts.length === 0 ? this.id : nextId()
      parts.push(new Span(id, choice, this.#memory, { span: this, from }))
      from = to
      missing = 0
    }
    for (const index of this.unfinished()) {
      // In front of the first slot that is too many: what is whole behind a part goes with it.
      if (missing >= partBytes) cut(index)
      const slot = this.slots[index] as number
      missing += this.#memory.length(slot) - this.#memory.fill(slot)
    }
    if (from === 0) return [this]
    cut(this.slots.length)
    return parts
  }

  /** A request for what is missing, made from `source`, is sent. */
  sent(source: SourceRequest, nowMs: number): void {
    this.attempts++
    this.requests++
    this.source = source
    this.sentMs = nowMs
    this.sentAt = this.position()
    this.answered = false
    this.seenBytes = this.sentAt
    this.seenMs = nowMs
  }

  /** The request that failed had brought enough for the count of attempts to start again. */
  progressed(): void {
    this.attempts = 1
    this.objections = 0
    this.failedMs = undefined
  }

  /** True while the slot at this position holds, or is to hold, the span's bytes. */
  holds(index: number): boolean {
    return this.#memory.epoch(this.slots[index] as number) === this.epochs[index]
  }

  /** Positions of the slots that are not whole yet. */
  unfinished(): number[] {
    const open: number[] = []
    for (let i = this.#skipWhole(); i < this.slots.length; i++) if (this.#isOpen(i)) open.push(i)
    return open
  }

  /** Position of the slot that is filled next; -1 if all are whole. */
  firstOpen(): number {
    const index = this.#skipWhole()
    return index < this.slots.length ? index : -1
  }

  /** The first byte that has not come yet; `end` if all have. Racy on the low side. */
  position(): number {
    const index = this.#skipWhole()
    if (index === this.slots.length) return this.end
    return (this.#starts[index] as number) + this.#memory.fill(this.slots[index] as number)
  }

  /** Bytes that have not come yet. Racy on the high side. */
  get missingBytes(): number {
    return this.end - this.position()
  }

  /** Bytes that must come before `bytes` of the slot are valid; undefined if it is not one of the span's. */
  distanceTo(slot: number, bytes: number): number | undefined {
    const index = this.slots.indexOf(slot)
    if (index === -1 || !this.holds(index)) return undefined
    return Math.max(0, (this.#starts[index] as number) + bytes - this.position())
  }

  #skipWhole(): number {
    while (this.#firstOpen < this.slots.length && !this.#isOpen(this.#firstOpen)) this.#firstOpen++
    return this.#firstOpen
  }

  #isOpen(index: number): boolean {
    return this.holds(index) && this.#memory.state(this.slots[index] as number) !== SlotState.READY
  }
}
