// Draws maps: many states in a few hundred letters. Pure.

import type { SlotUse } from '../ring/slot-table.js'

/** Blocks in each cell, by what is the case; all of one length, the number of cells. */
export interface CellCounts {
  /** Served to their end. */
  readonly covered: Uint32Array
  readonly zero: Uint32Array
  /** Present, and not served. */
  readonly waiting: Uint32Array
  readonly inFlight: Uint32Array
  /** Inside a window, and not asked for. */
  readonly ahead: Uint32Array
}

/** The letters of `ImageMap.cells`, for an image of so many blocks. */
export function drawImage(blocks: number, counts: CellCounts): string {
  const { covered, zero, waiting, inFlight, ahead } = counts
  const cells = covered.length
  let drawn = ''
  for (let cell = 0; cell < cells; cell++) {
    const size = Math.floor(((cell + 1) * blocks) / cells) - Math.floor((cell * blocks) / cells)
    const at = (of: Uint32Array) => of[cell] as number
    if (at(inFlight) > 0) drawn += 'f'
    else if (at(waiting) > 0) drawn += 'r'
    else if (at(ahead) > 0) drawn += 'a'
    else if (at(zero) === size) drawn += 'z'
    else if (at(covered) === size) drawn += 's'
    else drawn += at(covered) > 0 ? 'p' : '.'
  }
  return drawn
}

const SLOT_LETTERS: Readonly<Record<SlotUse, string>> = {
  failed: 'x',
  filling: 'f',
  pinned: 'p',
  unread: 'u',
  read: 'r',
  free: '.',
}
/** The first that a cell has is shown. */
const RANKS: readonly SlotUse[] = ['failed', 'filling', 'pinned', 'unread', 'read', 'free']

/** Draws a ring, told of each slot's use in turn. */
export class RingDrawing {
  readonly counts: Record<SlotUse, number> = {
    ...{ failed: 0, filling: 0, pinned: 0 },
    ...{ unread: 0, read: 0, free: 0 },
  }
  readonly #ranks: Uint8Array

  /** @param cells number of letters, at least 1 */
  constructor(cells: number) {
    this.#ranks = new Uint8Array(cells).fill(RANKS.length - 1)
  }

  /** @param cell where the slot is shown */
  add(use: SlotUse, cell: number): void {
    this.counts[use]++
    this.#ranks[cell] = Math.min(this.#ranks[cell] as number, RANKS.indexOf(use))
  }

  /** The letters of `RingStatus.cells`. */
  get cells(): string {
    let drawn = ''
    for (const rank of this.#ranks) drawn += SLOT_LETTERS[RANKS[rank] as SlotUse]
    return drawn
  }
}
