// The Range header of RFC 9110, section 14: single byte ranges.

/** First and last byte, both inclusive, as on the wire. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/**
 * What a Range header asks of a representation of `size` bytes:
 * - a range, cut to the representation's end;
 * - `'unsatisfiable'` (416): well formed, but no byte of it exists;
 * - undefined (ignore it): absent, malformed, of another unit, or several ranges, which a server need not honour.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '')
  if (match === null) return undefined
  const [, start = '', end = ''] = match
  if (start === '') {
    if (end === '') return undefined
    const suffix = Number(end)
    if (suffix === 0 || size === 0) return 'unsatisfiable'
    return { first: Math.max(0, size - suffix), last: size - 1 }
  }
  const first = Number(start)
  const last = end === '' ? Number.POSITIVE_INFINITY : Number(end)
  if (last < first) return undefined
  if (first >= size) return 'unsatisfiable'
  return { first, last: Math.min(last, size - 1) }
}

/** `Content-Range` of a 206. */
export function contentRange(range: ByteRange, total: number): string {
  return `bytes ${range.first}-${range.last}/${total}`
}
