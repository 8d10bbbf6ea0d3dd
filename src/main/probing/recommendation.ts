// Which flags differ from the defaults for a server that was measured, and why. The engine finds out by
// itself how far ahead to read, how large requests should be and how many help; flags are only for the
// bounds it works in. Its own rules predict what another bound would bring. Pure.

import { alignDown } from '../../shared/extent.js'
import { DEFAULTS } from '../defaults.js'
import { formatSize } from '../parse-size.js'
import { REQUEST_DELAYS } from '../prefetch/request-size.js'
import { demandSlots } from '../shared-ring.js'
import { showBytes, showSeconds } from '../status/units.js'
import { bestRate, LEAST_BODY_MS, type Round } from './connection-ladder.js'
import type { Measurements } from './measurements.js'

const MIB = 1024 * 1024

/** A bound is changed for no less: flags that do not matter are noise. */
const LEAST_GAIN = 1.1
/** Pipelining makes one slow answer hold up those behind it: it has to be worth more. */
const LEAST_PIPELINING_GAIN = 1.2
/** Of settings that bring nearly the same the one that takes less memory. */
const NEARLY = 0.95
/** Fewer connections are better only where more brought clearly less. */
const CLEARLY_LESS = 0.8
/** What two worker threads carry, bytes per second: beyond, no flag of these helps. */
const OWN_LIMIT = 1e9
/** Settings of --ring-size and --max-request that are looked at, beside the default. */
const RINGS = [DEFAULTS.ringSize, 512 * MIB, 1024 * MIB]
const REQUESTS = [DEFAULTS.maxRequest, 32 * MIB, 64 * MIB]
const PIPELINING_DEPTH = 2
/** A limit for the first byte is set where the usual time is more than this share of it. */
const TIGHT_SHARE = 1 / 4
const TIMES_USUAL = 4
const LONGEST_TIME_OUT = 86_400

/** One flag and its value as they stand in a command line. */
export interface RecommendedFlag {
  readonly flag: string
  readonly value: string
  /** One sentence, without a final period. */
  readonly reason: string
}

/** What to serve the image with. */
export interface Recommendation {
  /** Empty where the defaults fit. */
  readonly flags: readonly RecommendedFlag[]
  /** What the engine is expected to reach with them for a sequential reader, bytes per second; 0 if unknown. */
  readonly expectedBytesPerSecond: number
  /** The same with the defaults alone. */
  readonly defaultBytesPerSecond: number
}

/** What the recommendation depends on beside the measurements. */
export interface RecommendationInput {
  readonly measurements: Measurements
  readonly imageBytes: number
  /** `--connections` as the probe was given it. */
  readonly connections: number
  /** `--first-byte-timeout` likewise, seconds. */
  readonly firstByteTimeout: number
}

/** The bounds the engine works in. */
interface Bounds {
  readonly connections: number
  readonly ringSize: number
  readonly maxRequest: number
  readonly pipelining: number
}

/** The flags that fit what was measured. */
export function recommend(input: RecommendationInput): Recommendation {
  const { measurements } = input
  const flags: RecommendedFlag[] = []
  const connections = connectionsFor(input)
  if (connections !== undefined) flags.push(connections)
  const usual: Bounds = {
    connections: Number(connections?.value ?? DEFAULTS.connections),
    ringSize: DEFAULTS.ringSize,
    maxRequest: DEFAULTS.maxRequest,
    pipelining: DEFAULTS.pipelining,
  }
  const room = largerRequests(input, usual)
  flags.push(...room.flags)
  const pipelined = { ...room.bounds, pipelining: PIPELINING_DEPTH }
  const gain = rateOf(input, pipelined) / rateOf(input, room.bounds)
  const pipelines = gain >= LEAST_PIPELINING_GAIN && measurements.parallel.end !== 'refused'
  if (pipelines) {
    flags.push({
      flag: '--pipelining',
      value: String(PIPELINING_DEPTH),
      reason: `requests sent ahead on a connection hide their first-byte time, which is expected to bring ${times(gain)}`,
    })
  }
  flags.push(...timeOut(input))
  const accepted = measurements.parallel.accepted ?? Number.POSITIVE_INFINITY
  const defaults = { ...usual, connections: Math.min(DEFAULTS.connections, accepted) }
  return {
    flags,
    expectedBytesPerSecond: expected(input, pipelines ? pipelined : room.bounds),
    defaultBytesPerSecond: expected(input, defaults),
  }
}

function connectionsFor({
  measurements,
  connections: given,
}: RecommendationInput): RecommendedFlag | undefined {
  const { rounds, end, accepted } = measurements.parallel
  if (end === 'refused' && accepted !== null) {
    const refused = rounds.find(round => round.refused > 0)
    return accepted === DEFAULTS.connections
      ? undefined
      : connectionsFlag(
          Math.max(1, accepted),
          `the server answers 429 or 503 to some of ${refused?.connections ?? accepted + 1} requests at a time, and to none of ${accepted}`,
        )
  }
  const told = rounds.filter(round => round.bodyMs >= LEAST_BODY_MS)
  const best = told.reduce<Round | undefined>(
    (a, b) => (a === undefined || b.bytesPerSecond > a.bytesPerSecond ? b : a),
    undefined,
  )
  if (best === undefined) return asGiven(given)
  const usual = told.filter(round => round.connections <= DEFAULTS.connections)
  const most = usual.at(-1)
  const fell = most !== undefined && most.bytesPerSecond < CLEARLY_LESS * best.bytesPerSecond
  if (fell && end === 'no gain' && best.connections < most.connections) {
    const reason = `${most.connections} connections brought less than ${best.connections}`
    return connectionsFlag(best.connections, reason)
  }
  // The fewest that bring nearly all there is: every further one is load for nothing.
  const enough = told.find(round => round.bytesPerSecond >= NEARLY * best.bytesPerSecond)
  // Without a figure for as many as by default there is nothing to compare with.
  if (most !== undefined && enough !== undefined && enough.connections > most.connections) {
    const gain = enough.bytesPerSecond / bestRate(usual)
    if (gain >= LEAST_GAIN) {
      return connectionsFlag(enough.connections, `they brought ${times(gain)} of what fewer did`)
    }
  }
  return asGiven(given)
}

/** Whoever asked for fewer had a reason. */
function asGiven(given: number): RecommendedFlag | undefined {
  if (given >= DEFAULTS.connections) return undefined
  return connectionsFlag(given, 'no more were allowed to be tried')
}

function connectionsFlag(value: number, reason: string): RecommendedFlag {
  return { flag: '--connections', value: String(value), reason }
}

/** A larger ring and larger requests, where a connection would stand still too long between requests. */
function largerRequests(
  input: RecommendationInput,
  usual: Bounds,
): { flags: RecommendedFlag[]; bounds: Bounds } {
  const choices = RINGS.flatMap(ringSize =>
    REQUESTS.map(maxRequest => ({ ...usual, ringSize, maxRequest })),
  ).filter(bounds => bounds.ringSize <= Math.max(DEFAULTS.ringSize, input.imageBytes))
  const best = Math.max(...choices.map(bounds => rateOf(input, bounds)))
  const now = rateOf(input, usual)
  const chosen = choices.find(bounds => rateOf(input, bounds) >= NEARLY * best)
  if (chosen === undefined || !(rateOf(input, chosen) >= LEAST_GAIN * now)) {
    return { flags: [], bounds: usual }
  }
  const { p50Ms } = input.measurements.firstByte
  const flags: RecommendedFlag[] = []
  if (chosen.maxRequest !== usual.maxRequest) {
    const gain = times(rateOf(input, chosen) / now)
    flags.push({
      flag: '--max-request',
      value: formatSize(chosen.maxRequest),
      reason: `each request costs ${showSeconds(p50Ms / 1000)} before its first byte, and larger ones cost it less often, which is expected to bring ${gain}`,
    })
  }
  if (chosen.ringSize !== usual.ringSize) {
    const bytes = showBytes(requestBytes(input, chosen))
    flags.push({
      flag: '--ring-size',
      value: formatSize(chosen.ringSize),
      reason: `it holds requests of ${bytes} for each of ${chosen.connections} connections`,
    })
  }
  return { flags, bounds: chosen }
}

function timeOut({ measurements, firstByteTimeout }: RecommendationInput): RecommendedFlag[] {
  const { firstByte } = measurements
  const seconds = firstByte.p95Ms / 1000
  if (seconds <= firstByteTimeout * TIGHT_SHARE) return []
  const value = Math.min(LONGEST_TIME_OUT, Math.ceil((TIMES_USUAL * seconds) / 60) * 60)
  return [
    {
      flag: '--first-byte-timeout',
      value: String(value),
      reason: `one in twenty answers took ${showSeconds(seconds)} and more to begin, with one request at a time`,
    },
  ]
}

/** Bytes one connection could carry during a first-byte time. */
function delayBytes({ measurements: m }: RecommendationInput, pipelining: number): number {
  const hidden = pipelining > 1 && m.pipelining.measured ? m.pipelining.hidden : 0
  return (m.ratePerConnection * m.firstByte.p50Ms * (1 - hidden)) / 1000
}

/** The size that the planner gives to requests of a long sequential read, within these bounds. */
function requestBytes(input: RecommendationInput, bounds: Bounds): number {
  const { connections, ringSize, maxRequest, pipelining } = bounds
  const slots = Math.floor(ringSize / DEFAULTS.blockSize)
  const aheadBytes = (slots - demandSlots(slots)) * DEFAULTS.blockSize
  const most = Math.min(
    REQUEST_DELAYS * delayBytes(input, 1),
    aheadBytes / (connections * pipelining),
    // The end of an image is shared among the connections: larger ones would not be sent.
    input.imageBytes / connections,
    maxRequest,
  )
  return Math.max(MIB, alignDown(most, DEFAULTS.blockSize))
}

/** What a sequential reader is expected to get within these bounds, bytes per second. */
function rateOf(input: RecommendationInput, bounds: Bounds): number {
  const { ratePerConnection, parallel } = input.measurements
  const bytes = requestBytes(input, bounds)
  const busy = bytes / (bytes + delayBytes(input, bounds.pipelining))
  // Where more connections brought no more, that is all the server or the line has to give.
  const most = parallel.end === 'no gain' ? bestRate(parallel.rounds) : Number.POSITIVE_INFINITY
  return Math.min(busy * ratePerConnection * bounds.connections, most, OWN_LIMIT)
}

/** What can be said of it: 0 where the bodies were over too soon to tell. */
function expected(input: RecommendationInput, bounds: Bounds): number {
  const { rounds } = input.measurements.parallel
  const longest = Math.max(0, ...rounds.map(round => round.bodyMs))
  return longest < LEAST_BODY_MS ? 0 : rateOf(input, bounds)
}

/** '1.4 ×'. */
function times(gain: number): string {
  return `${gain.toFixed(1)} ×`
}
