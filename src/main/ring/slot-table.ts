// What lies where in the ring, and whose place is given up next. The main thread's book-keeping
// over RingOwner: which slots hold (or will hold) which part of which block, who has been read, who
// was fetched ahead. Victims are taken in the order in which readers left them.
//
// Most slots hold a whole block. A random read brings only the part it needs, so a slot holds the
// bytes [start, start + length) of its block, and a block may lie in more than one slot.

import { type RingOwner, SlotState } from '../../shared/sharedarraybuffer-ring/index.js'
import { SlotOrder } from './slot-order.js'

const NONE = -1
/**
 * Share of the ring that passed slots take up before they are used again in favour of memory that
 * was never touched: a copy then runs in warm memory, which costs a third of fresh pages.
 */
const SLACK_SHARE = 1 / 8
/**
 * Share of the ring that fetches ahead leave to what other than sequential readers have left there:
 * tables of contents, which are read again.
 */
const KEPT_SHARE = 1 / 8

/** What a slot is used for, told in the order of this list: a slot that is filled may be pinned, too. */
export type SlotUse = 'failed' | 'filling' | 'pinned' | 'unread' | 'read' | 'free'

/** Those for whom blocks lie in the slots. */
export interface BlockReaders {
  /** Tells whether a live stream is going to read this block: then it is given up last. */
  isAhead(block: number): boolean
  /** The block, or a part of it, is no longer there: its place is needed. */
  gaveUp(block: number): void
}

/** Slots by block, and the order of eviction. */
export class SlotTable {
  readonly #owner: RingOwner
  readonly #demandReserve: number
  readonly #readers: BlockReaders
  readonly #free: number[] = []
  /** First slot of each block present; further ones hang on #sibling. */
  readonly #blocks = new Map<number, number>()
  readonly #sibling: Int32Array
  readonly #block: Float64Array
  /** Where in the block the slot's bytes begin. */
  readonly #start: Int32Array
  /** Bytes of the slot below this were read since it was filled. */
  readonly #readTo: Int32Array
  /** 1 if bytes of the slot were read again, as tables of contents are. */
  readonly #reread: Uint8Array
  /** 1 while the slot is handed to a fetch that has not ended, its waits for a retry included. */
  readonly #fetching: Uint8Array
  /** 1 if the slot's latest reader was a sequential one on its way through. */
  readonly #passed: Uint8Array
  /** Slots that sequential readers have passed: least likely to be read again. */
  readonly #behind: SlotOrder
  /** Slots left by other readers. */
  readonly #left: SlotOrder
  /** Passed slots kept before memory that was never used is touched. */
  readonly #slack: number
  /** Slots in #left that a fetch ahead does not take. */
  readonly #kept: number
  /** Slots being fetched, or fetched and unread, that no reply has pinned. */
  #unread = 0

  /**
   * @param demandReserve slots that fetches ahead of need leave to demand, at least 1
   * @param readers asked before an unread slot is given up
   */
  constructor(owner: RingOwner, demandReserve: number, readers: BlockReaders) {
    const count = owner.memory.slotCount
    this.#owner = owner
    this.#demandReserve = demandReserve
    this.#readers = readers
    this.#sibling = new Int32Array(count).fill(NONE)
    this.#block = new Float64Array(count).fill(NONE)
    this.#start = new Int32Array(count)
    this.#readTo = new Int32Array(count)
    this.#reread = new Uint8Array(count)
    this.#passed = new Uint8Array(count)
    this.#behind = new SlotOrder(count)
    this.#left = new SlotOrder(count)
    this.#slack = Math.floor(count * SLACK_SHARE)
    this.#kept = Math.min(Math.floor(count * KEPT_SHARE), demandReserve)
    this.#fetching = new Uint8Array(count)
    for (let slot = count - 1; slot >= 0; slot--) this.#free.push(slot)
  }

  /** Where in its block the slot's bytes begin. */
  startOf(slot: number): number {
    return this.#start[slot] as number
  }

  /** Block whose bytes the slot holds; -1 for a free slot. */
  blockOf(slot: number): number {
    return this.#block[slot] as number
  }

  /** The slot that holds, or is going to hold, byte `at` of the block; -1 if none does. */
  find(block: number, at: number): number {
    let slot = this.#blocks.get(block) ?? NONE
    let best = NONE
    while (slot !== NONE) {
      const start = this.#start[slot] as number
      if (at >= start && at < start + this.#owner.memory.length(slot)) {
        // A whole slot answers sooner than one that is being filled.
        if (this.#owner.memory.isReady(slot)) return slot
        best = slot
      }
      slot = this.#sibling[slot] as number
    }
    return best
  }

  /** How far into the block the bytes from `at` on are present or coming, exclusive; `at` if not at all. */
  coveredUntil(block: number, at: number): number {
    const slot = this.find(block, at)
    if (slot === NONE) return at
    return (this.#start[slot] as number) + this.#owner.memory.length(slot)
  }

  /** Where the first present or coming byte of the block at or behind `at` lies; `limit` if none before it. */
  missingUntil(block: number, at: number, limit: number): number {
    let nearest = limit
    let slot = this.#blocks.get(block) ?? NONE
    while (slot !== NONE) {
      const start = this.#start[slot] as number
      if (start >= at && start < nearest) nearest = start
      slot = this.#sibling[slot] as number
    }
    return nearest
  }

  /** Slots that hold nothing. */
  get free(): number {
    return this.#free.length
  }

  /** Slots that a fetch ahead of need may take now. */
  get prefetchRoom(): number {
    const { slotCount } = this.#owner.memory
    return slotCount - this.#demandReserve - this.#unread
  }

  /**
   * Lets go of what was fetched ahead for readers that are gone: it may be given up from now on.
   * Walks all slots.
   */
  sweep(): void {
    for (let slot = 0; slot < this.#owner.memory.slotCount; slot++) {
      if (this.#isUnread(slot) && !this.#readers.isAhead(this.#block[slot] as number))
        this.#leave(slot)
    }
  }

  /** Slots fetched ahead or being fetched, that no reply has pinned. */
  get unread(): number {
    return this.#unread
  }

  /**
   * Takes a slot for the bytes [start, start + length) of a block and hands it to a fetch.
   *
   * @param demand somebody waits: even blocks fetched ahead may be given up
   * @param again for a reader that goes over the image once more: what was passed long ago is what it
   *   comes to next, so that what was passed lately is given up instead, and memory never used before either
   * @returns the slot, or -1 if none can be given up now
   */
  assign(block: number, start: number, length: number, demand: boolean, again = false): number {
    if (!demand && this.prefetchRoom <= 0) return NONE
    const easy = again
      ? (this.#free.pop() ?? this.#takeBehindLately())
      : (this.#takeBehind(this.#slack) ?? this.#free.pop())
    const slot = easy ?? this.#evict(demand)
    if (slot === NONE) return NONE
    this.#owner.assign(slot, block % 0x7fffffff, length)
    this.#block[slot] = block
    this.#start[slot] = start
    this.#readTo[slot] = 0
    this.#reread[slot] = 0
    this.#passed[slot] = 0
    this.#fetching[slot] = 1
    this.#sibling[slot] = this.#blocks.get(block) ?? NONE
    this.#blocks.set(block, slot)
    this.#unread++
    return slot
  }

  /** The fetch that held the slot has ended; it is whole. */
  fetched(slot: number): void {
    this.#fetching[slot] = 0
    // Readers came and went while it was being filled.
    const idle = this.#owner.memory.pins(slot) === 0 && !this.#isLeft(slot)
    if (idle && this.#readTo[slot] !== 0) this.#leave(slot)
  }

  /** True while a fetch may still write the slot, or waits for its next attempt to. */
  #isHeld(slot: number): boolean {
    return this.#fetching[slot] === 1 && !this.#owner.memory.isReady(slot)
  }

  /**
   * The slot is of no use any more: its fetch has ended for good without filling it, or its bytes
   * are known otherwise. It is free again, at once or when its last pin is gone.
   */
  lost(slot: number): void {
    this.#fetching[slot] = 0
    this.#unlink(slot)
    if (this.#owner.memory.pins(slot) === 0) this.#toFree(slot)
  }

  /** A read uses the slot: it stays until `unpin()`. */
  pin(slot: number): void {
    if (this.#owner.memory.pins(slot) === 0 && !this.#isLeft(slot)) this.#unread--
    this.#owner.pin(slot)
  }

  /**
   * A read took the bytes [from, to) of the slot.
   *
   * @param passing the reader is a sequential one: it will not come back
   */
  touch(slot: number, from: number, to: number, passing: boolean): void {
    const readTo = this.#readTo[slot] as number
    // A second pass over the image is no table of contents.
    const isPass = passing && this.#passed[slot] === 1
    if (from < readTo && !isPass) this.#reread[slot] = 1
    this.#passed[slot] = passing ? 1 : 0
    this.#readTo[slot] = Math.max(readTo, to)
    if (isPass && this.#behind.has(slot)) this.#behind.push(slot)
  }

  /** A read no longer uses the slot. */
  unpin(slot: number): void {
    this.#owner.unpin(slot)
    if (this.#owner.memory.pins(slot) > 0) return
    if (this.#block[slot] === NONE) {
      this.#owner.reclaim(slot)
      this.#free.push(slot)
      return
    }
    if (this.#isLeft(slot)) return
    this.#unread++
    if (this.#readTo[slot] !== 0 && !this.#isHeld(slot)) this.#leave(slot)
  }

  /** What the slot is used for: `failed` waits for the next attempt of its fetch, `read` for its end. */
  useOf(slot: number): SlotUse {
    const state = this.#owner.memory.state(slot)
    if (this.#isHeld(slot)) return state === SlotState.FAILED ? 'failed' : 'filling'
    if (this.#owner.memory.pins(slot) > 0) return 'pinned'
    if (this.#block[slot] === NONE) return 'free'
    return this.#isLeft(slot) ? 'read' : 'unread'
  }

  /** How many slots hold whole blocks, and how many are being filled. For statistics; walks all slots. */
  census(): { ready: number; filling: number } {
    let ready = 0
    let filling = 0
    for (let slot = 0; slot < this.#owner.memory.slotCount; slot++) {
      const state = this.#owner.memory.state(slot)
      if (state === SlotState.READY) ready++
      else if (this.#isHeld(slot)) filling++
    }
    return { ready, filling }
  }

  /** True if the slot was read and waits to be used again, pinned once more or not. */
  #isLeft(slot: number): boolean {
    return this.#behind.has(slot) || this.#left.has(slot)
  }

  #leave(slot: number): void {
    this.#unread--
    if (this.#passed[slot] === 1 && this.#reread[slot] === 0) this.#behind.push(slot)
    else this.#left.push(slot)
  }

  /** Takes a slot from its block's list, so that no read finds it. */
  #unlink(slot: number): void {
    const block = this.#block[slot] as number
    if (block === NONE) return
    const next = this.#sibling[slot] as number
    const first = this.#blocks.get(block) as number
    if (first === slot) {
      if (next === NONE) this.#blocks.delete(block)
      else this.#blocks.set(block, next)
    } else {
      let before = first
      while (this.#sibling[before] !== slot) before = this.#sibling[before] as number
      this.#sibling[before] = next
    }
    this.#sibling[slot] = NONE
    this.#block[slot] = NONE
    // Counted as unread only while unpinned and not left.
    if (this.#isLeft(slot)) {
      this.#behind.delete(slot)
      this.#left.delete(slot)
    } else if (this.#owner.memory.pins(slot) === 0) this.#unread--
  }

  #toFree(slot: number): void {
    this.#owner.reclaim(slot)
    this.#free.push(slot)
  }

  #evict(demand: boolean): number {
    let slot = this.#takeBehind(0)
    if (slot === undefined && (demand || this.#left.length > this.#kept)) slot = this.#takeLeft()
    if (slot === undefined && demand) {
      this.sweep()
      slot = this.#takeBehind(0) ?? this.#takeLeft() ?? this.#takeFurthestAhead()
    }
    return slot ?? NONE
  }

  /** The slot that was passed first, if more than `keep` are behind their readers. */
  #takeBehind(keep: number): number | undefined {
    while (this.#behind.length > keep) {
      const slot = this.#takeIfPassed(this.#behind.oldest)
      if (slot !== undefined) return slot
    }
    return undefined
  }

  /** The slot that was passed latest, but for the slack: there a reader may not be through with it. */
  #takeBehindLately(): number | undefined {
    while (this.#behind.length > this.#slack) {
      const slot = this.#takeIfPassed(this.#behind.before(this.#slack))
      if (slot !== undefined) return slot
    }
    return undefined
  }

  /** Takes the slot out of #behind: to be used, or to the others where somebody has come back for it. */
  #takeIfPassed(slot: number): number | undefined {
    if (this.#reread[slot] === 0 && this.#owner.memory.pins(slot) === 0) return this.#giveUp(slot)
    this.#behind.delete(slot)
    this.#left.push(slot)
    return undefined
  }

  /** The slot whose reader left first; one that was read again gets another round. */
  #takeLeft(): number | undefined {
    // Two rounds at most: the first may only take marks away.
    for (let steps = 2 * this.#left.length; steps > 0; steps--) {
      const slot = this.#left.oldest
      const again = this.#reread[slot] === 1
      if (!again && this.#owner.memory.pins(slot) === 0) return this.#giveUp(slot)
      this.#reread[slot] = 0
      this.#left.push(slot)
    }
    return undefined
  }

  #giveUp(slot: number): number {
    const block = this.#block[slot] as number
    this.#unlink(slot)
    this.#owner.reclaim(slot)
    this.#readers.gaveUp(block)
    return slot
  }

  /** The block furthest into the image among those fetched ahead: the last to be missed. */
  #takeFurthestAhead(): number | undefined {
    let furthest: number | undefined
    for (let slot = 0; slot < this.#owner.memory.slotCount; slot++) {
      if (!this.#isUnread(slot)) continue
      if (
        furthest === undefined ||
        (this.#block[slot] as number) > (this.#block[furthest] as number)
      ) {
        furthest = slot
      }
    }
    return furthest === undefined ? undefined : this.#giveUp(furthest)
  }

  /** True for a slot that was fetched ahead, is whole, and that nobody has read or is reading. */
  #isUnread(slot: number): boolean {
    return (
      this.#block[slot] !== NONE &&
      !this.#isHeld(slot) &&
      !this.#isLeft(slot) &&
      this.#owner.isReclaimable(slot)
    )
  }
}
