// Strings of the protocol (section "Values"): UTF-8 without NUL, at most 4096 bytes, never
// terminated. Read strictly, since names are compared; written leniently, since a message about a
// failure must not fail itself.

import { MAX_STRING_BYTES } from './constants.js'

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @returns undefined for what is no string of the protocol */
export function decodeString(bytes: Uint8Array): string | undefined {
  if (bytes.length > MAX_STRING_BYTES || bytes.includes(0)) return undefined
  try {
    return STRICT.decode(bytes)
  } catch {
    return undefined
  }
}

/** Drops NUL and cuts behind the last whole character that fits into `limit` bytes. */
export function encodeString(text: string, limit = MAX_STRING_BYTES): Buffer {
  const bytes = Buffer.from(text.replaceAll('\0', ''), 'utf8')
  if (bytes.length <= limit) return bytes
  let end = limit
  // 0b10xxxxxx continues a character that began before.
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}
