// One fetch of a span: the request, the check of its answer, and the body's way into the slots.

import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import type {
  AnswerNotes,
  FetchResult,
  FetchTask,
  FetchTimings,
  SourceRequest,
} from '../shared/fetch-task.js'
import { StaleSlotError } from '../shared/sharedarraybuffer-ring/index.js'
import type { Exchange, ResponseReader } from './exchange.js'
import { cancelledFailure, failureOfDefect } from './origin-error.js'
import {
  answerNotes,
  checkRangeResponse,
  isStrongEtag,
  type ResponseHead,
} from './range-response.js'
import type { SlotWriter, StagingPool } from './slot-writer.js'

/** What a running fetch reports to. */
export interface SpanFetchOwner {
  readonly staging: StagingPool
  /** Bytes of a body have come. */
  arrived(): void
  /** Bytes are staged that no reader can see: `publish()` is to be called soon. */
  publishSoon(fetch: SpanFetch): void
  /** Comes exactly once. */
  ended(fetch: SpanFetch, result: FetchResult): void
}

/** Reads the answer to one FetchTask into its slots. */
export class SpanFetch implements ResponseReader {
  /** Set once the request is under way. */
  exchange: Exchange | undefined
  /** True while the owner has a `publish()` ahead. */
  publishing = false
  readonly #task: FetchTask
  readonly #writer: SlotWriter
  readonly #owner: SpanFetchOwner
  #notes: AnswerNotes = {}

  constructor(task: FetchTask, writer: SlotWriter, owner: SpanFetchOwner) {
    this.#task = task
    this.#writer = writer
    this.#owner = owner
  }

  get alignment(): number {
    return this.#writer.alignment
  }

  /** Lets go of the slots if the ring's owner has asked for any of them back. */
  checkCancelled(): void {
    if (this.#writer.anyCancelled) this.exchange?.cancel(cancelledFailure())
  }

  /** Shows what is staged to readers. */
  publish(): void {
    try {
      this.#writer.publish()
    } catch (error) {
      this.exchange?.cancel(writeFailure(error))
    }
  }

  head(head: ResponseHead): 'read' | Failure {
    const { source, offset, length } = this.#task
    this.#notes = answerNotes(head.headers)
    const failure = checkRangeResponse(head, source, offset, length, Date.now())
    if (failure !== undefined) return failure
    this.#writer.begin(this.#owner.staging.take())
    return 'read'
  }

  body(piece: Uint8Array): Failure | undefined {
    const writer = this.#writer
    this.#owner.arrived()
    if (writer.cancelled) return cancelledFailure()
    if (piece.length > writer.remaining) {
      return failureOf('wrong-range', 'body-long')
    }
    try {
      writer.write(piece)
    } catch (error) {
      return writeFailure(error)
    }
    if (writer.staged > 0) this.#owner.publishSoon(this)
    return undefined
  }

  end(): Failure | undefined {
    const missing = this.#writer.remaining
    if (missing === 0) return undefined
    return failureOf('short-body', 'missing', { missing })
  }

  settled(failure: Failure | undefined, timings: FetchTimings): void {
    const { spanId } = this.#task
    // What breaks behind the last byte of a body that was whole does not matter any more; a body
    // that goes on does, it casts doubt on the server.
    const whole = this.#writer.whole && failure?.code !== 'wrong-range'
    const staging = this.#writer.letGo()
    if (staging !== undefined) this.#owner.staging.give(staging)
    this.#owner.ended(
      this,
      failure === undefined || whole
        ? { ok: true, spanId, timings, ...this.#notes }
        : { ok: false, spanId, timings, failure, ...this.#notes },
    )
  }
}

/** Why writing into the slots failed. */
export function writeFailure(error: unknown): Failure {
  return error instanceof StaleSlotError ? cancelledFailure() : failureOfDefect(error)
}

/** Request header fields that would change what a range request means, set here and nowhere else. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
])

/**
 * Header fields of a request for the `length` bytes from `offset`, names and values in turn.
 *
 * @param etag sent as `If-Match` if it is a strong one
 */
export function rangeHeaders(
  headers: SourceRequest['headers'],
  offset: number,
  length: number,
  etag?: string,
): string[] {
  return ['range', `bytes=${offset}-${offset + length - 1}`, ...wholeHeaders(headers, etag)]
}

/**
 * Header fields of a request for a whole file, names and values in turn.
 *
 * @param etag sent as `If-Match` if it is a strong one
 */
export function wholeHeaders(headers: SourceRequest['headers'], etag?: string): string[] {
  // Not leaving it out: that would allow any encoding.
  const list = ['accept-encoding', 'identity']
  if (etag !== undefined && isStrongEtag(etag)) list.push('if-match', etag)
  for (const name of Object.keys(headers)) {
    if (!OWN_FIELDS.has(name)) list.push(name, headers[name] as string)
  }
  return list
}
