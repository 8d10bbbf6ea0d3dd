// The owner's side of the ring: one thread assigns slots to fillers, pins them while their bytes
// are shown, and reclaims them. It refuses what would hand a slot on while anyone still uses it.

import { RingWord, SlotState, SlotWord } from './layout.js'
import type { RingMemory } from './ring-memory.js'

/** Largest epoch before it starts again at 1: positive in an Int32. */
const EPOCH_LIMIT = 0x7fffffff

/** Assigns, pins and reclaims slots. Exactly one thread may hold the owner of a ring. */
export class RingOwner {
  readonly memory: RingMemory
  readonly #words: Int32Array
  /** Sum of all slots' pins: zero when no reply is being written. */
  #pinned = 0

  constructor(memory: RingMemory) {
    this.memory = memory
    this.#words = memory.words
  }

  /** Pins held over all slots: a gauge that must return to zero. */
  get pinned(): number {
    return this.#pinned
  }

  /**
   * Hands a FREE slot to a filler, empty.
   *
   * @param block number shown by diagnostics; kept modulo 2^32, nothing depends on it
   * @param length bytes the slot is to hold, 1 to slotBytes
   * @returns the epoch the filler must name, 1 to 2^31 - 1
   * @throws {Error} if the slot is not FREE
   * @throws {RangeError} if there is no such slot or the length does not fit
   */
  assign(slot: number, block: number, length: number): number {
    this.#expect(slot, SlotState.FREE, 'assign')
    if (!Number.isSafeInteger(length) || length < 1 || length > this.memory.slotBytes) {
      throw new RangeError(
        `Cannot assign slot ${slot}: length must be 1 to ${this.memory.slotBytes}, received ${length}`,
      )
    }
    this.#store(slot, SlotWord.BLOCK, block)
    this.#store(slot, SlotWord.LENGTH, length)
    this.#store(slot, SlotWord.FILL, 0)
    this.#store(slot, SlotWord.WANT, 0)
    this.#store(slot, SlotWord.ZERO, 0)
    return this.#hand(slot)
  }

  /**
   * Hands a FAILED slot to the next filler, which goes on behind the valid bytes. A slot that is
   * FAILED and full (its filler died just before it let go) needs no bytes, only `complete()`.
   *
   * @returns the new epoch
   * @throws {Error} if the slot is not FAILED
   */
  resume(slot: number): number {
    this.#expect(slot, SlotState.FAILED, 'resume')
    return this.#hand(slot)
  }

  /**
   * Takes a slot back; one that is FREE stays so.
   *
   * @throws {Error} if a filler still holds it, or a reply still shows it
   */
  reclaim(slot: number): void {
    const state = this.memory.state(slot)
    if (state === SlotState.FILLING) {
      throw new Error(`Cannot reclaim slot ${slot}: a filler still holds it`)
    }
    const pins = this.memory.pins(slot)
    if (pins !== 0) {
      throw new Error(`Cannot reclaim slot ${slot}: it is pinned ${pins} times`)
    }
    this.#store(slot, SlotWord.WANT, 0)
    this.#store(slot, SlotWord.STATE, SlotState.FREE)
  }

  /** True if `reclaim()` would succeed and the slot holds something. */
  isReclaimable(slot: number): boolean {
    const state = this.memory.state(slot)
    return (state === SlotState.READY || state === SlotState.FAILED) && this.memory.pins(slot) === 0
  }

  /**
   * Declares that the slot's filler is gone for good (its thread has exited): FILLING becomes
   * FAILED, any other state is left alone.
   *
   * Calling this while the filler lives can let two threads write one slot: its epoch check refuses
   * every later append, but not one that has already begun. A task that merely ended in an error
   * has not exited its thread.
   */
  abandon(slot: number): void {
    Atomics.compareExchange(
      this.#words,
      this.memory.record(slot) + SlotWord.STATE,
      SlotState.FILLING,
      SlotState.FAILED,
    )
  }

  /**
   * Keeps the slot from being reclaimed until `unpin()`.
   *
   * @throws {Error} if the slot is FREE: what it shows could be handed to a filler
   */
  pin(slot: number): void {
    if (this.memory.state(slot) === SlotState.FREE) {
      throw new Error(`Cannot pin slot ${slot}: it is free`)
    }
    this.#store(slot, SlotWord.PINS, this.memory.pins(slot) + 1)
    this.#pinned++
  }

  /** @throws {Error} if the slot is not pinned */
  unpin(slot: number): void {
    const pins = this.memory.pins(slot)
    if (pins === 0) throw new Error(`Cannot unpin slot ${slot}: it is not pinned`)
    this.#store(slot, SlotWord.PINS, pins - 1)
    this.#pinned--
  }

  /**
   * Asks for the doorbell once `bytes` of the slot are valid; 0 asks for nothing. There is one want
   * a slot: the last call counts. It outlives `resume()`, not `assign()` or `reclaim()`.
   *
   * The caller must look at the fill *after* this call: the filler stores the fill before it loads
   * the want, so one of the two sees the other. This holds for a lower and for a higher want alike.
   *
   * @throws {RangeError} if the slot will never hold that many bytes: nobody would ever ring
   */
  want(slot: number, bytes: number): void {
    if (bytes >>> 0 !== bytes || bytes > this.memory.length(slot)) {
      throw new RangeError(
        `Cannot want ${bytes} bytes of slot ${slot}: it is to hold ${this.memory.length(slot)}`,
      )
    }
    this.#store(slot, SlotWord.WANT, bytes)
  }

  /**
   * Asks the slot's present filler to let go; it answers by FAILED, or READY if it was quicker. The
   * request names the epoch, so a later filler of the slot does not hear it.
   */
  cancel(slot: number): void {
    this.#store(slot, SlotWord.CANCEL, this.memory.epoch(slot))
  }

  /** Wakes fillers that wait for a network so that they look at what was cancelled. */
  ringCancelBell(): void {
    Atomics.add(this.#words, RingWord.CANCEL_BELL, 1)
    Atomics.notify(this.#words, RingWord.CANCEL_BELL)
  }

  #hand(slot: number): number {
    const last = this.memory.epoch(slot)
    const epoch = last >= EPOCH_LIMIT ? 1 : last + 1
    this.#store(slot, SlotWord.CANCEL, 0)
    this.#store(slot, SlotWord.EPOCH, epoch)
    // Stored last: who sees FILLING sees the epoch and length that belong to it.
    this.#store(slot, SlotWord.STATE, SlotState.FILLING)
    return epoch
  }

  #expect(slot: number, state: SlotState, verb: string): void {
    const found = this.memory.state(slot)
    if (found !== state) {
      throw new Error(`Cannot ${verb} slot ${slot}: its state is ${found}, expected ${state}`)
    }
  }

  #store(slot: number, word: number, value: number): void {
    Atomics.store(this.#words, this.memory.record(slot) + word, value)
  }
}
