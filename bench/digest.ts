// SHA-256 of images and of copies of them, read piece by piece.

import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import type { Image } from './slow-server/image.js'

const PIECE = 4 * 1024 * 1024

/** Digest of a whole image, hexadecimal. */
export function digestOfImage(image: Image): string {
  const hash = createHash('sha256')
  for (let at = 0; at < image.size; at += PIECE) {
    hash.update(image.read(at, Math.min(PIECE, image.size - at)))
  }
  return hash.digest('hex')
}

/** Digest of the first `size` bytes of a file, hexadecimal; of fewer if it is shorter. */
export function digestOfFile(path: string, size: number): string {
  const hash = createHash('sha256')
  const buffer = Buffer.alloc(PIECE)
  const file = openSync(path, 'r')
  try {
    for (let at = 0; at < size; ) {
      const count = readSync(file, buffer, 0, Math.min(buffer.length, size - at), at)
      if (count === 0) break
      hash.update(buffer.subarray(0, count))
      at += count
    }
  } finally {
    closeSync(file)
  }
  return hash.digest('hex')
}
