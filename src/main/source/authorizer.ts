// What a way to log in looks like: it yields request headers that are good for a time. Whoever asks decides when, and
// how often after a failure.

import type { Failure } from '../../shared/failure.js'
import type { CallResult, CallTask } from '../../shared/fetch-task.js'

/** Request headers, names in lower case; undefined takes one away that would be sent otherwise. Secret: never log. */
export type GivenHeaders = Readonly<Record<string, string | undefined>>

export type Authorization =
  | { readonly ok: true; readonly headers: GivenHeaders }
  | { readonly ok: false; readonly failure: Failure }

/** Why headers are asked for: there are none yet, their time is over, or the server does not take them any more. */
export type RenewalReason = 'start' | 'clock' | 'refused'

/** A source of request headers that expire. Times are monotonic milliseconds. */
export interface Authorizer {
  /** What it is called where it fails, as in 'Cannot log in to https://host'. */
  readonly task: string
  /** True if the headers are to be renewed before the next request. */
  isDue(nowMs: number): boolean
  /** Obtains headers. Never rejects; never called while it runs. */
  renew(reason: RenewalReason): Promise<Authorization>
  /** Ends what was begun, as far as that is possible soon. Never rejects. */
  end(): Promise<void>
}

/** Sends a request to a server by way of a worker. Never rejects. */
export interface Caller {
  call(task: CallTask): Promise<CallResult>
}
