// Who may read: basic authentication, a required cookie, sessions as vCenter has them, and signed URLs that expire.
// Time comes in as an argument.
import { createHmac, randomUUID } from 'node:crypto'
import { type Answer, textAnswer } from './answer.js'
import type { RequestHead } from './request-parser.js'

/** A session cookie handed out to whoever authenticates, good in place of the password until it expires. */
export interface SessionOptions {
  /** Milliseconds from the cookie's first use to its end; undefined: until `expireSessions()`. */
  readonly ttlMs?: number | undefined
  /** Requests a cookie is good for. Defaults to no limit. */
  readonly requests?: number | undefined
  /** Defaults to `vmware_soap_session`. */
  readonly cookieName?: string | undefined
}

/** What a signed URL is good for. */
export interface SigningOptions {
  readonly requests?: number | undefined
  /** Milliseconds from its making. */
  readonly ms?: number | undefined
}

/** Everything that can be asked of a client. With none of them everybody may read. */
export interface AccessOptions {
  readonly auth?: { readonly user: string; readonly password: string } | undefined
  /** `name=value` that must be among the request's cookies. */
  readonly cookie?: string | undefined
  /** Needs `auth`. */
  readonly session?: SessionOptions | undefined
  /** Only signed URLs are served. */
  readonly requireToken?: boolean | undefined
  /** The answer to a bad or expired token. Defaults to 403. */
  readonly tokenStatus?: number | undefined
}

const KEY = 'slow-server'
const sign = (text: string): string =>
  createHmac('sha256', KEY).update(text).digest('hex').slice(0, 16)

/**
 * A query (`token=...`) that any slow server honours until it expires.
 * @param epochMs - now, milliseconds since 1970: tokens cross processes
 */
export function signedQuery(options: SigningOptions, epochMs: number): string {
  const expires = options.ms === undefined ? '' : String(Math.ceil(epochMs + options.ms))
  const terms = `${randomUUID().slice(0, 8)}.${options.requests ?? ''}.${expires}`
  return `token=${terms}.${sign(terms)}`
}

interface Session {
  readonly startMs: number
  uses: number
}

/** Checks requests; keeps the sessions and the tokens' uses. */
export class AccessControl {
  readonly #options: AccessOptions
  readonly #sessions = new Map<string, Session>()
  readonly #tokenUses = new Map<string, number>()

  constructor(options: AccessOptions) {
    this.#options = options
  }

  /** Sessions that were handed out and not ended; expired ones count until they are next used. */
  get sessions(): number {
    return this.#sessions.size
  }

  /** Ends all sessions at once, as a restart of vCenter does. */
  expireSessions(): void {
    this.#sessions.clear()
  }

  /**
   * The refusal, or the headers to add to the answer (a new session's Set-Cookie).
   * @param epochMs - now, milliseconds since 1970
   * @param needsToken - false where `requireToken` does not count: where signed URLs are given out
   */
  check(
    request: RequestHead,
    epochMs: number,
    needsToken = true,
  ): { refusal: Answer } | { headers: [string, string][] } {
    const { auth, cookie, session, requireToken = false, tokenStatus = 403 } = this.#options
    const token = new URLSearchParams(request.query).get('token')
    if (token !== null) {
      // A signed URL stands for the right to read: nothing more is asked.
      return this.#spendToken(token, epochMs)
        ? { headers: [] }
        : { refusal: textAnswer(tokenStatus, [], 'Request has expired\n') }
    }
    if (requireToken && needsToken)
      return { refusal: textAnswer(tokenStatus, [], 'Missing token\n') }
    const cookies = this.#cookies(request)
    if (cookie !== undefined && !cookies.includes(cookie)) return { refusal: textAnswer(401) }
    if (auth === undefined) return { headers: [] }

    const name = session?.cookieName ?? 'vmware_soap_session'
    if (session !== undefined && this.#useSession(cookies, name, session, epochMs)) {
      return { headers: [] }
    }
    const { authorization } = request.headers
    const expected = Buffer.from(`${auth.user}:${auth.password}`).toString('base64')
    if (!/^basic /i.test(authorization ?? '') || authorization?.slice(6).trim() !== expected) {
      return { refusal: textAnswer(401, [['WWW-Authenticate', 'Basic realm="slow server"']]) }
    }
    if (session === undefined) return { headers: [] }
    const id = randomUUID()
    this.#sessions.set(id, { startMs: epochMs, uses: 1 })
    return { headers: [['Set-Cookie', `${name}="${id}"; Path=/; HttpOnly`]] }
  }

  #cookies(request: RequestHead): string[] {
    const { cookie = '' } = request.headers
    return cookie.split(';').map(pair => pair.trim())
  }

  #useSession(cookies: string[], name: string, limits: SessionOptions, epochMs: number): boolean {
    for (const pair of cookies) {
      if (!pair.startsWith(`${name}=`)) continue
      const id = pair.slice(name.length + 1).replaceAll('"', '')
      const session = this.#sessions.get(id)
      if (session === undefined) continue
      const { ttlMs = Infinity, requests = Infinity } = limits
      if (epochMs - session.startMs < ttlMs && session.uses < requests) {
        session.uses++
        return true
      }
      this.#sessions.delete(id)
    }
    return false
  }

  #spendToken(token: string, epochMs: number): boolean {
    const [id = '', requests = '', expires = '', signature] = token.split('.')
    if (signature !== sign(`${id}.${requests}.${expires}`)) return false
    if (expires !== '' && epochMs >= Number(expires)) return false
    const uses = (this.#tokenUses.get(id) ?? 0) + 1
    this.#tokenUses.set(id, uses)
    return requests === '' || uses <= Number(requests)
  }
}
