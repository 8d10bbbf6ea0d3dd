// One request that fetches no part of an image: logging in to a server and out of it. Its answer is told as it is,
// whatever its status; of the body no more is read than keeps the connection.

import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import type { CallResult, FetchTimings } from '../shared/fetch-task.js'
import type { ResponseReader } from './exchange.js'
import {
  answerNotes,
  fieldValue,
  parseRetryAfter,
  type ResponseHead,
  statusLine,
} from './range-response.js'

/** Bytes of a body that are read and dropped: beyond, a new connection is cheaper. */
const MAX_BODY = 64 * 1024
const ENOUGH = failureOf('cancelled', 'enough')

/** Reads the answer to one CallTask. */
export class PlainCall implements ResponseReader {
  readonly #ended: (result: CallResult) => void
  #head: ResponseHead | undefined
  #received = 0

  constructor(ended: (result: CallResult) => void) {
    this.#ended = ended
  }

  head(head: ResponseHead): 'read' {
    this.#head = head
    return 'read'
  }

  body(piece: Uint8Array): Failure | undefined {
    this.#received += piece.length
    return this.#received > MAX_BODY ? ENOUGH : undefined
  }

  end(): Failure | undefined {
    return undefined
  }

  settled(failure: Failure | undefined, timings: FetchTimings): void {
    const head = this.#head
    if (head === undefined) {
      const unread = failureOf('internal', 'no-answer', { verb: 'call' })
      this.#ended({ ok: false, failure: failure ?? unread, timings })
      return
    }
    const retryAfterMs = parseRetryAfter(fieldValue(head.headers, 'retry-after'), Date.now())
    this.#ended({
      ok: true,
      status: head.status,
      message: statusLine(head),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      timings,
      ...answerNotes(head.headers),
    })
  }
}
