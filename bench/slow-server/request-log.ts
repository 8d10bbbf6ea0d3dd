// What the slow server saw: one entry a request, bounded, and counters. Plain data: it crosses process borders.

/** One request. Times are milliseconds since the server started, of a monotonic clock. */
export interface LogEntry {
  /** Server-wide number, from 1, in the order of arrival. */
  readonly n: number
  /** The connection's number, from 1. */
  readonly connection: number
  readonly method: string
  /** Raw path with query. */
  readonly path: string
  /** The Range header. */
  readonly range: string | undefined
  /** Request headers that matter to tests (Host, validators, credentials, Accept-Encoding, User-Agent). */
  readonly headers: Readonly<Record<string, string>>
  /** The request's arrival. */
  readonly startMs: number
  /** 0 until an answer's head is written. */
  status: number
  /** When the head was written; undefined if it never was. */
  firstByteMs: number | undefined
  /** When the last byte was handed to the network, or the connection ended; undefined while in progress. */
  endMs: number | undefined
  /** Body bytes handed to the network. */
  bytesSent: number
  /** The fault that struck. */
  fault: string | undefined
  /** Requests in progress when this one's turn came, itself included. */
  concurrency: number
}

/** Counters since the start. */
export interface ServerStatistics {
  requests: number
  /** Requests in progress now; those pipelined behind another do not count before their turn. */
  concurrent: number
  maxConcurrent: number
  openConnections: number
  maxOpenConnections: number
  connectionsAccepted: number
  /** Body bytes handed to the network. */
  bytesSent: number
  /** Answers by status. */
  byStatus: Record<string, number>
  /** Faults that struck, by kind. */
  byFault: Record<string, number>
}

const LOGGED_HEADERS = [
  'host',
  'range',
  'if-match',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'if-modified-since',
  'accept-encoding',
  'authorization',
  'cookie',
  'user-agent',
  'connection',
]

/** The log and the counters of one server. */
export class RequestLog {
  readonly #limit: number
  readonly #entries: LogEntry[] = []
  readonly statistics: ServerStatistics = {
    requests: 0,
    concurrent: 0,
    maxConcurrent: 0,
    openConnections: 0,
    maxOpenConnections: 0,
    connectionsAccepted: 0,
    bytesSent: 0,
    byStatus: {},
    byFault: {},
  }

  /** @param limit - entries kept; the oldest go first */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The entries kept, oldest first. Those of requests in progress still change. */
  get entries(): readonly LogEntry[] {
    return this.#entries
  }

  /** Forgets the entries, not the counters. */
  clear(): void {
    this.#entries.length = 0
  }

  /** A new connection's number. */
  connected(): number {
    const { statistics } = this
    statistics.openConnections++
    statistics.maxOpenConnections = Math.max(
      statistics.maxOpenConnections,
      statistics.openConnections,
    )
    return ++statistics.connectionsAccepted
  }

  /** A connection is gone. */
  disconnected(): void {
    this.statistics.openConnections--
  }

  /** A request has arrived. */
  arrived(
    connection: number,
    request: {
      readonly method: string
      readonly path: string
      readonly query: string
      readonly headers: Readonly<Record<string, string | undefined>>
    },
    startMs: number,
  ): LogEntry {
    const headers: Record<string, string> = {}
    for (const name of LOGGED_HEADERS) {
      const value = request.headers[name]
      if (value !== undefined) headers[name] = value
    }
    const { range } = request.headers
    const entry: LogEntry = {
      n: ++this.statistics.requests,
      connection,
      method: request.method,
      path: request.query === '' ? request.path : `${request.path}?${request.query}`,
      range,
      headers,
      startMs,
      status: 0,
      firstByteMs: undefined,
      endMs: undefined,
      bytesSent: 0,
      fault: undefined,
      concurrency: 0,
    }
    this.#entries.push(entry)
    if (this.#entries.length > this.#limit) this.#entries.shift()
    return entry
  }

  /** The request's turn has come. */
  begun(entry: LogEntry): void {
    const { statistics } = this
    entry.concurrency = ++statistics.concurrent
    statistics.maxConcurrent = Math.max(statistics.maxConcurrent, statistics.concurrent)
  }

  /** A fault strikes the request. */
  struck(entry: LogEntry, kind: string): void {
    entry.fault = kind
    this.statistics.byFault[kind] = (this.statistics.byFault[kind] ?? 0) + 1
  }

  /** The head is written. */
  answered(entry: LogEntry, status: number, nowMs: number): void {
    entry.status = status
    entry.firstByteMs = nowMs
    this.statistics.byStatus[status] = (this.statistics.byStatus[status] ?? 0) + 1
  }

  /** Body bytes are handed to the network. */
  sent(entry: LogEntry, bytes: number): void {
    entry.bytesSent += bytes
    this.statistics.bytesSent += bytes
  }

  /** The request is done with, one way or another. */
  ended(entry: LogEntry, nowMs: number): void {
    entry.endMs = nowMs
    this.statistics.concurrent--
  }
}
