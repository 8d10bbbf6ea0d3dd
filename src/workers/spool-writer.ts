// Puts a body into a file from its start. What an earlier download has brought is compared, not written
// again; zeroes behind it are not written at all, so that the file has holes where the image has none
// but zeroes. Writes at once: a disk that can't follow slows the network down, and nothing queues up.

import { ftruncateSync, readSync, writeSync } from 'node:fs'
import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import { SPOOL_BLOCK } from '../shared/spool-task.js'
import { systemErrorText } from '../shared/system-error.js'

/** Bytes compared, or looked at for zeroes, at a time. */
const STEP = 64 * 1024
const ZEROES = Buffer.alloc(STEP)

/** Writes one body. */
export class SpoolWriter {
  readonly #file: number
  readonly #keep: number
  readonly #compared = Buffer.allocUnsafeSlow(STEP)
  #position = 0
  /** True while the block at the position has shown nothing but zeroes. */
  #blockIsZero = true
  #zeroBlocks: number[] = []

  /**
   * @param file descriptor, open for reading and writing
   * @param keep bytes at its start that are to be compared, at most what it has
   */
  constructor(file: number, keep: number) {
    this.#file = file
    this.#keep = keep
  }

  /** Bytes taken so far. */
  get position(): number {
    return this.#position
  }

  /**
   * Drops what lies behind `keep`, and makes the file as long as it will be.
   *
   * @param totalBytes undefined if that is not known
   */
  begin(totalBytes: number | undefined): Failure | undefined {
    // Twice: what a download that broke off has left behind `keep` must read as zero, too.
    return this.#try(() => {
      ftruncateSync(this.#file, this.#keep)
      if (totalBytes !== undefined) ftruncateSync(this.#file, totalBytes)
    })
  }

  /** Takes the next bytes of the body. They are in the file when this returns. */
  write(piece: Uint8Array): Failure | undefined {
    return this.#try(() => {
      for (let at = 0; at < piece.length; ) {
        const position = this.#position
        // No step crosses the end of what is compared, or of a block.
        const kept = position < this.#keep
        const border = kept ? this.#keep : Number.POSITIVE_INFINITY
        const room = Math.min(STEP, SPOOL_BLOCK - (position % SPOOL_BLOCK), border - position)
        const step = piece.subarray(at, at + room)
        const zero = ZEROES.subarray(0, step.length).equals(step)
        if (kept) {
          if (!this.#isSame(step)) return DIFFERENT
        } else if (!zero) this.#writeAll(step)
        at += step.length
        this.#passed(step.length, zero)
      }
      return undefined
    })
  }

  /** The body is whole: all the file lacks is its length where zeroes end it. */
  finish(): Failure | undefined {
    const rest = this.#position % SPOOL_BLOCK
    if (rest > 0 && this.#blockIsZero) this.#zeroBlocks.push((this.#position - rest) / SPOOL_BLOCK)
    return this.#try(() => ftruncateSync(this.#file, this.#position))
  }

  /** Blocks found to be zero since it was last asked. */
  takeZeroBlocks(): readonly number[] {
    const blocks = this.#zeroBlocks
    this.#zeroBlocks = []
    return blocks
  }

  #passed(bytes: number, zero: boolean): void {
    this.#position += bytes
    this.#blockIsZero &&= zero
    if (this.#position % SPOOL_BLOCK > 0) return
    if (this.#blockIsZero) this.#zeroBlocks.push(this.#position / SPOOL_BLOCK - 1)
    this.#blockIsZero = true
  }

  #isSame(step: Uint8Array): boolean {
    for (let at = 0; at < step.length; ) {
      const room = step.length - at
      const count = readSync(this.#file, this.#compared, 0, room, this.#position + at)
      const read = this.#compared.subarray(0, count)
      if (count === 0 || !read.equals(step.subarray(at, at + count))) return false
      at += count
    }
    return true
  }

  #writeAll(step: Uint8Array): void {
    for (let at = 0; at < step.length; ) {
      at += writeSync(this.#file, step, at, step.length - at, this.#position + at)
    }
  }

  // biome-ignore lint/suspicious/noConfusingVoidType: what returns nothing has not failed
  #try(action: () => Failure | undefined | void): Failure | undefined {
    try {
      return action() ?? undefined
    } catch (error) {
      return failureOf('spool', 'write', { problem: systemErrorText(error) })
    }
  }
}

const DIFFERENT = failureOf('source-changed', 'other-start', {}, { status: 200 })
