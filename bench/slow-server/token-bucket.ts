// Bandwidth: when may the next bytes go out. Pure arithmetic on times the caller gives (milliseconds of a monotonic
// clock). Bytes are paid for before they are sent, so a body of N bytes takes N / rate, the first slice included.

/** How far behind its schedule a bucket may catch up: covers late timers, not a reader that stopped reading. */
const SLACK_MS = 50

/** A rate limit shared by whoever reserves from it; reservations are served in the order they are made. */
export class TokenBucket {
  #rate: number
  #paidUntil = Number.NEGATIVE_INFINITY

  /** @param bytesPerSecond - above 0; Infinity for no limit */
  constructor(bytesPerSecond: number) {
    this.#rate = bytesPerSecond
  }

  /** Bytes per second. */
  get rate(): number {
    return this.#rate
  }

  /** Holds from the next reservation on. */
  set rate(bytesPerSecond: number) {
    this.#rate = bytesPerSecond
  }

  /** Call when traffic begins after a pause: time that passed unused earns nothing. */
  begin(now: number): void {
    this.#paidUntil = Math.max(this.#paidUntil, now)
  }

  /** Takes `bytes` and returns when they may be sent: `now` or later. */
  reserve(bytes: number, now: number): number {
    if (this.#rate === Number.POSITIVE_INFINITY) return now
    this.#paidUntil = Math.max(this.#paidUntil, now - SLACK_MS) + (bytes / this.#rate) * 1000
    return Math.max(now, this.#paidUntil)
  }
}

/** A slice is what goes out in this time: short enough to look like a stream, long enough for timers. */
const SLICE_MS = 5
const MIN_SLICE = 1024
const MAX_SLICE = 256 * 1024
const FIRST_SLICE = 4096

/** The bandwidth of one response: its connection's and what all connections share. */
export class Pacer {
  readonly #buckets: readonly TokenBucket[]
  readonly #sharers: () => number
  #ramp = FIRST_SLICE

  /**
   * @param own - the limits of this connection or response
   * @param shared - the limit of all connections together
   * @param sharers - how many responses share it now
   */
  constructor(own: readonly TokenBucket[], shared: TokenBucket, sharers: () => number) {
    this.#buckets = [...own, shared]
    this.#sharers = sharers
  }

  /** Call once, before the body's first slice. */
  begin(now: number): void {
    for (const bucket of this.#buckets.slice(0, -1)) bucket.begin(now)
    if (this.#sharers() <= 1) this.#buckets.at(-1)?.begin(now)
  }

  /** Bytes to send next, at most: Infinity when nothing is limited. Starts small, so the first bytes come early. */
  slice(): number {
    let rate = Number.POSITIVE_INFINITY
    for (const [i, bucket] of this.#buckets.entries()) {
      const share = i === this.#buckets.length - 1 ? Math.max(1, this.#sharers()) : 1
      rate = Math.min(rate, bucket.rate / share)
    }
    if (rate === Number.POSITIVE_INFINITY) return rate
    const steady = Math.floor((rate * SLICE_MS) / 1000)
    const slice = Math.max(MIN_SLICE, Math.min(steady, MAX_SLICE, this.#ramp))
    this.#ramp *= 2
    return slice
  }

  /** Takes `bytes` and returns when they may be sent. */
  reserve(bytes: number, now: number): number {
    let at = now
    for (const bucket of this.#buckets) at = Math.max(at, bucket.reserve(bytes, now))
    return at
  }
}
