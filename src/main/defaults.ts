// What an option is when nobody says. Every number that is not obvious carries its reason.

const KIB = 1024
const MIB = 1024 * KIB

/** Values of options that are not given. The worker count depends on the machine: see `defaultWorkers`. */
export const DEFAULTS = {
  /** IANA's port of NBD. */
  port: 10809,
  /** NBD has no login: other machines get in only when asked for. */
  ipaddr: '127.0.0.1',
  /** The default export: what clients ask for when they name none. */
  exportName: '',
  insecure: false,
  /** Seconds. Long enough for three lost SYNs (1 + 2 + 4 s) and a slow TLS handshake. */
  connectTimeout: 30,
  /**
   * Seconds. A busy vCenter thinks for a minute and more before it sends a byte; beyond two,
   * asking again on a new connection is the better bet. A long limit costs little: a straggler
   * that somebody waits for is hedged long before.
   */
  firstByteTimeout: 120,
  /** Seconds without a byte in the middle of a body: a stalled connection, not a thinking server. */
  bodyTimeout: 30,
  /** With delays that double each time this rides out the restart of a server. */
  retries: 8,
  /** Seconds. The retries are over long before, unless each of them waits for a time-out or a Retry-After. */
  retryTime: 600,
  /** A login is begun only where it is asked for. */
  session: 'none',
  /**
   * A ceiling, reached only while more connections bring more bytes. Browsers use 6, nbdkit 16;
   * at 30 MB/s a connection 16 fill a 4 Gbit/s link.
   */
  connections: 16,
  /** No pipelining: one slow answer would hold up those behind it. */
  pipelining: 1,
  /** Bytes. Holds 2 × 16 connections × 8 MiB requests: below that, connections run dry. */
  ringSize: 256 * MIB,
  /** Bytes. nbdcopy reads 256 KiB at a time; smaller blocks only cost bookkeeping. */
  blockSize: 256 * KIB,
  /** Bytes. At 100 ms think time 16 connections of 30 MB/s give 280 MB/s by 4 MiB, 400 by 16 MiB. */
  maxRequest: 16 * MIB,
  readahead: 'auto',
} as const

/**
 * Worker threads unless told otherwise: one a core, up to two, which carry over 1 GB/s. Each further
 * one takes 20 to 25 MiB of memory; TLS on a fast line is what asks for more.
 */
export function defaultWorkers(cores: number): number {
  return Math.max(1, Math.min(2, cores))
}
