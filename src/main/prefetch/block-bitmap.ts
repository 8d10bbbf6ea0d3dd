// One bit for each block of an image: 128 KiB of memory per TiB at 1 MiB blocks. Used for blocks
// already served, which prefetch must not fetch again. How many are set in each of a few hundred cells
// is kept beside it, so that a map of an image of any size costs nothing to draw.

/** Cells of equal size that a bitmap is counted in; fewer where it has fewer bits. */
export const BITMAP_CELLS = 512

/** Cell i of `cells` has the bits from floor(i × size / cells) to floor((i + 1) × size / cells), exclusive. */
export function cellOf(index: number, size: number, cells: number): number {
  return Math.floor(((index + 1) * cells - 1) / size)
}

/** A fixed set of bits, all clear at first. */
export class BlockBitmap {
  readonly #bits: Uint8Array
  readonly #size: number
  readonly #cells: Uint32Array
  #count = 0

  /** @param size number of bits, a safe integer from 0 */
  constructor(size: number) {
    this.#size = size
    this.#bits = new Uint8Array(Math.ceil(size / 8))
    this.#cells = new Uint32Array(Math.min(size, BITMAP_CELLS))
  }

  /** Number of bits that are set. */
  get count(): number {
    return this.#count
  }

  /** Number of bits that are set in each cell; not to be changed. */
  get cells(): Uint32Array {
    return this.#cells
  }

  /** False also for a bit beyond the size. */
  has(index: number): boolean {
    return ((this.#bits[Math.floor(index / 8)] ?? 0) & (1 << (index % 8))) !== 0
  }

  /** @returns true if the bit was clear before */
  set(index: number): boolean {
    if (index >= this.#size || this.has(index)) return false
    const byte = Math.floor(index / 8)
    this.#bits[byte] = (this.#bits[byte] ?? 0) | (1 << (index % 8))
    this.#count++
    this.#tally(index, 1)
    return true
  }

  /** @returns true if the bit was set before */
  clear(index: number): boolean {
    if (!this.has(index)) return false
    const byte = Math.floor(index / 8)
    this.#bits[byte] = (this.#bits[byte] ?? 0) & ~(1 << (index % 8))
    this.#count--
    this.#tally(index, -1)
    return true
  }

  #tally(index: number, change: 1 | -1): void {
    const cell = cellOf(index, this.#size, this.#cells.length)
    this.#cells[cell] = (this.#cells[cell] ?? 0) + change
  }
}
