// Takes a response body in whatever pieces it comes and puts it into a span's slots. A copy into
// shared memory is several times faster when source and target are equally aligned: pieces that are
// (socket-reads.ts sees to it) go there as they are, all others are gathered in a private staging
// buffer first, as a copy between private buffers does not care.

import {
  COPY_ALIGNMENT,
  type RingMemory,
  SlotFiller,
} from '../shared/sharedarraybuffer-ring/index.js'

/** Staged bytes at which they are copied into the slot: large enough to be cheap, small enough to stay in cache. */
export const FLUSH_BYTES = 64 * 1024
/** Room for what may be staged below FLUSH_BYTES plus one piece as large as a socket delivers. */
export const STAGING_BYTES = 128 * 1024
/** Aligned pieces from this size on are copied into the slot as they are. */
const DIRECT_BYTES = 4096
/** Buffers kept for reuse; more than this many tasks at a time are rare. */
const MAX_FREE = 32

/** The staging buffers of one thread: one per task whose body is arriving. */
export class StagingPool {
  readonly #free: Uint8Array[] = []

  /** A buffer, start aligned to COPY_ALIGNMENT, old content in it. */
  take(): Uint8Array {
    // Its own ArrayBuffer, not a slice of a shared pool: aligned, and never handed out twice.
    return this.#free.pop() ?? new Uint8Array(new ArrayBuffer(STAGING_BYTES))
  }

  give(buffer: Uint8Array): void {
    if (this.#free.length < MAX_FREE) this.#free.push(buffer)
  }
}

/** Fills the slots of one span, in order. Must be let go of exactly once, whatever happened. */
export class SlotWriter {
  readonly #fillers: readonly SlotFiller[]
  /** The slot being filled; all before it are whole. */
  #index = 0
  #staging: Uint8Array | undefined
  /** Staged and not yet published: [#start, #end) of the staging buffer. */
  #start = 0
  #end = 0
  #remaining: number

  /**
   * Takes hold of the slots. If that fails, none of them stays held.
   *
   * @param length bytes to come: the free room of all slots together
   * @throws {StaleSlotError} if a slot was handed on, {RangeError} if the slots' room is not
   *   `length` bytes or not one stretch of the image
   */
  constructor(
    memory: RingMemory,
    slots: readonly number[],
    epochs: readonly number[],
    length: number,
  ) {
    const fillers: SlotFiller[] = []
    let refusal: unknown
    for (const [index, slot] of slots.entries()) {
      try {
        fillers.push(new SlotFiller(memory, slot, epochs[index] ?? -1))
      } catch (error) {
        refusal ??= error
      }
    }
    this.#fillers = fillers
    this.#remaining = length
    try {
      if (refusal !== undefined) throw refusal
      this.#checkFit(length)
      this.#passWhole()
    } catch (error) {
      this.letGo()
      throw error
    }
  }

  /** Bytes still to come. */
  get remaining(): number {
    return this.#remaining
  }

  /** True once every slot is complete. */
  get whole(): boolean {
    return this.#index === this.#fillers.length && this.#remaining === 0
  }

  /** Bytes taken but not yet visible to readers. */
  get staged(): number {
    return this.#end - this.#start
  }

  /** Address modulo 8 at which the next piece should begin to need no staging. */
  get alignment(): number {
    const filler = this.#fillers[this.#index]
    return filler === undefined ? 0 : (filler.fill + this.staged) % COPY_ALIGNMENT
  }

  /** True once the owner asked for the slot being filled back. Cheap: asked for every piece. */
  get cancelled(): boolean {
    return this.#fillers[this.#index]?.cancelled ?? false
  }

  /** True once the owner asked for any slot back that is not whole. */
  get anyCancelled(): boolean {
    for (let index = this.#index; index < this.#fillers.length; index++) {
      if (this.#fillers[index]?.cancelled) return true
    }
    return false
  }

  /** Lends the buffer to gather in; `letGo()` returns it. To be called before the first `write()`. */
  begin(staging: Uint8Array): void {
    this.#staging = staging
    this.#restart()
  }

  /**
   * Takes the next bytes of the body. They are copied at once; readers see them when enough are
   * gathered, a waiter's watermark is reached, their slot is whole, or `publish()` is called.
   *
   * @throws {RangeError} if there is no room for all of them (none is taken then),
   *   {StaleSlotError} if the slot was handed on
   */
  write(bytes: Uint8Array): void {
    const staging = this.#staging
    if (staging === undefined) throw new Error('Cannot write to the slots: no staging buffer')
    if (bytes.length > this.#remaining) {
      throw new RangeError(
        `Cannot write ${bytes.length} bytes to the slots: they have room for ${this.#remaining}`,
      )
    }
    let taken = 0
    while (taken < bytes.length) {
      const filler = this.#fillers[this.#index] as SlotFiller
      const fitting = Math.min(bytes.length - taken, filler.room - this.staged)
      const aligned = (bytes.byteOffset + taken) % COPY_ALIGNMENT === this.alignment
      if (aligned && fitting >= DIRECT_BYTES) {
        this.publish()
        filler.append(part(bytes, taken, fitting))
        this.#remaining -= fitting
        taken += fitting
        this.#passWhole()
        this.#restart()
        continue
      }
      const count = Math.min(fitting, staging.length - this.#end)
      staging.set(part(bytes, taken, count), this.#end)
      this.#end += count
      this.#remaining -= count
      taken += count
      if (this.#isDue(filler, staging)) this.publish()
    }
  }

  /**
   * Copies what is staged into its slot and shows it to readers; lets go of the slot if it is whole.
   *
   * @throws {StaleSlotError} if the slot was handed on
   */
  publish(): void {
    const filler = this.#fillers[this.#index]
    if (filler === undefined || this.#staging === undefined || this.staged === 0) return
    filler.append(this.#staging.subarray(this.#start, this.#end))
    this.#passWhole()
    this.#restart()
  }

  /**
   * Ends the writing: publishes what is staged, and lets go of the slots that are not whole, their
   * valid bytes staying valid. Never throws.
   *
   * @returns the staging buffer, if one was lent
   */
  letGo(): Uint8Array | undefined {
    try {
      this.publish()
    } catch {
      // Handed on meanwhile: its new holder decides what is in it.
    }
    for (let index = this.#index; index < this.#fillers.length; index++) {
      try {
        this.#fillers[index]?.fail()
      } catch {
        // Abandoned between the check and the change: no longer ours either.
      }
    }
    this.#index = this.#fillers.length
    this.#end = this.#start
    const staging = this.#staging
    this.#staging = undefined
    return staging
  }

  #isDue(filler: SlotFiller, staging: Uint8Array): boolean {
    const staged = this.staged
    if (staged >= FLUSH_BYTES || staged === filler.room || this.#end === staging.length) return true
    const want = filler.want
    return want > filler.fill && filler.fill + staged >= want
  }

  /** Lets go of slots as soon as they are whole. */
  #passWhole(): void {
    let filler = this.#fillers[this.#index]
    while (filler?.room === 0) {
      filler.complete()
      filler = this.#fillers[++this.#index]
    }
  }

  /** Staging begins where the copy out of it will be as aligned as its target. */
  #restart(): void {
    const fill = this.#fillers[this.#index]?.fill ?? 0
    this.#start = fill % COPY_ALIGNMENT
    this.#end = this.#start
  }

  /** Slots whose free room is not one stretch of `length` bytes would get bytes of other places. */
  #checkFit(length: number): void {
    let room = 0
    for (const filler of this.#fillers) {
      if (filler.fill !== 0 && room !== 0) {
        throw new RangeError(
          `Cannot fill the span: slot ${filler.slot} is filled behind one that is not`,
        )
      }
      room += filler.room
    }
    if (room !== length) {
      throw new RangeError(`Cannot fill the span: ${length} bytes for slots with room for ${room}`)
    }
  }
}

/** `count` bytes from `start` on, without a new object for all of them. */
function part(bytes: Uint8Array, start: number, count: number): Uint8Array {
  return count === bytes.length ? bytes : bytes.subarray(start, start + count)
}
