// The download of a whole image into a file, from its first request to its last byte. A download that
// breaks off begins again at the first byte, since the server answers no ranges, as long as what comes
// is the same version: validators and length must agree, and what readers may have seen is compared.

import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Failure } from '../../shared/failure.js'
import { givenUp } from '../../shared/failures.js'
import {
  SPOOL_BLOCK,
  type SpooledVersion,
  type SpoolNote,
  type SpoolProgress,
  type SpoolResult,
  type SpoolTask,
} from '../../shared/spool-task.js'
import type { Log } from '../log.js'
import { BlockBitmap } from '../prefetch/block-bitmap.js'
import { decideRetry } from '../prefetch/retry-policy.js'
import type { FetchMeter } from '../status/fetch-meter.js'
import { showBytes } from '../status/units.js'
import { warn, warning } from '../warning.js'
import { Arrivals } from './arrivals.js'
import type { SpoolFile } from './spool-file.js'

/** Attempts before the first answer, where a user waits for the word that it does not work. */
const MAX_ATTEMPTS_AT_START = 4
/** New bytes a download must have brought for the count of attempts to start again. */
const PROGRESS_BYTES = 4096
/** Time between two lines of the log that tell how far it is, milliseconds. */
const REPORT_MS = 10_000

/** Sends a download to a worker. Never rejects. */
export interface SpoolRunner {
  spool(task: SpoolTask): Promise<SpoolResult>
}

export interface DownloadParts {
  /** Effective URL at the start, without user info. */
  readonly url: string
  /**
   * Logs in again and follows redirects again, where that may help against a failure of a request to `url`.
   * Resolves with the URL to ask from now on; undefined if it would not help, or could not be done. Never rejects.
   */
  readonly renew: (url: string, failure: Failure) => Promise<string | undefined>
  /** Asked with every request. May hold credentials: never log. */
  readonly headersFor: (url: string) => Readonly<Record<string, string>>
  readonly transport: number
  /** The URL without secrets. */
  readonly name: string
  readonly file: SpoolFile
  readonly runner: SpoolRunner
  /** Requests sent for the same bytes, the first included. */
  readonly maxAttempts: number
  readonly meter: FetchMeter
  /** Told when a request begins and ends. */
  readonly governor: { downloadBegan(): void; downloadEnded(): void }
  readonly log: Log
  /** Monotonic milliseconds. */
  readonly clock: () => number
  readonly random: () => number
  /** Ends early, or rejects, when the signal says so. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** What is known once an export can be opened. */
export interface OpenedDownload {
  readonly totalBytes: number
  readonly version: SpooledVersion
}

/** One image on its way into a file. */
export class Download {
  readonly arrivals = new Arrivals()
  /** Its size once that is known, or why it can't be opened. */
  readonly opened: Promise<OpenedDownload | Failure>
  /** Fulfilled once nothing writes to the file any more. */
  readonly ended: Promise<void>
  readonly #parts: DownloadParts
  #version: SpooledVersion | undefined
  #zeroes = new BlockBitmap(0)
  #earlyZeroes: number[] = []
  #poison: Failure | undefined
  #closed: Failure | undefined
  #port: MessagePort | undefined
  readonly #abort = new AbortController()
  /** Fulfils `opened`; without effect when called again. */
  #settle: (opened: OpenedDownload | Failure) => void = () => {}
  #requests = 0
  #url: string
  readonly #startedMs: number
  #reportedMs: number

  constructor(parts: DownloadParts) {
    this.#parts = parts
    this.#url = parts.url
    this.#startedMs = parts.clock()
    this.#reportedMs = this.#startedMs
    this.opened = new Promise(resolve => {
      this.#settle = resolve
    })
    this.ended = this.#run()
  }

  /** Set once the source has changed or the server ends: nothing of it may be served any more. */
  get poison(): Failure | undefined {
    return this.#poison ?? this.#closed
  }

  /** True if the SPOOL_BLOCK bytes of this number have come and are all zero. */
  isZero(block: number): boolean {
    return this.#zeroes.has(block) && this.arrivals.has(this.#blockEnd(block))
  }

  /** Blocks found to be zero so far. */
  get zeroBlocks(): number {
    return this.#zeroes.count
  }

  /** How many of them are in each cell of the image's map; not to be changed. */
  get zeroCells(): Uint32Array {
    return this.#zeroes.cells
  }

  /** Ends the download; all that wait fail with this. */
  close(failure: Failure): void {
    if (this.#closed !== undefined) return
    this.#closed = failure
    // Whatever is said to it, the worker takes it as the word to stop.
    this.#port?.postMessage('stop')
    this.#abort.abort()
    this.#giveUp(failure)
  }

  async #run(): Promise<void> {
    const { maxAttempts, meter, random, log, sleep } = this.#parts
    for (let attempts = 1; this.#closed === undefined; attempts++) {
      const before = this.arrivals.watermark
      const result = await this.#attempt()
      if (result.ok) {
        this.#complete(result.bytes)
        return
      }
      const { failure } = result
      meter.failure(failure.code)
      if (this.#closed !== undefined) return
      if (this.arrivals.watermark - before >= PROGRESS_BYTES) attempts = 1
      const most = this.#version === undefined ? MAX_ATTEMPTS_AT_START : maxAttempts
      const trial = { attempts, maxAttempts: Math.min(most, maxAttempts) }
      if (attempts < trial.maxAttempts && (await this.#renewed(failure))) {
        meter.retries++
        continue
      }
      const decision = decideRetry(failure, trial, random())
      if (decision.action !== 'retry') {
        this.#lose(failure, decision.action === 'poison')
        return
      }
      meter.retries++
      const at = showBytes(this.arrivals.watermark)
      const delay = Math.round(decision.delayMs)
      const { code, message } = failure
      warn(log, warning('download-repeated', { at, delay, failure: message }), { code })
      await sleep(decision.delayMs, this.#abort.signal).catch(() => {})
    }
  }

  /** @returns true if the next attempt may do better than the one that failed so */
  async #renewed(failure: Failure): Promise<boolean> {
    const url = await this.#parts.renew(this.#url, failure)
    if (url !== undefined) this.#url = url
    return url !== undefined
  }

  async #attempt(): Promise<SpoolResult> {
    const url = this.#url
    const { headersFor, transport, file, runner, meter, governor } = this.#parts
    const { port1, port2 } = new MessageChannel()
    // Nobody reads a file of unknown length yet: it may be begun anew, whatever it was.
    const version = this.#version?.totalBytes === undefined ? undefined : this.#version
    let over = false
    let counted = 0
    const progress = ({ bytes, zeroBlocks }: SpoolProgress): void => {
      meter.fetchedBytes += bytes - counted
      counted = bytes
      this.#progress(bytes, zeroBlocks)
    }
    const take = (note: SpoolNote): void => {
      if (note.type === 'head') this.#begun(note.version)
      else progress(note)
    }
    port1.on('message', (note: SpoolNote) => {
      if (!over) take(note)
    })
    this.#port = port1
    this.#requests++
    meter.requests++
    governor.downloadBegan()
    const result = await runner.spool({
      url,
      headers: headersFor(url),
      transport,
      file: file.descriptor,
      keep: version === undefined ? 0 : this.arrivals.watermark,
      ...(version !== undefined && { version }),
      limitBytes: file.limitBytes,
      port: port2,
    })
    // The result comes another way and may overtake what was said before it.
    for (let note = receiveMessageOnPort(port1); note !== undefined; ) {
      take(note.message)
      note = receiveMessageOnPort(port1)
    }
    over = true
    governor.downloadEnded()
    this.#port = undefined
    port1.close()
    // A worker that died knows no more than it had told.
    if (result.bytes > 0) progress(result)
    if (result.timings.newConnection) meter.connectionsOpened++
    return result
  }

  #begun(version: SpooledVersion): void {
    if (this.#version?.totalBytes !== undefined) return
    this.#version = version
    const { totalBytes } = version
    const { name, log } = this.#parts
    this.#earlyZeroes = []
    if (totalBytes !== undefined) this.#open(totalBytes, version)
    else warn(log, warning('download-length-unknown', { name }))
  }

  #open(totalBytes: number, version: SpooledVersion): void {
    this.#zeroes = new BlockBitmap(Math.ceil(totalBytes / SPOOL_BLOCK))
    for (const block of this.#earlyZeroes) this.#zeroes.set(block)
    this.#earlyZeroes = []
    this.#settle({ totalBytes, version })
  }

  #progress(bytes: number, zeroBlocks: readonly number[]): void {
    const { name, log, clock } = this.#parts
    const total = this.#version?.totalBytes
    if (total === undefined) this.#earlyZeroes.push(...zeroBlocks)
    else {
      for (const block of zeroBlocks) this.#zeroes.set(block)
      this.arrivals.advance(bytes)
    }
    const nowMs = clock()
    if (nowMs - this.#reportedMs < REPORT_MS) return
    this.#reportedMs = nowMs
    const of = total === undefined ? '' : ` of ${showBytes(total)}`
    log('info', `downloaded ${showBytes(bytes)}${of} of ${name}`)
  }

  #complete(bytes: number): void {
    const { name, log, clock } = this.#parts
    const seconds = Math.round((clock() - this.#startedMs) / 100) / 10
    log('info', `downloaded all of ${name}`, { bytes, seconds })
    const version = this.#version ?? {}
    // The reading end may be a note behind.
    this.arrivals.advance(bytes)
    if (version.totalBytes === undefined) this.#open(bytes, version)
  }

  #lose(failure: Failure, isChanged: boolean): void {
    const { name, log } = this.#parts
    const told = givenUp(failure, name, this.#requests)
    const { code } = failure
    if (isChanged) {
      this.#poison = told
      const changed = warning('served-source-changed', { failure: failure.message })
      warn(log, changed, { code }, 'error')
    } else if (this.#version?.totalBytes !== undefined) {
      const at = this.arrivals.watermark
      warn(log, warning('download-given-up', { at, failure: told.message }), { code }, 'error')
    }
    this.#giveUp(told, failure)
  }

  #giveUp(told: Failure, plain = told): void {
    this.arrivals.fail(told)
    this.#settle(plain)
  }

  #blockEnd(block: number): number {
    return Math.min((block + 1) * SPOOL_BLOCK, this.#version?.totalBytes ?? 0)
  }
}
