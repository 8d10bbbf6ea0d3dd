// What `serve()` hands out: a running server. Types only, so that the command line can be written
// and tested without the engine.

import type { ServerOptions } from './options.js'
import type { Statistics } from './status/statistics.js'

/** One export of a running server. */
export interface ServedExport {
  /** What clients ask for; '' is the default export. */
  readonly name: string
  readonly uri: string
  /** Size of the image, bytes. */
  readonly size: number
}

/** A running NBD server. */
export interface Server extends AsyncDisposable {
  /** Of the first export: `nbd+unix:///NAME?socket=PATH` or `nbd://HOST:PORT/NAME`: what clients are given; `nbds` where TLS is required. */
  readonly uri: string
  /** Path of the Unix socket, or undefined on TCP. */
  readonly unixSocket: string | undefined
  /** TCP port, or undefined on a Unix socket. */
  readonly port: number | undefined
  /** Where the status page is: 'http://HOST:PORT/'; undefined without the option `status`. */
  readonly statusUrl: string | undefined
  /** Name of the export, of the first where there are several; '' is the default export. */
  readonly exportName: string
  /** Size of the image, or of all images together, bytes. */
  readonly size: number
  /** All exports, in the order given. */
  readonly exports: readonly ServedExport[]
  /** Counters and gauges as of now; after `close()` the counters are final. */
  statistics(): Statistics
  /**
   * Cookies kept so far as the text of a cookie file; undefined if none are kept (see `cookies` of the
   * options). Secret: never log.
   */
  cookieFile(): string | undefined
  /** Stops accepting, lets running reads finish for at most drainMs (default: the option `drainTimeout`), then closes everything. Idempotent. */
  close(options?: { drainMs?: number }): Promise<void>
}

/** Starts a server; resolves once clients can connect. */
export type Serve = (options: ServerOptions) => Promise<Server>
