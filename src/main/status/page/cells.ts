// The maps of an image and of the ring: what each letter of a snapshot's cells means, how cells lie
// in a grid, which bytes a cell stands for, and all of it in words. Pure; cell-painter.ts draws.

import { showBytes, showCount, showShare } from '../units.js'

/** What a cell can show. */
export interface CellState {
  readonly letter: string
  /** Ends a CSS variable's name: --cell-NAME. */
  readonly name: string
  readonly words: string
  /** Told apart by more than its colour. */
  readonly pattern: 'full' | 'half' | 'dot' | 'stripe' | 'frame' | 'cross' | 'empty'
}

/** Of an image, in the order of its legend. */
export const IMAGE_STATES: readonly CellState[] = [
  { letter: 's', name: 'served', words: 'served', pattern: 'full' },
  { letter: 'p', name: 'partly', words: 'partly served', pattern: 'half' },
  { letter: 'r', name: 'ring', words: 'here, not served yet', pattern: 'full' },
  { letter: 'f', name: 'flight', words: 'in flight', pattern: 'dot' },
  { letter: 'a', name: 'ahead', words: 'ahead, not asked for yet', pattern: 'frame' },
  { letter: 'z', name: 'zero', words: 'zero', pattern: 'stripe' },
  { letter: '.', name: 'nothing', words: 'untouched', pattern: 'empty' },
]

/** Of the ring. */
export const RING_STATES: readonly CellState[] = [
  { letter: 'u', name: 'ring', words: 'unread', pattern: 'full' },
  { letter: 'f', name: 'flight', words: 'filling', pattern: 'dot' },
  { letter: 'p', name: 'pinned', words: 'being sent', pattern: 'frame' },
  { letter: 'r', name: 'served', words: 'read', pattern: 'full' },
  { letter: 'x', name: 'failed', words: 'failed, tried again', pattern: 'cross' },
  { letter: '.', name: 'nothing', words: 'free', pattern: 'empty' },
]

/** The state a letter stands for; letters of a newer server show as the last: nothing. */
export function stateOf(states: readonly CellState[], letter: string | undefined): CellState {
  return states.find(state => state.letter === letter) ?? (states.at(-1) as CellState)
}

export interface Grid {
  readonly columns: number
  readonly rows: number
  /** Edge of a cell with its gap, CSS pixels; not always whole. */
  readonly pitch: number
}

/** Edge of a cell, CSS pixels: told apart on a phone, seen from a step away on a desk, no larger than needed. */
const PHONE_PITCH = 9
const DESK_PITCH = 14
const MAX_PITCH = 22
/** Columns that a wide page is made for. */
const WIDE_COLUMNS = 80

/**
 * How `count` cells lie in a width of CSS pixels: columns are a power of two, so that a row is a
 * round share of the image. Few cells are drawn large, many in several rows.
 */
export function gridOf(count: number, width: number): Grid {
  const cells = Math.max(1, count)
  const least = Math.min(DESK_PITCH, Math.max(PHONE_PITCH, width / WIDE_COLUMNS))
  let columns = 8
  while (columns * 2 * least <= width && columns < cells) columns *= 2
  columns = Math.min(columns, cells)
  const pitch = Math.max(4, Math.min(MAX_PITCH, width / columns))
  return { columns, rows: Math.ceil(cells / columns), pitch }
}

/** Units (blocks or slots) that cell `index` of `cells` stands for: `from` inclusive, `to` exclusive. */
export function unitsOf(
  index: number,
  cells: number,
  units: number,
): { readonly from: number; readonly to: number } {
  return {
    from: Math.floor((index * units) / cells),
    to: Math.floor(((index + 1) * units) / cells),
  }
}

/** The part of a snapshot's map that words are made of. */
export interface MapFigures {
  readonly cells: string
  readonly blockBytes: number
  readonly blocks: number
}

/** '512 MiB to 516 MiB: in flight'. */
export function imageCellWords(map: MapFigures, index: number, imageBytes: number): string {
  const { from, to } = unitsOf(index, map.cells.length, map.blocks)
  const end = Math.min(imageBytes, to * map.blockBytes)
  const state = stateOf(IMAGE_STATES, map.cells[index])
  return `${showBytes(from * map.blockBytes)} to ${showBytes(end)}: ${state.words}`
}

/** 'Slots 4 to 7: unread'. */
export function ringCellWords(cells: string, index: number, slots: number): string {
  const { from, to } = unitsOf(index, cells.length, slots)
  const state = stateOf(RING_STATES, cells[index])
  const which = to - from === 1 ? `Slot ${from}` : `Slots ${from} to ${to - 1}`
  return `${which}: ${state.words}`
}

/** '37.5 % of 1.00 GiB: 384 MiB served, 12 blocks in the ring ...' from the counts, which are exact. */
export function imageWords(
  map: MapFigures & {
    readonly served: number
    readonly inRing: number
    readonly inFlight: number
    readonly ahead: number
    readonly zero: number
  },
): string {
  const { blocks } = map
  const of = (count: number) => showShare(blocks === 0 ? 1 : count / blocks)
  return [
    `Of ${showCount(blocks)} blocks of ${showBytes(map.blockBytes)}`,
    `${of(map.served)} were served`,
    `${showCount(map.inRing)} are here`,
    `${showCount(map.inFlight)} in flight`,
    `${showCount(map.ahead)} ahead`,
    `${showCount(map.zero)} known to be zero`,
  ].join(', ')
}

/** The ring in one sentence. */
export function ringWords(ring: {
  readonly slots: number
  readonly slotBytes: number
  readonly free: number
  readonly filling: number
  readonly unread: number
}): string {
  const { slots, slotBytes } = ring
  const memory = `${showCount(slots)} slots of ${showBytes(slotBytes)}, ${showBytes(slots * slotBytes)} in all`
  return `${memory}: ${showCount(ring.unread)} hold what was not read yet, ${showCount(ring.filling)} are being filled, ${showCount(ring.free)} are free.`
}
