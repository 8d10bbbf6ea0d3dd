// The ring and its books, shared by all exports of a process: who may hold slots, who waits for
// bytes, and how much of it each export may fill ahead of need.

import { type RingMemory, RingOwner } from '../shared/sharedarraybuffer-ring/index.js'
import { Admission } from './ring/admission.js'
import { GatherMemory } from './ring/gather-memory.js'
import { SlotTable } from './ring/slot-table.js'
import { SlotWaiter } from './ring/slot-waiter.js'

/** Share of the ring that prefetch leaves to demand, and how many slots are enough of a small one. */
const DEMAND_SHARE = 1 / 8
const SMALL_RING_SHARE = 1 / 2
const ENOUGH_DEMAND_SLOTS = 64

/**
 * Private memory for reads that must be handed out as a whole (clients without structured replies,
 * DF), bytes.
 */
const GATHER_BYTES = 32 * 1024 * 1024

/** An export as the ring knows it. */
export interface RingUser {
  /** True if a live reader is going to read this block of the export. */
  isAhead(block: number): boolean
  /** The block, or a part of it, has lost its place in the ring. */
  gaveUp(block: number): void
  /** True while the export fetches ahead of somebody. */
  readonly active: boolean
}

/** Slots kept for demand in a ring of this many: an eighth, or up to half of a small ring. */
export function demandSlots(slotCount: number): number {
  const small = Math.min(ENOUGH_DEMAND_SLOTS, Math.floor(slotCount * SMALL_RING_SHARE))
  return Math.max(1, small, Math.floor(slotCount * DEMAND_SHARE))
}

/** One ring, any number of exports. */
export class SharedRing {
  readonly memory: RingMemory
  readonly owner: RingOwner
  readonly table: SlotTable
  readonly waiter: SlotWaiter
  readonly admission: Admission
  readonly gatherMemory = new GatherMemory(GATHER_BYTES)
  /** Bytes that fetches ahead may take, all exports together. */
  readonly aheadBytes: number
  /** In order of their first block. */
  readonly #users: { readonly firstBlock: number; readonly user: RingUser }[] = []
  #blocks = 0

  constructor(memory: RingMemory) {
    const reserve = demandSlots(memory.slotCount)
    this.memory = memory
    this.owner = new RingOwner(memory)
    this.table = new SlotTable(this.owner, reserve, {
      isAhead: block => {
        const owner = this.#ownerOf(block)
        return owner?.user.isAhead(block - owner.firstBlock) ?? false
      },
      gaveUp: block => {
        const owner = this.#ownerOf(block)
        owner?.user.gaveUp(block - owner.firstBlock)
      },
    })
    this.waiter = new SlotWaiter(this.owner)
    this.admission = new Admission(reserve)
    this.aheadBytes = (memory.slotCount - reserve) * memory.slotBytes
  }

  /**
   * Takes in an export of so many blocks.
   * @returns the number of its first block in the table
   */
  join(blocks: number, user: RingUser): number {
    const firstBlock = this.#blocks
    this.#users.push({ firstBlock, user })
    this.#blocks += blocks
    return firstBlock
  }

  /** Bytes that the export may take ahead of need: what those that do so now have for each of them. */
  shareOf(user: RingUser): number {
    let active = 1
    for (const other of this.#users) if (other.user !== user && other.user.active) active++
    return this.aheadBytes / active
  }

  /** Nobody waits for bytes any more. */
  close(): void {
    this.waiter.close()
  }

  #ownerOf(block: number) {
    return this.#users.findLast(({ firstBlock }) => firstBlock <= block)
  }
}
