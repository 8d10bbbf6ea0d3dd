// The options about being admitted to an image for a time - a login, scripts - as a caller gives them, checked against
// each other and against what else is sent.

import { DEFAULTS } from '../defaults.js'
import { optionEntry } from '../option-table.js'
import { checkNumber } from '../option-values.js'
import type { OriginOptions } from '../origin-options.js'
import { usageError } from '../usage-error.js'
import type { Credentials } from './credentials.js'
import { checkSessionKind, type SessionKind } from './image-address.js'
import type { ScriptOption } from './script-authorizer.js'

/** Each name is that of a flag, in camel case. */
export interface SessionOptions {
  /**
   * 'vmware' logs in by `user` and `password` once, sends the session's cookie, renews it and logs out. Default 'none',
   * with a vpx or esx URI 'vmware'.
   */
  readonly session?: 'none' | 'vmware' | undefined
  /** Shell script that prints the Cookie header, run at the start and after a 401 or 403. Not together with `cookie`. */
  readonly cookieScript?: string | undefined
  /** Age at which cookies of the script are renewed: seconds, 0 (never) to 86400. Default 0. */
  readonly cookieScriptRenew?: number | undefined
  /** Shell script that prints request headers, one a line. Not together with `headers`. */
  readonly headerScript?: string | undefined
  /** Age at which headers of the script are renewed: seconds, 0 (never) to 86400. Default 0. */
  readonly headerScriptRenew?: number | undefined
}

/** What they come to. */
export interface ResolvedSession {
  readonly session: SessionKind
  readonly cookieScript: ScriptOption | undefined
  readonly headerScript: ScriptOption | undefined
}

/**
 * The session settings of options whose texts are known to be texts.
 *
 * @param implied what the image's address says of logging in
 * @throws {UsageError} at the first option that cannot be used
 */
export function resolveSession(
  options: SessionOptions & OriginOptions,
  implied: SessionKind,
  credentials: Credentials,
): ResolvedSession {
  const session = checkSessionKind(options.session, implied)
  if (session === 'vmware' && credentials.user === undefined) {
    throw usageError('login-without-user')
  }
  const script = (key: 'cookieScript' | 'headerScript'): ScriptOption | undefined => {
    const renewKey = `${key}Renew` as const
    const seconds = checkNumber(optionEntry(renewKey), options[renewKey] ?? DEFAULTS.scriptRenew)
    const given = options[key]
    if (given === undefined) return undefined
    const other = key === 'cookieScript' ? options.cookie : options.headers
    if (other !== undefined || session !== 'none') {
      const flag =
        session !== 'none' ? '--session' : key === 'cookieScript' ? '--cookie' : '--header'
      throw usageError('one-of-two', { flag: optionEntry(key).long, other: flag })
    }
    const renewMs = seconds === 0 ? Number.POSITIVE_INFINITY : Math.round(seconds * 1000)
    return { script: given, renewMs }
  }
  return { session, cookieScript: script('cookieScript'), headerScript: script('headerScript') }
}
