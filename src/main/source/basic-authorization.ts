// User name and password as a header field (RFC 7617), for origins and for proxies.

import { usageError } from '../usage-error.js'

/**
 * The value of `Authorization` or `Proxy-Authorization`; undefined without a user name.
 *
 * @param flag that names the user, for messages
 * @throws {UsageError} if basic authentication can't carry them, or there is a password alone
 */
export function basicAuthorization(
  user: string | undefined,
  password: string | undefined,
  flag: string,
): string | undefined {
  if (user === undefined) {
    if (password === undefined) return undefined
    throw usageError('password-without-user', { flag })
  }
  if (user.includes(':')) {
    throw usageError('user-colon')
  }
  // Control characters are not allowed; UTF-8 is what today's servers expect.
  const pair = `${user}:${password ?? ''}`
  if ([...pair].some(character => character < ' ' || character === '\x7f')) {
    throw usageError('user-characters')
  }
  return `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`
}
