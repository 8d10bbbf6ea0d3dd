// Counts what readers got and how long they waited for it. Stall time runs while at least one read
// waits for bytes: the number the whole program exists to bring to zero. Covered is what a reader has
// been told of the image, by its bytes or as known zeroes: the measure of how far a copy is.

import type { StatusExtent } from '../nbd/messages.js'
import { BlockBitmap } from '../prefetch/block-bitmap.js'

/** Counters of one export's reads. Times are monotonic milliseconds. */
export class ReadMeter {
  reads = 0
  failedReads = 0
  /** Reads in progress. */
  running = 0
  servedBytes = 0
  hitBytes = 0
  /** What was counted and comes again: reads, bytes, and bytes that were hits as far as is known. */
  #readsAgain = 0
  #bytesAgain = 0
  #hitsAgain = 0
  readonly #imageBytes: number
  readonly #blockBytes: number
  /** Blocks whose end was served, or told to be zero. */
  readonly #covered: BlockBitmap
  #busyMs = 0
  #busySinceMs = 0
  #stallMs = 0
  #waiting = 0
  #sinceMs = 0

  /** @param blockBytes unit in which `coveredBytes` grows */
  constructor(imageBytes: number, blockBytes: number) {
    this.#imageBytes = imageBytes
    this.#blockBytes = blockBytes
    this.#covered = new BlockBitmap(Math.ceil(imageBytes / blockBytes))
  }

  started(nowMs: number): void {
    if (this.#readsAgain > 0) this.#readsAgain--
    else this.reads++
    if (this.running++ === 0) this.#busySinceMs = nowMs
  }

  finished(nowMs: number): void {
    if (--this.running === 0) this.#busyMs += nowMs - this.#busySinceMs
  }

  /** Time during which at least one read was in progress, milliseconds. */
  busyMs(nowMs: number): number {
    return this.#busyMs + (this.running > 0 ? nowMs - this.#busySinceMs : 0)
  }

  failed(): void {
    this.failedReads++
  }

  /** Bytes handed to a client. */
  served(bytes: number): void {
    const again = Math.min(bytes, this.#bytesAgain)
    this.#bytesAgain -= again
    this.servedBytes += bytes - again
  }

  /**
   * Bytes that were served will not be sent, and their reads be started again, or not at all if there are fewer than
   * none: they are counted already. A counter never falls, which Prometheus would take for a restart.
   */
  calledBack(bytes: number, reads: number): void {
    this.#readsAgain += reads
    if (this.#readsAgain < 0) {
      // Those of others were taken for them.
      this.reads -= this.#readsAgain
      this.#readsAgain = 0
    }
    this.#bytesAgain += bytes
    this.#hitsAgain += bytes
  }

  /** Bytes that were in the ring when they were asked for. */
  hit(bytes: number): void {
    const again = Math.min(bytes, this.#hitsAgain)
    this.#hitsAgain -= again
    this.hitBytes += bytes - again
  }

  /** Blocks whose end lies behind `offset` and not behind `end` were served to it. */
  covered(offset: number, end: number): void {
    let block = Math.floor(offset / this.#blockBytes)
    for (; block * this.#blockBytes < end && this.#endOf(block) <= end; block++) {
      this.#covered.set(block)
    }
  }

  /** Extents were told from `offset` on: whoever knows that a block is zero need not read it. */
  told(offset: number, extents: readonly StatusExtent[]): void {
    let at = offset
    for (const { length, flags } of extents) {
      if (flags !== 0) this.covered(at, at + length)
      at += length
    }
  }

  /** Bytes of the image that were served or told to be zero at least once, in whole blocks. */
  get coveredBytes(): number {
    const last = Math.ceil(this.#imageBytes / this.#blockBytes) - 1
    const excess = this.#covered.has(last) ? (last + 1) * this.#blockBytes - this.#imageBytes : 0
    return this.#covered.count * this.#blockBytes - excess
  }

  /** Blocks counted so in each cell of the image's map; not to be changed. */
  get coveredCells(): Uint32Array {
    return this.#covered.cells
  }

  /** How many blocks are counted so. */
  get coveredBlocks(): number {
    return this.#covered.count
  }

  /** True if the block is counted so. */
  isCovered(block: number): boolean {
    return this.#covered.has(block)
  }

  #endOf(block: number): number {
    return Math.min(this.#imageBytes, (block + 1) * this.#blockBytes)
  }

  /** A read begins to wait. */
  stalled(nowMs: number): void {
    if (this.#waiting++ === 0) this.#sinceMs = nowMs
  }

  /** A read that waited is over. */
  resumed(nowMs: number): void {
    if (--this.#waiting === 0) this.#stallMs += nowMs - this.#sinceMs
  }

  /** Time during which at least one read waited, milliseconds. */
  stallMs(nowMs: number): number {
    return this.#stallMs + (this.#waiting > 0 ? nowMs - this.#sinceMs : 0)
  }
}
