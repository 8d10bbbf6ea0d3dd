// One image behind an export name: puts together reader, fetcher, planner and ring for a source
// that was probed, and answers the session's calls with them.

import { clamp, type Extent } from '../shared/extent.js'
import type { Failure } from '../shared/failure.js'
import { type RingMemory, RingOwner, SlotFiller } from '../shared/sharedarraybuffer-ring/index.js'
import { BlockReader } from './block-reader.js'
import { coverageOf } from './coverage.js'
import type { Export, ReadHandle, ReadRequest, ReadSink } from './export.js'
import type { Log } from './log.js'
import type { ExportInfo } from './nbd/messages.js'
import { BlockBitmap } from './prefetch/block-bitmap.js'
import type { Estimator } from './prefetch/estimator.js'
import type { Governor } from './prefetch/governor.js'
import { Planner, type Readahead } from './prefetch/planner.js'
import { Admission } from './ring/admission.js'
import { SlotTable } from './ring/slot-table.js'
import { SlotWaiter } from './ring/slot-waiter.js'
import type { ProbedSource } from './source/probe.js'
import { fixedSource, type RequestSource } from './source/request-source.js'
import { SpanFetcher, type SpanRunner, type Timers } from './span-fetcher.js'
import type { FetchMeter } from './status/fetch-meter.js'
import { ReadMeter } from './status/read-meter.js'

/** Largest payload a client is told to send or ask for: what every NBD client can take. */
const MAX_PAYLOAD = 32 * 1024 * 1024
/** Largest preferred block size worth telling: nbdcopy reads in units of it and keeps 16 MiB under way. */
const MAX_PREFERRED = 256 * 1024
/** Share of the ring that prefetch leaves to demand, and how many slots are enough of it. */
const DEMAND_SHARE = 1 / 4
const SMALL_RING_SHARE = 1 / 2
const ENOUGH_DEMAND_SLOTS = 64

export interface ImageExportParts {
  readonly name: string
  readonly source: ProbedSource
  /** Where requests come from once the source is open. Default: they stay as the probe's was. */
  readonly session?: RequestSource
  readonly memory: RingMemory
  readonly maxRequestBytes: number
  readonly maxAttempts: number
  /** Time from a request's first failure in which it is repeated, milliseconds. */
  readonly maxRetryMs: number
  readonly readahead: Readahead
  readonly governor: Governor
  readonly estimator: Estimator
  readonly runner: SpanRunner
  readonly fetchMeter: FetchMeter
  readonly log: Log
  readonly clock: () => number
  readonly random: () => number
  readonly timers: Timers
}

/** What is under way inside an export. With nothing asked all but the tokens and slots are 0. */
export interface EngineGauges {
  /** Slots pinned by replies, counted once for each reply. */
  readonly pins: number
  /** Pieces that reads may hold at one time, and how many of these nobody holds. */
  readonly tokens: number
  readonly freeTokens: number
  /** Reads that wait for a token. */
  readonly waitingReads: number
  /** Blocks that somebody waits for and no request brings yet. */
  readonly waitingDemands: number
  /** Waits for bytes of a slot. */
  readonly waits: number
  /** Spans that failed and will be tried again. */
  readonly retries: number
  /** Slots that hold nothing, and slots whose bytes nobody has read yet. */
  readonly freeSlots: number
  readonly unread: number
}

/** Slots kept for demand in a ring of this many: a quarter, or up to half of a small ring. */
export function demandSlots(slotCount: number): number {
  const small = Math.min(ENOUGH_DEMAND_SLOTS, Math.floor(slotCount * SMALL_RING_SHARE))
  return Math.max(1, small, Math.floor(slotCount * DEMAND_SHARE))
}

/** An image served from a ring of its own. */
export class ImageExport implements Export {
  readonly info: ExportInfo
  readonly meter = new ReadMeter()
  readonly #owner: RingOwner
  readonly #table: SlotTable
  readonly #waiter: SlotWaiter
  readonly #planner: Planner
  readonly #fetcher: SpanFetcher
  readonly #reader: BlockReader
  readonly #memory: RingMemory
  readonly #admission: Admission

  constructor(parts: ImageExportParts) {
    const { memory, source, estimator, governor, clock } = parts
    const imageBytes = source.request.totalBytes
    const blockBytes = memory.slotBytes
    this.#memory = memory
    this.info = {
      name: parts.name,
      description: source.name,
      size: imageBytes,
      blockSizes: {
        minimum: 1,
        preferred: clamp(blockBytes, 4096, MAX_PREFERRED),
        maximum: MAX_PAYLOAD,
      },
    }
    const reserve = demandSlots(memory.slotCount)
    const served = new BlockBitmap(Math.ceil(imageBytes / blockBytes))
    this.#owner = new RingOwner(memory)
    this.#table = new SlotTable(
      this.#owner,
      reserve,
      block => this.#planner.isAhead(block, clock()) || this.#fetcher.isHinted(block),
    )
    this.#waiter = new SlotWaiter(this.#owner)
    this.#planner = new Planner({
      imageBytes,
      blockBytes,
      maxRequestBytes: parts.maxRequestBytes,
      aheadBytes: (memory.slotCount - reserve) * blockBytes,
      readahead: parts.readahead,
      coverage: coverageOf(this.#table, served, blockBytes, imageBytes),
      estimator,
    })
    this.#fetcher = new SpanFetcher({
      ...parts,
      imageBytes,
      blockBytes,
      source: parts.session ?? fixedSource(source.request),
      sourceName: source.name,
      owner: this.#owner,
      table: this.#table,
      waiter: this.#waiter,
      planner: this.#planner,
      governor,
      estimator,
      served,
      meter: parts.fetchMeter,
    })
    this.#admission = new Admission(reserve)
    this.#reader = new BlockReader({
      imageBytes,
      blockBytes,
      memory,
      table: this.#table,
      waiter: this.#waiter,
      admission: this.#admission,
      planner: this.#planner,
      fetcher: this.#fetcher,
      meter: this.meter,
      clock,
    })
    this.#keep(source.firstBytes)
  }

  /** Pins held by replies: zero when no reply is being written. */
  get pins(): number {
    return this.#owner.pinned
  }

  /** Slots that hold whole blocks, and slots being filled. Walks the ring. */
  census(): { ready: number; filling: number } {
    return this.#table.census()
  }

  /** What is under way. Cheap: may be asked at any time. */
  gauges(): EngineGauges {
    return {
      pins: this.#owner.pinned,
      tokens: this.#admission.total,
      freeTokens: this.#admission.free,
      waitingReads: this.#admission.waiting,
      waitingDemands: this.#fetcher.waitingDemands,
      waits: this.#waiter.pending,
      retries: this.#fetcher.waitingRetries,
      freeSlots: this.#table.free,
      unread: this.#table.unread,
    }
  }

  read(request: ReadRequest, sink: ReadSink): ReadHandle {
    return this.#reader.read(request, sink)
  }

  cache(offset: number, length: number): void {
    const extent: Extent = { offset, length }
    this.#fetcher.hint(extent)
  }

  connectionOpened(): void {}

  connectionClosed(connection: number): void {
    this.#planner.connectionClosed(connection)
    this.#fetcher.wake()
  }

  /** Ends all fetching; reads that still wait fail with this. */
  close(failure: Failure): void {
    this.#fetcher.close(failure)
    this.#waiter.close()
  }

  /** Puts the probe's bytes where reads will look for them. */
  #keep(bytes: Uint8Array): void {
    const { slotBytes } = this.#memory
    for (let start = 0; start < bytes.length; start += slotBytes) {
      const piece = bytes.subarray(start, start + slotBytes)
      const slot = this.#table.assign(start / slotBytes, 0, piece.length, false)
      if (slot === -1) return
      const filler = new SlotFiller(this.#memory, slot, this.#memory.epoch(slot))
      filler.append(piece)
      filler.complete()
      this.#table.fetched(slot)
    }
  }
}
