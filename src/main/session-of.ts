// From checked options to the session of one source: how it is logged in to, and who asks its servers.

import { setTimeout as sleep } from 'node:timers/promises'
import type { ProbeResult } from '../shared/fetch-task.js'
import type { ResolvedOptions } from './options.js'
import type { Authorizer, Caller } from './source/authorizer.js'
import { OriginSession } from './source/origin-session.js'
import { isDirect, PlainHttpWatch } from './source/plain-http.js'
import type { Prober } from './source/probe.js'
import { ScriptAuthorizer } from './source/script-authorizer.js'
import { VmwareLogin } from './source/vmware-login.js'

/** What a session works with. */
export interface SessionTools {
  readonly pool: Prober & Caller
  /** Index of the source's transport among those of the workers. */
  readonly transport: number
  /** Monotonic milliseconds. */
  readonly clock: () => number
  /** Told of the outcome of each probe. */
  readonly onResult: (result: ProbeResult) => void
}

/** The session of the source that the options name, not begun yet. One for each source. */
export function sessionOf(options: ResolvedOptions, tools: SessionTools): OriginSession {
  const { pool, transport, clock, onResult } = tools
  return new OriginSession({
    urls: options.urls,
    credentials: options.credentials,
    authorizer: authorizerOf(options, tools),
    transport,
    prober: isDirect(options.network) ? new PlainHttpWatch(pool) : pool,
    attempts: options.attempts,
    maxRedirects: options.maxRedirects,
    protocols: options.protocols,
    log: options.log,
    clock,
    random: Math.random,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
    onResult,
    signal: options.signal,
  })
}

function authorizerOf(options: ResolvedOptions, tools: SessionTools): Authorizer | undefined {
  const { url, urls, credentials, cookieScript, headerScript } = options
  const { pool, transport, clock } = tools
  if (options.session === 'vmware') {
    const { headers } = credentials
    const hide = credentials.renewedSecrets()
    return new VmwareLogin({ urls, headers, transport, caller: pool, clock, hide })
  }
  if (cookieScript === undefined && headerScript === undefined) return undefined
  return new ScriptAuthorizer({
    ...{ url, cookie: cookieScript, header: headerScript, clock },
    renewedSecrets: () => credentials.renewedSecrets(),
  })
}
