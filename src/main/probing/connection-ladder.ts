// Which number of connections is tried next, and when to stop: as soon as more of them bring no more
// bytes, or the server refuses. Whatever speaks against more is looked at twice. Pure.

/** More connections must bring so many times as much as the best before to be worth it. */
const LEAST_GAIN = 1.1

/** A rate is believed if its bodies took so long, milliseconds: below, it is chance that is measured. */
export const LEAST_BODY_MS = 20

/** What a round of so many connections gave. */
export interface Round {
  readonly connections: number
  /** Requests answered 429 or 503, of those sent together. */
  readonly refused: number
  /** Requests answered as asked, of those sent together. */
  readonly accepted: number
  /** All connections together while their bodies flow, bytes per second; 0 if none was accepted. */
  readonly bytesPerSecond: number
  /** How long that was, milliseconds: the shorter, the less the rate means. */
  readonly bodyMs: number
  /** Median time to the first byte while so many requests were waiting, milliseconds; 0 if none came. */
  readonly firstByteMs: number
}

/** Why no more connections were tried. */
export type LadderEnd =
  /** All were tried that were allowed. */
  | 'top'
  /** More brought no more. */
  | 'no gain'
  /** The server answered 429 or 503. */
  | 'refused'

/** Climbs from one connection up. */
export class ConnectionLadder {
  readonly #rounds: readonly number[]
  readonly #measured = new Map<number, Round>()
  #next: number | undefined
  #end: LadderEnd = 'top'
  /** A level between two rounds is tried after a refusal: it is the last. */
  #confirming = false
  #again = false

  /** @param rounds numbers of connections, rising */
  constructor(rounds: readonly number[]) {
    this.#rounds = rounds
    this.#next = rounds[0]
  }

  /** Connections to try now; undefined at the end. */
  get next(): number | undefined {
    return this.#next
  }

  /** True if the server refused just before: it is to be left alone for a moment. */
  get afterRefusal(): boolean {
    return this.#confirming
  }

  /** Why it ended. */
  get end(): LadderEnd {
    return this.#end
  }

  /** The rounds so far by connections, the better of two. */
  get rounds(): readonly Round[] {
    return [...this.#measured.values()].sort((a, b) => a.connections - b.connections)
  }

  /** Takes in the round that was asked for. */
  record(round: Round): void {
    const { connections, refused, accepted, bytesPerSecond, bodyMs } = round
    const last = this.#measured.get(connections)
    const fewer = this.rounds.filter(other => other.connections < connections)
    const before = bestRate(fewer.filter(other => other.bodyMs >= LEAST_BODY_MS))
    const steady = this.#accepted
    const keeps = last === undefined || round.refused > 0 || bytesPerSecond > last.bytesPerSecond
    if (keeps) this.#measured.set(connections, round)
    if (refused > 0) {
      this.#end = 'refused'
      const between = accepted > steady && accepted < connections && !this.#confirming
      this.#next = between ? accepted : undefined
      this.#confirming = true
      return
    }
    if (this.#confirming) {
      this.#next = undefined
      return
    }
    if (bodyMs >= LEAST_BODY_MS && bytesPerSecond < LEAST_GAIN * before) {
      this.#next = this.#again ? undefined : connections
      this.#again = !this.#again
      this.#end = 'no gain'
      return
    }
    this.#again = false
    this.#end = 'top'
    this.#next = this.#rounds.find(other => other > connections)
  }

  /** There is no budget for another round. */
  stop(): void {
    this.#next = undefined
  }

  /** Most connections that were all accepted. */
  get #accepted(): number {
    return Math.max(0, ...this.rounds.filter(r => r.refused === 0).map(r => r.connections))
  }
}

/** The best rate of some rounds, bytes per second; 0 without any. */
export function bestRate(rounds: readonly Round[]): number {
  return Math.max(0, ...rounds.map(round => round.bytesPerSecond))
}
