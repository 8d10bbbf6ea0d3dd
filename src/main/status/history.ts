// The last minutes of a run, a sample a second, and what is told from them: rates, who limited, how long
// it will take. Keeps as much as is shown and no more. Pure: samples and times come as arguments.

import { type Bottleneck, bottleneck, waitedShare } from './bottleneck.js'
import { type History as Shown, STATUS_BOUNDS } from './snapshot.js'
import type { Statistics } from './statistics.js'

/** Times over which is judged, seconds. */
const LIMITED_BY_SECONDS = 10
const RATE_SECONDS = 5
const REMAINING_SECONDS = 30

interface Sample {
  readonly served: number
  readonly fetched: number
  readonly stall: number
  readonly limit: number
  readonly inFlight: number
  readonly throttled: number
}

/** Told of the statistics once a second. */
export class History {
  readonly #samples: Sample[] = []
  /** Those of the last seconds, the oldest first. */
  readonly #latest: Statistics[] = []
  #endMs = 0

  /** @param timeMs milliseconds since 1970 */
  add(now: Statistics, timeMs: number): void {
    const before = this.#latest.at(-1)
    const seconds = now.uptimeSeconds - (before?.uptimeSeconds ?? 0)
    this.#endMs = timeMs
    this.#latest.push(now)
    if (this.#latest.length > REMAINING_SECONDS + 1) this.#latest.shift()
    if (before === undefined || seconds <= 0) return
    this.#samples.push({
      served: Math.round((now.servedBytes - before.servedBytes) / seconds),
      fetched: Math.round((now.fetchedBytes - before.fetchedBytes) / seconds),
      stall: round3(waitedShare(before, now) ?? 0),
      limit: now.limit,
      inFlight: now.inFlight,
      throttled: now.throttled - before.throttled,
    })
    if (this.#samples.length > STATUS_BOUNDS.samples) this.#samples.shift()
  }

  /** What limited lately. */
  limitedBy(now: Statistics): Bottleneck {
    return bottleneck(this.#ago(LIMITED_BY_SECONDS), now)
  }

  /** Share of the last seconds in which reads waited. */
  stallShare(now: Statistics): number {
    return round3(waitedShare(this.#ago(LIMITED_BY_SECONDS), now) ?? 0)
  }

  /** Bytes per second, lately. */
  rate(now: Statistics): { served: number; fetched: number } {
    const before = this.#ago(RATE_SECONDS)
    const seconds = now.uptimeSeconds - (before?.uptimeSeconds ?? 0)
    if (seconds <= 0) return { served: 0, fetched: 0 }
    return {
      served: Math.round((now.servedBytes - (before?.servedBytes ?? 0)) / seconds),
      fetched: Math.round((now.fetchedBytes - (before?.fetchedBytes ?? 0)) / seconds),
    }
  }

  /** Seconds until every image that is being read is covered; null where nothing tells. */
  remainingSeconds(now: Statistics): number | null {
    const before = this.#ago(REMAINING_SECONDS)
    const seconds = now.uptimeSeconds - (before?.uptimeSeconds ?? 0)
    const rate = (now.coveredBytes - (before?.coveredBytes ?? 0)) / seconds
    const left = now.exports
      .filter(({ reads }) => reads > 0)
      .reduce((sum, one) => sum + one.imageBytes - one.coveredBytes, 0)
    return rate > 0 && seconds > 0 ? Math.round(left / rate) : null
  }

  /** All of it. */
  get shown(): Shown {
    const list = (figure: keyof Sample) => this.#samples.map(sample => sample[figure])
    return {
      intervalSeconds: 1,
      endMs: this.#endMs,
      served: list('served'),
      fetched: list('fetched'),
      stall: list('stall'),
      limit: list('limit'),
      inFlight: list('inFlight'),
      throttled: list('throttled'),
    }
  }

  /** The sample of so many seconds ago, or the oldest there is. */
  #ago(seconds: number): Statistics | undefined {
    return this.#latest.at(-seconds) ?? this.#latest[0]
  }
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000
}
