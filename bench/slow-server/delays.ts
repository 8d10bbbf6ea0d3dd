// How long a request waits for its first byte. Two kinds: the network's delay, which passes for all requests on the
// wire at the same time, and the server's think time, which passes for one request of a connection after the other.
import type { SeededRandom } from './seeded-random.js'

/** All in milliseconds. */
export interface DelayOptions {
  /** Network latency: from a request's arrival, overlapping with other requests of the connection. Defaults to 0. */
  readonly latencyMs?: number | undefined
  /** Time from a connection's beginning until its first request is let in (TCP and TLS handshakes). Defaults to 0. */
  readonly connectLatencyMs?: number | undefined
  /** Think time: a connection works on one request after the other, each for this long. Defaults to 0. */
  readonly thinkTimeMs?: number | undefined
  /** Mean of an exponentially distributed extra delay. Defaults to 0. */
  readonly jitterMs?: number | undefined
  /** A share of requests (0 to 1) that take `ms` longer. */
  readonly tail?: { readonly share: number; readonly ms: number } | undefined
}

/** One request's delays in milliseconds. */
export interface Delay {
  readonly latency: number
  readonly think: number
}

/**
 * Draws the delays of a request. Jitter and tail are added to the think time if there is one, else to the latency.
 * The same number of random draws is made for every request, so that one option does not shift another's sequence.
 *
 * @param sinceConnectMs - time between the connection's beginning and the request's arrival
 */
export function drawDelay(
  options: DelayOptions,
  sinceConnectMs: number,
  random: SeededRandom,
): Delay {
  const jitter = random.exponential(options.jitterMs ?? 0)
  const inTail = random.next() < (options.tail?.share ?? 0)
  const extra = jitter + (inTail ? (options.tail?.ms ?? 0) : 0)
  const think = options.thinkTimeMs ?? 0
  const connecting = Math.max(0, (options.connectLatencyMs ?? 0) - sinceConnectMs)
  const latency = (options.latencyMs ?? 0) + connecting
  return think > 0 ? { latency, think: think + extra } : { latency: latency + extra, think }
}
