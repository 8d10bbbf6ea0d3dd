// Everything that crosses between the main thread and a worker, as plain data: the settings a
// worker starts with, the kinds of task (fetch a span, touch memory, open connections, probe a URL, call a server) and their results.

import type { Failure } from './failure.js'
import type { Transport } from './transport.js'

export type { Transport } from './transport.js'

/** Handed to each worker as `workerData`. */
export interface WorkerSettings {
  /** The ring's memory: see `sharedarraybuffer-ring`. */
  readonly ring: SharedArrayBuffer
  readonly transports: readonly Transport[]
}

/** Where a range is to be taken from and which version of the file it must belong to. */
export interface SourceRequest {
  /** Effective URL, redirects resolved, without user info. */
  readonly url: string
  /** Request headers, names in lower case. May hold credentials: never log. */
  readonly headers: Readonly<Record<string, string>>
  /** Index into `WorkerSettings.transports`. */
  readonly transport: number
  /** Size of the image in bytes: every `Content-Range` must name it as the total. */
  readonly totalBytes: number
  /** Strong entity tag, quotes included: sent as `If-Match` and compared. */
  readonly etag?: string
  /** Weak entity tag, in place of a strong one: never sent, but another one means another version. */
  readonly weakEtag?: string
  /** `Last-Modified` exactly as first received: compared with every response that has one. */
  readonly lastModified?: string
}

/** One HTTP range request whose body goes into consecutive slots. */
export interface FetchTask {
  readonly spanId: number
  readonly source: SourceRequest
  /** First byte asked for; where a span is resumed this is its watermark. */
  readonly offset: number
  /** Bytes asked for, at least 1. Equals the free room (length − fill) of the slots together. */
  readonly length: number
  /** Slots to fill, in image order, each in state FILLING. */
  readonly slots: readonly number[]
  /** Epoch of each slot: the worker touches no slot whose epoch differs. */
  readonly epochs: readonly number[]
  /** How many times the transport's limit the first byte may take; 1 if absent. */
  readonly patience?: number
  /** Bulk requests may queue behind another on a pipelined connection, others never do. */
  readonly bulk: boolean
}

/** A request of a rehearsal. */
export interface RehearsalTask extends FetchTask {
  /** In place of that of the settings. */
  readonly ring: SharedArrayBuffer
  readonly transport: Transport
}

/** Which connection of which thread. */
export interface RequestCarrier {
  /** Number of the thread. */
  readonly worker: number
  /** Number of the connection within the thread. */
  readonly connection: number
}

/** What was measured of one request, whether it succeeded or not. */
export interface FetchTimings {
  /** Body bytes that were accepted. */
  readonly receivedBytes: number
  /** Connection setup, milliseconds; 0 when an open connection was used. */
  readonly connectMs: number
  /** Request sent to response headers, milliseconds; -1 when none came. */
  readonly firstByteMs: number
  /** First to last body byte, milliseconds. */
  readonly bodyMs: number
  /** True when a new connection was opened for this request. */
  readonly newConnection: boolean
  /** What carried it; absent if it was never sent. */
  readonly carrier?: RequestCarrier
}

/** Timings of a task that never came to a request. */
export const NO_TIMINGS: FetchTimings = {
  receivedBytes: 0,
  connectMs: 0,
  firstByteMs: -1,
  bodyMs: 0,
  newConnection: false,
}

/** What the answer to any request may have told beside its body. */
export interface AnswerNotes {
  /** `Set-Cookie` fields as received. May be secret: never log. */
  readonly setCookies?: readonly string[]
}

/** How the connection that carried a request is protected. */
export interface ConnectionSecurity {
  /** 'TLSv1.3'. */
  readonly version: string
  /** OpenSSL's name of the cipher suite. */
  readonly cipher: string
  /** True if HTTP/2 was agreed on. */
  readonly http2: boolean
}

export type FetchResult = AnswerNotes &
  (
    | { readonly ok: true; readonly spanId: number; readonly timings: FetchTimings }
    | {
        readonly ok: false
        readonly spanId: number
        readonly timings: FetchTimings
        readonly failure: Failure
      }
  )

/** Slots whose memory the system is to give before bytes come. */
export interface TouchTask {
  readonly slots: readonly number[]
}

/** Connections to be opened for requests to come. */
export interface ConnectTask {
  readonly source: SourceRequest
  /** Of one thread, those it has included. */
  readonly connections: number
}

/** One ranged GET that is not bound to slots: used to learn about a URL. Redirects are reported, not followed. */
export interface ProbeTask {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly transport: number
  /** Asks for `bytes=0-(length-1)`; at least 1. */
  readonly length: number
}

export type ProbeResult = AnswerNotes &
  (
    | {
        readonly ok: true
        /** From `Content-Range`; 0 for an empty file (416 with `bytes *\/0`). */
        readonly totalBytes: number
        /** As received, weak ones included. */
        readonly etag?: string
        readonly lastModified?: string
        /** The image's first bytes: at most what was asked for, all of it if the body came whole. */
        readonly firstBytes: Uint8Array
        /** Absent over plain http. */
        readonly security?: ConnectionSecurity
        readonly timings: FetchTimings
      }
    | { readonly ok: false; readonly failure: Failure; readonly timings: FetchTimings }
  )

/** One request that fetches no part of an image, such as a login. Redirects are reported, not followed. */
export interface CallTask {
  readonly url: string
  readonly method: 'GET' | 'POST'
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly transport: number
}

export type CallResult = AnswerNotes &
  (
    | {
        /** An answer came, whatever its status. */
        readonly ok: true
        readonly status: number
        /** Status and reason in the server's words; quoted until it has come to the main thread. */
        readonly message: string
        readonly retryAfterMs?: number
        readonly timings: FetchTimings
      }
    | { readonly ok: false; readonly failure: Failure; readonly timings: FetchTimings }
  )
