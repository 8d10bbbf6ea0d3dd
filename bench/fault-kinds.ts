// The faults a copy is put through, shared by the soak test and `bench/faults.ts`: what each is called, its rule, and the
// limits that make it show soon.

import type { ServerOptions } from '../dist/main/index.js'
import type { Fault } from './slow-server/faults.js'

/** One way for a server to go wrong. */
export interface FaultCase {
  readonly fault: Fault
  /** What nbd-prefetch is told so that the fault costs no more time than it has to. */
  readonly server?: Partial<ServerOptions>
  /** True if bytes come even when every request is hit: then a copy ends at 100 %, too. */
  readonly survivable?: true
  /** What the client is told where every request is hit. */
  readonly says?: RegExp
}

/** By name. None of them claims that the image has changed: that is not to be survived. */
export const FAULT_CASES: Readonly<Record<string, FaultCase>> = {
  '503': { fault: { kind: 'status', status: 503 }, says: /503 Service Unavailable/ },
  '503 with Retry-After': {
    fault: { kind: 'status', status: 503, retryAfter: 0 },
    says: /503 Service Unavailable/,
  },
  '429': { fault: { kind: 'status', status: 429 }, says: /429 Too Many Requests/ },
  '500': { fault: { kind: 'status', status: 500 }, says: /500 Internal Server Error/ },
  'reset before the answer': { fault: { kind: 'reset-before-headers' }, says: /reset|closed/ },
  // Each brings half of what is left: in the end too little to count as progress.
  'reset within the body': { fault: { kind: 'reset-mid-body' }, says: /the body ended|reset/ },
  'body ends early': { fault: { kind: 'short-body' }, says: /the body ended/ },
  'no answer': {
    fault: { kind: 'stall-before-headers' },
    server: { firstByteTimeout: 0.5 },
    says: /no answer within the limit/,
  },
  'body stalls': {
    fault: { kind: 'stall-mid-body' },
    server: { bodyTimeout: 0.5 },
    says: /the body stopped/,
  },
  'less than asked': { fault: { kind: 'short-range' }, says: /were asked/ },
  'another range': { fault: { kind: 'wrong-range' }, says: /were asked/ },
  'more than asked': { fault: { kind: 'long-body' }, says: /the body is/ },
  'no Content-Range': { fault: { kind: 'missing-content-range' }, says: /lacks Content-Range/ },
  multipart: { fault: { kind: 'multipart' }, says: /multipart\/byteranges/ },
  gzip: { fault: { kind: 'gzip' }, says: /the body is encoded: gzip/ },
  'the whole file': { fault: { kind: 'ignore-range' }, says: /200 OK with the whole file/ },
  'not HTTP': { fault: { kind: 'garbage' }, says: /./ },
  'closed after the answer': { fault: { kind: 'close-after' }, survivable: true },
}

/** All of them together, each for this share of the requests. */
export const ALL_TOGETHER: Readonly<Partial<ServerOptions>> = Object.assign(
  {},
  ...Object.values(FAULT_CASES).map(({ server }) => server),
)
