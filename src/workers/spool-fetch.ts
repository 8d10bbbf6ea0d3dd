// One download of a whole file: reads the answer to a SpoolTask into the task's file and tells how far
// it is.

import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import type { AnswerNotes, FetchTimings } from '../shared/fetch-task.js'
import type { SpoolNote, SpoolResult, SpoolTask } from '../shared/spool-task.js'
import type { Exchange, ResponseReader } from './exchange.js'
import { cancelledFailure } from './origin-error.js'
import { answerNotes, type ResponseHead } from './range-response.js'
import { SpoolWriter } from './spool-writer.js'
import { readWholeResponse } from './whole-response.js'

/** What bounds the file. */

/** Reads the answer to one SpoolTask. */
export class SpoolFetch implements ResponseReader {
  readonly #task: SpoolTask
  readonly #ended: (result: SpoolResult) => void
  readonly #writer: SpoolWriter
  #totalBytes: number | undefined
  #notes: AnswerNotes = {}
  /** The head was accepted. */
  #begun = false
  #telling = false
  #over = false

  constructor(task: SpoolTask, ended: (result: SpoolResult) => void) {
    this.#task = task
    this.#ended = ended
    this.#writer = new SpoolWriter(task.file, task.keep)
  }

  /** The request is under way: from now on the task's port can end it. */
  sent(exchange: Exchange): void {
    if (!this.#over) this.#task.port.on('message', () => exchange.cancel(cancelledFailure()))
  }

  head(head: ResponseHead): 'read' | Failure {
    this.#notes = answerNotes(head.headers)
    const version = readWholeResponse(head, this.#task.version, Date.now())
    if ('code' in version) return version
    const { totalBytes } = version
    const failure = this.#refuseSize(totalBytes ?? 0) ?? this.#writer.begin(totalBytes)
    if (failure !== undefined) return failure
    this.#totalBytes = totalBytes
    this.#begun = true
    this.#tell({ type: 'head', version })
    return 'read'
  }

  body(piece: Uint8Array): Failure | undefined {
    const end = this.#writer.position + piece.length
    if (this.#totalBytes !== undefined && end > this.#totalBytes) {
      return failureOf('protocol', 'body-long')
    }
    const failure = this.#refuseSize(end) ?? this.#writer.write(piece)
    if (failure !== undefined) return failure
    // After the sockets that are readable now were read: one note tells of a fast body's pieces.
    if (!this.#telling) setImmediate(this.#tellProgress)
    this.#telling = true
    return undefined
  }

  end(): Failure | undefined {
    const { position } = this.#writer
    const missing = (this.#totalBytes ?? position) - position
    if (missing > 0) {
      return failureOf('short-body', 'missing', { missing })
    }
    if (position < this.#task.keep) {
      return failureOf('source-changed', 'shorter')
    }
    return this.#writer.finish()
  }

  settled(failure: Failure | undefined, timings: FetchTimings): void {
    this.#over = true
    this.#task.port.close()
    const told = { ...this.#progress(), timings, ...this.#notes }
    this.#ended(failure === undefined ? { ok: true, ...told } : { ok: false, failure, ...told })
  }

  readonly #tellProgress = (): void => {
    this.#telling = false
    if (!this.#over) this.#tell({ type: 'progress', ...this.#progress() })
  }

  #progress(): { bytes: number; zeroBlocks: readonly number[] } {
    return { bytes: this.#writer.position, zeroBlocks: this.#writer.takeZeroBlocks() }
  }

  #tell(note: SpoolNote): void {
    this.#task.port.postMessage(note)
  }

  #refuseSize(bytes: number): Failure | undefined {
    const { limitBytes } = this.#task
    if (bytes <= limitBytes) return undefined
    // Where the head has not told the length, no more is known than that.
    return this.#begun
      ? failureOf('spool', 'large-at-last', { limit: limitBytes })
      : failureOf('spool', 'large', { bytes, limit: limitBytes })
  }
}
