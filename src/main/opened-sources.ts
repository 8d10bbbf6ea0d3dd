// The sources of a server and what they share: the origins they lie behind, each with its governor,
// the transports of the workers, and the session of each source. Opens them all, or none.

import type { ProbeResult } from '../shared/fetch-task.js'
import type { Transport } from '../shared/transport.js'
import type { ResolvedExport } from './export-options.js'
import type { FetchPool } from './fetch-pool.js'
import type { Log } from './log.js'
import type { ResolvedOptions } from './options.js'
import { Origin, type Timers } from './origin.js'
import { Estimator } from './prefetch/estimator.js'
import { Governor, type GovernorDecision } from './prefetch/governor.js'
import { sessionOf } from './session-of.js'
import type { OriginSession } from './source/origin-session.js'
import type { ProbedSource } from './source/probe.js'
import { NoRangesError } from './source/source-error.js'
import type { SpoolSource } from './spool/open-spool.js'
import type { FetchMeter } from './status/fetch-meter.js'
import { OriginRecord } from './status/origin-record.js'
import { transportOf } from './transport-of.js'

/** One source that was opened. */
export interface OpenedSource extends ResolvedExport {
  readonly session: OriginSession
  readonly origin: Origin
  readonly source: ProbedSource | SpoolSource
}

/** The transports that the exports need, and which of them each uses. */
export interface Transports {
  readonly all: readonly Transport[]
  /** One index an export. */
  readonly indices: readonly number[]
}

/** Exports that reach their origins alike share a transport, and with it connections. */
export function transportsOf(exports: readonly ResolvedExport[]): Transports {
  const all: Transport[] = []
  const known = new Map<string, number>()
  const indices = exports.map(({ options }) => {
    const transport = transportOf(options)
    const key = JSON.stringify(transport)
    const index = known.get(key) ?? all.push(transport) - 1
    known.set(key, index)
    return index
  })
  return { all, indices }
}

/** Scheme, host and port that an export's requests go to, unless a redirect leads elsewhere. */
export function originOf({ url }: ResolvedOptions): string {
  return new URL(url).origin
}

export interface SourceParts {
  readonly exports: readonly ResolvedExport[]
  readonly transports: Transports
  readonly pool: FetchPool
  readonly meter: FetchMeter
  readonly clock: () => number
  readonly timers: Timers
}

/**
 * Opens every source, side by side.
 *
 * @throws {SourceError} if one can't be opened; the sessions of the others are ended
 */
export async function openSources(parts: SourceParts): Promise<readonly OpenedSource[]> {
  const { exports, transports, pool, meter, clock, timers } = parts
  const origins = new Map<string, Origin>()
  const sessions: OriginSession[] = []
  const opening = exports.map(async (one, index): Promise<OpenedSource> => {
    const { options } = one
    const key = originOf(options)
    let origin = origins.get(key)
    if (origin === undefined) {
      const record = new OriginRecord()
      const log = decisionLog(options.log, exports.length > 1 ? key : undefined, clock)
      const governor = new Governor(options.connections * options.pipelining, decision => {
        record.decided(decision, clock())
        log(decision)
      })
      origin = new Origin({ governor, estimator: new Estimator(), clock, timers, record })
      origins.set(key, origin)
    }
    const { estimator, governor, record } = origin
    const transport = transports.indices[index] as number
    const session = sessionOf(options, {
      pool,
      transport,
      clock,
      onResult: (result: ProbeResult) => {
        meter.requests++
        meter.fetched(result.timings, !result.ok, clock())
        if (result.ok) record.answered(clock())
        if (result.timings.firstByteMs >= 0) estimator.firstByte(result.timings.firstByteMs)
      },
    })
    sessions.push(session)
    const source = await session.open().catch((error: unknown): SpoolSource => {
      const { spool } = options
      if (spool === undefined || !(error instanceof NoRangesError)) throw error
      return { ...error.unranged, transport, settings: spool }
    })
    options.signal?.throwIfAborted()
    governor.probed()
    return { ...one, session, origin, source }
  })
  try {
    return await Promise.all(opening)
  } catch (error) {
    await Promise.allSettled(opening)
    await Promise.all(sessions.map(session => session.close()))
    throw error
  }
}

/** Refusals come in rows: one line of the log in so long a time, milliseconds. */
const REFUSAL_MS = 10_000
/** Pauses from here on are told of, milliseconds: somebody may wonder why nothing moves. */
const LONG_PAUSE_MS = 5_000

/** Every decision of a governor as a line of the debug log; that it gives way to refusals is for everybody. */
function decisionLog(
  log: Log,
  origin: string | undefined,
  clock: () => number,
): (decision: GovernorDecision) => void {
  const where = origin === undefined ? {} : { origin }
  let toldMs = Number.NEGATIVE_INFINITY
  let pausedMs = Number.NEGATIVE_INFINITY
  return decision => {
    const { reason, ...fields } = decision
    if (reason === 'refused' && clock() - toldMs >= REFUSAL_MS) {
      toldMs = clock()
      log('info', 'the server refuses requests as too many: fewer are sent', {
        ...fields,
        ...where,
      })
    } else if (isLongPause(decision) && clock() - pausedMs >= REFUSAL_MS) {
      pausedMs = clock()
      const seconds = Math.round(decision.closedMs / 1000)
      log('info', `the server asks for a pause: nothing is asked of it for ${seconds} s`, where)
    } else if (log.debugs === true) {
      log('debug', `requests in flight: ${reason}`, { ...fields, ...where })
    }
  }
}

function isLongPause(
  decision: GovernorDecision,
): decision is Extract<GovernorDecision, { reason: 'gate' }> {
  return decision.reason === 'gate' && decision.closedMs >= LONG_PAUSE_MS
}
