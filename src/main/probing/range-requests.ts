// Requests whose bytes nobody wants: they go the way of every other, through the workers into slots of
// a ring of their own, and are dropped when they have come. Counts what they cost.

import { clamp } from '../../shared/extent.js'
import type { Failure } from '../../shared/failure.js'
import type { FetchResult, FetchTask, FetchTimings } from '../../shared/fetch-task.js'
import { type RingMemory, RingOwner } from '../../shared/sharedarraybuffer-ring/index.js'
import type { RequestSource } from '../source/request-source.js'
import { sourceError } from '../source/source-error.js'
import { offsetOf } from './measurement-plan.js'

/** Runs one request. Never rejects. */
export interface Runner {
  run(task: FetchTask): Promise<FetchResult>
}

/** How one request went. */
export interface Answer {
  readonly timings: FetchTimings
  /** Milliseconds of the clock: when it was handed to a worker, and when all of it had come. */
  readonly sentMs: number
  readonly endMs: number
  /** Undefined if it was answered as asked, or stopped by us in the middle of its body. */
  readonly failure: Failure | undefined
}

export interface RangeRequestsParts {
  readonly memory: RingMemory
  readonly runner: Runner
  readonly source: RequestSource
  /** Monotonic milliseconds. */
  readonly clock: () => number
  /** Bytes that may be read still. */
  readonly left: () => number
  /** Told of bytes as requests end. */
  readonly onBytes: (bytes: number) => void
}

/** Sends requests for parts of one image. */
export class RangeRequests {
  readonly #parts: RangeRequestsParts
  readonly #owner: RingOwner
  readonly #free: number[] = []
  /** Slots of the requests under way. */
  readonly #held = new Set<number>()
  /** Requests that wait for the session. */
  #waiting: (() => void)[] = []
  #count = 0

  constructor(parts: RangeRequestsParts) {
    this.#parts = parts
    this.#owner = new RingOwner(parts.memory)
    parts.source.onRenewed = () => {
      for (const resume of this.#waiting.splice(0)) resume()
    }
    for (let slot = parts.memory.slotCount - 1; slot >= 0; slot--) this.#free.push(slot)
  }

  /**
   * Sends `count` requests of `bytes` each at once, to places nothing was asked of before.
   *
   * @param limitMs what has not come by then is given up; infinite to wait for all of it
   * @param runner another one than usual
   * @throws {SourceError} if there is no budget for them
   * @throws {RangeError} if the ring can't hold them
   */
  async send(
    count: number,
    bytes: number,
    limitMs = Number.POSITIVE_INFINITY,
    runner: Runner = this.#parts.runner,
  ): Promise<Answer[]> {
    if (count * bytes > this.#parts.left()) {
      throw sourceError('measure-budget')
    }
    const answers = Array.from({ length: count }, () => this.#request(bytes, runner))
    let timer: NodeJS.Timeout | undefined
    if (limitMs < Number.POSITIVE_INFINITY) timer = setTimeout(() => this.#giveUp(), limitMs)
    try {
      return await Promise.all(answers)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Sends one request, and sends it again where the session had to be renewed for it. */
  async #request(bytes: number, runner: Runner): Promise<Answer> {
    const { source, clock } = this.#parts
    const offset = offsetOf(this.#count, bytes, source.request.totalBytes)
    const spanId = this.#count++
    for (;;) {
      await this.#ready()
      const used = source.request
      const sentMs = clock()
      const result = await this.#attempt({ spanId, source: used, offset, length: bytes }, runner)
      const { timings } = result
      const answer = { timings, sentMs, endMs: clock(), failure: undefined }
      if (result.ok) {
        source.worked(used)
        return answer
      }
      const { failure } = result
      if (failure.code === 'cancelled' && timings.receivedBytes > 0) return answer
      const objection = source.objected(used, failure, clock())
      if (objection !== 'again') return { ...answer, failure: objection ?? failure }
    }
  }

  async #attempt(
    part: Pick<FetchTask, 'spanId' | 'source' | 'offset' | 'length'>,
    runner: Runner,
  ): Promise<FetchResult> {
    const { slotBytes } = this.#parts.memory
    const slots: number[] = []
    const epochs: number[] = []
    for (let at = 0; at < part.length; at += slotBytes) {
      const slot = this.#free.pop()
      if (slot === undefined) throw new RangeError('Cannot measure: the ring is full')
      slots.push(slot)
      epochs.push(this.#owner.assign(slot, 0, clamp(part.length - at, 1, slotBytes)))
      this.#held.add(slot)
    }
    const result = await runner.run({ ...part, slots, epochs, bulk: true })
    for (const slot of slots) {
      // Left as it was only by a thread that has ended.
      this.#owner.abandon(slot)
      this.#owner.reclaim(slot)
      this.#held.delete(slot)
      this.#free.push(slot)
    }
    this.#parts.onBytes(result.timings.receivedBytes)
    return result
  }

  /** Resolves when requests may be sent: not while the session is being renewed. */
  async #ready(): Promise<void> {
    const { source, clock } = this.#parts
    while (!source.isReady(clock())) {
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
  }

  #giveUp(): void {
    for (const slot of this.#held) this.#owner.cancel(slot)
    this.#owner.ringCancelBell()
  }
}
