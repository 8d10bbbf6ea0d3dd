// What the output of a --cookie-script or --header-script means: the rules of nbdkit's curl plugin, whose users bring
// their scripts along. Pure.

import type { GivenHeaders } from './authorizer.js'
import { checkFieldValue, checkHeaders } from './request-headers.js'

/**
 * The Cookie header of a cookie script's output: one line, 'name=value; name=value'. Further lines are joined, since a
 * server may set several cookies.
 *
 * @throws {UsageError} if it can't be sent; the text is not repeated, it is secret
 * @throws {RangeError} if there is no cookie in it
 */
export function cookieOfOutput(text: string): string {
  const cookies = linesOf(text).map(line => line.replace(/[;\s]+$/, ''))
  if (cookies.length === 0) throw new RangeError('it printed no cookie')
  return checkFieldValue(cookies.join('; '), 'the cookie it printed')
}

/**
 * The headers of a header script's output, one a line: 'Name: value', 'Name:' for one that is not to be sent, 'Name;'
 * for one without a value. No line is no header.
 *
 * @throws {UsageError} if one can't be sent; values are not repeated, they are secret
 * @throws {RangeError} if a line is none of these
 */
export function headersOfOutput(text: string): GivenHeaders {
  const sent: [string, string][] = []
  const removed: [string, undefined][] = []
  for (const [index, line] of linesOf(text).entries()) {
    const match = /^([^\s:;]+)(?:\s*:\s*(.*)|;)$/.exec(line)
    if (match === null) {
      throw new RangeError(`line ${index + 1} of what it printed does not read 'Name: value'`)
    }
    const [, name = '', value] = match
    if (value === '') removed.push([name.toLowerCase(), undefined])
    else sent.push([name, value ?? ''])
  }
  return { ...Object.fromEntries(removed), ...Object.fromEntries(checkHeaders(sent)) }
}

function linesOf(text: string): string[] {
  const lines = text.split('\n').map(line => line.trim())
  return lines.filter(line => line !== '')
}
