// Sessions of vCenter and ESXi: one login by user and password gives the cookie that all further requests carry. A
// password with each request would begin a session each time, until the server has no more of them; checking it is slow, too.

import { failureOf } from '../../shared/failures.js'
import type { CallTask } from '../../shared/fetch-task.js'
import type { Authorization, Authorizer, Caller, RenewalReason } from './authorizer.js'
import { WRONG_NAME } from './vmware-url.js'

/** The server forgets an unused session after 30 minutes; it is renewed before, milliseconds. */
const RENEW_MS = 25 * 60_000
const COOKIE_NAME = 'vmware_soap_session'
/** Time that logging out may take at the end, milliseconds: who ends waits for it. */
const LOGOUT_MS = 3_000
/** What the session manager is called by vCenter and by ESXi. */
const SESSION_MANAGERS = ['SessionManager', 'ha-sessionmgr'] as const

export interface VmwareLoginParts {
  /** URLs of the image in the order in which they are tried, at least one; without user info. */
  readonly urls: readonly string[]
  /** Headers of a login: with the `authorization` of the user. Secret. */
  readonly headers: Readonly<Record<string, string>>
  readonly transport: number
  readonly caller: Caller
  readonly clock: () => number
  /** Told of the cookies of each login, which must not be shown from now on. */
  readonly hide: (secrets: readonly string[]) => void
  /** Told of the outcome of each request. */
  readonly onCall?: () => void
}

/** Keeps one session. */
export class VmwareLogin implements Authorizer {
  readonly task: string
  readonly #parts: VmwareLoginParts
  /** That gave the last cookie. */
  #url: string
  #cookie: string | undefined
  #sinceMs = Number.POSITIVE_INFINITY

  constructor(parts: VmwareLoginParts) {
    this.#parts = parts
    this.#url = parts.urls[0] as string
    this.task = `Cannot log in to ${new URL(this.#url).origin}`
  }

  isDue(nowMs: number): boolean {
    return nowMs - this.#sinceMs >= RENEW_MS
  }

  async renew(reason: RenewalReason): Promise<Authorization> {
    const result = await this.#begin(this.#url, reason)
    if (!namesNoFile(result)) return result
    // It may come without a cookie: then another of the names begins the session.
    for (const url of this.#parts.urls) {
      if (url === this.#url) continue
      const other = await this.#begin(url, reason)
      if (other.ok) this.#url = url
      if (!namesNoFile(other)) return other
    }
    return result
  }

  async #begin(url: string, reason: RenewalReason): Promise<Authorization> {
    const { headers, transport, caller, clock, hide } = this.#parts
    const task: CallTask = {
      url,
      method: 'GET',
      // The least that can be asked for: what counts is the cookie that comes with it.
      headers: { ...headers, range: 'bytes=0-0', 'accept-encoding': 'identity' },
      transport,
    }
    const startedMs = clock()
    const result = await caller.call(task)
    this.#parts.onCall?.()
    if (!result.ok) return result
    const { status, message, setCookies = [], retryAfterMs } = result
    const cookies = setCookies.map(text => text.split(';', 1)[0]?.trim() ?? '')
    // A file that is not there is told by the next request; the session stands.
    if (status === 401 || !cookies.some(cookie => cookie.startsWith(`${COOKIE_NAME}=`))) {
      const details = { status, ...(retryAfterMs !== undefined && { retryAfterMs }) }
      const failure =
        status < 400 || status === 404
          ? failureOf('status', 'no-cookie', { answer: message, cookie: COOKIE_NAME }, details)
          : failureOf('status', 'answer', { answer: message }, details)
      return { ok: false, failure }
    }
    hide(cookies.map(cookie => cookie.slice(cookie.indexOf('=') + 1).replaceAll('"', '')))
    const before = this.#cookie
    this.#cookie = cookies.join('; ')
    this.#sinceMs = startedMs
    // It would linger for half an hour, and a server has only so many. A refused one is gone already.
    if (reason === 'clock' && before !== undefined) void this.#logOut(before)
    return { ok: true, headers: { cookie: this.#cookie, authorization: undefined } }
  }

  /** Logs out, for at most three seconds. */
  async end(): Promise<void> {
    const cookie = this.#cookie
    this.#cookie = undefined
    if (cookie === undefined) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, LOGOUT_MS)
    })
    await Promise.race([this.#logOut(cookie), late])
    clearTimeout(timer)
  }

  /** `SessionManager.Logout` of VMware's web services, the only way there is to end the session of a cookie. */
  async #logOut(cookie: string): Promise<void> {
    const { headers, transport, caller } = this.#parts
    for (const manager of SESSION_MANAGERS) {
      const result = await caller.call({
        url: new URL('/sdk', this.#url).href,
        method: 'POST',
        headers: {
          ...(headers['user-agent'] !== undefined && { 'user-agent': headers['user-agent'] }),
          cookie,
          'content-type': 'text/xml; charset=utf-8',
          soapaction: '"urn:vim25"',
        },
        body: logoutEnvelope(manager),
        transport,
      })
      // A manager of another name is a fault, which is sent as 500.
      if (!result.ok || result.status !== 500) return
    }
  }
}

function namesNoFile(result: Authorization): boolean {
  return !result.ok && WRONG_NAME.has(result.failure.status)
}

function logoutEnvelope(manager: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><Logout xmlns="urn:vim25">' +
    `<_this type="SessionManager">${manager}</_this></Logout></Body></Envelope>`
  )
}
