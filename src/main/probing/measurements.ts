// What a probe has found out, as plain data. Part of its JSON: what
// each number means is in docs/probe.md.

import type { ConnectionSecurity } from '../../shared/fetch-task.js'
import type { LadderEnd, Round } from './connection-ladder.js'

/** What the first answer tells. */
export interface ServerFacts {
  /** Effective URL, redirects followed, nothing secret in it. */
  readonly url: string
  readonly sizeBytes: number
  /** Always true: without them there is no report. */
  readonly ranges: true
  /** What a change of the image is noticed by. */
  readonly pinnedBy: 'etag' | 'last-modified' | 'size'
  readonly etag: string | null
  readonly lastModified: string | null
  readonly redirects: number
  readonly httpVersion: '1.1' | '2'
  /** Null over plain http. */
  readonly tls: Pick<ConnectionSecurity, 'version' | 'cipher'> | null
  /** Names of the cookies it has set. */
  readonly cookies: readonly string[]
}

/** Time to the first byte of small requests, one at a time. */
export interface FirstByte {
  readonly requests: number
  readonly p50Ms: number
  readonly p95Ms: number
  /** Median time to set up a connection, TLS included; null if none had to be. */
  readonly connectMs: number | null
  /** True if the server takes a second request on a connection. */
  readonly keepsConnections: boolean
}

/** How far connections side by side help. */
export interface Parallel {
  readonly rounds: readonly Round[]
  readonly end: LadderEnd
  /** Most connections that the server accepted, where it refused more; else null. */
  readonly accepted: number | null
}

/** Several requests on one connection before the first is answered. */
export type Pipelining =
  | {
      readonly measured: true
      /** Share of the first-byte time of all but the first that did not have to be waited for, 0 to 1. */
      readonly hidden: number
    }
  | { readonly measured: false; readonly reason: string }

/** All that was measured. */
export interface Measurements {
  readonly firstByte: FirstByte
  /** One connection while its body flows, bytes per second; 0 where that could not be told. */
  readonly ratePerConnection: number
  readonly parallel: Parallel
  readonly pipelining: Pipelining
  /** Requests that failed otherwise than by a refusal, by code of the failure. */
  readonly failures: Readonly<Record<string, number>>
}
