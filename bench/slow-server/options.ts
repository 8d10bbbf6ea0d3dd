// Every option of the slow server, with defaults. All but functions and image objects are plain data, so that a
// server in a process of its own takes the same.
import { createHash } from 'node:crypto'
import type { AccessOptions, SigningOptions } from './access.js'
import type { ConcurrencyLimit } from './admission.js'
import type { DelayOptions } from './delays.js'
import type { FaultRule } from './faults.js'
import { FileImage } from './file-image.js'
import { GeneratedImage, type GeneratedImageOptions, type Image } from './image.js'

/** An image, or how to make one. */
export type ImageSource = Image | GeneratedImageOptions | { readonly file: string }

/** PEM texts of a server's certificate; `ca` is what a client has to trust. */
export interface Certificate {
  readonly key: string
  readonly cert: string
  readonly ca: string
}

/** Requests that are sent elsewhere. Paths below `/redirect/` always are. */
export interface RedirectOptions {
  /** Requests for the image itself, too. Defaults to false. */
  readonly all?: boolean | undefined
  /** Defaults to 302. */
  readonly status?: 301 | 302 | 303 | 307 | 308 | undefined
  /** `http://host:port` of the target. Defaults to this server. */
  readonly origin?: string | undefined
  /** The target is a signed URL that expires. */
  readonly signed?: SigningOptions | undefined
}

/** What may be changed while the server runs. */
export interface ServingOptions extends DelayOptions, AccessOptions {
  readonly image: ImageSource
  /** Bytes per second of each connection. Defaults to no limit. */
  readonly bandwidth?: number | undefined
  /** Bytes per second of all connections together. Defaults to no limit. */
  readonly totalBandwidth?: number | undefined
  /** Limit of requests worked on at the same time. Defaults to none. */
  readonly concurrency?: ConcurrencyLimit | undefined
  /** Requests after which a connection is closed with `Connection: close`. Defaults to no limit. */
  readonly requestsPerConnection?: number | undefined
  /** Milliseconds after which an idle connection is closed. Defaults to never. */
  readonly idleTimeoutMs?: number | undefined
  /** False: Range is ignored and the whole image sent. Defaults to true. */
  readonly ranges?: boolean | undefined
  /** False: ranges are served but not advertised. Defaults to true. */
  readonly acceptRanges?: boolean | undefined
  /** False or a status: HEAD is refused (405 for false). Defaults to true. */
  readonly head?: boolean | number | undefined
  /** `strong` (the default) and `weak` follow the content; `none`; anything else is sent as it is, quotes included. */
  readonly etag?: string | undefined
  /** An HTTP or ISO date, or null for none. Defaults to a fixed date. */
  readonly lastModified?: string | null | undefined
  /** Raw query a request must have; another one gets a 500, as vCenter gives. Defaults to any. */
  readonly query?: string | undefined
  readonly faults?: readonly FaultRule[] | undefined
  readonly redirect?: RedirectOptions | undefined
}

/** Options of a server. */
export interface SlowServerOptions extends ServingOptions {
  /** The path it is served under, without the leading slash; may contain slashes. Defaults to `disk.img`. */
  readonly name?: string | undefined
  /** Address to listen on. Defaults to 127.0.0.1. */
  readonly host?: string | undefined
  /** 0 (the default) takes a free one. */
  readonly port?: number | undefined
  /** True for https with a certificate made at start, or a certificate. Defaults to false. */
  readonly tls?: boolean | Certificate | undefined
  /** Of jitter, tails and faults. Defaults to 1. */
  readonly seed?: number | undefined
  /** Requests kept in the log. Defaults to 10,000. */
  readonly logLimit?: number | undefined
  /** How much of the image stays in memory once it was read. Defaults to 256 MiB. */
  readonly cacheBytes?: number | undefined
}

const DEFAULT_LAST_MODIFIED = 'Mon, 01 Jan 2024 00:00:00 GMT'

/** The image of an option. @throws what opening a file or a bad size throws */
export function openImage(source: ImageSource): Image {
  if ('read' in source) return source
  return 'file' in source ? new FileImage(source.file) : new GeneratedImage(source)
}

/** The ETag that the options give to an image. */
export function etagOf(options: ServingOptions, image: Image): string | undefined {
  const { etag = 'strong' } = options
  if (etag === 'none') return undefined
  if (etag !== 'strong' && etag !== 'weak') return etag
  const opaque = createHash('sha256').update(image.identity).digest('hex').slice(0, 16)
  return etag === 'weak' ? `W/"${opaque}"` : `"${opaque}"`
}

/** The modification time that the options give. */
export function lastModifiedOf({
  lastModified = DEFAULT_LAST_MODIFIED,
}: ServingOptions): Date | undefined {
  return lastModified === null ? undefined : new Date(lastModified)
}

/** @throws RangeError or TypeError for options that cannot be meant */
export function checkOptions(options: SlowServerOptions): void {
  const refuse = (what: string): never => {
    throw new RangeError(`Cannot start the slow server: ${what}`)
  }
  for (const name of ['latencyMs', 'connectLatencyMs', 'thinkTimeMs', 'jitterMs'] as const) {
    const value = options[name] ?? 0
    if (!(value >= 0 && value < 2 ** 31))
      refuse(`'${name}' must be milliseconds: received ${value}`)
  }
  for (const name of ['bandwidth', 'totalBandwidth'] as const) {
    const value = options[name] ?? Infinity
    if (!(value > 0)) refuse(`'${name}' must be above 0 bytes per second: received ${value}`)
  }
  const counts = {
    'concurrency.max': options.concurrency?.max,
    requestsPerConnection: options.requestsPerConnection,
    logLimit: options.logLimit,
  }
  for (const [name, value = 1] of Object.entries(counts)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      refuse(`'${name}' must be a positive integer: received ${value}`)
    }
  }
  if (!(Date.parse(options.lastModified ?? DEFAULT_LAST_MODIFIED) >= 0)) {
    refuse(`'lastModified' must be a date: received ${options.lastModified}`)
  }
  if (options.session !== undefined && options.auth === undefined) {
    throw new TypeError("Cannot start the slow server: 'session' needs 'auth'")
  }
}
