// What is known of an origin from its answers: time to the first byte, rate of one connection.
// Windows and request sizes are computed from these. Pure.

/** Samples kept: enough for a 95th percentile, few enough to follow a change within seconds. */
const SAMPLES = 64
/** Bodies shorter than this say more about buffers than about the wire. */
const MIN_RATE_BYTES = 256 * 1024
/** The longest connection time fades by this with each further connection. */
const CONNECT_DECAY = 0.9
/** First-byte time taken for granted before the first answer: a wide-area round trip. */
const ASSUMED_FIRST_BYTE_MS = 100
/** Rate of one connection before the first measurement, bytes/s: vCenter's usual 20–30 MB/s. */
const ASSUMED_RATE = 25e6

/** The latest samples of one quantity. */
class Samples {
  readonly #values: number[] = []
  #next = 0

  get size(): number {
    return this.#values.length
  }

  add(value: number): void {
    this.#values[this.#next] = value
    this.#next = (this.#next + 1) % SAMPLES
  }

  /** @param share 0 to 1 */
  percentile(share: number, otherwise: number): number {
    if (this.#values.length === 0) return otherwise
    const sorted = this.#values.toSorted((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number
  }
}

/** The greatest goodput counts for this long, milliseconds (BBR keeps ten rounds). */
const GOODPUT_MS = 10_000

/** Estimates for one origin. */
export class Estimator {
  readonly #firstByte = new Samples()
  readonly #rate = new Samples()
  #p50 = ASSUMED_FIRST_BYTE_MS
  #p95 = ASSUMED_FIRST_BYTE_MS
  #ratePerConnection = ASSUMED_RATE
  #connectMs = 0
  /** Where the goodput was looked at last. */
  #goodputBytes = 0
  #goodputFromMs = Number.NaN
  #goodput = 0
  #flowing = false
  #goodputMs = 0

  /** Notes the time from a request sent to its first byte, milliseconds. */
  firstByte(ms: number): void {
    this.#firstByte.add(ms)
    this.#p50 = this.#firstByte.percentile(0.5, ms)
    this.#p95 = this.#firstByte.percentile(0.95, ms)
  }

  /** Notes a body: how many bytes came in how many milliseconds. */
  body(bytes: number, ms: number): void {
    if (bytes < MIN_RATE_BYTES) return
    this.#rate.add((bytes / Math.max(ms, 0.1)) * 1000)
    this.#ratePerConnection = this.#rate.percentile(0.5, ASSUMED_RATE)
  }

  /** Notes how long a connection took to open, TLS included, milliseconds. */
  connected(ms: number): void {
    this.#connectMs = Math.max(ms, this.#connectMs * CONNECT_DECAY)
  }

  /**
   * Notes how many bytes the origin has delivered so far, over all connections.
   *
   * @param wanting a reader waits: otherwise it is not the origin whose pace is seen
   */
  delivered(bytes: number, wanting: boolean, nowMs: number): void {
    const ms = nowMs - this.#goodputFromMs
    const came = bytes - this.#goodputBytes
    // In the first time in which bytes come most of it was spent waiting for them.
    const flowing = this.#flowing
    this.#flowing = came > 0
    if (wanting && flowing && ms > 0) {
      const rate = (came / ms) * 1000
      if (rate > this.#goodput || nowMs - this.#goodputMs > GOODPUT_MS) {
        this.#goodput = rate
        this.#goodputMs = nowMs
      }
    }
    this.#goodputBytes = bytes
    this.#goodputFromMs = nowMs
  }

  /** Greatest rate of all connections together in the last seconds, bytes per second; 0 before the first. */
  get goodput(): number {
    return this.#goodput
  }

  /** Longest of the latest connection times, milliseconds; 0 before the first. */
  get connectMs(): number {
    return this.#connectMs
  }

  /** First-byte times measured, up to the number kept. */
  get answers(): number {
    return this.#firstByte.size
  }

  /** False until a first-byte time was measured. */
  get measured(): boolean {
    return this.#firstByte.size > 0
  }

  /** Median time to the first byte, milliseconds. */
  get firstByteP50Ms(): number {
    return this.#p50
  }

  /** 95th percentile of the time to the first byte, milliseconds. */
  get firstByteP95Ms(): number {
    return this.#p95
  }

  /** Median rate of one connection while its body flows, bytes per second. */
  get ratePerConnection(): number {
    return this.#ratePerConnection
  }

  /** Bytes one connection could have carried during one first-byte time. */
  get delayBytes(): number {
    return (this.#ratePerConnection * this.#p50) / 1000
  }
}
