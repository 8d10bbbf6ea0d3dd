// Conditional requests of RFC 9110, section 13: validators, and what the If-* headers decide.

/** The validators of what is served. */
export interface Validators {
  /** As on the wire: `"abc"` or `W/"abc"`; undefined if the server sends none. */
  readonly etag: string | undefined
  readonly lastModified: Date | undefined
}

/** Lower-case header names. */
export type Headers = Readonly<Record<string, string | undefined>>

const isWeak = (etag: string): boolean => etag.startsWith('W/')
const opaque = (etag: string): string => (isWeak(etag) ? etag.slice(2) : etag)

function listed(header: string, etag: string | undefined, strong: boolean): boolean {
  // Every representation here exists, so `*` always matches.
  if (header.trim() === '*') return true
  if (etag === undefined) return false
  return (header.match(/(?:W\/)?"[^"]*"/g) ?? []).some(candidate =>
    strong ? !isWeak(candidate) && candidate === etag : opaque(candidate) === opaque(etag),
  )
}

/** HTTP dates are whole seconds. */
const seconds = (date: Date): number => Math.floor(date.getTime() / 1000)

function dateOf(header: string | undefined): number | undefined {
  const ms = Date.parse(header ?? '')
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000)
}

/**
 * The status a request's preconditions lead to instead of the normal answer: 412, 304 or undefined. In the order of
 * section 13.2.2; If-Match compares strongly, so a weak ETag never matches it.
 */
export function failedPrecondition(
  headers: Headers,
  { etag, lastModified }: Validators,
): 304 | 412 | undefined {
  const ifMatch = headers['if-match']
  if (ifMatch !== undefined) {
    if (!listed(ifMatch, etag, true)) return 412
  } else {
    const since = dateOf(headers['if-unmodified-since'])
    if (since !== undefined && lastModified !== undefined && seconds(lastModified) > since)
      return 412
  }
  const ifNoneMatch = headers['if-none-match']
  if (ifNoneMatch !== undefined) {
    if (listed(ifNoneMatch, etag, false)) return 304
  } else {
    const since = dateOf(headers['if-modified-since'])
    if (since !== undefined && lastModified !== undefined && seconds(lastModified) <= since)
      return 304
  }
  return undefined
}

/** Whether If-Range (if there is one) lets the Range header count: strong ETag or exact date. */
export function rangeApplies(headers: Headers, { etag, lastModified }: Validators): boolean {
  const ifRange = headers['if-range']
  if (ifRange === undefined) return true
  if (ifRange.includes('"')) return !isWeak(ifRange) && ifRange.trim() === etag
  const date = dateOf(ifRange)
  return date !== undefined && lastModified !== undefined && seconds(lastModified) === date
}
