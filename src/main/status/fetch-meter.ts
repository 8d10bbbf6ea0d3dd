// Counts what was asked of the origin and what came of it.

import type { FailureCode } from '../../shared/failure.js'
import type { FetchTimings } from '../../shared/fetch-task.js'

/** Counters of one origin's requests. */
export class FetchMeter {
  requests = 0
  retries = 0
  /** Requests taken back and sent again because their first byte was overdue. */
  resent = 0
  fetchedBytes = 0
  connectionsOpened = 0
  readonly failures: Partial<Record<FailureCode, number>> = {}

  /** Notes what one request brought. */
  fetched(timings: FetchTimings): void {
    this.fetchedBytes += timings.receivedBytes
    if (timings.newConnection) this.connectionsOpened++
  }

  failure(code: FailureCode): void {
    this.failures[code] = (this.failures[code] ?? 0) + 1
  }
}
