// Who we are to the origin, and the guard of that secret: builds the request headers, gives none of
// them to another origin, and masks whatever is secret in text that is about to be shown.

import { UsageError } from '../usage-error.js'
import { USER_AGENT } from '../version.js'
import { checkFieldValue, checkHeaders } from './request-headers.js'

/** What the user gave. */
export interface CredentialOptions {
  /** The URL of the image, without user info. */
  readonly url: string
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Text of the Cookie header. */
  readonly cookie?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** Header values that are not secret, whoever gave them. */
const OPEN_HEADERS = new Set(['accept', 'accept-language', 'host', 'referer', 'user-agent'])
/** Shorter values occur in ordinary text by chance: masking them would garble it. */
const SHORTEST_SECRET = 4
const SHORTEST_HEADER_SECRET = 8
const MASK = '***'
const USER_INFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^/?#\s'"]*@/gi
/** Query parameters that are credentials: signed URLs of clouds and CDNs, and tokens. */
const SIGNED_QUERY =
  /([?&](?:x-[a-z]+-(?:signature|credential|security-token)|signature|sig|hmac|hdn[a-z]+|jwt|ticket|(?:client_?)?secret|key-pair-id|policy|(?:access_?|auth_?)?token|password|passwd|api_?key)=)[^&\s'"#]+/gi

/** The headers for one origin. Nothing secret is an own property: printing an instance shows none. */
export class Credentials {
  readonly #origin: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #openHeaders: Readonly<Record<string, string>> = { 'user-agent': USER_AGENT }
  readonly #secrets = new Set<string>()
  readonly #user: string | undefined
  readonly #password: string | undefined

  /** @throws {UsageError} if HTTP cannot carry what was given, or it contradicts itself */
  constructor(options: CredentialOptions) {
    const given = checkHeaders(Object.entries(options.headers ?? {}))
    for (const [name, value] of given) {
      if (!OPEN_HEADERS.has(name)) this.addSecret(value, SHORTEST_HEADER_SECRET)
    }
    const cookie = oneOf(given.get('cookie'), options.cookie, '--cookie', 'cookie')
    const login = basic(options.user, options.password)
    const authorization = oneOf(given.get('authorization'), login, '--user', 'authorization')
    this.#origin = new URL(options.url).origin
    this.#headers = Object.freeze({
      ...this.#openHeaders,
      ...Object.fromEntries(given),
      ...(cookie !== undefined && { cookie: checkFieldValue(cookie, 'the cookie') }),
      ...(authorization !== undefined && { authorization }),
    })
    this.#user = options.user
    this.#password = options.password
    for (const pair of (cookie ?? '').split(';')) {
      this.addSecret(pair.slice(pair.indexOf('=') + 1).trim())
    }
    for (const part of (authorization ?? '').split(' ').slice(1)) this.addSecret(part)
    if (options.password !== undefined) {
      this.addSecret(options.password)
      this.addSecret(encodeURIComponent(options.password))
    }
  }

  /** For the origin of the image's URL; names in lower case. Secret: never log. */
  get headers(): Readonly<Record<string, string>> {
    return this.#headers
  }

  get user(): string | undefined {
    return this.#user
  }

  /** Secret: never log. */
  get password(): string | undefined {
    return this.#password
  }

  /**
   * The headers for a request to `url`. Any other scheme, host or port than the image's own gets
   * no header, cookie or authorization of the user: a redirect must not carry them away.
   *
   * @throws {TypeError} if `url` is not an absolute URL
   */
  headersFor(url: string): Readonly<Record<string, string>> {
    return this.owns(url) ? this.#headers : this.#openHeaders
  }

  /** True for URLs of the image's own scheme, host and port. */
  owns(url: string): boolean {
    return new URL(url).origin === this.#origin
  }

  /** Masks `secret` from now on, too, unless it has fewer than `shortest` characters. */
  addSecret(secret: string, shortest = SHORTEST_SECRET): void {
    if (secret.length >= shortest) this.#secrets.add(secret)
  }

  /** `text` with user info of URLs, signatures in query strings and all known secrets masked. */
  redact(text: string): string {
    let redacted = redactUrls(text)
    // The longest first: a secret may be part of another.
    for (const secret of [...this.#secrets].sort((a, b) => b.length - a.length)) {
      redacted = redacted.replaceAll(secret, MASK)
    }
    return redacted
  }
}

/** `text` with what is secret in any URL masked, for use before the credentials are known. */
export function redactUrls(text: string): string {
  return text.replace(USER_INFO, `$1${MASK}@`).replace(SIGNED_QUERY, `$1${MASK}`)
}

function oneOf(
  inHeaders: string | undefined,
  own: string | undefined,
  flag: string,
  what: string,
): string | undefined {
  if (inHeaders !== undefined && own !== undefined) {
    throw new UsageError(`Cannot use ${flag}: a --header sets the ${what} already`)
  }
  return own ?? inHeaders
}

function basic(user: string | undefined, password: string | undefined): string | undefined {
  if (user === undefined) {
    if (password === undefined) return undefined
    throw new UsageError('Cannot use a password without a user name: add --user')
  }
  if (user.includes(':')) {
    throw new UsageError("Cannot use the user name: basic authentication allows no ':' in it")
  }
  // RFC 7617: control characters are not allowed; UTF-8 is what today's servers expect.
  const pair = `${user}:${password ?? ''}`
  if ([...pair].some(character => character < ' ' || character === '\x7f')) {
    throw new UsageError('Cannot use the user name or password: it has a control character')
  }
  return `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`
}
