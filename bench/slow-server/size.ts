// Sizes as people write them on command lines: 4096, 64K, 64M, 1G, 2.5T; units are powers of 1024.

const UNITS = 'KMGTP'

/** Bytes of a text like `64M`; a trailing `B` or `iB` is allowed. @throws RangeError if it is none */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMGTP])?(?:i?B)?$/i.exec(text.trim())
  const unit = match?.[2] === undefined ? 0 : UNITS.indexOf(match[2].toUpperCase()) + 1
  const bytes = Number(match?.[1]) * 1024 ** unit
  if (!Number.isSafeInteger(bytes)) {
    throw new RangeError(
      `Cannot read '${text}' as a size: give bytes, or a number with K, M, G or T`,
    )
  }
  return bytes
}
