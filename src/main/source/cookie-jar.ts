// Cookies that servers set and that are sent back where they belong (RFC 6265), kept in memory.
// Loaded from and saved as the text of a cookie file as curl and browsers write it. Time is an argument.

import { type Cookie, parseCookieFile, parseSetCookie, writeCookieFile } from './cookie-format.js'

/** Beyond, the oldest go: no image needs more, and a server must not fill our memory. */
const MAX_COOKIES = 300

/** The cookies of one run. */
export class CookieJar {
  /** By domain, path and name; oldest first. */
  readonly #cookies = new Map<string, Cookie>()

  /** @param text of a cookie file, or Set-Cookie lines for `url`; lines that are neither are passed over */
  constructor(text: string, url: string, nowMs: number) {
    for (const cookie of parseCookieFile(text, new URL(url), nowMs)) this.#keep(cookie, nowMs)
  }

  /** Values of all cookies, which are secret. */
  get values(): string[] {
    return [...this.#cookies.values()].map(cookie => cookie.value)
  }

  /** Takes the `Set-Cookie` fields of an answer from `url`; those it may not set are dropped. */
  take(url: string, fields: readonly string[], nowMs: number): void {
    const from = new URL(url)
    for (const field of fields) {
      const cookie = parseSetCookie(field, from, nowMs)
      if (cookie !== undefined) this.#keep(cookie, nowMs)
    }
  }

  /** What `Cookie` says to `url`, or undefined if it is to say nothing. */
  headerFor(url: string, nowMs: number): string | undefined {
    const to = new URL(url)
    const fitting = [...this.#cookies.values()].filter(cookie => fits(cookie, to, nowMs))
    // Longer paths first, then the order in which they came (RFC 6265 §5.4); sorting is stable.
    fitting.sort((a, b) => b.path.length - a.path.length)
    return fitting.length === 0
      ? undefined
      : fitting.map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  /** The jar as the text of a cookie file, without what has expired. */
  toText(nowMs: number): string {
    return writeCookieFile([...this.#cookies.values()].filter(cookie => lives(cookie, nowMs)))
  }

  #keep(cookie: Cookie, nowMs: number): void {
    const key = `${cookie.domain}\t${cookie.path}\t${cookie.name}`
    // In place, so that a cookie that is renewed keeps its turn. An expired one is how servers delete.
    if (lives(cookie, nowMs)) this.#cookies.set(key, cookie)
    else this.#cookies.delete(key)
    while (this.#cookies.size > MAX_COOKIES) {
      this.#cookies.delete(this.#cookies.keys().next().value as string)
    }
  }
}

function lives(cookie: Cookie, nowMs: number): boolean {
  return cookie.expiresMs === undefined || cookie.expiresMs > nowMs
}

function fits(cookie: Cookie, to: URL, nowMs: number): boolean {
  const host = to.hostname.toLowerCase()
  const hostFits =
    host === cookie.domain || (cookie.subdomains && host.endsWith(`.${cookie.domain}`))
  return (
    hostFits &&
    pathFits(to.pathname, cookie.path) &&
    (!cookie.secure || to.protocol === 'https:') &&
    lives(cookie, nowMs)
  )
}

/** RFC 6265 §5.1.4: `/a` covers `/a` and `/a/b`, not `/ab`. */
function pathFits(path: string, covered: string): boolean {
  if (path === covered) return true
  return path.startsWith(covered) && (covered.endsWith('/') || path[covered.length] === '/')
}
