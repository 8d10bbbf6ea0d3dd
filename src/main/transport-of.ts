// From checked options to what workers are told of the way to origins.

import type { Transport } from '../shared/transport.js'
import type { ResolvedOptions } from './options.js'

/** The transport of a server with these options. Holds secrets: never log. */
export function transportOf(options: ResolvedOptions): Transport {
  return {
    ...options.network,
    connectTimeoutMs: options.connectTimeoutMs,
    firstByteTimeoutMs: options.firstByteTimeoutMs,
    bodyTimeoutMs: options.bodyTimeoutMs,
    pipelining: options.pipelining,
    connectionsPerWorker: Math.ceil(options.connections / options.workers),
  }
}
