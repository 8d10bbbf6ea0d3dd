// Slots in the order in which readers left them. Doubly linked through arrays of slot numbers: putting a
// slot behind all others, taking it out from anywhere, and the oldest are each one step.

const NONE = -1

/** An order of slots, each in it once at most. Which slots it may hold is its owner's affair. */
export class SlotOrder {
  readonly #newer: Int32Array
  readonly #older: Int32Array
  readonly #isIn: Uint8Array
  #newest = NONE
  #oldest = NONE
  #length = 0

  /** @param slotCount slots are numbered from 0 to one less than this */
  constructor(slotCount: number) {
    this.#newer = new Int32Array(slotCount).fill(NONE)
    this.#older = new Int32Array(slotCount).fill(NONE)
    this.#isIn = new Uint8Array(slotCount)
  }

  get length(): number {
    return this.#length
  }

  /** The slot that came first; -1 if there is none. */
  get oldest(): number {
    return this.#oldest
  }

  has(slot: number): boolean {
    return this.#isIn[slot] === 1
  }

  /** Puts the slot behind all others, wherever it was. */
  push(slot: number): void {
    this.delete(slot)
    this.#isIn[slot] = 1
    this.#older[slot] = this.#newest
    this.#newer[slot] = NONE
    if (this.#newest === NONE) this.#oldest = slot
    else this.#newer[this.#newest] = slot
    this.#newest = slot
    this.#length++
  }

  /** Takes the slot out, if it is in. */
  delete(slot: number): void {
    if (this.#isIn[slot] === 0) return
    const newer = this.#newer[slot] as number
    const older = this.#older[slot] as number
    if (newer === NONE) this.#newest = older
    else this.#older[newer] = older
    if (older === NONE) this.#oldest = newer
    else this.#newer[older] = newer
    this.#isIn[slot] = 0
    this.#length--
  }

  /** The slot that came last but for `newer` others, walked over one by one; -1 if there are no more than those. */
  before(newer: number): number {
    if (this.#length <= newer) return NONE
    let slot = this.#newest
    for (let i = 0; i < newer; i++) slot = this.#older[slot] as number
    return slot
  }
}
