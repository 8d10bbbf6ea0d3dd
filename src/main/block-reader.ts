// Answers reads from the ring. A read is cut at block boundaries into pieces; each piece takes a
// token, finds or asks for a slot, waits until its bytes are there, is handed out as a view of the
// ring, and gives slot and token back when the reply has left. Pieces of one read leave in order.

import type { Failure } from '../shared/failure.js'
import type { RingMemory } from '../shared/sharedarraybuffer-ring/index.js'
import type { ReadHandle, ReadRequest, ReadSink } from './export.js'
import type { FormatHint } from './prefetch/format-hint.js'
import type { Planner } from './prefetch/planner.js'
import { type Stream, strayRead } from './prefetch/streams.js'
import type { Admission } from './ring/admission.js'
import type { SlotTable } from './ring/slot-table.js'
import type { SlotWaiter } from './ring/slot-waiter.js'
import type { ReadMeter } from './status/read-meter.js'

/**
 * Private memory for reads that must be handed out as a whole (clients without structured replies,
 * DF), bytes; one read may always run, however large.
 */
const GATHER_BYTES = 32 * 1024 * 1024

/** Bytes somebody waits for that no slot holds yet. All offsets are of the image. */
export interface Demand {
  readonly offset: number
  /** Exclusive; in the same block as `offset`. */
  readonly end: number
  readonly stream: Stream
  /** The slot that will hold the bytes; to be pinned now. */
  attach(slot: number): void
  /** The bytes can't be had. */
  fail(failure: Failure): void
}

/** Fetches what is missing: the layer below. */
export interface DemandFetcher {
  /** Set once the source has changed or is closed: nothing of it may be served any more. */
  readonly poison: Failure | undefined
  demand(demand: Demand): void
  /** Nobody waits any more; the fetch may or may not happen. */
  withdraw(demand: Demand): void
  /** The failure that ended the slot's fetch is told to this listener, until the slot is whole. */
  onLost(slot: number, listener: (failure: Failure) => void): () => void
  /** A window has moved or grown: look for work. */
  wake(): void
  /** All bytes up to this offset of its block were served. */
  served(offset: number): void
}

/** A piece of a read: bytes of one slot. */
class Piece implements Demand {
  readonly read: Read
  readonly offset: number
  end: number
  slot = -1
  ready = false
  /** True if its bytes were in the ring when they were asked for. */
  hit = false
  #unsubscribe: (() => void) | undefined

  constructor(read: Read, offset: number, end: number) {
    this.read = read
    this.offset = offset
    this.end = end
  }

  get stream(): Stream {
    return this.read.stream
  }

  /** Bytes of the slot that must be valid: exclusive end, counted from the slot's start. */
  get need(): number {
    const { blockBytes, table } = this.read.reader
    return (this.end % blockBytes || blockBytes) - table.startOf(this.slot)
  }

  attach(slot: number): void {
    const { table, waiter, fetcher } = this.read.reader
    this.slot = slot
    table.pin(slot)
    if (waiter.wait(slot, this.need, this.arrived)) {
      this.ready = true
      this.read.progressed()
      return
    }
    this.#unsubscribe = fetcher.onLost(slot, failure => this.fail(failure))
  }

  readonly arrived = (): void => {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.ready = true
    this.read.progressed()
  }

  fail(failure: Failure): void {
    this.#unsubscribe = undefined
    this.read.failed(failure, this.offset)
  }

  /** Gives the slot and the token back; the piece is no longer used. */
  release(): void {
    const { table, waiter, admission, fetcher } = this.read.reader
    if (this.slot === -1) {
      fetcher.withdraw(this)
    } else {
      if (!this.ready) {
        waiter.cancel(this.slot, this.arrived)
        this.#unsubscribe?.()
        this.#unsubscribe = undefined
      }
      table.unpin(this.slot)
    }
    admission.give(this.read.request.connection)
  }
}

/** One running read. */
class Read implements ReadHandle {
  readonly reader: BlockReader
  readonly request: ReadRequest
  readonly stream: Stream
  readonly #sink: ReadSink
  readonly #end: number
  /** Next byte to take a piece for. */
  #next: number
  /** Next byte to hand out. */
  #emitted: number
  /** Pieces taken and not handed out, in order. */
  #pieces: Piece[] = []
  /** Private memory of a read that must be handed out as a whole. */
  readonly #gather: Uint8Array | undefined
  #over = false
  #stalled = false
  /** Guards against re-entry: a slot that is ready at once calls progressed() from within lease(). */
  #leasing = false

  constructor(reader: BlockReader, request: ReadRequest, stream: Stream, sink: ReadSink) {
    this.reader = reader
    this.request = request
    this.stream = stream
    this.#sink = sink
    this.#next = request.offset
    this.#emitted = request.offset
    this.#end = request.offset + request.length
    this.#gather = request.whole ? new Uint8Array(request.length) : undefined
  }

  /** Takes pieces while tokens can be had, and hands out what is there. */
  advance(): void {
    const { admission, fetcher } = this.reader
    const { connection } = this.request
    while (!this.#over && this.#next < this.#end) {
      if (fetcher.poison !== undefined) break
      if (!admission.tryTake(connection)) {
        admission.take(connection, () => {
          if (this.#over || fetcher.poison !== undefined) admission.give(connection)
          else this.#lease()
          this.advance()
        })
        break
      }
      this.#lease()
    }
    this.progressed()
  }

  /** Hands out the pieces at the front that have arrived. */
  progressed(): void {
    if (this.#over || this.#leasing) return
    const { poison } = this.reader.fetcher
    if (poison !== undefined) {
      this.failed(poison, this.#emitted)
      return
    }
    let count = 0
    while (this.#pieces[count]?.ready) count++
    if (count > 0) {
      const pieces = this.#pieces.splice(0, count)
      if (this.#gather === undefined) this.#handOut(pieces)
      else this.#copy(pieces, this.#gather)
    }
    // Handing out may have ended the read: a client that dies takes its reads with it.
    if (this.#over) return
    if (this.#emitted < this.#end) {
      this.#setStalled(this.#pieces.length > 0)
      return
    }
    this.#finish()
    if (this.#gather !== undefined) {
      this.#sink.data(this.request.offset, [this.#gather], () => this.reader.gathered(this.request))
    }
    this.#sink.end()
  }

  /** @param offset first byte that can't be had */
  failed(failure: Failure, offset: number): void {
    if (this.#over) return
    this.#finish()
    this.reader.meter.failed()
    this.#abandon()
    this.#sink.fail(failure, Math.max(this.#emitted, offset))
  }

  cancel(): void {
    if (this.#over) return
    this.#finish()
    this.#abandon()
  }

  #lease(): void {
    const { blockBytes, table, fetcher } = this.reader
    const block = Math.floor(this.#next / blockBytes)
    const at = this.#next - block * blockBytes
    const slot = table.find(block, at)
    let end = Math.min(this.#end, (block + 1) * blockBytes)
    if (slot !== -1) end = Math.min(end, block * blockBytes + table.coveredUntil(block, at))
    const piece = new Piece(this, this.#next, end)
    this.#next = end
    this.stream.waitingBytes -= end - piece.offset
    this.#pieces.push(piece)
    this.#leasing = true
    if (slot === -1) fetcher.demand(piece)
    else piece.attach(slot)
    this.#leasing = false
    piece.hit = piece.ready
  }

  #finish(): void {
    this.#setStalled(false)
    this.#over = true
    this.reader.meter.finished()
  }

  #abandon(): void {
    const pieces = this.#pieces
    this.#pieces = []
    this.stream.waitingBytes -= this.#end - this.#next
    this.#next = this.#end
    for (const piece of pieces) piece.release()
    if (this.#gather !== undefined) this.reader.gathered(this.request)
  }

  #setStalled(stalled: boolean): void {
    if (stalled === this.#stalled) return
    this.#stalled = stalled
    if (stalled) this.reader.stalled(this.stream)
    else this.reader.resumed()
  }

  #handOut(pieces: Piece[]): void {
    const offset = this.#emitted
    const views = pieces.map(piece => this.#view(piece))
    this.#emitted = (pieces.at(-1) as Piece).end
    this.reader.meter.served(this.#emitted - offset)
    this.#sink.data(offset, views, () => {
      for (const piece of pieces) piece.release()
    })
  }

  #copy(pieces: Piece[], target: Uint8Array): void {
    for (const piece of pieces) {
      target.set(this.#view(piece), piece.offset - this.request.offset)
      this.#emitted = piece.end
      this.reader.meter.served(piece.end - piece.offset)
    }
    for (const piece of pieces) piece.release()
  }

  #view(piece: Piece): Uint8Array {
    const { memory, table, fetcher, meter, blockBytes } = this.reader
    const to = piece.need
    const from = to - (piece.end - piece.offset)
    // Counted now and not before: what is never handed out is no hit.
    if (piece.hit) meter.hit(to - from)
    table.touch(piece.slot, from, to, this.stream.confirmed)
    const atEnd = piece.end % blockBytes === 0 || piece.end === this.reader.imageBytes
    // A single small read at the end of a block, as of a table, has not served what lies before it.
    if (atEnd && (this.stream.confirmed || piece.offset % blockBytes === 0)) {
      fetcher.served(piece.end)
    }
    const view = memory.view(piece.slot, from, to)
    this.reader.passed(piece.offset, view, this.stream)
    return view
  }
}

export interface BlockReaderParts {
  readonly imageBytes: number
  readonly blockBytes: number
  readonly memory: RingMemory
  readonly table: SlotTable
  readonly waiter: SlotWaiter
  readonly admission: Admission
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
  readonly memory: RingMemory
  readonly table: SlotTable
  readonly waiter: SlotWaiter
  readonly admission: Admission
  readonly fetcher: DemandFetcher
  readonly meter: ReadMeter
  readonly #planner: Planner
  readonly #formatHint: FormatHint | undefined
  readonly #clock: () => number
  /** Reads that wait for private memory. */
  readonly #gatherQueue: { length: number; start: () => void }[] = []
  #gatherBytes = 0
  /** True while reads that waited for memory are started: one may be over at once. */
  #starting = false

  constructor(parts: BlockReaderParts) {
    this.imageBytes = parts.imageBytes
    this.blockBytes = parts.blockBytes
    this.memory = parts.memory
    this.table = parts.table
    this.waiter = parts.waiter
    this.admission = parts.admission
    this.fetcher = parts.fetcher
    this.meter = parts.meter
    this.#planner = parts.planner
    this.#formatHint = parts.formatHint
    this.#clock = parts.clock
  }

  /** Starts a read that lies inside the image; see `Export.read`. */
  read(request: ReadRequest, sink: ReadSink): ReadHandle {
    this.meter.started()
    const { poison } = this.fetcher
    if (poison !== undefined) {
      this.meter.failed()
      this.meter.finished()
      sink.fail(poison, request.offset)
      return { cancel: () => {} }
    }
    const { length } = request
    const stream = this.#streamOf(request)
    stream.waitingBytes += length
    let running: Read | undefined
    let cancelled = false
    const start = () => {
      if (cancelled) return
      if (request.whole) this.#gatherBytes += length
      running = new Read(this, request, stream, sink)
      running.advance()
      this.fetcher.wake()
    }
    // Behind those who wait, however little it needs: a large read would wait for ever else.
    const waits = this.#gatherQueue.length > 0 || !this.#mayGather(length)
    if (request.whole && waits) this.#gatherQueue.push({ length, start })
    else start()
    return {
      cancel: () => {
        if (running !== undefined) running.cancel()
        else if (!cancelled) {
          stream.waitingBytes -= length
          this.meter.finished()
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

  /** A read of the stream has to wait for bytes. */
  stalled(stream: Stream): void {
    this.meter.stalled(this.#clock())
    this.#planner.stalled(stream, this.#clock())
  }

  /** A read that waited goes on, or is over. */
  resumed(): void {
    this.meter.resumed(this.#clock())
  }

  /** The private memory of a whole read is no longer used. */
  gathered(request: ReadRequest): void {
    this.#gatherBytes -= request.length
    // One by one instead of each from within the one before: thousands may be in line.
    if (this.#starting) return
    this.#starting = true
    try {
      while (this.#gatherQueue[0] !== undefined && this.#mayGather(this.#gatherQueue[0].length)) {
        this.#gatherQueue.shift()?.start()
      }
    } finally {
      this.#starting = false
    }
  }

  /** Tables lie all over an image, in the order of its data: reads of them are no sequence of it. */
  #streamOf({ connection, offset, length }: ReadRequest): Stream {
    const nowMs = this.#clock()
    if (this.#formatHint?.isTable(offset, length) === true) {
      return strayRead(connection, offset, length, nowMs)
    }
    return this.#planner.observe(connection, offset, length, nowMs)
  }

  #mayGather(length: number): boolean {
    return this.#gatherBytes === 0 || this.#gatherBytes + length <= GATHER_BYTES
  }
}
