// Images that are compressed as files: served as they are, they are seldom what is meant. Told by the
// file's first bytes alone, as names and content types are often wrong.

import type { Told } from '../../shared/message.js'
import { warning } from '../warning.js'

/** What a compressed file begins with, in hexadecimal. */
const MAGIC: readonly (readonly [format: string, magic: RegExp, unpack: string])[] = [
  ['gzip', /^1f8b08/, 'gunzip'],
  ['xz', /^fd377a585a00/, 'unxz'],
  ['zstd', /^28b52ffd/, 'unzstd'],
  ['bzip2', /^425a683[1-9]314159265359/, 'bunzip2'],
]
/** Bytes that tell. */
const MAGIC_BYTES = 16

/** Filters of nbdkit that decompress what is read. */
const NBDKIT_FILTERS: ReadonlySet<string> = new Set(['gzip', 'xz'])

/**
 * A warning for whoever would serve such a file as a disk, one line; undefined for anything else.
 *
 * @param firstBytes of the file, MAGIC_BYTES or more where it has them
 */
export function compressionWarning(name: string, firstBytes: Uint8Array): Told | undefined {
  const start = Buffer.from(firstBytes.subarray(0, MAGIC_BYTES)).toString('hex')
  const found = MAGIC.find(([, magic]) => magic.test(start))
  if (found === undefined) return undefined
  const [format, , unpack] = found
  const filter = NBDKIT_FILTERS.has(format)
    ? `, or put 'nbdkit --filter=${format} nbd uri=...' between this server and its clients`
    : ''
  return warning('compressed-image', { name, format, unpack, filter })
}
