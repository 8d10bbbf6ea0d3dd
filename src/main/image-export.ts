// One image behind an export name: puts together reader, fetcher and planner for a source that was
// probed, and answers the session's calls with them.

import type { Extent } from '../shared/extent.js'
import type { Failure } from '../shared/failure.js'
import { SlotFiller } from '../shared/sharedarraybuffer-ring/index.js'
import { BlockReader } from './block-reader.js'
import { coverageOf } from './coverage.js'
import type { Export, ReadHandle, ReadRequest, ReadSink } from './export.js'
import { imageInfo } from './export-info.js'
import type { Log } from './log.js'
import type { ExportInfo, StatusExtent } from './nbd/messages.js'
import type { Origin } from './origin.js'
import { BlockBitmap } from './prefetch/block-bitmap.js'
import { FormatHint } from './prefetch/format-hint.js'
import { Planner, type Readahead } from './prefetch/planner.js'
import type { SpanRunner } from './range-requests.js'
import { ExportSlots } from './ring/export-slots.js'
import type { RingUser, SharedRing } from './shared-ring.js'
import type { ProbedSource } from './source/probe.js'
import { fixedSource, type RequestSource } from './source/request-source.js'
import { SpanFetcher } from './span-fetcher.js'
import type { FetchMeter } from './status/fetch-meter.js'
import { ReadMeter } from './status/read-meter.js'
import { zeroExtents } from './zero-extents.js'

/** A BLOCK_STATUS of such a length announces the unit that nbdcopy copies next; a longer one is a survey. */
const LEAST_UNIT = 64 * 1024 * 1024
const LARGEST_UNIT = 256 * 1024 * 1024

export interface ImageExportParts {
  readonly name: string
  /** Shown to clients. Default: the source's name. */
  readonly description?: string | undefined
  readonly source: ProbedSource
  /** Where requests come from once the source is open. Default: they stay as the probe's was. */
  readonly session?: RequestSource
  readonly ring: SharedRing
  readonly origin: Origin
  readonly maxRequestBytes: number
  readonly maxAttempts: number
  /** Time from a request's first failure in which it is repeated, milliseconds. */
  readonly maxRetryMs: number
  readonly readahead: Readahead
  /** False takes no notice of what kind of image it is. Default true. */
  readonly formatHint?: boolean
  readonly runner: SpanRunner
  readonly fetchMeter: FetchMeter
  readonly log: Log
  readonly clock: () => number
  readonly random: () => number
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

/** What a picture of an export is drawn from. Nothing of it may be changed. */
export interface ImageView {
  /** Number of its first block in the ring's table. */
  readonly firstBlock: number
  readonly zeroes: BlockBitmap
  readonly slots: Pick<ExportSlots, 'coveredUntil'>
  readonly planner: Pick<Planner, 'streams' | 'reachOf'>
  readonly fetcher: Pick<SpanFetcher, 'running' | 'isWaitedFor' | 'poison'>
}

/** An image served from a ring that others may share. */
export class ImageExport implements Export, RingUser {
  readonly info: ExportInfo
  readonly meter: ReadMeter
  /** Size in blocks, and of a block. */
  readonly blocks: number
  readonly blockBytes: number
  readonly #clock: () => number
  readonly #ring: SharedRing
  readonly #firstBlock: number
  readonly #slots: ExportSlots
  readonly #zeroes: BlockBitmap
  readonly #formatHint: FormatHint | undefined
  readonly #planner: Planner
  readonly #fetcher: SpanFetcher
  readonly #reader: BlockReader

  constructor(parts: ImageExportParts) {
    const { ring, source, origin, clock } = parts
    const { memory } = ring
    const imageBytes = source.request.totalBytes
    const blockBytes = memory.slotBytes
    const blocks = Math.ceil(imageBytes / blockBytes)
    this.#ring = ring
    this.#clock = clock
    this.blocks = blocks
    this.blockBytes = blockBytes
    this.meter = new ReadMeter(imageBytes, blockBytes)
    this.info = imageInfo(parts.name, parts.description ?? source.name, imageBytes, blockBytes)
    this.#firstBlock = ring.join(blocks, this)
    const served = new BlockBitmap(blocks)
    this.#zeroes = new BlockBitmap(blocks)
    this.#slots = new ExportSlots({
      table: ring.table,
      memory,
      firstBlock: this.#firstBlock,
      imageBytes,
      zeroes: this.#zeroes,
    })
    const coverage = coverageOf(this.#slots, served, blockBytes, imageBytes)
    this.#formatHint =
      (parts.formatHint ?? true) && parts.readahead !== 'off'
        ? new FormatHint({
            imageBytes,
            blockBytes,
            ringBlocks: memory.slotCount,
            coverage,
            estimator: origin.estimator,
          })
        : undefined
    this.#planner = new Planner({
      imageBytes,
      blockBytes,
      maxRequestBytes: parts.maxRequestBytes,
      aheadBytes: () => ring.shareOf(this),
      readahead: parts.readahead,
      coverage,
      estimator: origin.estimator,
    })
    this.#fetcher = new SpanFetcher({
      ...parts,
      imageBytes,
      blockBytes,
      source: parts.session ?? fixedSource(source.request),
      sourceName: source.name,
      slots: this.#slots,
      planner: this.#planner,
      formatHint: this.#formatHint,
      limit: () => origin.shareOf(this.#fetcher),
      isAhead: block => this.isAhead(block),
      served,
      meter: parts.fetchMeter,
    })
    this.#reader = new BlockReader({
      imageBytes,
      blockBytes,
      ring,
      slots: this.#slots,
      planner: this.#planner,
      formatHint: this.#formatHint,
      fetcher: this.#fetcher,
      meter: this.meter,
      clock,
    })
    this.#keep(source.firstBytes)
  }

  get active(): boolean {
    return this.#planner.isActive(this.#clock())
  }

  isAhead(block: number): boolean {
    const nowMs = this.#clock()
    return (
      this.#planner.isAhead(block, nowMs) ||
      this.#fetcher.isHinted(block) ||
      this.#formatHint?.isAhead(block, nowMs) === true
    )
  }

  gaveUp(block: number): void {
    const { slotBytes } = this.#ring.memory
    this.#planner.lost({ offset: block * slotBytes, length: slotBytes })
  }

  /** What is under way, in the whole ring. Cheap: may be asked at any time. */
  gauges(): EngineGauges {
    const { owner, admission, waiter, table } = this.#ring
    return {
      pins: owner.pinned,
      tokens: admission.total,
      freeTokens: admission.free,
      waitingReads: admission.waiting,
      waitingDemands: this.#fetcher.waitingDemands,
      waits: waiter.pending,
      retries: this.#fetcher.waitingRetries,
      freeSlots: table.free,
      unread: table.unread,
    }
  }

  /** What a picture of it is drawn from. */
  get view(): ImageView {
    return {
      firstBlock: this.#firstBlock,
      zeroes: this.#zeroes,
      slots: this.#slots,
      planner: this.#planner,
      fetcher: this.#fetcher,
    }
  }

  /** Blocks known to be zero. */
  get zeroBlocks(): number {
    return this.#zeroes.count
  }

  read(request: ReadRequest, sink: ReadSink): ReadHandle {
    return this.#reader.read(request, sink)
  }

  cache(offset: number, length: number, connection: number): void {
    const extent: Extent = { offset, length }
    this.#fetcher.hint(extent, connection)
  }

  /** Told from what is known already; what is not known to be zero counts as data. */
  blockStatus(offset: number, length: number, connection: number): readonly StatusExtent[] {
    if (length >= LEAST_UNIT && length <= LARGEST_UNIT) {
      this.#planner.announce(connection, offset, this.#clock())
      this.#fetcher.wake()
    }
    const { slotBytes } = this.#ring.memory
    const extents = zeroExtents(block => this.#zeroes.has(block), slotBytes, offset, length)
    this.meter.told(offset, extents)
    return extents
  }

  calledBack(bytes: number, reads: number): void {
    this.meter.calledBack(bytes, reads)
  }

  get memoryIsScarce(): boolean {
    return this.#ring.admission.isScarce
  }

  connectionOpened(): void {
    this.#fetcher.prepare()
  }

  connectionClosed(connection: number): void {
    this.#planner.connectionClosed(connection)
    this.#fetcher.connectionClosed(connection)
  }

  /** Ends all fetching; reads that still wait fail with this. */
  close(failure: Failure): void {
    this.#fetcher.close(failure)
  }

  /** Puts the probe's bytes where reads will look for them. */
  #keep(bytes: Uint8Array): void {
    const { memory } = this.#ring
    const { slotBytes } = memory
    for (let start = 0; start < bytes.length; start += slotBytes) {
      const piece = bytes.subarray(start, start + slotBytes)
      const slot = this.#slots.assign(start / slotBytes, 0, piece.length, false)
      if (slot === -1) return
      const filler = new SlotFiller(memory, slot, memory.epoch(slot))
      filler.append(piece)
      filler.complete()
      this.#slots.fetched(slot)
    }
  }
}
