// The download of a whole file into a temporary one, as what crosses between the main thread and a
// worker: the task, what is told while it runs, and its result.

import type { MessagePort } from 'node:worker_threads'
import type { Failure } from './failure.js'
import type { AnswerNotes, FetchTimings } from './fetch-task.js'

/** Unit in which zero parts of a spooled file are told, bytes. */
export const SPOOL_BLOCK = 256 * 1024

/** A version of the file: what an answer to a plain GET tells of it. */
export interface SpooledVersion {
  /** Bytes; absent where the file ends with the last chunk of a chunked body. */
  readonly totalBytes?: number
  /** As received, weak ones included. */
  readonly etag?: string
  readonly lastModified?: string
}

/** One plain GET whose body goes into a file from its start. */
export interface SpoolTask {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly transport: number
  /** Descriptor of the file, open for reading and writing, which stays open until the result is there. */
  readonly file: number
  /**
   * Bytes at the file's start that an earlier download has brought and that readers may have seen:
   * compared with what comes, never written again. What lies behind them is dropped.
   */
  readonly keep: number
  /** What the answer has to be a version of; absent for the first one, and where nothing is kept. */
  readonly version?: SpooledVersion
  /** Bytes the file may have. */
  readonly limitBytes: number
  /** Takes SpoolNotes; anything that comes from it ends the download. */
  readonly port: MessagePort
}

/** What is told while a download runs. */
export type SpoolNote =
  /** The head of the answer was accepted. */
  | { readonly type: 'head'; readonly version: SpooledVersion }
  | ({ readonly type: 'progress' } & SpoolProgress)

/** How far a download is. */
export interface SpoolProgress {
  /** Bytes that came in this download. The file holds as many from its start, or `keep` if that is more. */
  readonly bytes: number
  /** Blocks of SPOOL_BLOCK bytes found to be zero since the last note. */
  readonly zeroBlocks: readonly number[]
}

/** How a download has ended; a note that is still on its way is older than this. */
export type SpoolResult = AnswerNotes &
  SpoolProgress & { readonly timings: FetchTimings } & (
    | { readonly ok: true }
    | { readonly ok: false; readonly failure: Failure }
  )
