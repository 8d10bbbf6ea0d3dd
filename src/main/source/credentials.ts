// Who we are to the origin, and the guard of that secret: builds the request headers, gives none of
// them to another origin, and masks whatever is secret in text that is about to be shown.

import { usageError } from '../usage-error.js'
import { USER_AGENT } from '../version.js'
import { basicAuthorization } from './basic-authorization.js'
import { CookieJar } from './cookie-jar.js'
import { checkFieldValue, checkHeaders } from './request-headers.js'

/** What the user gave. */
export interface CredentialOptions {
  /** The URL of the image, without user info. */
  readonly url: string
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Goes in place of user and password. */
  readonly bearerToken?: string | undefined
  /** Text of the Cookie header. */
  readonly cookie?: string | undefined
  /** Text of a cookie file, '' for an empty one; absent: cookies that servers set are dropped. */
  readonly cookies?: string | undefined
  /** null leaves out a header that is sent by default. */
  readonly headers?: Readonly<Record<string, string | null>> | undefined
  /** For every origin; '' sends none. */
  readonly userAgent?: string | undefined
  /** Milliseconds since 1970. Default: the system's. */
  readonly clock?: (() => number) | undefined
}

/** Header values that are not secret, whoever gave them. */
const OPEN_HEADERS = new Set(['accept', 'accept-language', 'host', 'referer', 'user-agent'])
/** Shorter values occur in ordinary text by chance: masking them would garble it. */
const SHORTEST_SECRET = 4
const SHORTEST_HEADER_SECRET = 8
/** Values of cookies that are masked: those in the jar, which are fewer, and the latest that were. */
const MAX_COOKIE_SECRETS = 1024
/** Renewals whose secrets are masked: a server may repeat what a request was sent with a while ago. */
const MASKED_RENEWALS = 256
const MASK = '***'
const USER_INFO = /((?:\b[a-z][a-z0-9+.-]*|\*):\/\/)[^/?#\s'"]*@/gi
/** Query parameters that are credentials: signed URLs of clouds and CDNs, and tokens. */
const SIGNED_QUERY =
  /([?&](?:x-[a-z]+-(?:signature|credential|security-token)|signature|sig|hmac|hdn[a-z]+|jwt|ticket|(?:client_?)?secret|key-pair-id|policy|(?:access_?|auth_?)?token|password|passwd|api_?key)=)[^&\s'"#]+/gi

/** The headers for one origin. Nothing secret is an own property: printing an instance shows none. */
export class Credentials {
  readonly #origin: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #openHeaders: Readonly<Record<string, string>>
  readonly #secrets = new Set<string>()
  /** The latest is the last. A server may set another one with each answer: these are forgotten in the end. */
  readonly #cookieSecrets = new Set<string>()
  /** Of each that gives some again and again, by renewal. */
  readonly #renewed: (readonly string[])[][] = []
  readonly #user: string | undefined
  readonly #password: string | undefined
  readonly #jar: CookieJar | undefined
  readonly #clock: () => number

  /** @throws {UsageError} if HTTP cannot carry what was given, or it contradicts itself */
  constructor(options: CredentialOptions) {
    this.#clock = options.clock ?? Date.now
    const all = Object.entries(options.headers ?? {})
    const removed = new Set(
      all.flatMap(([name, value]) => (value === null ? [removable(name)] : [])),
    )
    const given = checkHeaders(all.filter((entry): entry is [string, string] => entry[1] !== null))
    for (const [name, value] of given) {
      if (!OPEN_HEADERS.has(name)) this.addSecret(value, SHORTEST_HEADER_SECRET)
    }
    const userAgent = checkFieldValue(options.userAgent ?? USER_AGENT, 'the --user-agent')
    const named = userAgent !== '' && !removed.has('user-agent')
    this.#openHeaders = Object.freeze(named ? { 'user-agent': userAgent } : {})
    const cookie = oneOf(given.get('cookie'), options.cookie, '--cookie', 'cookie')
    const login = authorizationOf(options)
    const flag = options.bearerToken === undefined ? '--user' : '--bearer-token-file'
    const authorization = oneOf(given.get('authorization'), login, flag, 'authorization')
    this.#origin = new URL(options.url).origin
    this.#headers = Object.freeze({
      ...this.#openHeaders,
      ...Object.fromEntries(given),
      ...(cookie !== undefined && { cookie: checkFieldValue(cookie, 'the cookie') }),
      ...(authorization !== undefined && { authorization }),
    })
    this.#user = options.user
    this.#password = options.password
    if (options.cookies !== undefined) {
      this.#jar = new CookieJar(options.cookies, options.url, this.#clock())
      this.#hideCookies()
    }
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
   * no header, cookie or authorization of the user: a redirect must not carry them away. Cookies of
   * the jar go where they belong. Ask anew for each request: cookies come and go.
   *
   * @throws {TypeError} if `url` is not an absolute URL
   */
  headersFor(url: string): Readonly<Record<string, string>> {
    const own = this.owns(url) ? this.#headers : this.#openHeaders
    const kept = this.#jar?.headerFor(url, this.#clock())
    if (kept === undefined) return own
    return { ...own, cookie: own['cookie'] === undefined ? kept : `${own['cookie']}; ${kept}` }
  }

  /** True for URLs of the image's own scheme, host and port. */
  owns(url: string): boolean {
    return new URL(url).origin === this.#origin
  }

  /** Takes the `Set-Cookie` fields of an answer from `url`, if cookies are kept at all. */
  takeCookies(url: string, fields: readonly string[]): void {
    if (this.#jar === undefined) return
    this.#jar.take(url, fields, this.#clock())
    this.#hideCookies()
  }

  /** All cookies as the text of a cookie file; undefined if none are kept. Secret: never log. */
  cookieFile(): string | undefined {
    return this.#jar?.toText(this.#clock())
  }

  /** Masks `secret` from now on, too, unless it has fewer than `shortest` characters. */
  addSecret(secret: string, shortest = SHORTEST_SECRET): void {
    if (secret.length >= shortest) this.#secrets.add(secret)
  }

  /**
   * For secrets that take each other's place, as those of a session do. What is returned masks what it is given from
   * now on, and forgets the oldest in the end: a script may be run once a second for as long as the server runs.
   */
  renewedSecrets(): (secrets: readonly string[]) => void {
    const renewals: (readonly string[])[] = []
    this.#renewed.push(renewals)
    return given => {
      const secrets = given.filter(secret => secret.length >= SHORTEST_SECRET)
      if (secrets.join('\n') === renewals.at(-1)?.join('\n')) return
      renewals.push(secrets)
      if (renewals.length > MASKED_RENEWALS) renewals.shift()
    }
  }

  #hideCookies(): void {
    for (const value of this.#jar?.values ?? []) {
      if (value.length < SHORTEST_HEADER_SECRET) continue
      this.#cookieSecrets.delete(value)
      this.#cookieSecrets.add(value)
    }
    for (const value of this.#cookieSecrets) {
      if (this.#cookieSecrets.size <= MAX_COOKIE_SECRETS) break
      this.#cookieSecrets.delete(value)
    }
  }

  /** `text` with user info of URLs, signatures in query strings and all known secrets masked. */
  redact(text: string): string {
    let redacted = text
    // Before what only looks like a secret, which may end within one. The longest first: one may be part of another.
    const secrets = [...this.#secrets, ...this.#cookieSecrets, ...this.#renewed.flat(2)]
    for (const secret of secrets.sort((a, b) => b.length - a.length)) {
      redacted = redacted.replaceAll(secret, MASK)
    }
    return redactUrls(redacted)
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
    throw usageError('header-twice', { flag, what })
  }
  return own ?? inHeaders
}

/** Only what is sent unasked can be left out. */
function removable(name: string): string {
  const key = name.toLowerCase()
  if (key === 'user-agent') return key
  throw usageError('header-needed', { name: JSON.stringify(name) })
}

function authorizationOf(options: CredentialOptions): string | undefined {
  const { bearerToken, user, password } = options
  if (bearerToken === undefined) return basicAuthorization(user, password, '--user')
  if (user !== undefined || password !== undefined) {
    throw usageError('token-and-user')
  }
  if (!/^[\w.~+/-]+=*$/.test(bearerToken)) {
    throw usageError('token-characters')
  }
  return `Bearer ${bearerToken}`
}
