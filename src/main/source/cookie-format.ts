// Cookies as text: the seven columns of Netscape's cookie file, which curl and browsers write, and
// `Set-Cookie` fields (RFC 6265). Pure.

import { isIP } from 'node:net'

/** One cookie. */
export interface Cookie {
  /** Lower case, without a leading dot. */
  readonly domain: string
  /** True if subdomains are sent it as well. */
  readonly subdomains: boolean
  /** Begins with a slash. */
  readonly path: string
  /** Sent over https alone. */
  readonly secure: boolean
  readonly httpOnly: boolean
  /** Milliseconds since 1970; absent: as long as the program runs. */
  readonly expiresMs?: number
  readonly name: string
  readonly value: string
}

/** Bytes of name and value together, as browsers have it. */
const MAX_COOKIE_LENGTH = 4096
const HTTP_ONLY = '#HttpOnly_'
const HEADER =
  '# Netscape HTTP Cookie File\n# Written by nbd-prefetch. Do not edit while it runs.\n\n'

/**
 * The cookies of a file: Netscape's format, or `Set-Cookie` lines, which count as sent by `from`.
 * Comments and lines that are neither are passed over.
 */
export function parseCookieFile(text: string, from: URL, nowMs: number): Cookie[] {
  const cookies: Cookie[] = []
  for (const line of text.split(/\r?\n/)) {
    const field = /^set-cookie:(.*)$/i.exec(line)?.[1]
    const cookie = field === undefined ? parseLine(line) : parseSetCookie(field, from, nowMs)
    if (cookie !== undefined) cookies.push(cookie)
  }
  return cookies
}

function parseLine(line: string): Cookie | undefined {
  const httpOnly = line.startsWith(HTTP_ONLY)
  if (line.startsWith('#') && !httpOnly) return undefined
  const columns = (httpOnly ? line.slice(HTTP_ONLY.length) : line).split('\t')
  // A cookie without a value ends behind its name's tab, or without it.
  const [domain = '', subdomains, path = '', secure, expires = '', name = '', value = ''] = columns
  if (columns.length < 6 || columns.length > 7 || !/^\d+$/.test(expires)) return undefined
  if (domain === '' || name === '' || !isSendable(name, value)) return undefined
  const seconds = Number(expires)
  return {
    domain: domain.toLowerCase().replace(/^\./, ''),
    subdomains: subdomains === 'TRUE',
    path: path.startsWith('/') ? path : '/',
    secure: secure === 'TRUE',
    httpOnly,
    ...(seconds > 0 && { expiresMs: seconds * 1000 }),
    name,
    value,
  }
}

/** The text of a cookie file. */
export function writeCookieFile(cookies: readonly Cookie[]): string {
  const flag = (on: boolean): string => (on ? 'TRUE' : 'FALSE')
  const lines = cookies.map(cookie => {
    const { domain, subdomains, path, secure, httpOnly, expiresMs = 0, name, value } = cookie
    const shown = `${httpOnly ? HTTP_ONLY : ''}${subdomains ? '.' : ''}${domain}`
    const expires = Math.floor(expiresMs / 1000)
    return [shown, flag(subdomains), path, flag(secure), expires, name, value].join('\t')
  })
  return `${HEADER}${lines.map(line => `${line}\n`).join('')}`
}

/**
 * Reads the value of a `Set-Cookie` field.
 *
 * @param from URL whose answer had it
 * @returns undefined if it is malformed, or `from` may not set it
 */
export function parseSetCookie(field: string, from: URL, nowMs: number): Cookie | undefined {
  const [pair = '', ...attributes] = field.split(';')
  const equals = pair.indexOf('=')
  const name = pair.slice(0, Math.max(0, equals)).trim()
  const value = pair.slice(equals + 1).trim()
  if (name === '' || !isSendable(name, value)) return undefined
  const given = new Map<string, string>()
  for (const attribute of attributes) {
    const [key = '', ...rest] = attribute.split('=')
    given.set(key.trim().toLowerCase(), rest.join('=').trim())
  }
  const host = from.hostname.toLowerCase()
  const wanted = given.get('domain')?.toLowerCase().replace(/^\./, '') ?? ''
  if (wanted !== '' && !maySetFor(host, wanted)) return undefined
  const secure = given.has('secure')
  if (secure && from.protocol !== 'https:') return undefined
  const path = given.get('path') ?? ''
  const expiresMs = expiryOf(given, nowMs)
  return {
    domain: wanted === '' ? host : wanted,
    subdomains: wanted !== '' && isIP(host) === 0,
    path: path.startsWith('/') ? path : defaultPath(from.pathname),
    secure,
    httpOnly: given.has('httponly'),
    ...(expiresMs !== undefined && { expiresMs }),
    name,
    value,
  }
}

/** A host sets cookies for itself and domains it lies in, but not for a whole top-level domain. */
function maySetFor(host: string, domain: string): boolean {
  if (host === domain) return true
  return isIP(host) === 0 && domain.includes('.') && host.endsWith(`.${domain}`)
}

function expiryOf(given: ReadonlyMap<string, string>, nowMs: number): number | undefined {
  const maxAge = given.get('max-age')
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return nowMs + Number(maxAge) * 1000
  const date = Date.parse(given.get('expires') ?? '')
  return Number.isNaN(date) ? undefined : date
}

/** RFC 6265 §5.1.4: the directory of the URL's path. */
function defaultPath(path: string): string {
  const end = path.lastIndexOf('/')
  return end <= 0 ? '/' : path.slice(0, end)
}

/** True if a Cookie field can carry it: visible characters and spaces, no semicolon. */
function isSendable(name: string, value: string): boolean {
  return (
    name.length + value.length <= MAX_COOKIE_LENGTH &&
    /^[!-:<>-~]+$/.test(name) &&
    /^[ -:<-~\x80-\xff]*$/.test(value)
  )
}
