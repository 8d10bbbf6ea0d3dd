// The URL of the image as given by a user: checked, and parted from any user info, so that what the
// rest of the program passes on and prints holds no credentials.

import { usageError } from '../usage-error.js'

/** A URL that can be shown, and the credentials that were in it. */
export interface SourceUrl {
  /** Without user info and fragment. */
  readonly url: string
  /** Percent-decoded; undefined if the URL had none. */
  readonly user: string | undefined
  readonly password: string | undefined
}

/**
 * Reads the URL of an image.
 *
 * @throws {UsageError} unless it is an absolute http or https URL with well-formed user info
 */
export function parseSourceUrl(text: unknown): SourceUrl {
  if (text !== undefined && typeof text !== 'string') {
    throw usageError('url-type', { type: typeof text })
  }
  if (text === undefined || text === '') {
    throw usageError('no-url', { verb: 'serve' })
  }
  const shown = maskUserInfo(text)
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw usageError('url-form', { url: shown })
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw usageError('url-scheme', { url: shown, scheme: url.protocol.slice(0, -1) })
  }
  const user = url.username === '' ? undefined : decode(url.username, 'user name', shown)
  const password = url.password === '' ? undefined : decode(url.password, 'password', shown)
  url.username = ''
  url.password = ''
  url.hash = ''
  return { url: url.href, user, password }
}

/** Everything between the scheme and the last '@' masked: even an unparsable URL shows no secret. */
function maskUserInfo(text: string): string {
  const at = text.lastIndexOf('@')
  if (at < 0) return text
  const scheme = /^[a-z][a-z0-9+.-]*:[/\\]*/i.exec(text)?.[0] ?? ''
  return scheme.length > at ? text : `${scheme}***${text.slice(at)}`
}

function decode(text: string, what: string, shown: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw usageError('url-percent', { url: shown, part: what })
  }
}
