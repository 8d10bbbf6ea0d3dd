// What `/status.json` and each event of `/events` hold: one picture of a running server, small and
// bounded whatever it serves. Plain data, for the status page and for programs: types and bounds.
//
// Who reads it looks at `schema` first: the number grows when a field changes its meaning or goes;
// fields that are added do not change it.

import type { GovernorDecision } from '../prefetch/governor.js'
import type { Bottleneck } from './bottleneck.js'
import type { ExportStatistics, Statistics } from './statistics.js'

export const STATUS_SCHEMA = 1

/** Bounds of what a snapshot lists, whatever there is. */
export const STATUS_BOUNDS = {
  /** Cells of an image's map, and of the ring's. */
  cells: 512,
  exports: 16,
  /** Streams of one export: the engine knows no more. */
  streams: 16,
  origins: 16,
  /** Decisions of one governor. */
  decisions: 32,
  workers: 64,
  connections: 64,
  requests: 64,
  clients: 64,
  errors: 32,
  /** One a second: five minutes. */
  samples: 300,
} as const

/** One picture. Times "ago" and ages are seconds; rates are bytes per second. */
export interface StatusSnapshot {
  readonly schema: typeof STATUS_SCHEMA
  /** 'nbd-prefetch 1.2.3'. */
  readonly program: string
  /** When it was taken: milliseconds since 1970, by the machine's clock. */
  readonly timeMs: number
  /** As `/healthz` and `/readyz` say it. */
  readonly health: HealthStatus
  /** What limited during the last ten seconds. */
  readonly limitedBy: Bottleneck
  /** Share of the last ten seconds in which at least one read waited for bytes, 0 to 1; 0 where nobody read. */
  readonly stallShare: number
  /** Bytes per second over the last five seconds. */
  readonly rate: { readonly served: number; readonly fetched: number }
  /** Seconds until all is served, as things go; null where that can't be told. */
  readonly remainingSeconds: number | null
  /** Counters and gauges of all together, as the library and `--stats` have them. */
  readonly statistics: Statistics
  /** In the order given; at most `STATUS_BOUNDS.exports`, `exportCount` says how many there are. */
  readonly exports: readonly ExportStatus[]
  readonly exportCount: number
  /** Of all of them, those of which nothing is served any more. */
  readonly brokenCount: number
  readonly ring: RingStatus
  readonly origins: readonly OriginStatus[]
  readonly workers: readonly WorkerStatus[]
  /** Connections to origins, those used last first. */
  readonly connections: readonly ConnectionStatus[]
  /** HTTP requests under way, the oldest first; `statistics.inFlight` says how many there are. */
  readonly requests: readonly RequestStatus[]
  readonly firstByte: Histogram
  /** NBD clients connected, the latest last; `statistics.clients` says how many there are. */
  readonly clients: readonly ClientStatus[]
  /** Warnings and errors of the log, the latest last. */
  readonly errors: readonly ErrorStatus[]
  readonly history: History
  readonly settings: SettingsStatus
}

/** The options that matter for speed, as they are in force. Sizes are bytes. */
export interface SettingsStatus {
  readonly connections: number
  readonly pipelining: number
  readonly workers: number
  readonly ringSize: number
  readonly blockSize: number
  readonly maxRequest: number
  readonly readahead: 'auto' | 'off' | number
}

export interface HealthStatus {
  /** The process lives, and no export was given up since its image has changed. */
  readonly healthy: boolean
  /** Clients can connect, and the origin answered when it was last asked. */
  readonly ready: boolean
  /** Why not, one line; '' if all is well. */
  readonly reason: string
}

/** One image. */
export interface ExportStatus extends ExportStatistics {
  /** URL of the image without secrets. */
  readonly source: string
  /** `ring`: fetched by ranges; `spool`: downloaded as a whole, once. */
  readonly kind: 'ring' | 'spool'
  /** Which of `origins`. */
  readonly origin: number
  /** Reads under way. */
  readonly runningReads: number
  /** Why nothing of it is served any more; '' while it is. */
  readonly broken: string
  readonly map: ImageMap
  readonly streams: readonly StreamStatus[]
}

/**
 * The image from its start to its end, in cells of equal size: cell i of n shows the blocks from
 * floor(i × blocks / n) to floor((i + 1) × blocks / n), exclusive. There are as many cells as blocks, at
 * most `STATUS_BOUNDS.cells`.
 */
export interface ImageMap {
  /**
   * One letter a cell; the first that fits, from above:
   *
   * - `f` a request is to bring bytes of it, or bring them again (in flight, or waiting for its next attempt)
   * - `r` bytes of it lie in the ring that were not served yet, or in the spool file
   * - `a` it lies ahead of a reader inside its window, and is to be asked for
   * - `z` all of it is known to be zero
   * - `s` all of it was served, or is zero
   * - `p` part of it was served
   * - `.` none of these
   */
  readonly cells: string
  /** Blocks by the same states, exactly. A block is served once it was read to its end. */
  readonly blockBytes: number
  readonly blocks: number
  readonly served: number
  /** In the ring, served or not. Of a spooled image: those that are there. */
  readonly inRing: number
  readonly inFlight: number
  /** Inside a window, and not asked for. */
  readonly ahead: number
  readonly zero: number
}

/** A sequential reader recognised in the reads. Offsets are bytes of the image. */
export interface StreamStatus {
  readonly id: number
  /** Connection of its latest read: see `clients`. */
  readonly connection: number
  /** The first byte it has not got a place in the ring for: its window begins here. */
  readonly cursor: number
  /** All below has been requested. */
  readonly frontier: number
  /** How far ahead of the cursor is fetched, bytes; 0 until a sequence has shown. */
  readonly window: number
  readonly confirmed: boolean
  /** Bytes per second it reads. */
  readonly rate: number
  /** Reads of it that wait for bytes. */
  readonly stalledReads: number
  readonly idleSeconds: number
}

/** The memory for fetched blocks. */
export interface RingStatus {
  readonly slotBytes: number
  readonly slots: number
  /** Slots by what they hold; together they are all. */
  readonly free: number
  readonly filling: number
  /** Whole, shown by a reply that is being written. */
  readonly pinned: number
  /** Whole, and not read yet. */
  readonly unread: number
  /** Whole, read and kept until its place is needed. */
  readonly read: number
  /** Whose fetch failed and will be tried again. */
  readonly failed: number
  /**
   * The slots in the order in which they lie in memory, one letter a cell of equal size, at most
   * `STATUS_BOUNDS.cells` of them: the state of the slots of a cell that comes first in
   * `x` failed, `f` filling, `p` pinned, `u` unread, `r` read, `.` free.
   */
  readonly cells: string
}

/** One HTTP server, and what the governor makes of it. */
export interface OriginStatus {
  /** 'https://host:port', without secrets. */
  readonly origin: string
  /** Requests allowed now, and at most. */
  readonly limit: number
  readonly ceiling: number
  readonly inFlight: number
  readonly peakInFlight: number
  /** Answers 429 and 503 since the start. */
  readonly throttled: number
  /** Seconds until requests are sent again (Retry-After); 0 while they are. */
  readonly gateSeconds: number
  /** Greatest rate of all connections together in the last ten seconds, and usual rate of one. */
  readonly goodput: number
  readonly ratePerConnection: number
  /** Milliseconds; 0 before the first answer. */
  readonly firstByteP50Ms: number
  readonly firstByteP95Ms: number
  /** Seconds since the latest right answer; null before the first. */
  readonly answeredSeconds: number | null
  /** True if nothing was answered rightly for a while. */
  readonly down: boolean
  /** How often each was decided since the start. */
  readonly decisionCounts: Readonly<Record<GovernorDecision['reason'], number>>
  /** The latest last. */
  readonly decisions: readonly DecisionStatus[]
}

export interface DecisionStatus {
  readonly secondsAgo: number
  readonly reason: GovernorDecision['reason']
  /** Requests allowed from then on. */
  readonly limit: number
}

/** A thread that speaks HTTP. */
export interface WorkerStatus {
  /** Number of the thread; a replacement has another. */
  readonly id: number
  /** False once it has ended. */
  readonly alive: boolean
  /** Requests that are over, those of them that failed, body bytes they brought. */
  readonly requests: number
  readonly failures: number
  readonly bytes: number
  /** Connections it has opened. */
  readonly connectionsOpened: number
  /** Seconds since its latest request ended. */
  readonly idleSeconds: number
}

/** A connection to an origin, by the requests that have ended on it. */
export interface ConnectionStatus {
  readonly worker: number
  /** Number of the connection within its worker. */
  readonly id: number
  readonly requests: number
  readonly failures: number
  readonly bytes: number
  /** Of the latest request that was answered, milliseconds; 0 before the first. */
  readonly firstByteMs: number
  /** Rate of the latest body, bytes per second; 0 before the first. */
  readonly rate: number
  /** Seconds since its latest request ended. */
  readonly idleSeconds: number
}

/** An HTTP request under way. */
export interface RequestStatus {
  /** Name of the export. */
  readonly export: string
  /** Number of the span within the export, and how often it has been sent. */
  readonly span: number
  readonly attempt: number
  /** Range of the image that was asked for, bytes, and how much of it has come. */
  readonly offset: number
  readonly length: number
  readonly receivedBytes: number
  /** True once its first byte has come. */
  readonly answered: boolean
  /** True if a read waits for it. */
  readonly waitedFor: boolean
  readonly seconds: number
}

/** Counts by upper bound, as Prometheus has them but not cumulated. */
export interface Histogram {
  /** Upper bounds, inclusive, milliseconds, rising. */
  readonly boundsMs: readonly number[]
  /** One more than bounds: the last counts what lies above them all. */
  readonly counts: readonly number[]
  readonly count: number
  readonly sumMs: number
}

/** An NBD client. */
export interface ClientStatus {
  /** Number of the connection. */
  readonly connection: number
  /** '192.0.2.1:40000', or 'unix' for a Unix socket. */
  readonly address: string
  /** Name of the export it has opened; null while it has not. */
  readonly export: string | null
  /** 'TLSv1.3'; '' in the clear. */
  readonly tls: string
  /** Requests whose replies have not left. */
  readonly inFlight: number
  /** Reads answered, and bytes of image data sent. */
  readonly reads: number
  readonly bytes: number
  readonly connectedSeconds: number
}

/** One warning or error, secrets masked. */
export interface ErrorStatus {
  /** Milliseconds since 1970, of the latest of its kind. */
  readonly timeMs: number
  readonly level: 'warn' | 'error'
  readonly message: string
  /** The same message in a row counts as one. */
  readonly count: number
}

/**
 * The last minutes, one sample a second, the oldest first: lists of equal length. The last is of `endMs`,
 * the one before it of a second earlier.
 */
export interface History {
  readonly intervalSeconds: 1
  readonly endMs: number
  /** Bytes per second. */
  readonly served: readonly number[]
  readonly fetched: readonly number[]
  /** Share of the second in which reads waited, 0 to 1, the mean of all exports that were read. */
  readonly stall: readonly number[]
  /** Requests allowed and under way, all origins together, at the sample's end. */
  readonly limit: readonly number[]
  readonly inFlight: readonly number[]
  /** Answers 429 and 503 in this second. */
  readonly throttled: readonly number[]
}
