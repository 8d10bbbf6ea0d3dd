// What a client may take up of the server, with the reason for each default, and what is counted of
// all clients together.

/** What one client may take up. */
export interface SessionLimits {
  /** Requests whose replies have not left; beyond it the socket is not read. At least 1. */
  readonly maxRequests: number
  /**
   * Bytes of reads that were started and have not been sent; beyond it reads wait to be started. A
   * read larger than this is started when no other is under way. At least 1.
   */
  readonly maxOwedBytes: number
  /** From connecting to the chosen export, milliseconds. */
  readonly handshakeTimeoutMs: number
  /** Idle time before TCP asks whether the client still lives, milliseconds; 0 never asks. */
  readonly keepaliveMs: number
  /** Time in which a client must take 64 KiB of what it is owed, or all of it, milliseconds. */
  readonly writeTimeoutMs: number
  /**
   * The same, after which a client only loses what it holds: reads whose replies have not begun to
   * leave give back their memory and are started again when the client goes on. Milliseconds.
   */
  readonly parkAfterMs: number
}

export const SESSION_LIMITS: SessionLimits = {
  // Four times the deepest queue seen of a real client (nbdcopy: 64 requests a connection).
  maxRequests: 256,
  // qemu-img's deepest: 16 reads of 2 MiB.
  maxOwedBytes: 32 * 1024 * 1024,
  handshakeTimeoutMs: 30_000,
  keepaliveMs: 60_000,
  // A virtual machine that is being saved or moved stops for seconds, and goes on.
  writeTimeoutMs: 60_000,
  parkAfterMs: 1000,
}

/** Counted over all connections of a server. */
export interface SessionCounters {
  /** Bytes of image data that have left. */
  servedBytes: number
  /** Reads answered in full. */
  reads: number
  failedReads: number
}
