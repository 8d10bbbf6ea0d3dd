// Answers reads from the ring. A read is cut at block boundaries into pieces; each piece takes a
// token, finds or asks for a slot, waits until its bytes are there, is handed out as a view of the
// ring, and gives slot and token back when the reply has left. Pieces of one read leave in order.

import { BlockRead } from './block-read.js'
import type { DemandFetcher } from './demand-fetcher.js'
import type { ReadHandle, ReadRequest, ReadSink } from './export.js'
import type { FormatHint } from './prefetch/format-hint.js'
import type { Planner } from './prefetch/planner.js'
import { type Stream, strayRead } from './prefetch/streams.js'
import type { ExportSlots } from './ring/export-slots.js'
import type { GatherShare } from './ring/gather-memory.js'
import type { SharedRing } from './shared-ring.js'
import type { ReadMeter } from './status/read-meter.js'
import { zeroViews } from './zero-views.js'

export interface BlockReaderParts {
  readonly imageBytes: number
  readonly blockBytes: number
  readonly ring: SharedRing
  readonly slots: ExportSlots
  readonly planner: Planner
  /** Watches what is served; absent where nothing is to be fetched ahead. */
  readonly formatHint?: FormatHint | undefined
  readonly fetcher: DemandFetcher
  readonly meter: ReadMeter
  /** Monotonic milliseconds. */
  readonly clock: () => number
}

/** Reads of one export. */
export class BlockReader {
  readonly imageBytes: number
  readonly blockBytes: number
  readonly ring: SharedRing
  readonly slots: ExportSlots
  readonly fetcher: DemandFetcher
  readonly meter: ReadMeter
  readonly #planner: Planner
  readonly #formatHint: FormatHint | undefined
  readonly #clock: () => number

  constructor(parts: BlockReaderParts) {
    this.imageBytes = parts.imageBytes
    this.blockBytes = parts.blockBytes
    this.ring = parts.ring
    this.slots = parts.slots
    this.fetcher = parts.fetcher
    this.meter = parts.meter
    this.#planner = parts.planner
    this.#formatHint = parts.formatHint
    this.#clock = parts.clock
  }

  /** Bytes of the slot that must be valid for the image's bytes up to `end`, exclusive, counted from its start. */
  needOf(slot: number, end: number): number {
    return (end % this.blockBytes || this.blockBytes) - this.ring.table.startOf(slot)
  }

  /** Starts a read that lies inside the image; see `Export.read`. */
  read(request: ReadRequest, sink: ReadSink): ReadHandle {
    this.meter.started(this.#clock())
    const { poison } = this.fetcher
    if (poison !== undefined) {
      this.meter.failed()
      this.finished()
      sink.fail(poison, request.offset)
      return { cancel: () => {} }
    }
    const { length } = request
    const stream = this.#streamOf(request)
    stream.waitingBytes += length
    let running: BlockRead | undefined
    let cancelled = false
    const start = (share?: GatherShare) => {
      running = new BlockRead(this, request, stream, sink, share)
      running.advance()
      this.fetcher.wake()
    }
    let withdraw = () => {}
    if (request.whole) withdraw = this.ring.gatherMemory.take(request.connection, length, start)
    else start()
    return {
      cancel: () => {
        if (running !== undefined) running.cancel()
        else if (!cancelled) {
          withdraw()
          stream.waitingBytes -= length
          this.finished()
        }
        cancelled = true
      },
    }
  }

  /** Bytes are handed out: they may tell what the client will read next. */
  passed(offset: number, bytes: Uint8Array, stream: Stream): void {
    if (this.#formatHint?.passed(offset, bytes, stream.confirmed, this.#clock()) === true) {
      this.fetcher.wake()
    }
  }

  /** The same of bytes that are handed out as a hole. */
  passedZeroes(offset: number, length: number, stream: Stream): void {
    const [zeroes] = zeroViews(length)
    if (zeroes?.length === length) this.passed(offset, zeroes, stream)
  }

  /** A read is over. */
  finished(): void {
    this.meter.finished(this.#clock())
  }

  /** A read of the stream has to wait for bytes. */
  stalled(stream: Stream): void {
    this.meter.stalled(this.#clock())
    this.#planner.stalled(stream, this.#clock())
  }

  /** A read that waited goes on, or is over. */
  resumed(stream: Stream): void {
    const nowMs = this.#clock()
    this.meter.resumed(nowMs)
    this.#planner.resumed(stream, nowMs)
  }

  /** Tables lie all over an image, in the order of its data: reads of them are no sequence of it. */
  #streamOf({ connection, offset, length }: ReadRequest): Stream {
    const nowMs = this.#clock()
    if (this.#formatHint?.isTable(offset, length) === true) {
      return strayRead(connection, offset, length, nowMs)
    }
    return this.#planner.observe(connection, offset, length, nowMs)
  }
}
