// Bytes as a socket delivers them, to be taken in the lengths that the protocol needs. Both phases
// of a connection share one queue, so what a client sends behind its last option is not lost.
// A piece that lies within one chunk is handed out as a view of it; only pieces across chunks copy.

/** So many chunks are merged into one: a peer that sends single bytes must not cost an object each. */
const MERGE_CHUNKS = 64

/**
 * Default limit: the longest message held (64 KiB of option data) and several reads of a socket
 * (64 KiB each). A state machine that takes all it can never comes near it.
 */
const DEFAULT_LIMIT = 1024 * 1024

/** First in, first out, counted in bytes. */
export class ChunkQueue {
  readonly #limit: number
  readonly #chunks: Buffer[] = []
  /** Bytes of the first chunk that were taken before. */
  #taken = 0
  #length = 0

  /** @param limit bytes held at most, inclusive */
  constructor(limit = DEFAULT_LIMIT) {
    this.#limit = limit
  }

  /** Bytes that can be taken. */
  get length(): number {
    return this.#length
  }

  /**
   * Appends a chunk, which must not be changed afterwards.
   * @throws RangeError if the limit would be passed: the owner has forgotten to take or to pause
   */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    if (this.#length + chunk.length > this.#limit) {
      throw new RangeError(
        `Cannot queue ${chunk.length} bytes: ${this.#length} of ${this.#limit} are in use`,
      )
    }
    this.#chunks.push(asBuffer(chunk))
    this.#length += chunk.length
    if (this.#chunks.length > MERGE_CHUNKS) this.#merge()
  }

  /**
   * The next `count` bytes. The result may share memory with a chunk and is meant to be decoded at
   * once: keeping it keeps the chunk.
   * @throws RangeError if fewer are queued
   */
  take(count: number): Buffer {
    if (count > this.#length) {
      throw new RangeError(`Cannot take ${count} bytes: only ${this.#length} are queued`)
    }
    const first = this.#chunks[0]
    if (first !== undefined && first.length - this.#taken >= count) {
      const bytes = first.subarray(this.#taken, this.#taken + count)
      this.skip(count)
      return bytes
    }
    const bytes = Buffer.allocUnsafe(count)
    let filled = 0
    while (filled < count) {
      const chunk = this.#chunks[0] as Buffer
      const part = Math.min(count - filled, chunk.length - this.#taken)
      chunk.copy(bytes, filled, this.#taken, this.#taken + part)
      filled += part
      this.skip(part)
    }
    return bytes
  }

  /** Drops up to `count` bytes. @returns how many were there to drop */
  skip(count: number): number {
    const skipped = Math.min(count, this.#length)
    let left = skipped
    while (left > 0) {
      const rest = (this.#chunks[0] as Buffer).length - this.#taken
      if (left < rest) {
        this.#taken += left
        break
      }
      left -= rest
      this.#chunks.shift()
      this.#taken = 0
    }
    this.#length -= skipped
    return skipped
  }

  /** Drops everything. */
  clear(): void {
    this.#chunks.length = 0
    this.#taken = 0
    this.#length = 0
  }

  #merge(): void {
    const whole = Buffer.concat(this.#chunks).subarray(this.#taken)
    this.#chunks.length = 0
    this.#chunks.push(whole)
    this.#taken = 0
  }
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk)
    ? chunk
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}
