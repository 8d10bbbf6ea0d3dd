// How long something was in which state, told of every change. Pure: time comes as an argument.

/** Times spent in each state. Times are monotonic milliseconds. */
export class StateTimes<State extends string> {
  readonly #times = new Map<State, number>()
  #state: State | undefined
  #sinceMs = 0

  /** From now on this is the state; undefined is none that is counted. */
  enter(state: State | undefined, nowMs: number): void {
    if (state === this.#state) return
    if (this.#state !== undefined) this.#times.set(this.#state, this.ms(this.#state, nowMs))
    this.#state = state
    this.#sinceMs = nowMs
  }

  /** Time spent in a state so far, milliseconds. */
  ms(state: State, nowMs: number): number {
    return (this.#times.get(state) ?? 0) + (state === this.#state ? nowMs - this.#sinceMs : 0)
  }
}
