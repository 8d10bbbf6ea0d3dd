// The filler's side of one slot: appends bytes, publishes how many are valid, and lets go. It holds
// the slot from the moment the owner assigned it until complete() or fail(); it checks its epoch
// before every write, so that a filler that was abandoned cannot touch a slot handed on.

import { ringDoorbell } from './doorbell.js'
import { SlotState, SlotWord } from './layout.js'
import type { RingMemory } from './ring-memory.js'

/** What bytes are compared with to tell that they are zero. */
const ZEROES = new Uint8Array(64 * 1024)

/** The slot was handed to somebody else: the bytes must be dropped. */
export class StaleSlotError extends Error {
  readonly code = 'STALE_SLOT'

  constructor(slot: number, epoch: number) {
    super(`Cannot fill slot ${slot}: epoch ${epoch} no longer holds it`)
    this.name = 'StaleSlotError'
  }
}

/** Writes one slot. One thread at a time, the one the owner handed this epoch to. */
export class SlotFiller {
  readonly slot: number
  readonly epoch: number
  /** Bytes the slot is to hold. */
  readonly length: number
  readonly #memory: RingMemory
  readonly #words: Int32Array
  /** Index of word 0 of the slot's record. */
  readonly #record: number
  /** Index in `memory.data` of the slot's first byte. */
  readonly #start: number
  /** This thread is the only writer of FILL, so its own copy is exact. */
  #fill: number
  /** True while all that was appended is zero. What an earlier filler left is not looked at. */
  #zero: boolean

  /**
   * @throws {StaleSlotError} if the epoch does not hold the slot
   * @throws {RangeError} if there is no such slot
   */
  constructor(memory: RingMemory, slot: number, epoch: number) {
    this.#memory = memory
    this.#words = memory.words
    this.#record = memory.record(slot)
    this.#start = slot * memory.slotBytes
    this.slot = slot
    this.epoch = epoch
    this.length = memory.length(slot)
    this.#fill = memory.fill(slot)
    this.#zero = this.#fill === 0
    this.#check()
  }

  /** Bytes valid so far. */
  get fill(): number {
    return this.#fill
  }

  /** Bytes still missing. */
  get room(): number {
    return this.length - this.#fill
  }

  /** Fill the owner waits for, 0 if nobody waits. Racy: a waiter may just have come. */
  get want(): number {
    return Atomics.load(this.#words, this.#record + SlotWord.WANT)
  }

  /** True once the owner asked this epoch to let go. */
  get cancelled(): boolean {
    return Atomics.load(this.#words, this.#record + SlotWord.CANCEL) === this.epoch
  }

  /**
   * Appends bytes, publishes them, and rings the doorbell if a waiter's watermark was reached.
   * Copies at full speed when `bytes.byteOffset` and the fill are equal modulo 8 (COPY_ALIGNMENT).
   *
   * @throws {RangeError} if they do not fit
   * @throws {StaleSlotError} if the slot was let go of or handed on; nothing was written
   */
  append(bytes: Uint8Array): void {
    if (bytes.length > this.room) {
      throw new RangeError(
        `Cannot append ${bytes.length} bytes to slot ${this.slot}: it has room for ${this.room}`,
      )
    }
    this.#check()
    // Costs nothing but for zeroes: the first byte that is none ends it for the whole slot.
    if (this.#zero && !isZero(bytes)) this.#zero = false
    this.#memory.data.set(bytes, this.#start + this.#fill)
    this.#fill += bytes.length
    // Published after the bytes: a reader that sees this fill may read that many.
    Atomics.store(this.#words, this.#record + SlotWord.FILL, this.#fill)
    // Loaded after the fill was stored; the owner stores WANT, then loads the fill. Either this
    // load sees the waiter or the waiter sees the bytes: no wake-up is lost.
    const want = this.want
    if (want !== 0 && this.#fill >= want && this.#fill - bytes.length < want) {
      ringDoorbell(this.#memory)
    }
  }

  /**
   * Lets go of a whole slot: FILLING → READY.
   *
   * @throws {RangeError} if bytes are missing
   * @throws {StaleSlotError} if the slot was let go of or handed on
   */
  complete(): void {
    if (this.room !== 0) {
      throw new RangeError(`Cannot complete slot ${this.slot}: ${this.room} bytes are missing`)
    }
    if (this.#zero) {
      this.#check()
      Atomics.store(this.#words, this.#record + SlotWord.ZERO, 1)
    }
    this.#letGo(SlotState.READY)
  }

  /**
   * Lets go early: FILLING → FAILED; what was appended stays valid. Does nothing if this filler has
   * let go already or the slot was handed on. Rings no bell: tell the owner by other means.
   */
  fail(): void {
    if (this.#holds()) this.#letGo(SlotState.FAILED)
  }

  #letGo(state: SlotState): void {
    this.#check()
    const word = this.#record + SlotWord.STATE
    if (
      Atomics.compareExchange(this.#words, word, SlotState.FILLING, state) !== SlotState.FILLING
    ) {
      throw new StaleSlotError(this.slot, this.epoch)
    }
  }

  #holds(): boolean {
    // The state first: the owner stores the epoch before FILLING, so the old epoch seen after
    // FILLING proves that this FILLING was not the next filler's.
    return (
      Atomics.load(this.#words, this.#record + SlotWord.STATE) === SlotState.FILLING &&
      Atomics.load(this.#words, this.#record + SlotWord.EPOCH) === this.epoch
    )
  }

  #check(): void {
    if (!this.#holds()) throw new StaleSlotError(this.slot, this.epoch)
  }
}

/** True if there is nothing but zeroes, compared natively, some 10 GB/s. */
function isZero(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0) return bytes.length === 0
  for (let at = 0; at < bytes.length; at += ZEROES.length) {
    const piece = bytes.subarray(at, at + ZEROES.length)
    if (Buffer.compare(piece, ZEROES.subarray(0, piece.length)) !== 0) return false
  }
  return true
}
