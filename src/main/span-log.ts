// What becomes of an export's requests, as lines of the debug log.

import type { FetchResult, FetchTask } from '../shared/fetch-task.js'
import type { Log } from './log.js'
import type { Span } from './span.js'

/** Costs next to nothing where nobody takes such lines. */
export class SpanLog {
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** @param reads names those that the request was made for, asked only if that is told */
  sent(span: Span, { offset, length }: FetchTask, reads: () => string | undefined): void {
    if (this.#log.debugs !== true) return
    this.#log('debug', 'request', {
      request: span.request,
      span: span.id,
      offset,
      length,
      attempt: span.requests,
      reads: reads(),
    })
  }

  /** A read waits for bytes that the span's request is to bring. */
  joined(readId: string, span: Span | undefined): void {
    if (span === undefined) return
    const { id, request } = span
    this.#log('debug', 'read joins a request', { read: readId, span: id, request })
  }

  /** The request is given up for one on another connection. */
  resent({ id, answered, sentMs }: Span, nowMs: number): void {
    this.#log('debug', answered ? 'the body stands still, resumed' : 'no answer yet, sent again', {
      span: id,
      ms: Math.round(nowMs - sentMs),
    })
  }

  over({ id, request }: Span, { timings, ...result }: FetchResult): void {
    if (this.#log.debugs !== true) return
    const { receivedBytes, firstByteMs, bodyMs } = timings
    this.#log('debug', 'request is over', {
      request,
      span: id,
      bytes: receivedBytes,
      firstByteMs: Math.round(firstByteMs),
      bodyMs: Math.round(bodyMs),
      code: result.ok ? undefined : result.failure.code,
    })
  }
}
