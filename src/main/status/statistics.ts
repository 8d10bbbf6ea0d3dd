// The figures a run is judged by, as one plain object: `--stats`, the library's `statistics()` and
// the status page all show this.

/** Counters of one export. */
export interface ExportStatistics {
  readonly name: string
  /** Size of the image, bytes. */
  readonly imageBytes: number
  readonly servedBytes: number
  /** Bytes served or told to be zero at least once, in whole blocks: never more than imageBytes. */
  readonly coveredBytes: number
  readonly reads: number
  readonly failedReads: number
  /** Time during which at least one of its reads was under way, seconds. */
  readonly busySeconds: number
  /** Time during which at least one of its reads waited for bytes, seconds. */
  readonly stallSeconds: number
  /** Blocks known to be zero, which take no memory. */
  readonly zeroBlocks: number
}

/** Counters since start, and gauges of now; of all exports and origins together where there are several. */
export interface Statistics {
  readonly uptimeSeconds: number
  /** Size of the image, bytes. */
  readonly imageBytes: number
  /** Bytes handed to clients. */
  readonly servedBytes: number
  /** Bytes served or told to be zero at least once, in whole blocks: never more than imageBytes. */
  readonly coveredBytes: number
  /** Body bytes taken from the origin, the probe's included. */
  readonly fetchedBytes: number
  /** fetchedBytes / servedBytes; 0 before the first byte was served. */
  readonly amplification: number
  /** Reads answered, and reads that failed. */
  readonly reads: number
  readonly failedReads: number
  /** Share of served bytes that were in the ring when asked for, 0 to 1. */
  readonly hitRatio: number
  /** Time during which at least one read waited for bytes, seconds: the mean of all exports. */
  readonly stallSeconds: number
  /** HTTP requests sent, the probe's included. */
  readonly requests: number
  /** Requests repeated after a failure. */
  readonly retries: number
  /** Those of them that were taken back because their first byte was overdue. */
  readonly resent: number
  /** Answers 429 and 503. */
  readonly throttled: number
  /** Logins and runs of scripts that gave request headers, the first included. */
  readonly logins: number
  /** Times redirects were followed again since the URL they had led to was no good any more. */
  readonly resolvedAgain: number
  /** Failures of any kind, by code. */
  readonly failures: Readonly<Record<string, number>>
  readonly workers: number
  readonly workerRestarts: number
  /** Connections opened to the origin since start. */
  readonly connectionsOpened: number
  /** Requests in flight now, and most at one time. */
  readonly inFlight: number
  readonly peakInFlight: number
  /** Requests the governor allows now, and its hard ceiling. */
  readonly limit: number
  readonly connectionLimit: number
  /** Requests that were in flight when the origin last refused one as too many; 0 if it never did. */
  readonly acceptedRequests: number
  /**
   * Time during which no further request was sent because the origin had lately refused some as too many, and
   * during which as many were in flight as the ceiling allows, seconds: the mean of all origins.
   */
  readonly refusedSeconds: number
  readonly ceilingSeconds: number
  /** First-byte time of requests, milliseconds; 0 before the first. */
  readonly firstByteP50Ms: number
  readonly firstByteP95Ms: number
  /** Clients connected now, and since start. */
  readonly clients: number
  readonly totalClients: number
  /** Time during which at least one client was connected, seconds. */
  readonly connectedSeconds: number
  /** Ring: slots in all, holding bytes, being filled, pinned by replies. */
  readonly slots: number
  readonly readySlots: number
  readonly fillingSlots: number
  readonly pins: number
  /** Each export by itself, in the order given. */
  readonly exports: readonly ExportStatistics[]
}
