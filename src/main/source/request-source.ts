// Where an export's requests go and what they carry, as seen by whoever sends them: it may be renewed at any time.

import type { Failure } from '../../shared/failure.js'
import type { SourceRequest } from '../../shared/fetch-task.js'

/** What requests are made from. Times are monotonic milliseconds. */
export interface RequestSource {
  /** For the next request. A renewal puts another object in its place. */
  readonly request: SourceRequest
  /** False while it is being renewed: nothing may be sent. Begins a renewal whose time has come. */
  isReady(nowMs: number): boolean
  /**
   * Judges the failure of a request made from `used`.
   *
   * @returns 'again' if the request is to be sent again as soon as this is ready; a failure if a renewal has failed and no
   *   other is due yet; undefined if a renewal would not help
   */
  objected(used: SourceRequest, failure: Failure, nowMs: number): 'again' | Failure | undefined
  /** A request made from `used` was answered rightly. */
  worked(used: SourceRequest): void
  /** Is called when a renewal has ended; with its failure if what waits for it must fail. */
  onRenewed: (failure?: Failure) => void
}

/** One that stays as it is. */
export function fixedSource(request: SourceRequest): RequestSource {
  return {
    request,
    isReady: () => true,
    objected: () => undefined,
    worked: () => {},
    onRenewed: () => {},
  }
}
