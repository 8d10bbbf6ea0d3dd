// One running read: takes pieces while tokens can be had, waits for their bytes, and hands them out in order.

import type { Failure } from '../shared/failure.js'
import type { BlockReader } from './block-reader.js'
import type { ReadHandle, ReadRequest, ReadSink } from './export.js'
import type { Stream } from './prefetch/streams.js'
import { ReadPiece } from './read-piece.js'
import type { GatherShare } from './ring/gather-memory.js'

/**
 * Bytes handed out in one call, unless a single block is larger: what a client that stops reading has
 * been handed can't be called back, and the slots of a call are given back together.
 */
const HAND_OUT_BYTES = 1024 * 1024

/**
 * A random read joins a request that is to bring its bytes anyway, unless that takes so many times
 * as long as asking anew.
 */
const BYPASS_TIMES = 2

/** One running read. */
export class BlockRead implements ReadHandle {
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
  #pieces: ReadPiece[] = []
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
    const piece = new ReadPiece(this, this.#next, end)
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

  #handOut(pieces: ReadPiece[]): void {
    for (let from = 0; from < pieces.length; ) {
      if (this.#over) {
        // The client has gone meanwhile: nobody takes the rest.
        for (const piece of pieces.slice(from)) piece.release()
        return
      }
      const first = pieces[from] as ReadPiece
      const hole = this.#isHole(first)
      const fits = (piece: ReadPiece) => hole || piece.end - first.offset <= HAND_OUT_BYTES
      const joins = (piece: ReadPiece) => this.#isHole(piece) === hole && fits(piece)
      let to = from + 1
      while (to < pieces.length && joins(pieces[to] as ReadPiece)) to++
      this.#handOutRun(from === 0 && to === pieces.length ? pieces : pieces.slice(from, to), hole)
      from = to
    }
  }

  /** Hands out neighbours that are all data or all zero. */
  #handOutRun(pieces: ReadPiece[], hole: boolean): void {
    const offset = this.#emitted
    this.#emitted = (pieces.at(-1) as ReadPiece).end
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
  #isHole(piece: ReadPiece): boolean {
    return piece.zero || this.reader.ring.memory.isZero(piece.slot)
  }

  #copy(pieces: ReadPiece[], target: Uint8Array): void {
    for (const piece of pieces) {
      // The target is zero where nothing is written.
      if (piece.zero) this.#touch(piece)
      else target.set(this.#view(piece), piece.offset - this.request.offset)
      this.#emitted = piece.end
      this.reader.meter.served(piece.end - piece.offset)
    }
    for (const piece of pieces) piece.release()
  }

  #view(piece: ReadPiece): Uint8Array {
    this.#touch(piece)
    const to = piece.need
    const view = this.reader.ring.memory.view(piece.slot, to - (piece.end - piece.offset), to)
    this.reader.passed(piece.offset, view, this.stream)
    return view
  }

  /** Notes that the piece is handed out: counted now and not before, as what never is was no hit. */
  #touch(piece: ReadPiece): void {
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
