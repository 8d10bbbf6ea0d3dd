// Answers reads from the ring. A read is cut at block boundaries into pieces; each piece takes a
// token, finds or asks for a slot, waits until its bytes are there, is handed out as a view of the
// ring, and gives slot and token back when the reply has left. Pieces of one read leave in order.

import type { Failure } from '../shared/failure.js'
import type { ReadHandle, ReadRequest, ReadSink } from './export.js'
import type { FormatHint } from './prefetch/format-hint.js'
import type { Planner } from './prefetch/planner.js'
import { type Stream, strayRead } from './prefetch/streams.js'
import type { ExportSlots } from './ring/export-slots.js'
import type { GatherShare } from './ring/gather-memory.js'
import type { SharedRing } from './shared-ring.js'
import type { ReadMeter } from './status/read-meter.js'
import { zeroViews } from './zero-views.js'

/**
 * Bytes handed out in one call, unless a single block is larger: what a client that stops reading has
 * been handed can't be called back, and the slots of a call are given back together.
 */
const HAND_OUT_BYTES = 1024 * 1024

/** Bytes somebody waits for that no slot holds yet. All offsets are of the image. */
export interface Demand {
  readonly offset: number
  /** Exclusive; in the same block as `offset`. */
  readonly end: number
  readonly stream: Stream
  /** The read it belongs to, in debug lines; undefined where there are none. */
  readonly readId: string | undefined
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
  /**
   * Time until `bytes` of the slot are valid, as things go, milliseconds; undefined if no request
   * brings them.
   */
  etaMs(slot: number, bytes: number): number | undefined
  /** Usual time for a request of so many bytes, milliseconds. */
  requestMs(bytes: number): number
  /** The named read waits for bytes of the slot, which are under way. */
  joined(readId: string, slot: number): void
  /** A window has moved or grown: look for work. */
  wake(): void
  /** All bytes up to this offset of its block were served. */
  served(offset: number): void
}

/**
 * A random read joins a request that is to bring its bytes anyway, unless that takes so many times
 * as long as asking anew.
 */
const BYPASS_TIMES = 2

/** A piece of a read: bytes of one slot, or of a block that is known to be zero. */
class Piece implements Demand {
  readonly read: Read
  readonly offset: number
  end: number
  slot = -1
  ready = false
  /** True if its bytes were known when they were asked for. */
  hit = false
  /** True if it lies in a block known to be zero: it holds no slot. */
  zero = false
  #unsubscribe: (() => void) | undefined

  constructor(read: Read, offset: number, end: number) {
    this.read = read
    this.offset = offset
    this.end = end
  }

  get stream(): Stream {
    return this.read.stream
  }

  get readId(): string | undefined {
    return this.read.request.id
  }

  /** Bytes of the slot that must be valid: exclusive end, counted from the slot's start. */
  get need(): number {
    return this.read.reader.needOf(this.slot, this.end)
  }

  attach(slot: number): void {
    const { fetcher } = this.read.reader
    const { table, waiter } = this.read.reader.ring
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
    const { fetcher } = this.read.reader
    const { table, waiter, admission } = this.read.reader.ring
    if (this.zero) {
      // Holds nothing but its token.
    } else if (this.slot === -1) {
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
  readonly #share: GatherShare | undefined
  #over = false
  #stalled = false
  /** Guards against re-entry: a slot that is ready at once calls progressed() from within lease(). */
  #leasing = false
  /** The same for a piece that is given back at once, and whose token goes to this read. */
  #handingOut = false

  constructor(
    reader: BlockReader,
    request: ReadRequest,
    stream: Stream,
    sink: ReadSink,
    share: GatherShare | undefined,
  ) {
    this.#share = share
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
    const { fetcher } = this.reader
    const { admission } = this.reader.ring
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
    if (this.#over || this.#leasing || this.#handingOut) return
    const { poison } = this.reader.fetcher
    if (poison !== undefined) {
      this.failed(poison, this.#emitted)
      return
    }
    while (this.#pieces[0]?.ready) {
      let count = 1
      while (this.#pieces[count]?.ready) count++
      const pieces = this.#pieces.splice(0, count)
      this.#handingOut = true
      if (this.#gather === undefined) this.#handOut(pieces)
      else this.#copy(pieces, this.#gather)
      this.#handingOut = false
    }
    // Handing out may have ended the read: a client that dies takes its reads with it.
    if (this.#over) return
    if (this.#emitted < this.#end) {
      this.#setStalled(this.#pieces.length > 0)
      return
    }
    this.#finish()
    if (this.#gather !== undefined) {
      this.#sink.data(this.request.offset, [this.#gather], () => this.#giveMemory())
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
    const { blockBytes, slots, fetcher } = this.reader
    const block = Math.floor(this.#next / blockBytes)
    const at = this.#next - block * blockBytes
    const zero = slots.isZero(block)
    let slot = zero ? -1 : slots.find(block, at)
    let end = Math.min(this.#end, (block + 1) * blockBytes)
    if (slot !== -1) {
      const covered = Math.min(end, block * blockBytes + slots.coveredUntil(block, at))
      if (this.#isSlow(slot, covered)) slot = -1
      else end = covered
    }
    const piece = new Piece(this, this.#next, end)
    this.#next = end
    this.stream.waitingBytes -= end - piece.offset
    this.#pieces.push(piece)
    this.#leasing = true
    if (zero) {
      piece.zero = true
      piece.ready = true
    } else if (slot === -1) fetcher.demand(piece)
    else {
      piece.attach(slot)
      const { id } = this.request
      if (id !== undefined && !piece.ready) fetcher.joined(id, slot)
    }
    this.#leasing = false
    piece.hit = piece.ready
  }

  /** True if it is quicker to ask anew than to wait for the slot: never for a sequential reader. */
  #isSlow(slot: number, end: number): boolean {
    const { fetcher } = this.reader
    if (this.stream.confirmed) return false
    const etaMs = fetcher.etaMs(slot, this.reader.needOf(slot, end))
    return etaMs !== undefined && etaMs > BYPASS_TIMES * fetcher.requestMs(end - this.#next)
  }

  #finish(): void {
    this.#setStalled(false)
    this.#over = true
    this.reader.finished()
  }

  #abandon(): void {
    const pieces = this.#pieces
    this.#pieces = []
    this.stream.waitingBytes -= this.#end - this.#next
    this.#next = this.#end
    for (const piece of pieces) piece.release()
    this.#giveMemory()
  }

  #giveMemory(): void {
    if (this.#share !== undefined) this.reader.ring.gatherMemory.give(this.#share)
  }

  #setStalled(stalled: boolean): void {
    if (stalled === this.#stalled) return
    this.#stalled = stalled
    if (stalled) this.reader.stalled(this.stream)
    else this.reader.resumed(this.stream)
  }

  #handOut(pieces: Piece[]): void {
    for (let from = 0; from < pieces.length; ) {
      if (this.#over) {
        // The client has gone meanwhile: nobody takes the rest.
        for (const piece of pieces.slice(from)) piece.release()
        return
      }
      const first = pieces[from] as Piece
      const hole = this.#isHole(first)
      const fits = (piece: Piece) => hole || piece.end - first.offset <= HAND_OUT_BYTES
      const joins = (piece: Piece) => this.#isHole(piece) === hole && fits(piece)
      let to = from + 1
      while (to < pieces.length && joins(pieces[to] as Piece)) to++
      this.#handOutRun(from === 0 && to === pieces.length ? pieces : pieces.slice(from, to), hole)
      from = to
    }
  }

  /** Hands out neighbours that are all data or all zero. */
  #handOutRun(pieces: Piece[], hole: boolean): void {
    const offset = this.#emitted
    this.#emitted = (pieces.at(-1) as Piece).end
    this.reader.meter.served(this.#emitted - offset)
    if (hole) {
      for (const piece of pieces) {
        this.#touch(piece)
        this.reader.passedZeroes(piece.offset, piece.end - piece.offset, this.stream)
      }
      this.#sink.hole(offset, this.#emitted - offset)
      for (const piece of pieces) piece.release()
      return
    }
    const views = pieces.map(piece => this.#view(piece))
    this.#sink.data(offset, views, () => {
      for (const piece of pieces) piece.release()
    })
  }

  /** True if the piece need not be sent: all of its block, or of its slot, is zero. */
  #isHole(piece: Piece): boolean {
    return piece.zero || this.reader.ring.memory.isZero(piece.slot)
  }

  #copy(pieces: Piece[], target: Uint8Array): void {
    for (const piece of pieces) {
      // The target is zero where nothing is written.
      if (piece.zero) this.#touch(piece)
      else target.set(this.#view(piece), piece.offset - this.request.offset)
      this.#emitted = piece.end
      this.reader.meter.served(piece.end - piece.offset)
    }
    for (const piece of pieces) piece.release()
  }

  #view(piece: Piece): Uint8Array {
    this.#touch(piece)
    const to = piece.need
    const view = this.reader.ring.memory.view(piece.slot, to - (piece.end - piece.offset), to)
    this.reader.passed(piece.offset, view, this.stream)
    return view
  }

  /** Notes that the piece is handed out: counted now and not before, as what never is was no hit. */
  #touch(piece: Piece): void {
    const { ring, fetcher, meter, blockBytes, imageBytes } = this.reader
    const bytes = piece.end - piece.offset
    this.stream.servedBytes += bytes
    if (piece.hit) meter.hit(bytes)
    if (!piece.zero) {
      ring.table.touch(piece.slot, piece.need - bytes, piece.need, this.stream.confirmed)
    }
    const atEnd = piece.end % blockBytes === 0 || piece.end === imageBytes
    // A single small read at the end of a block, as of a table, has not served what lies before it.
    if (atEnd && (this.stream.confirmed || piece.offset % blockBytes === 0)) {
      fetcher.served(piece.end)
      meter.covered(piece.offset, piece.end)
    }
  }
}

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
    let running: Read | undefined
    let cancelled = false
    const start = (share?: GatherShare) => {
      running = new Read(this, request, stream, sink, share)
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
