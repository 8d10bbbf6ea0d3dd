// Counts what readers got and how long they waited for it. Stall time runs while at least one read
// waits for bytes: the number the whole program exists to bring to zero.

/** Counters of one export's reads. Times are monotonic milliseconds. */
export class ReadMeter {
  reads = 0
  failedReads = 0
  /** Reads in progress. */
  running = 0
  servedBytes = 0
  hitBytes = 0
  #stallMs = 0
  #waiting = 0
  #sinceMs = 0

  started(): void {
    this.reads++
    this.running++
  }

  finished(): void {
    this.running--
  }

  failed(): void {
    this.failedReads++
  }

  /** Bytes handed to a client. */
  served(bytes: number): void {
    this.servedBytes += bytes
  }

  /** Bytes that were in the ring when they were asked for. */
  hit(bytes: number): void {
    this.hitBytes += bytes
  }

  /** A read begins to wait. */
  stalled(nowMs: number): void {
    if (this.#waiting++ === 0) this.#sinceMs = nowMs
  }

  /** A read that waited is over. */
  resumed(nowMs: number): void {
    if (--this.#waiting === 0) this.#stallMs += nowMs - this.#sinceMs
  }

  /** Time during which at least one read waited, milliseconds. */
  stallMs(nowMs: number): number {
    return this.#stallMs + (this.#waiting > 0 ? nowMs - this.#sinceMs : 0)
  }
}
