// The disk images the slow server can serve: what one is, and the generated one, which has any size up to 8 PiB
// and takes neither disk nor memory for it.
import { createHash } from 'node:crypto'
import { CHUNK_BYTES, WordPattern } from './word-pattern.js'
import { ZeroRuns } from './zero-runs.js'

/** A disk image: random access to bytes that never change. All offsets and lengths are bytes. */
export interface Image {
  readonly size: number
  /** Names the content: two images with the same identity have the same bytes. */
  readonly identity: string
  /** The bytes at `offset`, in memory of the caller's own. @throws RangeError beyond the image's end */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>
  /** The same into memory there is: `target.length` bytes. @throws RangeError beyond the image's end */
  fill(target: Uint8Array, offset: number): void
  /** Index of the first of `bytes` that is not what the image has at `offset` + index, or -1. */
  compare(offset: number, bytes: Uint8Array): number
}

/** @throws RangeError unless [offset, offset + length) lies in the image */
export function checkBounds(size: number, offset: number, length: number): void {
  if (
    !Number.isSafeInteger(offset) ||
    !Number.isSafeInteger(length) ||
    offset < 0 ||
    length < 0 ||
    offset + length > size
  ) {
    throw new RangeError(
      `Cannot read the image: ${length} bytes at ${offset} are not within its ${size} bytes`,
    )
  }
}

/** First index at which `a` and `b`, equally long, differ, or -1. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  if (Buffer.compare(a, b) === 0) return -1
  return a.findIndex((byte, i) => byte !== b[i])
}

/** How to make a generated image. */
export interface GeneratedImageOptions {
  /** Bytes; any safe integer, 0 included. */
  readonly size: number
  /** A safe non-negative integer. Defaults to 1. */
  readonly seed?: number | undefined
  /** Whether 20 to 30 % of the image is runs of zeros. Defaults to true. */
  readonly zeros?: boolean | undefined
}

/** An image whose every 8 bytes outside the zero runs are unique to their offset and the seed. */
export class GeneratedImage implements Image {
  readonly size: number
  readonly seed: number
  readonly identity: string
  readonly #pattern: WordPattern
  readonly #zeros: ZeroRuns | undefined
  #scratch: Int32Array<ArrayBuffer> | undefined

  /** @throws RangeError if the size or the seed is not a safe non-negative integer */
  constructor({ size, seed = 1, zeros = true }: GeneratedImageOptions) {
    for (const [name, value] of Object.entries({ size, seed })) {
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new RangeError(
          `Cannot generate an image: '${name}' must be a non-negative integer: received ${value}`,
        )
      }
    }
    this.size = size
    this.seed = seed
    this.identity = `generated-${size}-${seed}${zeros ? '' : '-dense'}`
    this.#pattern = new WordPattern(seed)
    this.#zeros = zeros ? new ZeroRuns(seed) : undefined
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    checkBounds(this.size, offset, length)
    const bytes = new Uint8Array(new ArrayBuffer(length))
    this.fill(bytes, offset)
    return bytes
  }

  fill(target: Uint8Array, offset: number): void {
    checkBounds(this.size, offset, target.length)
    const end = offset + target.length
    for (let at = offset; at < end; ) {
      const next = Math.min(end, at - (at % CHUNK_BYTES) + CHUNK_BYTES)
      this.#fillWithinChunk(target.subarray(at - offset, next - offset), at)
      at = next
    }
  }

  compare(offset: number, bytes: Uint8Array): number {
    checkBounds(this.size, offset, bytes.length)
    const expected = new Uint8Array(Math.min(bytes.length, CHUNK_BYTES))
    for (let at = 0; at < bytes.length; at += expected.length) {
      const actual = bytes.subarray(at, at + expected.length)
      const part = expected.subarray(0, actual.length)
      this.fill(part, offset + at)
      const index = firstDifference(part, actual)
      if (index >= 0) return at + index
    }
    return -1
  }

  /**
   * The offset at which the first 8 of `bytes` belong (a multiple of 8), or undefined if they are of no image with
   * this seed. For telling where misplaced data came from.
   */
  locate(bytes: Uint8Array): number | undefined {
    const offset = this.#pattern.locate(bytes)
    return offset !== undefined && offset < this.size ? offset : undefined
  }

  #fillWithinChunk(target: Uint8Array, offset: number): void {
    const end = offset + target.length
    const zeros = this.#zeros === undefined ? [] : [...this.#zeros.within(offset, end)]
    if (zeros[0]?.start === offset && zeros[0].end === end) {
      target.fill(0)
      return
    }
    const chunk = Math.floor(offset / CHUNK_BYTES)
    const skip = offset % CHUNK_BYTES
    const from = Math.floor(skip / 8)
    const to = Math.ceil((skip + target.length) / 8)
    if (skip % 8 === 0 && target.length % 8 === 0 && target.byteOffset % 4 === 0) {
      const halves = new Int32Array(target.buffer, target.byteOffset, target.length / 4)
      this.#pattern.render(halves, chunk, from, to)
    } else {
      this.#scratch ??= new Int32Array(CHUNK_BYTES / 4)
      this.#pattern.render(this.#scratch, chunk, from, to)
      target.set(new Uint8Array(this.#scratch.buffer, skip - from * 8, target.length))
    }
    for (const run of zeros) target.fill(0, run.start - offset, run.end - offset)
  }
}

/** SHA-256 of the whole image, in hex. */
export function sha256(image: Image): string {
  const hash = createHash('sha256')
  const buffer = new Uint8Array(Math.min(image.size, 4 * CHUNK_BYTES))
  for (let at = 0; at < image.size; at += buffer.length) {
    const part = buffer.subarray(0, Math.min(buffer.length, image.size - at))
    image.fill(part, at)
    hash.update(part)
  }
  return hash.digest('hex')
}
