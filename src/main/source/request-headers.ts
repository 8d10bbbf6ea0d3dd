// The request headers a user asked for, checked and in lower case: what may be sent at all, and
// which names are the program's own.

import { usageError } from '../usage-error.js'

/** Names the program sets itself: a user's value would break ranges, versions or framing. */
const RESERVED = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Field values of RFC 9110 §5.5: visible characters, spaces, tabs and obs-text; never CR, LF or NUL. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Reads the text of a `--header` as curl does: `Name: value`, `Name:` to leave out one that is sent by
 * default (null), `Name;` to send one without a value.
 *
 * @throws {UsageError} if it is none of them; the message does not repeat the text, it may be secret
 */
export function splitHeader(text: string): [name: string, value: string | null] {
  const empty = /^([^:;]+);\s*$/.exec(text)?.[1]
  if (empty !== undefined) return [empty.trim(), '']
  const colon = text.indexOf(':')
  if (colon < 1) {
    throw usageError('header-form')
  }
  const value = text.slice(colon + 1)
  return [text.slice(0, colon).trim(), value.trim() === '' ? null : value]
}

/**
 * Headers with names in lower case and values trimmed. Names that differ only in case are joined
 * by ', '.
 *
 * @throws {UsageError} for a name or value that HTTP or this program does not allow
 */
export function checkHeaders(headers: Iterable<readonly [string, string]>): Map<string, string> {
  const checked = new Map<string, string>()
  for (const [name, value] of headers) {
    const key = String(name).toLowerCase()
    if (!TOKEN.test(key)) {
      throw usageError('header-name', { name: JSON.stringify(name) })
    }
    if (RESERVED.has(key)) {
      throw usageError('header-ours', { name: key })
    }
    const text = checkFieldValue(value, `the header '${key}'`)
    const before = checked.get(key)
    checked.set(key, before === undefined ? text : `${before}, ${text}`)
  }
  return checked
}

/**
 * A field value, trimmed.
 *
 * @throws {UsageError} if it holds a character that cannot be sent; the value is not repeated
 */
export function checkFieldValue(value: string, what: string): string {
  const text = String(value).replace(/^[ \t]+|[ \t]+$/g, '')
  if (/[\r\n]/.test(text)) {
    throw usageError('header-line-break', { what })
  }
  if (!FIELD_VALUE.test(text)) {
    throw usageError('header-characters', { what })
  }
  return text
}
