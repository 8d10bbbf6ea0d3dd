// What base:allocation says of an image whose zero blocks are known.

import type { StatusExtent } from './nbd/messages.js'

/** NBD_STATE_HOLE and NBD_STATE_ZERO: what base:allocation says of bytes that are known to be zero. */
const ZERO_EXTENT = 0b11
/** Extents of one BLOCK_STATUS reply: 64 GiB of an image that changes with each block. */
const MAX_EXTENTS = 4096

/**
 * The extents of a range, from its start on; it may be told short.
 *
 * @param isZero tells if all of a block is known to be zero; what is not counts as data
 */
export function zeroExtents(
  isZero: (block: number) => boolean,
  blockBytes: number,
  offset: number,
  length: number,
): readonly StatusExtent[] {
  const extents: { length: number; flags: number }[] = []
  const end = offset + length
  for (let at = offset; at < end; ) {
    const block = Math.floor(at / blockBytes)
    const until = Math.min(end, (block + 1) * blockBytes)
    const flags = isZero(block) ? ZERO_EXTENT : 0
    const last = extents.at(-1)
    if (last?.flags === flags) last.length += until - at
    else if (extents.length === MAX_EXTENTS) break
    else extents.push({ length: until - at, flags })
    at = until
  }
  return extents
}
