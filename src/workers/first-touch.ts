// Uses the time until an answer comes to have the system give the memory that its bytes are going to.
// Memory is given at the first write to each page, which takes 1 to 13 us on virtual machines, and with
// huge pages up to 4 ms for each: as much as all the rest of a byte's way. While the first byte is waited for
// nobody needs the processor.

import type { RingMemory } from '../shared/sharedarraybuffer-ring/index.js'

/** Bytes touched before sockets are looked at again: less than a millisecond where small pages are dearest. */
const STEP_BYTES = 64 * 1024
/** For how long nothing may have happened before the first step, milliseconds. */
const IDLE_MS = 2

/** Touches slots that this thread was given to fill, each once, piece by piece. */
export class FirstTouch {
  readonly #memory: RingMemory
  /** 1 for slots that were touched or wait for it. */
  readonly #seen: Uint8Array
  /** Slots to be touched, from #next on. */
  #slots: number[] = []
  #next = 0
  /** Bytes of the next slot that were touched. */
  #touched = 0
  /** True if requests were sent or bytes have come since the latest look: both are more urgent. */
  #busy = false
  #turn: NodeJS.Immediate | undefined
  #pause: NodeJS.Timeout | undefined

  constructor(memory: RingMemory) {
    this.#memory = memory
    this.#seen = new Uint8Array(memory.slotCount)
  }

  /** A request for these slots was sent. */
  add(slots: readonly number[]): void {
    for (const slot of slots) {
      if (this.#seen[slot] === 1) continue
      this.#seen[slot] = 1
      this.#slots.push(slot)
    }
    this.#busy = true
    if (this.#slots.length > 0 && this.#turn === undefined) this.#pauseBriefly()
  }

  /** Bytes have arrived at this thread. */
  arrived(): void {
    this.#busy = true
  }

  /** Nothing is touched any more. */
  close(): void {
    clearImmediate(this.#turn)
    clearTimeout(this.#pause)
    this.#turn = undefined
    this.#pause = undefined
    this.#slots = []
    this.#next = 0
  }

  #pauseBriefly(): void {
    this.#busy = false
    this.#pause ??= setTimeout(this.#step, IDLE_MS)
  }

  readonly #step = (): void => {
    this.#turn = undefined
    this.#pause = undefined
    if (this.#busy) {
      this.#pauseBriefly()
      return
    }
    const slot = this.#slots[this.#next] as number
    // No more than is to be filled: the last block of an image is short, and so is a random read's.
    const length = this.#memory.length(slot)
    const end = Math.min(length, this.#touched + STEP_BYTES)
    if (this.#touched < end) this.#memory.touch(slot, this.#touched, end)
    this.#touched = end
    if (end === length) {
      this.#touched = 0
      this.#next++
    }
    if (this.#next < this.#slots.length) this.#turn = setImmediate(this.#step)
    else this.close()
  }
}
