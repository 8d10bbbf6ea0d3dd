// What an export tells of a range, made fit for a block status reply. The layout rules of the reply
// are kept here whatever the export says: a client may hang up on a reply that breaks them.

import type { StatusExtent } from './messages.js'

/**
 * Extents one reply may have: 32 KiB. The document allows 2^20, but a reply is held in memory until
 * it is sent, and a client that wants more asks again from where the reply ends.
 */
export const MAX_STATUS_EXTENTS = 4096

/** Holes and zeroes: what base:allocation knows. */
const KNOWN_FLAGS = 3

/**
 * Extents of a reply to a request for `length` bytes (at least 1): none empty, neighbours different,
 * not beyond the range. Without any knowledge it is one extent of flags 0, which is always true.
 *
 * @param one true if a single extent was asked for
 */
export function statusExtents(
  told: Iterable<StatusExtent>,
  length: number,
  one: boolean,
): readonly StatusExtent[] {
  const extents: { length: number; flags: number }[] = []
  let left = length
  for (const extent of told) {
    const bytes = Math.min(extent.length, left)
    if (!Number.isSafeInteger(bytes) || bytes <= 0) break
    const flags = extent.flags & KNOWN_FLAGS
    const before = extents.at(-1)
    if (before?.flags === flags) before.length += bytes
    else if (extents.length === (one ? 1 : MAX_STATUS_EXTENTS)) break
    else extents.push({ length: bytes, flags })
    left -= bytes
    if (left === 0) break
  }
  return extents.length === 0 ? [{ length, flags: 0 }] : extents
}
