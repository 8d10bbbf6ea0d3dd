// What `serve()` hands out: a running server. Types only, so that the command line can be written
// and tested without the engine.

import type { ServerOptions } from './options.js'
import type { Statistics } from './status/statistics.js'

/** A running NBD server. */
export interface Server extends AsyncDisposable {
  /** `nbd+unix:///NAME?socket=PATH` or `nbd://HOST:PORT/NAME`: what clients are given; `nbds` where TLS is required. */
  readonly uri: string
  /** Path of the Unix socket, or undefined on TCP. */
  readonly unixSocket: string | undefined
  /** TCP port, or undefined on a Unix socket. */
  readonly port: number | undefined
  /** Name of the export; '' is the default export. */
  readonly exportName: string
  /** Size of the image, bytes. */
  readonly size: number
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
