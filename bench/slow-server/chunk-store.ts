// Rendered chunks of the image for the socket writers. The first chunks asked for stay in memory up to a bound (so
// that a second reader is served without rendering); beyond it buffers are lent and reused, the last returned
// first, while the processor still has them in its cache.
import type { Image } from './image.js'
import { CHUNK_BYTES } from './word-pattern.js'

/** A view of image bytes. They must not be written to, nor read after `release()`, which is called once. */
export interface ChunkView {
  readonly bytes: Uint8Array
  release(): void
}

const MAX_SPARES = 64
const nothing = (): void => {}

/** Hands out views of an image's chunks. */
export class ChunkStore {
  readonly #image: Image
  readonly #maxKept: number
  readonly #kept = new Map<number, Uint8Array>()
  readonly #spares: Uint8Array[] = []

  /** @param cacheBytes - how much of the image stays in memory once rendered */
  constructor(image: Image, cacheBytes: number) {
    this.#image = image
    this.#maxKept = Math.floor(cacheBytes / CHUNK_BYTES)
  }

  /** Bytes from `offset` to `end` or to the end of their chunk, whichever is nearer. */
  view(offset: number, end: number): ChunkView {
    const index = Math.floor(offset / CHUNK_BYTES)
    const base = index * CHUNK_BYTES
    const from = offset - base
    const to = Math.min(end - base, CHUNK_BYTES)
    const kept = this.#kept.get(index)
    if (kept !== undefined) return { bytes: kept.subarray(from, to), release: nothing }

    const whole = Math.min(CHUNK_BYTES, this.#image.size - base)
    if (this.#kept.size < this.#maxKept) {
      const chunk = this.#image.read(base, whole)
      this.#kept.set(index, chunk)
      return { bytes: chunk.subarray(from, to), release: nothing }
    }
    const buffer = this.#spares.pop() ?? new Uint8Array(CHUNK_BYTES)
    // The same place in the buffer as in the chunk: keeps the pattern's words aligned.
    const bytes = buffer.subarray(from, to)
    this.#image.fill(bytes, offset)
    return {
      bytes,
      release: () => {
        if (this.#spares.length < MAX_SPARES) this.#spares.push(buffer)
      },
    }
  }
}
