// One probe: a ranged GET for the first bytes of a URL, read into memory of its own.

import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import type { AnswerNotes, FetchTimings, ProbeResult, ProbeTask } from '../shared/fetch-task.js'
import type { Exchange, ResponseReader } from './exchange.js'
import {
  answerNotes,
  fieldValue,
  type ProbedSource,
  type ResponseHead,
  readProbeResponse,
} from './range-response.js'

/** Bytes of a refusal's body that are read, and that it may have. */
const MOST_REASON = 4096
/** What nginx, Go and Apache say to a request in the clear at a port of TLS. */
const WANTS_TLS =
  /plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server|speaking plain HTTP to an SSL/

/** True if the body may say that TLS is wanted, and is soon at its end. */
function isReason({ status, headers }: ResponseHead): boolean {
  if (status !== 400) return false
  const length = fieldValue(headers, 'content-length')
  if (length !== undefined) return Number(length) <= MOST_REASON
  return /^close$/i.test(fieldValue(headers, 'connection') ?? '')
}

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
  /** Of a head that is refused, while its body is read for the reason. */
  #refused: Failure | undefined
  #said = ''

  constructor(task: ProbeTask, ended: (result: ProbeResult) => void) {
    this.#task = task
    this.#ended = ended
  }

  head(head: ResponseHead): 'read' | 'enough' | Failure {
    this.#notes = answerNotes(head.headers)
    const answer = readProbeResponse(head, this.#task, Date.now())
    if ('code' in answer) {
      if (!this.#task.url.startsWith('http:') || !isReason(head)) return answer
      this.#refused = answer
      return 'read'
    }
    this.#source = answer
    if (answer.bodyBytes === 0) return 'enough'
    this.#bytes = new Uint8Array(answer.bodyBytes)
    return 'read'
  }

  body(piece: Uint8Array): Failure | undefined {
    if (this.#refused !== undefined) {
      this.#said += Buffer.from(piece).toString('latin1')
      return this.#said.length < MOST_REASON ? undefined : this.#refused
    }
    if (piece.length > this.#bytes.length - this.#received) {
      return failureOf('wrong-range', 'body-long')
    }
    this.#bytes.set(piece, this.#received)
    this.#received += piece.length
    return undefined
  }

  end(): Failure | undefined {
    if (this.#refused !== undefined) return this.#refused
    const missing = this.#bytes.length - this.#received
    if (missing === 0) return undefined
    return failureOf('short-body', 'missing', { missing })
  }

  settled(failure: Failure | undefined, timings: FetchTimings): void {
    if (this.#refused !== undefined && failure?.code !== 'cancelled') {
      // However its body ended.
      const maybeTls = WANTS_TLS.test(this.#said) && { maybeTls: true as const }
      this.#ended({
        ...{ ok: false, timings, ...this.#notes },
        failure: { ...this.#refused, ...maybeTls },
      })
      return
    }
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
