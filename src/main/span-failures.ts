// What becomes of a request that failed: what the governor, the source and the counters are told, whether the
// span is sent again, and which of many like failures are worth a line of the log.

import type { Failure } from '../shared/failure.js'
import { givenUp } from '../shared/failures.js'
import { FoldedWarning } from './folded-warning.js'
import type { Log } from './log.js'
import type { Origin } from './origin.js'
import { classify, withPause } from './prefetch/retry-policy.js'
import type { RetryQueue } from './retry-queue.js'
import type { RequestSource } from './source/request-source.js'
import type { Span } from './span.js'
import type { FetchMeter } from './status/fetch-meter.js'
import { warn, warning } from './warning.js'

/**
 * Bytes a failed request must have brought for the count of attempts to start again: with less, a
 * server that breaks off after a byte would be asked a hundred thousand times before a read fails.
 */
const PROGRESS_BYTES = 4096
/** Times a request is sent again for a renewed source before its failure is told: more is no coincidence. */
const MAX_OBJECTIONS = 12
/** Bounds how far the limit for a first byte grows with each attempt: at 120 s, to 32 minutes. */
const MAX_PATIENCE = 16

/** What becomes of a span whose request failed. */
export type Verdict =
  /** It waits to be sent again. */
  | { readonly what: 'again' }
  /** Its missing bytes can't be had; with `changed` nothing of the source can. */
  | { readonly what: 'lost' | 'changed'; readonly failure: Failure }

/** Circumstances of a failure. */
export interface FailureCase {
  /** Bytes that the request brought all the same. */
  readonly receivedBytes: number
  /** True if a read waits for bytes of the span. */
  readonly waitedFor: boolean
  /** Monotonic milliseconds. */
  readonly nowMs: number
}

export interface SpanFailuresParts {
  readonly source: RequestSource
  /** The source's URL without secrets, for messages. */
  readonly sourceName: string
  readonly origin: Origin
  readonly retries: RetryQueue
  readonly meter: FetchMeter
  readonly log: Log
  readonly random: () => number
}

/** Judges the failed requests of one export. */
export class SpanFailures {
  readonly #parts: SpanFailuresParts
  readonly #givenUp: FoldedWarning
  readonly #repeated: FoldedWarning

  constructor(parts: SpanFailuresParts) {
    this.#parts = parts
    this.#givenUp = new FoldedWarning(parts.log, count => warning('requests-given-up', { count }))
    this.#repeated = new FoldedWarning(
      parts.log,
      count => warning('requests-repeated', { count }),
      'info',
    )
  }

  /** A request has succeeded: rows of failures are over, in so far as they are told of as one. */
  passed(nowMs: number): void {
    this.#givenUp.passed(nowMs)
    this.#repeated.passed(nowMs)
  }

  /** Nothing is asked for any more: what was not told is told now. */
  end(): void {
    this.#givenUp.end()
    this.#repeated.end()
  }

  /** Tells of a failure to those who count, and who decide how much is asked for at a time. */
  count(span: Span, failure: Failure, nowMs: number): void {
    const { meter, origin } = this.#parts
    meter.failure(failure.code)
    origin.record.failed(nowMs)
    // A lost request is found out soon, and a server that thinks for half an hour is waited for in the end.
    if (failure.code === 'first-byte-timeout') {
      span.patience = Math.min(MAX_PATIENCE, span.patience * 2)
    }
    const kind = classify(failure)
    if (kind === 'refused') origin.governor.refused(span.sentMs, nowMs, failure.retryAfterMs)
    else if (kind === 'transient') origin.governor.troubled(span.sentMs, nowMs)
  }

  /** Decides about a span of which bytes are missing. If it is to be sent again it is in the queue already. */
  judge(span: Span, failure: Failure, { receivedBytes, waitedFor, nowMs }: FailureCase): Verdict {
    const { retries, log, random, sourceName } = this.#parts
    if (receivedBytes >= PROGRESS_BYTES) span.progressed()
    const objection = this.#objection(span, failure, nowMs)
    if (objection !== undefined) return objection
    const decision = retries.failed(span, failure, nowMs, waitedFor, random())
    const said = withPause(failure, decision)
    const { request, id, requests: attempt } = span
    const fields = { request, span: id, code: failure.code, attempt }
    if (decision.action === 'retry') {
      const delay = Math.round(decision.delayMs)
      const repeated = warning('request-repeated', { delay, failure: said.message })
      // What a refusal means is told by the governor.
      if (classify(failure) === 'refused') warn(log, repeated, fields, 'debug')
      else this.#repeated.warn(repeated, fields, nowMs)
      return { what: 'again' }
    }
    const told = givenUp(said, sourceName, attempt)
    if (decision.action === 'poison') return { what: 'changed', failure: told }
    const line = warning('request-given-up', { failure: told.message })
    if (waitedFor) this.#givenUp.warn(line, fields, nowMs)
    // Whoever comes to read it asks afresh.
    else warn(log, line, fields, 'debug')
    return { what: 'lost', failure: told }
  }

  /** What the source has to say: that it is being renewed, or that this has failed. */
  #objection(span: Span, failure: Failure, nowMs: number): Verdict | undefined {
    const { source, retries, log } = this.#parts
    if (span.source === undefined || span.objections >= MAX_OBJECTIONS) return undefined
    const objection = source.objected(span.source, failure, nowMs)
    if (objection === undefined) return undefined
    if (objection === 'again') {
      // Not the span's failure: it is sent again as if it had not been sent.
      span.objections++
      span.attempts--
      retries.again(span, nowMs)
      return { what: 'again' }
    }
    retries.hold(nowMs)
    const { code, message } = objection
    warn(log, warning('request-given-up', { failure: message }), { span: span.id, code })
    return { what: 'lost', failure: objection }
  }
}
