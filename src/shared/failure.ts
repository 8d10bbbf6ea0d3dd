// A failed fetch as plain data: class instances lose name, code and fields on their way out of a
// worker thread, so this is what crosses instead of an Error. Codes name the cause; what to do
// about one (retry, log in again, give up) is decided on the main thread only.

/** Why a request to the origin failed. */
export type FailureCode =
  /** Name resolution, TCP or proxy connection failed. */
  | 'connect'
  /** The proxy refused to pass the request on; see `status`. */
  | 'proxy'
  /** The TLS handshake or certificate check failed. */
  | 'tls'
  /** No connection within the limit. */
  | 'connect-timeout'
  /** Connected and asked, no response headers within the limit. */
  | 'first-byte-timeout'
  /** The body stopped arriving for longer than the limit. */
  | 'body-timeout'
  /** The connection broke; `fresh: false` if it had carried earlier requests. */
  | 'reset'
  /** The body ended before it was whole. */
  | 'short-body'
  /** The server's bytes were not HTTP, or its framing was broken. */
  | 'protocol'
  /** An HTTP status other than the one needed; see `status`. */
  | 'status'
  /** A redirect answered a request whose redirects had been resolved before; see `location`. */
  | 'redirect'
  /** 200 with the whole file where a range was asked. */
  | 'range-ignored'
  /** 206, but not exactly the range asked (start, end, length, missing header, multipart). */
  | 'wrong-range'
  /** The body is encoded (gzip, …): its bytes are not the image's. */
  | 'encoded'
  /** ETag, Last-Modified or total size differ from the pinned version, or 412. */
  | 'source-changed'
  /** What was to give credentials - a login, a script - failed. */
  | 'session'
  /** A file can't be downloaded as a whole: no room, or nothing tells where it ends. */
  | 'spool'
  /** The owner of the span asked the worker to let go. */
  | 'cancelled'
  /** The worker thread ended before the task did. */
  | 'worker-died'
  /** A defect of this program; the message says where. */
  | 'internal'

/** Plain, cloneable description of a failure. Never contains credentials. */
export interface Failure {
  readonly code: FailureCode
  /** One line, no final period: what was the case, without URL or secrets. In a worker, `quoted()` text may hold both. */
  readonly message: string
  /** HTTP status, where one was received. */
  readonly status?: number
  /** `Retry-After` as milliseconds from the response's arrival, where sent. */
  readonly retryAfterMs?: number
  /** `Location` of a redirect. */
  readonly location?: string
  /** True if a certificate was not accepted, the server's or ours: another attempt ends alike. */
  readonly certificate?: true
  /** True if the server calls what it sent a web page: that of a login, perhaps. */
  readonly webPage?: true
  /** True if a server of TLS, asked in the clear, may have answered so. */
  readonly maybeTls?: true
  /** False if the connection had carried an earlier request: a reset may be just its idle end. */
  readonly freshConnection?: boolean
}
