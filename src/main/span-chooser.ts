// Chooses what is fetched next and takes the slots for it: what somebody waits for first, then what
// CACHE announced, then tables that the image's format announced, then what streams will read. Asked when a request may start, not before, so
// nothing is reserved for what may never be sent.

import { alignDown, alignUp, clamp, type Extent, endOf } from '../shared/extent.js'
import { coverageOf } from './coverage.js'
import type { Demand } from './demand-fetcher.js'
import { type DemandEntry, DemandQueue } from './demand-queue.js'
import type { BlockBitmap } from './prefetch/block-bitmap.js'
import type { FormatHint } from './prefetch/format-hint.js'
import type { Coverage, Planner, RequestState } from './prefetch/planner.js'
import { cursorOf, type Stream } from './prefetch/streams.js'
import type { ExportSlots } from './ring/export-slots.js'
import type { SharedRing } from './shared-ring.js'
import type { Choice } from './span.js'

/**
 * Random reads are rounded out to units of so many times their length, a power of two within these
 * bounds, and no further until a sequence shows, bytes.
 */
const RANDOM_TIMES = 8
const LEAST_RANDOM_UNIT = 4 * 1024
const RANDOM_UNIT = 64 * 1024
/** Ranges announced by CACHE that are remembered, and for how long, milliseconds. */
const MAX_HINTS = 64
const HINT_MS = 30_000
/** Least time between two searches for blocks whose readers are gone, milliseconds. */
const SWEEP_MS = 250

/** Of the room for fetching ahead, what hints may take in all: streams go on beside them. */
const HINTED_SHARE = 1 / 2

/** A range that will be read. */
interface Hint {
  readonly extent: Extent
  /** Who said so. */
  readonly connection: number
  readonly untilMs: number
  /** Everything of it below is there or on its way: not looked at again. */
  at: number
}

/** What the chooser needs to know of requests. */
export interface RequestsUnderWay {
  /** See `balancedShare()`. */
  loads(): readonly number[]
}

export interface SpanChooserParts {
  readonly imageBytes: number
  readonly blockBytes: number
  readonly maxRequestBytes: number
  readonly ring: SharedRing
  readonly slots: ExportSlots
  readonly planner: Planner
  /** Absent where nothing is to be fetched ahead. */
  readonly formatHint?: FormatHint | undefined
  /** Requests that may be in flight for this export. */
  readonly limit: () => number
  readonly served: BlockBitmap
  readonly clock: () => number
}

/** What to fetch next for one export. */
export class SpanChooser {
  readonly demands: DemandQueue
  readonly #parts: SpanChooserParts
  readonly #coverage: Coverage
  /** Ranges that CACHE announced, oldest first; what is missing of them is fetched. */
  readonly #hints: Hint[] = []
  #sweptMs = Number.NEGATIVE_INFINITY
  /** Reads whose demands were attached since they were last asked for, in debug lines. */
  readonly #named = new Set<string>()
  /** Bytes chosen so far, those chosen again included. */
  #askedBytes = 0

  constructor(parts: SpanChooserParts) {
    this.#parts = parts
    this.#coverage = coverageOf(parts.slots, parts.served, parts.blockBytes, parts.imageBytes)
    this.demands = new DemandQueue(parts.blockBytes)
  }

  /** The range will be read: as much of it as hints have room for is chosen after all demand. */
  hint({ offset, length }: Extent, connection: number): void {
    const { planner, blockBytes, clock } = this.#parts
    const room = Math.max(blockBytes, alignDown(HINTED_SHARE * planner.aheadBytes, blockBytes))
    const extent = { offset, length: Math.min(length, room) }
    this.#hints.push({ extent, connection, at: offset, untilMs: clock() + HINT_MS })
    // The latest counts most: what was announced before it may have been read since.
    let bytes = this.#hints.reduce((sum, hint) => sum + hint.extent.length, 0)
    while (bytes > room || this.#hints.length > MAX_HINTS) {
      bytes -= (this.#hints.shift() as Hint).extent.length
    }
  }

  /** Who is gone reads nothing of what it has announced. */
  connectionClosed(connection: number): void {
    for (let index = this.#hints.length - 1; index >= 0; index--) {
      if (this.#hints[index]?.connection === connection) this.#hints.splice(index, 1)
    }
  }

  /** True if a CACHE that still counts covers the block. */
  isHinted(block: number): boolean {
    const start = block * this.#parts.blockBytes
    const end = start + this.#parts.blockBytes
    return this.#hints.some(({ extent }) => start < endOf(extent) && end > extent.offset)
  }

  /** The most urgent bytes that somebody waits for and slots can be had for; their demands are attached. */
  nextDemand(requests: RequestsUnderWay): Choice | undefined {
    const entry = this.demands.oldest
    return entry === undefined ? undefined : this.#chooseDemand(entry, requests)
  }

  /** The most urgent bytes that nobody waits for and slots can be had for. */
  nextAhead(requests: RequestsUnderWay, nowMs: number): Choice | undefined {
    return (
      this.#chooseHinted(requests, nowMs) ??
      this.#chooseTable(requests) ??
      this.#chooseAhead(requests, nowMs)
    )
  }

  /** Names of the reads that the latest choice was made for, where reads have names. */
  takeNames(): string | undefined {
    if (this.#named.size === 0) return undefined
    const names = [...this.#named].join(' ')
    this.#named.clear()
    return names
  }

  #state(requests: RequestsUnderWay): RequestState {
    const { imageBytes, limit } = this.#parts
    return {
      limit: limit(),
      unaskedBytes: Math.max(0, imageBytes - this.#askedBytes),
      loads: () => requests.loads(),
    }
  }

  /** The oldest demand, with what follows it: for a confirmed stream a full request. */
  #chooseDemand(entry: DemandEntry, requests: RequestsUnderWay): Choice | undefined {
    const { blockBytes, imageBytes, maxRequestBytes, planner, slots: ring, clock } = this.#parts
    const stream = (entry.demands[0] as Demand).stream
    const confirmed = stream.confirmed && stream.windowBytes > 0
    const blockStart = entry.block * blockBytes
    const unit = randomUnit(entry.end - entry.offset)
    let offset = Math.max(blockStart, alignDown(entry.offset, unit))
    if (ring.find(entry.block, offset - blockStart) !== -1) offset = entry.offset
    const size = confirmed
      ? planner.requestBytes(stream, offset, this.#state(requests))
      : maxRequestBytes
    const reach = confirmed ? cursorOf(stream) + planner.reachOf(stream, clock()) : 0
    const limit = Math.min(imageBytes, offset + size, reach)
    const missing = confirmed
      ? this.#coverage.missingUntil(offset, limit, stream.again, planner.bridgeBytes(stream))
      : offset
    const slots: number[] = []
    let at = offset
    while (at < imageBytes && (slots.length === 0 || at < offset + size)) {
      const block = Math.floor(at / blockBytes)
      const wanted = this.demands.of(block)
      const follows =
        at < missing ||
        (confirmed && at < reach && this.#coverage.coveredUntil(at, stream.again) <= at)
      if (wanted === undefined && !follows) break
      // An unconfirmed run goes on only where the next block is wanted from its first byte.
      if (!confirmed && slots.length > 0 && wanted?.offset !== at) break
      const blockEnd = Math.min(imageBytes, (block + 1) * blockBytes)
      const least = wanted?.end ?? at + 1
      const most = confirmed ? blockEnd : Math.min(blockEnd, alignUp(least, unit))
      const end = Math.max(least, this.#missingInBlock(block, at, most))
      const slot = this.#assign(at, end, wanted !== undefined, stream)
      if (slot === -1) break
      slots.push(slot)
      at = end
      if (end < blockEnd) break
    }
    if (slots.length === 0) return undefined
    if (confirmed) planner.requested(stream, { offset, length: at - offset })
    this.#askedBytes += at - offset
    return { offset, end: at, slots }
  }

  #chooseHinted(requests: RequestsUnderWay, nowMs: number): Choice | undefined {
    while (this.#hints[0] !== undefined && this.#hints[0].untilMs <= nowMs) this.#hints.shift()
    for (const hint of this.#hints) {
      const end = endOf(hint.extent)
      while (hint.at < end) {
        const covered = this.#coverage.coveredUntil(hint.at, false)
        if (covered <= hint.at) break
        hint.at = covered
      }
      if (hint.at >= end) continue
      const until = this.#coverage.missingUntil(hint.at, end, false, 0)
      return this.#take(hint.at, this.#cut(hint.at, until, requests))
    }
    return undefined
  }

  /** Tables are named once: while there is no room for them, none is asked for. */
  #chooseTable(requests: RequestsUnderWay): Choice | undefined {
    const { formatHint, ring } = this.#parts
    if (formatHint === undefined || ring.table.prefetchRoom <= 0) return undefined
    const extent = formatHint.next()
    return extent && this.#take(extent.offset, this.#cut(extent.offset, endOf(extent), requests))
  }

  #chooseAhead(requests: RequestsUnderWay, nowMs: number): Choice | undefined {
    const { planner, blockBytes } = this.#parts
    const { table } = this.#parts.ring
    const state = this.#state(requests)
    const room = () => Math.max(0, table.prefetchRoom) * blockBytes
    let plan = planner.next(state, room(), nowMs)
    if (plan === undefined && nowMs - this.#sweptMs >= SWEEP_MS) {
      this.#sweptMs = nowMs
      table.sweep()
      plan = planner.next(state, room(), nowMs)
    }
    if (plan === undefined) return undefined
    const { offset, length } = plan.extent
    return this.#take(offset, offset + length, plan.stream)
  }

  /** Where one request of what no stream reads ends: at a block's end, if not at `end`. */
  #cut(offset: number, end: number, requests: RequestsUnderWay): number {
    const { blockBytes, planner } = this.#parts
    const size = planner.requestBytes(undefined, offset, this.#state(requests))
    return Math.min(end, alignUp(offset + size, blockBytes))
  }

  /** Takes slots for [offset, end) ahead of need, as far as they can be had. */
  #take(offset: number, end: number, stream?: Stream): Choice | undefined {
    const { blockBytes, planner } = this.#parts
    const slots: number[] = []
    let at = offset
    while (at < end) {
      const next = Math.min(end, alignDown(at, blockBytes) + blockBytes)
      const slot = this.#assign(
        at,
        next,
        this.demands.of(Math.floor(at / blockBytes)) !== undefined,
        stream,
      )
      if (slot === -1) break
      slots.push(slot)
      at = next
    }
    if (slots.length === 0) return undefined
    if (stream !== undefined) planner.requested(stream, { offset, length: at - offset })
    this.#askedBytes += at - offset
    return { offset, end: at, slots }
  }

  #missingInBlock(block: number, at: number, limit: number): number {
    const { blockBytes, slots } = this.#parts
    // Asked for all the same, since what follows is missing: see `Coverage.missingUntil()`.
    if (slots.isZero(block)) return limit
    const start = block * blockBytes
    return start + slots.missingUntil(block, at - start, limit - start)
  }

  /** Takes a slot for [offset, end) and gives it to those who wait for any of it. */
  #assign(offset: number, end: number, demanded: boolean, stream: Stream | undefined): number {
    const { slots, ring, blockBytes, clock } = this.#parts
    const block = Math.floor(offset / blockBytes)
    const again = stream?.confirmed === true && stream.again
    const slot = slots.assign(block, offset - block * blockBytes, end - offset, demanded, again)
    if (slot === -1) return -1
    // The slot may have been filled and given up before the bell for its first byte was heard.
    ring.waiter.drop(slot)
    for (const demand of this.demands.take(block)) {
      if (demand.offset >= offset && demand.end <= end) {
        if (demand.readId !== undefined) this.#named.add(demand.readId)
        demand.attach(slot)
      } else this.demands.add(demand, clock())
    }
    return slot
  }
}

/** What a random read of so many bytes is rounded out to. */
function randomUnit(bytes: number): number {
  const unit = 2 ** Math.ceil(Math.log2(RANDOM_TIMES * bytes))
  return clamp(unit, LEAST_RANDOM_UNIT, RANDOM_UNIT)
}
