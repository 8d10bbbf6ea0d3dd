// The limit of requests that are worked on at the same time: those beyond it are refused, or wait in line.

/** What happens to requests beyond the limit. */
export interface ConcurrencyLimit {
  /** Requests worked on at the same time, 1 or more. A connection has one request in work at most. */
  readonly max: number
  /** `reject` (the default) answers `status`; `queue` lets them wait, first come first served. */
  readonly beyond?: 'reject' | 'queue' | undefined
  /** Defaults to 503. */
  readonly status?: number | undefined
  /** `Retry-After` of the refusal, in seconds; left out if undefined. */
  readonly retryAfter?: number | undefined
}

/** Counts who is in. */
export class Admission {
  #limit: ConcurrencyLimit | undefined
  #inside = 0
  readonly #line: (() => void)[] = []

  constructor(limit: ConcurrencyLimit | undefined) {
    this.#limit = limit
  }

  /** Changes the limit; those inside stay, those in line come in if it allows them to. */
  set limit(limit: ConcurrencyLimit | undefined) {
    this.#limit = limit
    this.#letIn()
  }

  /** Resolves to true when the request may be worked on (`leave()` must follow), to false if it is refused. */
  async enter(): Promise<boolean> {
    if (this.#hasRoom()) {
      this.#inside++
      return true
    }
    if (this.#limit?.beyond !== 'queue') return false
    await new Promise<void>(resolve => this.#line.push(resolve))
    return true
  }

  /** A request that was let in is done. */
  leave(): void {
    this.#inside--
    this.#letIn()
  }

  #hasRoom(): boolean {
    return this.#inside < (this.#limit?.max ?? Infinity)
  }

  #letIn(): void {
    while (this.#line.length > 0 && this.#hasRoom()) {
      this.#inside++
      this.#line.shift()?.()
    }
  }
}
