// Carries the plan out: sends the requests, reads the figures off their timings, and leaves a server
// alone for a moment when it refuses one.

import type { Failure } from '../../shared/failure.js'
import { classify } from '../prefetch/retry-policy.js'
import { type SourceError, sourceError } from '../source/source-error.js'
import { ConnectionLadder, type Round } from './connection-ladder.js'
import { type MeasurementPlan, PIPELINED, PIPELINED_ROUNDS } from './measurement-plan.js'
import type { FirstByte, Measurements, Parallel, Pipelining } from './measurements.js'
import type { Answer, RangeRequests, Runner } from './range-requests.js'

/** Small requests are enough when they have taken so long, milliseconds, and so many were answered. */
const SMALL_MS = 10_000
const FEW = 5
/** A body is given up after this time, milliseconds: what has come by then tells its rate. */
const BODY_MS = 10_000
/** … and so many usual first-byte times before it. */
const BODY_DELAYS = 4
/** Least and most time a server that refuses is left alone, milliseconds. */
const LEAST_PAUSE_MS = 1_000
const MOST_PAUSE_MS = 10_000
/** Refusals in a row, with one request at a time, that are taken for the last word. */
const REFUSALS = 3
/** A body must have taken this long, milliseconds, for its rate to mean much. */
const LEAST_BODY_MS = 1
/** A server as slow as this is asked once where others are asked several times, milliseconds. */
const SLOW_MS = 300
/** First-byte times below this are nothing that pipelining could hide, milliseconds. */
const LEAST_HIDDEN_MS = 5

export interface MeasureParts {
  readonly plan: MeasurementPlan
  readonly requests: RangeRequests
  /** Sends on one connection, up to PIPELINED at a time. Made when needed. */
  readonly pipelined: () => Runner
  readonly http2: boolean
  readonly name: string
  /** Monotonic milliseconds. */
  readonly clock: () => number
  readonly sleep: (ms: number) => Promise<void>
  /** Told what is measured now, as it begins. */
  readonly onStep: (what: string) => void
  /** Bytes that may be read still. */
  readonly left: () => number
}

/**
 * Measures a server.
 *
 * @throws {SourceError} if it does not answer any more, or answers what was not asked for
 */
export async function measure(parts: MeasureParts): Promise<Measurements> {
  return await new Measuring(parts).run()
}

class Measuring {
  readonly #parts: MeasureParts
  readonly #failures: Record<string, number> = {}

  constructor(parts: MeasureParts) {
    this.#parts = parts
  }

  async run(): Promise<Measurements> {
    const firstByte = await this.#firstByte()
    const ratePerConnection = await this.#single(firstByte)
    const parallel = await this.#parallel(firstByte)
    const pipelining = await this.#pipelining(firstByte)
    return { firstByte, ratePerConnection, parallel, pipelining, failures: this.#failures }
  }

  async #firstByte(): Promise<FirstByte> {
    const { plan, requests, clock, sleep, onStep } = this.#parts
    const startedMs = clock()
    const answered: Answer[] = []
    let failed = 0
    for (let index = 0; index < plan.smallRequests; index++) {
      if (answered.length >= FEW && clock() - startedMs > SMALL_MS) break
      onStep(`first byte, request ${index + 1} of ${plan.smallRequests}`)
      const [answer] = (await requests.send(1, plan.smallBytes)) as [Answer]
      const failure = this.#note(answer)
      if (failure === undefined) {
        answered.push(answer)
        failed = 0
      } else if (++failed >= REFUSALS) throw this.#end(failure)
      else await sleep(pauseMs([answer]))
    }
    const times = answered.map(({ timings }) => timings.firstByteMs).sort((a, b) => a - b)
    const setups = answered.filter(({ timings }) => timings.newConnection)
    return {
      requests: answered.length,
      p50Ms: percentile(times, 0.5),
      p95Ms: percentile(times, 0.95),
      connectMs:
        setups.length === 0 ? null : median(setups.map(({ timings }) => timings.connectMs)),
      keepsConnections: answered.length > 1 && setups.length < answered.length,
    }
  }

  /** Rate of one connection, bytes per second. */
  async #single(firstByte: FirstByte): Promise<number> {
    const { plan, requests, sleep, onStep } = this.#parts
    if (plan.singleBytes === 0) return 0
    onStep('rate of one connection')
    for (let attempt = 1; ; attempt++) {
      const answers = await requests.send(1, plan.singleBytes, bodyLimitMs(firstByte))
      const failure = this.#note(answers[0] as Answer)
      if (failure === undefined) return flowOf(answers).bytesPerSecond
      if (attempt >= REFUSALS) throw this.#end(failure)
      await sleep(pauseMs(answers))
    }
  }

  async #parallel(firstByte: FirstByte): Promise<Parallel> {
    const { plan, sleep, onStep, left } = this.#parts
    const ladder = new ConnectionLadder(plan.rounds)
    let lastAnswers: readonly Answer[] = []
    for (let count = ladder.next; count !== undefined; count = ladder.next) {
      const higher = plan.rounds.filter(round => round > (count as number))
      const needed = [count, ...higher].reduce((sum, round) => sum + round, 0)
      // What a second look costs must not be missing above.
      if (needed * (plan.smallBytes + plan.roundBytes) > left()) {
        ladder.stop()
        break
      }
      if (ladder.afterRefusal) await sleep(pauseMs(lastAnswers))
      onStep(count === 1 ? '1 connection' : `${count} connections`)
      const { round, answers } = await this.#round(count, firstByte)
      lastAnswers = answers
      ladder.record(round)
    }
    const refused = ladder.end === 'refused'
    const steady = ladder.rounds.filter(round => round.refused === 0)
    const accepted = refused ? Math.max(0, ...steady.map(round => round.connections)) : null
    return { rounds: ladder.rounds, end: ladder.end, accepted }
  }

  /** So many requests at once: small ones first, which open the connections and cost a refusal little. */
  async #round(
    connections: number,
    firstByte: FirstByte,
  ): Promise<{ round: Round; answers: readonly Answer[] }> {
    const { plan, requests } = this.#parts
    const small = await requests.send(connections, plan.smallBytes)
    const refusedSmall = this.#refusals(small)
    const answers =
      refusedSmall > 0
        ? small
        : await requests.send(connections, plan.roundBytes, bodyLimitMs(firstByte))
    const refused = refusedSmall > 0 ? refusedSmall : this.#refusals(answers)
    const accepted = answers.filter(({ failure }) => failure === undefined)
    if (accepted.length === 0 && refused === 0) throw this.#end(answers[0]?.failure)
    const begun = small.filter(({ timings }) => timings.firstByteMs >= 0)
    return {
      answers,
      round: {
        connections,
        refused,
        accepted: accepted.length,
        ...flowOf(refusedSmall > 0 ? [] : accepted),
        firstByteMs:
          begun.length === 0 ? 0 : median(begun.map(({ timings }) => timings.firstByteMs)),
      },
    }
  }

  async #pipelining(firstByte: FirstByte): Promise<Pipelining> {
    const { plan, requests, pipelined, http2, onStep, left } = this.#parts
    const not = (reason: string): Pipelining => ({ measured: false, reason })
    if (plan.smallRequests === 0) return not('the image is empty')
    if (http2) return not('HTTP/2 has its own way')
    if (!firstByte.keepsConnections) return not('the server does not keep connections')
    if (firstByte.p50Ms < LEAST_HIDDEN_MS) return not('the first byte comes at once')
    const cost = (1 + PIPELINED) * PIPELINED_ROUNDS * plan.smallBytes
    if (cost > left()) return not('the budget does not allow it')
    onStep('pipelining')
    const runner = pipelined()
    const shares: number[] = []
    const rounds = firstByte.p50Ms > SLOW_MS ? 1 : PIPELINED_ROUNDS
    for (let round = 0; round < rounds; round++) {
      // Opens the connection, and shows what one request takes on it.
      const [alone] = (await requests.send(1, plan.smallBytes, undefined, runner)) as [Answer]
      const together = await requests.send(PIPELINED, plan.smallBytes, undefined, runner)
      const failures = [alone, ...together].map(answer => this.#note(answer))
      if (failures.some(failure => failure !== undefined)) return not('it made requests fail')
      if (together.some(({ timings }) => timings.newConnection)) {
        return not('the server closed the connection')
      }
      const oneMs = firstByte.p50Ms
      const allMs =
        Math.max(...together.map(a => a.endMs)) - Math.min(...together.map(a => a.sentMs))
      shares.push((PIPELINED * oneMs - allMs) / ((PIPELINED - 1) * oneMs))
    }
    return { measured: true, hidden: Math.min(1, Math.max(0, median(shares))) }
  }

  #refusals(answers: readonly Answer[]): number {
    return answers.filter(answer => {
      const failure = this.#note(answer)
      return failure !== undefined && classify(failure) === 'refused'
    }).length
  }

  /** Counts a failure. @throws {SourceError} for one that would come again */
  #note({ failure }: Answer): Failure | undefined {
    if (failure === undefined) return undefined
    const kind = classify(failure)
    // Given up by us before a byte had come: slow, but no fault.
    if (kind === 'changed' || (kind === 'final' && failure.code !== 'cancelled')) {
      throw this.#end(failure)
    }
    if (kind !== 'refused') this.#failures[failure.code] = (this.#failures[failure.code] ?? 0) + 1
    return failure
  }

  #end(failure: Failure | undefined): SourceError {
    const { name } = this.#parts
    if (failure === undefined) return sourceError('measure-unanswered', { name })
    return sourceError('measure', { name, failure: failure.message })
  }
}

/** How long to leave a server alone after these answers, milliseconds. */
function pauseMs(answers: readonly Answer[]): number {
  const asked = answers.map(({ failure }) => failure?.retryAfterMs ?? 0)
  return Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, ...asked))
}

function bodyLimitMs({ p95Ms }: FirstByte): number {
  return BODY_MS + BODY_DELAYS * p95Ms
}

/** Requests side by side, from the first byte of a body to the last of any. */
function flowOf(answers: readonly Answer[]): { bytesPerSecond: number; bodyMs: number } {
  if (answers.length === 0) return { bytesPerSecond: 0, bodyMs: 0 }
  const begin = Math.min(...answers.map(({ endMs, timings }) => endMs - timings.bodyMs))
  const end = Math.max(...answers.map(({ endMs }) => endMs))
  const bytes = answers.reduce((sum, { timings }) => sum + timings.receivedBytes, 0)
  const bodyMs = Math.max(LEAST_BODY_MS, end - begin)
  return { bytesPerSecond: (bytes * 1000) / bodyMs, bodyMs }
}

function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  )
}

/** The smallest value that a share of the sorted values does not pass; 0 without any. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
