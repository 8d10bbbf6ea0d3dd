// Counts what was asked of the origins and what came of it, as a whole and by what carried it.

import type { FailureCode } from '../../shared/failure.js'
import type { FetchTimings } from '../../shared/fetch-task.js'
import { Carriers } from './carriers.js'
import { LatencyHistogram } from './latency-histogram.js'

/** Counters of all requests. */
export class FetchMeter {
  requests = 0
  /** Spans begun: each has its number. */
  spans = 0
  retries = 0
  /** Requests taken back and sent again because their first byte was overdue. */
  resent = 0
  fetchedBytes = 0
  connectionsOpened = 0
  readonly failures: Partial<Record<FailureCode, number>> = {}
  /** Times from a request sent to the head of its answer. */
  readonly firstByte = new LatencyHistogram()
  readonly carriers = new Carriers()

  /**
   * Notes what one request brought.
   *
   * @param nowMs monotonic milliseconds
   */
  fetched(timings: FetchTimings, failed: boolean, nowMs: number): void {
    this.fetchedBytes += timings.receivedBytes
    if (timings.newConnection) this.connectionsOpened++
    if (timings.firstByteMs >= 0) this.firstByte.add(timings.firstByteMs)
    this.carriers.ended(timings, failed, nowMs)
  }

  failure(code: FailureCode): void {
    this.failures[code] = (this.failures[code] ?? 0) + 1
  }
}
