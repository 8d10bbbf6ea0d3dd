// One request and its answer: stands between undici's callbacks and whoever reads the response.
// Settles exactly once, keeps the times, guards against exceptions, and decides what becomes of
// the connection afterwards.

import { threadId } from 'node:worker_threads'
import type { Dispatcher } from 'undici'
import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import type { ConnectionSecurity, FetchTimings, Transport } from '../shared/fetch-task.js'
import { failureOfDefect, failureOfError } from './origin-error.js'
import { fieldValue, type ResponseHead, type ResponseHeaders } from './range-response.js'

/** Reads one response. Calls come in the order below; `settled` comes exactly once, last. */
export interface ResponseReader {
  /** Judges the head: read the body, succeed without it, or fail. */
  head(head: ResponseHead): 'read' | 'enough' | Failure
  /** The next piece of the body, valid during the call only. A failure ends the exchange. */
  body(piece: Uint8Array): Failure | undefined
  /** Position modulo 8 at which the next piece should lie to be taken fast; 0 if left out. */
  readonly alignment?: number
  /** The body has ended as HTTP has it; whether that was enough is for the reader to say. */
  end(): Failure | undefined
  /** It is over. Must not throw. */
  settled(failure: Failure | undefined, timings: FetchTimings): void
}

/** What an exchange needs of the connection it was put on. */
export interface Carrier {
  /** Number of the connection within the thread; another one for each that is opened. */
  readonly id: number
  /** Duration of the last connection setup, milliseconds. */
  readonly connectMs: number
  /** True while TCP (and TLS) stands. */
  readonly open: boolean
  /** Of the last connection; undefined over plain http. */
  readonly security: ConnectionSecurity | undefined
  /** Why the server ended the connection, if it said that it does not take a certificate of ours. */
  readonly refusal?: Error | undefined
  /** A request is being written. Returns true if it is the connection's first. */
  carry(): boolean
  /** True if no other exchange has to end before this one's response comes. */
  isNext(exchange: Exchange): boolean
  /** The exchange is over; `reusable` tells if the connection is still in step with the server. */
  release(exchange: Exchange, reusable: boolean): void
}

/** Bodies of refused answers up to this size are read and dropped: cheaper than a new connection. */
const DRAIN_LIMIT = 64 * 1024
/** … and if they come within so many milliseconds. */
const DRAIN_MS = 1000

/**
 * Bytes per second below which a body counts as standing still: undici's limits start again at
 * every byte, and a server that lets one through now and then would hold a read for ever.
 */
const MIN_BODY_RATE = 128

/** Limits an exchange keeps itself, where undici's start again with every byte. */
export type ExchangeLimits = Pick<Transport, 'firstByteTimeoutMs' | 'bodyTimeoutMs'>

/** Handler of one `Client.dispatch()`. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #reader: ResponseReader
  readonly #carrier: Carrier
  readonly #limits: ExchangeLimits
  #controller: Dispatcher.DispatchController | undefined
  #settled = false
  #released = false
  #answered = false
  #fresh = true
  #received = 0
  /** When and at which of the received bytes the pace was last looked at. */
  #pacedAt = 0
  #pacedBytes = 0
  #bodyAhead = 0
  /** Bytes of a refused answer that may still come. */
  #drain = 0
  // Milliseconds of performance.now(); 0 = has not happened.
  #sentAt = 0
  #answeredAt = 0
  #firstBodyAt = 0
  #lastBodyAt = 0

  constructor(reader: ResponseReader, carrier: Carrier, limits: ExchangeLimits) {
    this.#reader = reader
    this.#carrier = carrier
    this.#limits = limits
  }

  /**
   * Bytes that come next on the connection and are certain to be this body: 0 before and behind it,
   * and for one whose length the head does not tell.
   */
  get bodyAhead(): number {
    return this.#settled ? 0 : this.#bodyAhead
  }

  /** How the connection is protected. */
  get security(): ConnectionSecurity | undefined {
    return this.#carrier.security
  }

  /** See ResponseReader. */
  get alignment(): number {
    return this.#reader.alignment ?? 0
  }

  /**
   * Ends the exchange now, without waiting for the network: the reader is settled when this
   * returns. Does nothing if it had ended.
   */
  cancel(failure: Failure): void {
    if (this.#settled) return
    this.#settle(failure)
    if (this.#controller === undefined) {
      // Not sent. On an open connection it is dropped when its turn comes (onRequestStart); the
      // setup of a connection that nobody waits for is broken off.
      if (!this.#carrier.open) this.#release(false)
    } else if (this.#carrier.isNext(this)) {
      this.#abort(this.#controller)
    }
    // Else it is pipelined behind others, which an abort now would tear down with it: it is
    // aborted when its response begins.
  }

  /**
   * Gives up the rest of an answer that nobody wants, which is read for the sake of the connection, and the
   * connection with it.
   *
   * @returns false if there is none
   */
  stopDraining(): boolean {
    const isDraining = this.#settled && this.#answered && !this.#released
    if (!isDraining || this.#controller === undefined) return false
    this.#abort(this.#controller)
    return true
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Called again when undici repeats requests whose connection ended before their turn. Throwing
    // here makes it drop this request and leave the connection alone.
    if (this.#settled) throw new Error('the request was given up')
    if (this.#answered) {
      throw Object.assign(new Error('connection lost within the answer'), { code: 'ECONNRESET' })
    }
    this.#controller = controller
    this.#fresh = this.#carrier.carry()
    this.#sentAt = performance.now()
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
    statusText = '',
  ): void {
    if (status < 200) {
      // Interim answers are no answer, however many come.
      if (performance.now() - this.#sentAt > this.#limits.firstByteTimeoutMs) {
        this.#settle(failureOf('first-byte-timeout', 'interim-only'))
        this.#abort(controller)
      }
      return
    }
    if (this.#settled) {
      this.#abort(controller)
      return
    }
    this.#answered = true
    this.#answeredAt = performance.now()
    let verdict: 'read' | 'enough' | Failure
    try {
      verdict = this.#reader.head({ status, statusText, headers })
    } catch (error) {
      verdict = failureOfDefect(error)
    }
    if (verdict === 'read') {
      this.#pacedAt = this.#answeredAt
      this.#bodyAhead = framedLength(headers)
      return
    }
    this.#settle(verdict === 'enough' ? undefined : verdict)
    this.#drain = drainable(status, headers)
    if (this.#drain < 0) this.#abort(controller)
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#settled) {
      this.#drain -= piece.length
      // undici's own limit starts again at every byte.
      const slow = performance.now() - this.#answeredAt > DRAIN_MS
      if (this.#drain < 0 || slow) this.#abort(controller)
      return
    }
    if (this.#bodyAhead > 0) this.#bodyAhead = Math.max(0, this.#bodyAhead - piece.length)
    this.#lastBodyAt = performance.now()
    if (this.#firstBodyAt === 0) this.#firstBodyAt = this.#lastBodyAt
    let failure: Failure | undefined
    try {
      failure = this.#reader.body(piece)
    } catch (error) {
      failure = failureOfDefect(error)
    }
    if (failure === undefined) {
      this.#received += piece.length
      failure = this.#checkPace(this.#lastBodyAt)
    }
    if (failure !== undefined) {
      this.#settle(failure)
      this.#abort(controller)
    }
  }

  onResponseEnd(): void {
    if (!this.#settled) {
      let failure: Failure | undefined
      try {
        failure = this.#reader.end()
      } catch (error) {
        failure = failureOfDefect(error)
      }
      this.#settle(failure)
    }
    this.#release(true)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    // It may have been sent on a connection that ended, and the next one could not be opened.
    const sent = this.#controller !== undefined && this.#carrier.open
    // A request that was dropped before it was sent has not touched the connection.
    const untouched = this.#settled && !sent
    if (!this.#settled) {
      const announced = this.#bodyAhead > 0
      const progress = { sent, answered: this.#answered, announced, fresh: this.#fresh }
      const refusal = this.#answered ? undefined : this.#carrier.refusal
      this.#settle(failureOfError(refusal ?? error, progress))
    }
    this.#release(untouched)
  }

  /** Looks once in each body time-out whether the body still moves. */
  #checkPace(nowMs: number): Failure | undefined {
    const elapsedMs = nowMs - this.#pacedAt
    if (elapsedMs < this.#limits.bodyTimeoutMs) return undefined
    const bytes = this.#received - this.#pacedBytes
    if (bytes * 1000 < MIN_BODY_RATE * elapsedMs) {
      return failureOf('body-timeout', 'slow')
    }
    this.#pacedAt = nowMs
    this.#pacedBytes = this.#received
    return undefined
  }

  #abort(controller: Dispatcher.DispatchController): void {
    // Reports the error back to onResponseError() before it returns.
    controller.abort(new Error('the answer is not needed'))
  }

  #release(reusable: boolean): void {
    if (this.#released) return
    this.#released = true
    this.#carrier.release(this, reusable)
  }

  #settle(failure: Failure | undefined): void {
    if (this.#settled) return
    this.#settled = true
    this.#reader.settled(failure, {
      receivedBytes: this.#received,
      connectMs: this.#controller !== undefined && this.#fresh ? this.#carrier.connectMs : 0,
      firstByteMs: this.#answered ? this.#answeredAt - this.#sentAt : -1,
      bodyMs: this.#lastBodyAt - this.#firstBodyAt,
      newConnection: this.#controller !== undefined && this.#fresh,
      ...(this.#controller !== undefined && {
        carrier: { worker: threadId, connection: this.#carrier.id },
      }),
    })
  }
}

/** Bytes of the body if the head alone tells where it ends, else 0. */
function framedLength(headers: ResponseHeaders): number {
  const length = fieldValue(headers, 'content-length') ?? ''
  if (fieldValue(headers, 'transfer-encoding') !== undefined || !/^\d{1,15}$/.test(length)) return 0
  return Number(length)
}

/** Bytes of a refused answer that are worth reading to keep the connection; -1 for none. */
function drainable(status: number, headers: ResponseHeaders): number {
  const length = fieldValue(headers, 'content-length')
  if (length === '0') return 0
  // A refused 200 or 206 carries the image.
  if (status < 300 || Number(length ?? 0) > DRAIN_LIMIT) return -1
  return DRAIN_LIMIT
}
