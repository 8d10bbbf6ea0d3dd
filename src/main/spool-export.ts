// An image that is downloaded into a file, served from there: a read waits for its bytes as long as the
// download needs to come to them. Knows nothing of HTTP.

import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import { SPOOL_BLOCK } from '../shared/spool-task.js'
import type { Export, ReadHandle, ReadRequest, ReadSink } from './export.js'
import { imageInfo } from './export-info.js'
import type { ExportInfo, StatusExtent } from './nbd/messages.js'
import { GatherMemory } from './ring/gather-memory.js'
import type { Arrivals } from './spool/arrivals.js'
import { BUFFER_BYTES, type Granted, ReadBuffers } from './spool/read-buffers.js'
import { ReadMeter } from './status/read-meter.js'
import { zeroExtents } from './zero-extents.js'

/** Buffers of one connection: 2 MiB. */
const BUFFERS = 8
/** Memory for reads that must be handed out as a whole, all connections together, bytes. */
const WHOLE_BYTES = 32 * 1024 * 1024

/** The download behind the export. */
export interface SpooledBytes {
  readonly arrivals: Pick<Arrivals, 'has' | 'wait' | 'cancel' | 'watermark'>
  /** Set once nothing may be served any more. */
  readonly poison: Failure | undefined
  /** True if a block of SPOOL_BLOCK bytes is there and all zero. */
  isZero(block: number): boolean
  /** How many such blocks there are. */
  readonly zeroBlocks: number
  /** How many of them are in each cell of the image's map. */
  readonly zeroCells: Uint32Array
  /** Ends the download; reads that still wait fail with this. */
  close(failure: Failure): void
  /** Fulfilled once nothing writes to the file any more. */
  readonly ended: Promise<void>
}

/** The file behind it. */
export interface SpooledFile {
  /** Fills the buffer from `position`; rejects if it can't. */
  read(buffer: Uint8Array, position: number): Promise<void>
  close(): Promise<void>
}

export interface SpoolExportParts {
  readonly name: string
  /** The source, for humans. */
  readonly description: string
  /** Bytes. */
  readonly size: number
  readonly download: SpooledBytes
  readonly file: SpooledFile
  /** Monotonic milliseconds. */
  readonly clock: () => number
}

/** An image that comes from its start to its end. */
export class SpoolExport implements Export {
  readonly info: ExportInfo
  readonly meter: ReadMeter
  readonly download: SpooledBytes
  readonly file: SpooledFile
  readonly clock: () => number
  readonly #buffers = new Map<number, ReadBuffers>()
  #closing: Promise<void> | undefined
  readonly #wholeReads = new GatherMemory(WHOLE_BYTES)

  constructor(parts: SpoolExportParts) {
    this.meter = new ReadMeter(parts.size, SPOOL_BLOCK)
    this.info = imageInfo(parts.name, parts.description, parts.size, SPOOL_BLOCK)
    this.download = parts.download
    this.file = parts.file
    this.clock = parts.clock
  }

  readonly blockBytes = SPOOL_BLOCK

  get blocks(): number {
    return Math.ceil(this.info.size / SPOOL_BLOCK)
  }

  /** Blocks known to be zero. */
  get zeroBlocks(): number {
    return this.download.zeroBlocks
  }

  read(request: ReadRequest, sink: ReadSink): ReadHandle {
    const read = new SpoolRead(this, request, sink)
    read.advance()
    return read
  }

  /** Nothing can be had sooner than it comes. */
  cache(): void {}

  blockStatus(offset: number, length: number): readonly StatusExtent[] {
    const extents = zeroExtents(block => this.download.isZero(block), SPOOL_BLOCK, offset, length)
    this.meter.told(offset, extents)
    return extents
  }

  calledBack(bytes: number, reads: number): void {
    this.meter.calledBack(bytes, reads)
  }

  connectionOpened(): void {}

  connectionClosed(connection: number): void {
    this.#buffers.delete(connection)
  }

  /** Ends the download, fails reads that still wait with this, and gives the file back. Idempotent. */
  close(failure: Failure): Promise<void> {
    this.download.close(failure)
    // Not before: the number of its descriptor may be that of another file then.
    this.#closing ??= this.download.ended.then(() => this.file.close())
    return this.#closing
  }

  /** Memory for `bytes` bytes, given back by calling what comes with it. */
  take(
    { whole, connection }: ReadRequest,
    bytes: number,
    granted: (buffer: Buffer, release: () => void) => void,
  ): void {
    if (whole && bytes > BUFFER_BYTES) {
      const owner = this.#wholeReads
      owner.take(connection, bytes, share => {
        granted(Buffer.allocUnsafeSlow(bytes), () => owner.give(share))
      })
      return
    }
    let owner = this.#buffers.get(connection)
    if (owner === undefined) {
      owner = new ReadBuffers(BUFFERS)
      this.#buffers.set(connection, owner)
    }
    const buffers = owner
    const take: Granted = buffer => granted(buffer, () => buffers.give(buffer))
    buffers.take(take)
  }
}

/** One running read: piece by piece, each waited for before memory is taken for it. */
class SpoolRead implements ReadHandle {
  readonly #export: SpoolExport
  readonly #request: ReadRequest
  readonly #sink: ReadSink
  readonly #end: number
  /** Next byte to hand out. */
  #at: number
  #over = false
  #stalled = false
  #hit = true

  constructor(owner: SpoolExport, request: ReadRequest, sink: ReadSink) {
    this.#export = owner
    this.#request = request
    this.#sink = sink
    this.#at = request.offset
    this.#end = request.offset + request.length
    owner.meter.started(owner.clock())
  }

  /** Takes up the next piece. */
  advance(): void {
    const { arrivals } = this.#export.download
    this.#hit = arrivals.has(this.#pieceEnd)
    if (!this.#hit) this.#setStalled(true)
    arrivals.wait(this.#pieceEnd, this.#arrived)
  }

  cancel(): void {
    if (this.#over) return
    this.#export.download.arrivals.cancel(this.#arrived)
    this.#finish()
  }

  /** Exclusive end of what is handed out next. */
  get #pieceEnd(): number {
    if (this.#request.whole) return this.#end
    return Math.min(this.#end, this.#at - (this.#at % SPOOL_BLOCK) + SPOOL_BLOCK)
  }

  readonly #arrived = (failure?: Failure): void => {
    if (this.#over) return
    this.#setStalled(false)
    const broken = this.#export.download.poison ?? failure
    if (broken !== undefined) {
      this.#fail(broken)
      return
    }
    const zeroes = this.#zeroesUntil() - this.#at
    if (zeroes > 0) {
      const offset = this.#at
      this.#passed(zeroes)
      this.#sink.hole(offset, zeroes)
      this.#goOn()
      return
    }
    const bytes = this.#pieceEnd - this.#at
    this.#export.take(this.#request, bytes, (buffer, release) => {
      if (this.#over) release()
      else void this.#readFile(buffer.subarray(0, bytes), release)
    })
  }

  /** Never rejects. */
  async #readFile(piece: Uint8Array, release: () => void): Promise<void> {
    let failure: Failure | undefined
    try {
      await this.#export.file.read(piece, this.#at)
    } catch (error) {
      failure = failureOf('spool', 'read', { problem: (error as Error).message })
    }
    failure = this.#export.download.poison ?? failure
    if (this.#over || failure !== undefined) release()
    if (this.#over) return
    if (failure !== undefined) {
      this.#fail(failure)
      return
    }
    const offset = this.#at
    this.#passed(piece.length)
    this.#sink.data(offset, [piece], release)
    this.#goOn()
  }

  /** End of the zero blocks that come next and are there, at most the read's; all of it, if it must be whole. */
  #zeroesUntil(): number {
    let until = this.#at
    while (until < this.#end && this.#export.download.isZero(Math.floor(until / SPOOL_BLOCK))) {
      until = Math.min(this.#end, until - (until % SPOOL_BLOCK) + SPOOL_BLOCK)
    }
    return this.#request.whole && until < this.#end ? this.#at : until
  }

  #passed(bytes: number): void {
    const { meter } = this.#export
    meter.covered(this.#at, this.#at + bytes)
    this.#at += bytes
    meter.served(bytes)
    if (this.#hit) meter.hit(bytes)
  }

  #goOn(): void {
    // The client may have gone with what it was just given.
    if (this.#over) return
    if (this.#at < this.#end) {
      this.advance()
      return
    }
    this.#finish()
    this.#sink.end()
  }

  #fail(failure: Failure): void {
    this.#finish()
    this.#export.meter.failed()
    this.#sink.fail(failure, this.#at)
  }

  #finish(): void {
    this.#setStalled(false)
    this.#over = true
    const { meter, clock } = this.#export
    meter.finished(clock())
  }

  #setStalled(stalled: boolean): void {
    if (stalled === this.#stalled) return
    this.#stalled = stalled
    const { meter, clock } = this.#export
    if (stalled) meter.stalled(clock())
    else meter.resumed(clock())
  }
}
