// Who may ask the status server: no page of another site that a browser happens to show (foreign
// `Origin`, or a name that was made to point here: DNS rebinding), and where a token is set, only who
// has it. Pure.

import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'

/** The header fields that are judged. */
export interface AccessHeaders {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly authorization?: string | undefined
}

/** Judges requests. */
export class StatusAccess {
  readonly #names: ReadonlySet<string>
  readonly #token: Buffer | undefined

  /**
   * @param names host names the server is known by besides `localhost` and every address: what a
   *   browser was told to ask must be one of them, or a name of the attacker's would do
   * @param token undefined asks for none
   */
  constructor(names: Iterable<string>, token: string | undefined) {
    this.#names = new Set(['localhost', ...[...names].map(name => name.toLowerCase())])
    this.#token = token === undefined ? undefined : digest(token)
  }

  /** True if data is given to those who have the token alone. */
  get asksForToken(): boolean {
    return this.#token !== undefined
  }

  /** True if the token is shown, or none is asked for. Takes the same time for every wrong one. */
  isAuthorized({ authorization }: AccessHeaders): boolean {
    if (this.#token === undefined) return true
    const given = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    return given !== undefined && timingSafeEqual(digest(given), this.#token)
  }

  /** True for a request that a page of another site may have made. */
  isForeign({ host, origin }: AccessHeaders): boolean {
    // Old clients send none; browsers always do.
    const name = host === undefined ? 'localhost' : nameOf(host)
    if (name === undefined) return true
    if (!this.#names.has(name) && isIP(name) === 0) return true
    // Behind a proxy that speaks TLS the scheme is another.
    return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`
  }
}

/** The name or address of a `Host` field, without port and brackets; undefined if it is none. */
function nameOf(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::\d{1,5})?$/i.exec(host)
  // A final dot names the same host.
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, '')
}

/** Of equal length whatever it is made of: the comparison needs that. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
