// The ring as one export sees it: its blocks are numbered from 0, whatever other exports keep in the
// same slots, and those that are known to be zero need no slot at all, only a bit.

import type { RingMemory } from '../../shared/sharedarraybuffer-ring/index.js'
import type { SlotTable } from './slot-table.js'

/** A set of block numbers; `BlockBitmap` is one. */
export interface BlockSet {
  has(block: number): boolean
  set(block: number): boolean
}

export interface ExportSlotsParts {
  readonly table: SlotTable
  readonly memory: RingMemory
  /** Number of the export's block 0 in the table. */
  readonly firstBlock: number
  readonly imageBytes: number
  /** Blocks known to be zero. */
  readonly zeroes: BlockSet
}

/** What lies where, for one export. */
export class ExportSlots {
  readonly #table: SlotTable
  readonly #memory: RingMemory
  readonly #firstBlock: number
  readonly #imageBytes: number
  readonly #zeroes: BlockSet

  constructor(parts: ExportSlotsParts) {
    this.#table = parts.table
    this.#memory = parts.memory
    this.#firstBlock = parts.firstBlock
    this.#imageBytes = parts.imageBytes
    this.#zeroes = parts.zeroes
  }

  /** True if the whole block is known to be zero. */
  isZero(block: number): boolean {
    return this.#zeroes.has(block)
  }

  /** See `SlotTable.find()`. */
  find(block: number, at: number): number {
    return this.#table.find(this.#firstBlock + block, at)
  }

  /** How far into the block the bytes from `at` on are known, present or coming, exclusive. */
  coveredUntil(block: number, at: number): number {
    if (this.#zeroes.has(block)) return this.#bytesOf(block)
    return this.#table.coveredUntil(this.#firstBlock + block, at)
  }

  /** Where the first known, present or coming byte at or behind `at` lies; `limit` if none before it. */
  missingUntil(block: number, at: number, limit: number): number {
    if (this.#zeroes.has(block)) return at
    return this.#table.missingUntil(this.#firstBlock + block, at, limit)
  }

  /** See `SlotTable.assign()`. */
  assign(block: number, start: number, length: number, demand: boolean, again = false): number {
    return this.#table.assign(this.#firstBlock + block, start, length, demand, again)
  }

  /** The fetch that held the slot has ended; it is whole. One that holds a block of zeroes is given back. */
  fetched(slot: number): void {
    const block = this.#table.blockOf(slot) - this.#firstBlock
    const whole = this.#table.startOf(slot) === 0
    if (whole && this.#memory.isZero(slot) && this.#memory.length(slot) === this.#bytesOf(block)) {
      this.#zeroes.set(block)
      this.#table.lost(slot)
    } else this.#table.fetched(slot)
  }

  #bytesOf(block: number): number {
    const { slotBytes } = this.#memory
    return Math.min(slotBytes, this.#imageBytes - block * slotBytes)
  }
}
