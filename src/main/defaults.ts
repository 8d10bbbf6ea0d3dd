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
  /** More than any conversion opens; each costs some KiB, and what it asks for. */
  maxClients: 1024,
  /** Seconds. Only somebody at a keyboard takes that long. */
  handshakeTimeout: 30,
  /** Seconds. A client whose host has vanished is let go of within minutes, and costs no packets while it reads. */
  clientKeepalive: 60,
  /** Seconds. A read that takes longer waits for an origin that may never answer. */
  drainTimeout: 10,
  insecure: false,
  /** Seconds. Firewalls and load balancers forget idle connections after a few minutes. */
  tcpKeepalive: 60,
  /** As many as browsers and curl follow before they take the server to go round in circles. */
  maxRedirects: 20,
  /** Seconds. Long enough for three lost SYNs (1 + 2 + 4 s) and a slow TLS handshake. */
  connectTimeout: 30,
  /**
   * Seconds. A busy vCenter thinks for a minute and more before it sends a byte. A request that was lost
   * is found out after two; one that is only slow is asked for again with twice the limit, up to
   * 32 minutes, which covers the 2000 s that virt-v2v allows it.
   */
  firstByteTimeout: 120,
  /** Seconds without a byte in the middle of a body: a stalled connection, not a thinking server. */
  bodyTimeout: 30,
  /** With delays that double each time this rides out the restart of a server. */
  retries: 8,
  /**
   * Seconds. The retries are over long before, unless each of them waits for a time-out or a Retry-After: time for five
   * requests whose limit for the first byte doubles.
   */
  retryTime: 3600,
  /** A login is begun only where it is asked for. */
  session: 'none',
  /** Seconds: what a script printed is good until the server refuses it. */
  scriptRenew: 0,
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
  /**
   * Bytes. At 100 ms think time 16 connections of 30 MB/s give 280 MB/s by 4 MiB, 400 by 16 MiB; where a server
   * takes 8, 24 MiB give 4 % more than 16 (docs/engine.md).
   */
  maxRequest: 24 * MIB,
  readahead: 'auto',
  /** Bytes that `probe` reads: seconds on a slow server, and enough to compare 16 connections with 8. */
  budget: 64 * MIB,
  /** Costs a comparison a read, and a few requests where it is mistaken. */
  formatHint: 'auto',
} as const

/**
 * Worker threads unless told otherwise: one a core, up to two, which carry over 1 GB/s. Each further
 * one takes 20 to 25 MiB of memory; TLS on a fast line is what asks for more.
 */
export function defaultWorkers(cores: number): number {
  return Math.max(1, Math.min(2, cores))
}
