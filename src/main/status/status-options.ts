// Options of the status server: where it listens, and the token it asks for.

import { isIPv4, isIPv6 } from 'node:net'
import { usageError } from '../usage-error.js'

/** The part of `ServerOptions` about the status server. */
export interface StatusOptions {
  /**
   * Where the status page, `/status.json` and `/metrics` are to be had over HTTP: 'HOST:PORT', 'PORT' (on
   * 127.0.0.1), '[::1]:PORT'; port 0 takes any free one. Default: nowhere.
   */
  readonly status?: string | undefined
  /** Asked of whoever wants data, as 'Authorization: Bearer ...': printable ASCII without spaces. Secret. Default: nobody is asked. */
  readonly statusToken?: string | undefined
}

/** Where the status server listens, and for whom. */
export interface StatusSettings {
  /** Without brackets. */
  readonly host: string
  readonly port: number
  /** Secret: never log. */
  readonly token: string | undefined
}

const DEFAULT_HOST = '127.0.0.1'

/** @throws {UsageError} if one can't be used, or there is a token for nothing */
export function resolveStatus(options: StatusOptions): StatusSettings | undefined {
  const { status, statusToken: token } = options
  if (status === undefined) {
    if (token === undefined) return undefined
    throw usageError('status-token-alone')
  }
  // RFC 6750's token68, and whatever else a header field can carry as one word.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw usageError('status-token')
  }
  return { ...parseStatusAddress(status), token }
}

/** @throws {UsageError} if it is no address with a port */
export function parseStatusAddress(text: string): { host: string; port: number } {
  const match = /^(?:(?:\[([^\]]+)\]|([a-z0-9_.-]+)):)?(\d{1,5})$/i.exec(text)
  const port = Number(match?.[3])
  const address = match?.[1]
  if (match === null || port > 65535 || (address !== undefined && !isIPv6(address))) {
    throw usageError('status-address', { address: text })
  }
  return { host: address ?? match[2] ?? DEFAULT_HOST, port }
}

/** True for addresses that this machine alone can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
