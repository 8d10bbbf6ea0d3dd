// One probe: a ranged GET for the first bytes of a URL, read into memory of its own.

import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import type { AnswerNotes, FetchTimings, ProbeResult, ProbeTask } from '../shared/fetch-task.js'
import type { Exchange, ResponseReader } from './exchange.js'
import {
  answerNotes,
  type ProbedSource,
  type ResponseHead,
  readProbeResponse,
} from './range-response.js'

/** Reads the answer to one ProbeTask. */
export class ProbeFetch implements ResponseReader {
  /** Set once the request is under way. */
  exchange: Exchange | undefined
  readonly #task: ProbeTask
  readonly #ended: (result: ProbeResult) => void
  #source: ProbedSource | undefined
  #bytes = new Uint8Array()
  #received = 0
  #notes: AnswerNotes = {}

  constructor(task: ProbeTask, ended: (result: ProbeResult) => void) {
    this.#task = task
    this.#ended = ended
  }

  head(head: ResponseHead): 'read' | 'enough' | Failure {
    this.#notes = answerNotes(head.headers)
    const answer = readProbeResponse(head, this.#task, Date.now())
    if ('code' in answer) return answer
    this.#source = answer
    if (answer.bodyBytes === 0) return 'enough'
    this.#bytes = new Uint8Array(answer.bodyBytes)
    return 'read'
  }

  body(piece: Uint8Array): Failure | undefined {
    if (piece.length > this.#bytes.length - this.#received) {
      return failureOf('wrong-range', 'body-long')
    }
    this.#bytes.set(piece, this.#received)
    this.#received += piece.length
    return undefined
  }

  end(): Failure | undefined {
    const missing = this.#bytes.length - this.#received
    if (missing === 0) return undefined
    return failureOf('short-body', 'missing', { missing })
  }

  settled(failure: Failure | undefined, timings: FetchTimings): void {
    const source = this.#source
    if (failure !== undefined || source === undefined) {
      const unread = failureOf('internal', 'no-answer', { verb: 'probe' })
      this.#ended({ ok: false, failure: failure ?? unread, timings, ...this.#notes })
      return
    }
    const { totalBytes, etag, lastModified } = source
    const security = this.exchange?.security
    this.#ended({
      ok: true,
      totalBytes,
      ...(etag !== undefined && { etag }),
      ...(lastModified !== undefined && { lastModified }),
      firstBytes: this.#bytes,
      ...(security !== undefined && { security }),
      timings,
      ...this.#notes,
    })
  }
}
