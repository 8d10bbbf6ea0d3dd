// How far a run is, how fast it goes and when it will be over, from statistics taken again and again.
// Pure: time is that of the statistics.

import { type Bottleneck, bottleneck, waitedShare } from './bottleneck.js'
import type { Statistics } from './statistics.js'

/** "Now" is so long, seconds: shorter, and a client that writes in bursts makes the rate jump. */
const NOW_SECONDS = 5
/** The rate that the time left is told by is the mean of so long, seconds. */
const LEFT_SECONDS = 30

/** One moment of a run. What it says is documented in docs/progress.md and docs/progress.schema.json. */
export interface Progress {
  readonly uptimeSeconds: number
  readonly exports: number
  readonly imageBytes: number
  readonly coveredBytes: number
  /** coveredBytes / imageBytes: 0 to 1. */
  readonly share: number
  readonly servedBytes: number
  readonly fetchedBytes: number
  /** Served a second: now, and of the whole run as far as something was asked. */
  readonly bytesPerSecond: number
  readonly meanBytesPerSecond: number
  /** Until all is served, at the rate of late; null while that is not known. */
  readonly secondsLeft: number | null
  readonly inFlight: number
  readonly limit: number
  /** Share of the time in which reads waited of late: 0 to 1. */
  readonly stallShare: number
  readonly bottleneck: Bottleneck
  readonly clients: number
  readonly throttled: number
  readonly failedReads: number
}

/** Keeps as many samples as it needs: one a second makes half a minute of them. */
export class ProgressMeter {
  #samples: Statistics[] = []
  /** Time in which somebody read, seconds. */
  #activeSeconds = 0

  /** What there is to say with the newest figures. */
  take(now: Statistics): Progress {
    const last = this.#samples.at(-1)
    const elapsed = now.uptimeSeconds - (last?.uptimeSeconds ?? 0)
    if (now.servedBytes > (last?.servedBytes ?? 0) || bottleneck(last, now) !== 'idle') {
      this.#activeSeconds += elapsed
    }
    this.#samples.push(now)
    // One of that age or older is kept, so that the time is covered.
    while (
      (this.#samples[1]?.uptimeSeconds ?? now.uptimeSeconds) <=
      now.uptimeSeconds - LEFT_SECONDS
    ) {
      this.#samples.shift()
    }
    const before = this.#before(now, NOW_SECONDS)
    const { imageBytes, coveredBytes } = now
    return {
      uptimeSeconds: now.uptimeSeconds,
      exports: now.exports.length,
      imageBytes,
      coveredBytes,
      share: imageBytes === 0 ? 1 : coveredBytes / imageBytes,
      servedBytes: now.servedBytes,
      fetchedBytes: now.fetchedBytes,
      bytesPerSecond: rate(before, now, 'servedBytes'),
      meanBytesPerSecond: this.#activeSeconds === 0 ? 0 : now.servedBytes / this.#activeSeconds,
      secondsLeft: this.#secondsLeft(now),
      inFlight: now.inFlight,
      limit: now.limit,
      stallShare: waitedShare(before, now) ?? 0,
      bottleneck: bottleneck(before, now),
      clients: now.clients,
      throttled: now.throttled,
      failedReads: now.failedReads,
    }
  }

  /** The newest sample that is at least so old; the oldest if none is; undefined stands for the start. */
  #before(now: Statistics, seconds: number): Statistics | undefined {
    const old = this.#samples.filter(one => one.uptimeSeconds <= now.uptimeSeconds - seconds)
    return old.at(-1) ?? (this.#samples.length > 1 ? this.#samples[0] : undefined)
  }

  #secondsLeft(now: Statistics): number | null {
    const left = now.imageBytes - now.coveredBytes
    if (left === 0) return 0
    const pace = rate(this.#before(now, LEFT_SECONDS), now, 'coveredBytes')
    return pace > 0 ? left / pace : null
  }
}

function rate(
  before: Statistics | undefined,
  now: Statistics,
  what: 'servedBytes' | 'coveredBytes',
): number {
  const seconds = now.uptimeSeconds - (before?.uptimeSeconds ?? 0)
  return seconds > 0 ? (now[what] - (before?.[what] ?? 0)) / seconds : 0
}
