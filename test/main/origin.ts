// What the exports of one server share: its budget of requests, and whose turn it is.

import t from 'tap'
import { Origin, type Requester } from '../../dist/main/origin.js'
import { Estimator } from '../../dist/main/prefetch/estimator.js'
import { Governor } from '../../dist/main/prefetch/governor.js'

const TIMERS = { set: () => undefined, clear: () => {} }

function originOf(connections: number): Origin {
  const governor = new Governor(connections)
  return new Origin({ governor, estimator: new Estimator(), clock: () => 0, timers: TIMERS })
}

/** An export that always wants more; requests are over when the test says so. */
class Greedy implements Requester {
  readonly wanting = true
  readonly randomly = false
  inFlight = 0
  started = 0
  readonly #origin: Origin
  readonly #lane: 'demand' | 'ahead'

  constructor(origin: Origin, lane: 'demand' | 'ahead') {
    this.#origin = origin
    this.#lane = lane
    origin.join(this)
  }

  receivedBytes(): number {
    return 1000 * (this.started - this.inFlight)
  }

  owedBytes(): number {
    return 1000 * this.inFlight
  }

  tend(): void {}

  giveUp(): void {}

  dueMs(): number {
    return Number.POSITIVE_INFINITY
  }

  startDemand(): boolean {
    return this.#lane === 'demand' && this.#start()
  }

  startAhead(): boolean {
    return this.#lane === 'ahead' && this.#start()
  }

  end(): void {
    if (this.inFlight === 0) return
    this.inFlight--
    this.#origin.governor.ended()
    this.#origin.pump()
  }

  #start(): boolean {
    this.inFlight++
    this.started++
    this.#origin.governor.began()
    return true
  }
}

for (const lane of ['demand', 'ahead'] as const) {
  t.test(`${lane}: exports take turns, however few requests there may be`, async t => {
    for (const [exports, connections] of [
      [2, 1],
      [3, 2],
      [6, 4],
      [3, 3],
    ] as const) {
      const origin = originOf(connections)
      const all = Array.from({ length: exports }, () => new Greedy(origin, lane))
      origin.pump()
      for (let round = 0; round < 100; round++) for (const one of all) one.end()
      const started = all.map(one => one.started)
      const spread = Math.max(...started) - Math.min(...started)
      t.ok(spread <= 2, `${exports} over ${connections}: ${started.join(', ')}`)
    }
  })
}
