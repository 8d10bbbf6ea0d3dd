// One bit for each block of an image: 128 KiB of memory per TiB at 1 MiB blocks. Used for blocks
// already served, which prefetch must not fetch again.

/** A fixed set of bits, all clear at first. */
export class BlockBitmap {
  readonly #bits: Uint8Array
  readonly #size: number
  #count = 0

  /** @param size number of bits, a safe integer from 0 */
  constructor(size: number) {
    this.#size = size
    this.#bits = new Uint8Array(Math.ceil(size / 8))
  }

  /** Number of bits that are set. */
  get count(): number {
    return this.#count
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
    return true
  }

  /** @returns true if the bit was set before */
  clear(index: number): boolean {
    if (!this.has(index)) return false
    const byte = Math.floor(index / 8)
    this.#bits[byte] = (this.#bits[byte] ?? 0) & ~(1 << (index % 8))
    this.#count--
    return true
  }
}
