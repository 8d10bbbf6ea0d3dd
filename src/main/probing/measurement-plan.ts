// What a probe will read, decided before it reads: small requests for the first-byte time, one larger
// one for the rate of a connection, and rounds on more and more connections, all within a budget. Pure.

import { alignDown, clamp } from '../../shared/extent.js'
import { PROBE_BYTES } from '../source/probe.js'

const KIB = 1024
const MIB = 1024 * KIB

/** A request that is sent for its first byte alone, bytes. */
export const SMALL_BYTES = 4 * KIB
/** Small requests one after the other: so many that one in twenty is the 95th percentile. */
const SMALL_REQUESTS = 20
/** Share of the budget that the one larger request takes, and its bounds, bytes. */
const SINGLE_SHARE = 1 / 16
const LEAST_SINGLE = 256 * KIB
const MOST_SINGLE = 16 * MIB
/** Bounds of a request of the rounds, bytes: below, a body is over before its rate can be told. */
const LEAST_ROUND = 64 * KIB
const MOST_ROUND = 16 * MIB
/** What all requests of a round may take together, bytes: it is memory, too. */
export const MOST_TOGETHER = 256 * MIB
/** Small requests sent together on one connection, and how often. */
export const PIPELINED = 4
export const PIPELINED_ROUNDS = 3
const PIPELINING_BYTES = (1 + PIPELINED) * PIPELINED_ROUNDS * SMALL_BYTES

/** Least budget: below, hardly two connections could be compared. */
export const LEAST_BUDGET = 4 * MIB

export interface PlanInput {
  /** Most bytes of the image that may be read, the first look at it included. */
  readonly budgetBytes: number
  readonly imageBytes: number
  /** `--connections`. */
  readonly connections: number
}

/** Everything in the order in which it is measured. */
export interface MeasurementPlan {
  /** Bytes of each small request, and how many; 0 for an image with nothing in it. */
  readonly smallBytes: number
  readonly smallRequests: number
  /** Bytes of the one larger request. */
  readonly singleBytes: number
  /** Connections of each round, rising; empty if nothing can be told of them. */
  readonly rounds: readonly number[]
  /** Bytes of each request of a round. */
  readonly roundBytes: number
  /** True if the budget or the image did not allow all rounds. */
  readonly cut: boolean
  /** Most that is read in all, bytes: at most the budget. */
  readonly totalBytes: number
}

/** Plans the measurements of an image. */
export function planMeasurements(input: PlanInput): MeasurementPlan {
  const { budgetBytes, imageBytes } = input
  const opening = Math.min(PROBE_BYTES, imageBytes)
  const smallBytes = Math.min(SMALL_BYTES, imageBytes)
  const smallRequests = imageBytes === 0 ? 0 : SMALL_REQUESTS
  const asked = clamp(alignDown(budgetBytes * SINGLE_SHARE, KIB), LEAST_SINGLE, MOST_SINGLE)
  const singleBytes = Math.min(imageBytes, asked)
  const fixed = opening + smallRequests * smallBytes + singleBytes + PIPELINING_BYTES

  const all = roundsUpTo(input.connections)
  const rounds = [...all]
  while (rounds.length > 0) {
    const most = rounds.at(-1) as number
    const together = rounds.reduce((sum, round) => sum + round, 0)
    // The highest round once more: one that brought nothing is measured a second time.
    const large = together + most
    const left = budgetBytes - fixed - large * smallBytes
    const share = Math.min(left / large, MOST_TOGETHER / most, imageBytes, MOST_ROUND)
    const roundBytes = Math.max(0, alignDown(share, LEAST_ROUND))
    if (roundBytes >= LEAST_ROUND) {
      const totalBytes = fixed + large * (smallBytes + roundBytes)
      const cut = rounds.length < all.length
      return { smallBytes, smallRequests, singleBytes, rounds, roundBytes, cut, totalBytes }
    }
    rounds.pop()
  }
  const none = { rounds, roundBytes: 0, cut: true }
  return { smallBytes, smallRequests, singleBytes, ...none, totalBytes: fixed }
}

/** 1, 2, 4, 8, … and the number itself. */
function roundsUpTo(connections: number): number[] {
  const rounds: number[] = []
  for (let round = 1; round < connections; round *= 2) rounds.push(round)
  return [...rounds, connections]
}

/**
 * Where the request of a number begins: spread over the image, hardly ever twice at one place, so
 * that no cache on the way answers what was asked a moment ago.
 *
 * @param index number of the request, from 0
 * @param length bytes it asks for, at most the image's
 */
export function offsetOf(index: number, length: number, imageBytes: number): number {
  // Multiples of the golden ratio leave the widest gaps between any number of points.
  const place = (index * 0.6180339887498949) % 1
  return alignDown(Math.floor(place * (imageBytes - length + 1)), SMALL_BYTES)
}
