// The ways in which the slow server misbehaves on request, and which requests are hit. A fault is data (it crosses
// process borders as JSON); what it does to an answer is in fault-effects.ts.
import type { SeededRandom } from './seeded-random.js'

/** Which requests a rule may hit. All given bounds must hold; both ends inclusive. */
export interface FaultMatch {
  /** Defaults to GET. */
  readonly method?: string | undefined
  /** Bounds of the server-wide request number, which starts at 1. */
  readonly fromRequest?: number | undefined
  readonly toRequest?: number | undefined
  /** Bounds of the first byte asked for (0 without a Range). */
  readonly fromOffset?: number | undefined
  readonly toOffset?: number | undefined
  /** Only requests with (true) or without (false) a satisfiable Range header. */
  readonly ranged?: boolean | undefined
}

/** What a rule sees of a request. */
export interface FaultSubject {
  /** Server-wide request number, from 1. */
  readonly n: number
  readonly method: string
  readonly path: string
  /** First byte asked for, 0 without a Range. */
  readonly offset: number
  /** Bytes asked for, cut to the image. */
  readonly length: number
  readonly ranged: boolean
}

/** What goes wrong. Byte counts are body bytes. */
export type Fault =
  /** This status and a short text instead of the answer. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: number | string }
  /** The connection is reset (RST) instead of an answer. */
  | { readonly kind: 'reset-before-headers' }
  /** The connection is reset (RST) after `afterBytes` of the body; by default half of it. */
  | { readonly kind: 'reset-mid-body'; readonly afterBytes?: number }
  /** The right Content-Length, but the connection is closed (FIN) after `afterBytes`; by default half the body. */
  | { readonly kind: 'short-body'; readonly afterBytes?: number }
  /** Nothing is answered for `ms`, then the right answer; without `ms` nothing ever. */
  | { readonly kind: 'stall-before-headers'; readonly ms?: number }
  /** The body stops after `afterBytes` (default half) for `ms`, then goes on; without `ms` never. */
  | { readonly kind: 'stall-mid-body'; readonly afterBytes?: number; readonly ms?: number }
  /** The body comes at this rate. */
  | { readonly kind: 'slow-body'; readonly bytesPerSecond: number }
  /** Only the first `bytes` (default half). `lie`: Content-Range still claims all that was asked for. */
  | { readonly kind: 'short-range'; readonly bytes?: number; readonly lie?: boolean }
  /** Bytes from `shift` (default 512) further on. `lie`: Content-Range claims those asked for. */
  | { readonly kind: 'wrong-range'; readonly shift?: number; readonly lie?: boolean }
  /** Content-Range with a total that is `delta` (default 1) off. */
  | { readonly kind: 'wrong-total'; readonly delta?: number }
  /** `extra` (default 512) bytes more than Content-Range says; Content-Length counts them. */
  | { readonly kind: 'long-body'; readonly extra?: number }
  /** A 206 without Content-Range. */
  | { readonly kind: 'missing-content-range' }
  /** A 206 as multipart/byteranges with one part. */
  | { readonly kind: 'multipart' }
  /** The body gzipped, with Content-Encoding. */
  | { readonly kind: 'gzip' }
  /** Transfer-Encoding chunked, no Content-Length. */
  | { readonly kind: 'chunked' }
  /** 200 with the whole image, whatever range was asked for. */
  | { readonly kind: 'ignore-range' }
  /** The image has this ETag now (If-Match is judged by it). `lie`: If-Match is judged by the old one. */
  | { readonly kind: 'changed-etag'; readonly etag?: string; readonly lie?: boolean }
  /** The image has this modification time now, an HTTP date. */
  | { readonly kind: 'changed-last-modified'; readonly lastModified?: string }
  /** The image is this long now; by default half. */
  | { readonly kind: 'changed-size'; readonly size?: number }
  /** The right answer, then the connection is closed without notice. */
  | { readonly kind: 'close-after' }
  /** Bytes that are not HTTP, then the connection is closed. */
  | { readonly kind: 'garbage' }

/** All kinds of fault. */
export type FaultKind = Fault['kind']

/**
 * When a fault strikes. The rule counts the requests it matches; of those it hits each that all given fields allow.
 * With none given it hits every one.
 */
export type FaultRule = Fault & {
  /** Leaves out the first so many. */
  readonly after?: number | undefined
  /** Hits every n-th only (behind `after`). */
  readonly every?: number | undefined
  /** Hits this share, 0 to 1, drawn from the server's seed. */
  readonly probability?: number | undefined
  /** Hits so many in all, then no more. */
  readonly first?: number | undefined
  /** Which requests count at all: bounds, or (within one process) a predicate, which sees GET and HEAD. */
  readonly match?: FaultMatch | ((subject: FaultSubject) => boolean) | undefined
}

interface Counter {
  seen: number
  hits: number
}

function matches(match: FaultRule['match'], subject: FaultSubject): boolean {
  if (typeof match === 'function') return match(subject)
  const { method = 'GET', fromRequest = 0, toRequest = Infinity } = match ?? {}
  const { fromOffset = 0, toOffset = Infinity, ranged = subject.ranged } = match ?? {}
  return (
    subject.method === method &&
    subject.n >= fromRequest &&
    subject.n <= toRequest &&
    subject.offset >= fromOffset &&
    subject.offset <= toOffset &&
    subject.ranged === ranged
  )
}

/** Decides which fault a request gets; keeps the rules' counts. */
export class FaultPicker {
  readonly #rules: readonly FaultRule[]
  readonly #counters: readonly Counter[]
  readonly #random: SeededRandom

  constructor(rules: readonly FaultRule[], random: SeededRandom) {
    this.#rules = rules
    this.#counters = rules.map(() => ({ seen: 0, hits: 0 }))
    this.#random = random
  }

  /** The fault of the first rule that hits. Every rule counts every request it matches, also behind another's hit. */
  pick(subject: FaultSubject): Fault | undefined {
    let picked: Fault | undefined
    for (const [i, rule] of this.#rules.entries()) {
      if (!matches(rule.match, subject)) continue
      const counter = this.#counters[i] as Counter
      counter.seen++
      const { after = 0, every = 1, probability = 1, first = Infinity } = rule
      const place = counter.seen - after
      // Drawn whether or not it is needed, so that rules do not shift each other's sequence.
      const drawn = probability >= 1 || this.#random.next() < probability
      if (place < 1 || place % every !== 0 || !drawn || counter.hits >= first) continue
      if (picked !== undefined) continue
      counter.hits++
      picked = rule
    }
    return picked
  }
}
