// Which side holds up a run: whoever reads, the way to the bytes, or the origin's limit of requests.
// Made from what was counted between two moments, so that it tells of now as well as of a whole run. Pure.

import type { ExportStatistics, Statistics } from './statistics.js'

/**
 * - `idle`: nobody asked for anything;
 * - `client`: most of the time no read waited for bytes: they were there before they were asked for, or
 *   nothing was asked. A faster origin would change little;
 * - `server limit`: reads waited, and while they did more requests could have been sent, had the origin
 *   not refused as many (429, 503, Retry-After);
 * - `network`: reads waited for bytes that were under way: the origin's time to answer, its rate a
 *   connection, the line, or an origin that fails.
 */
export type Bottleneck = 'idle' | 'client' | 'network' | 'server limit'

/** The part of the statistics that is judged. */
export type BottleneckFigures = Pick<Statistics, 'connectedSeconds' | 'refusedSeconds'> & {
  readonly exports: readonly Pick<ExportStatistics, 'reads' | 'busySeconds' | 'stallSeconds'>[]
}

/**
 * Share of the time that reads waited, from which on the origin's side limits. Half is where making
 * either side infinitely fast would gain the same: were the origin at once, a run that waits for 60 %
 * of its time would take 40 %, and with an infinitely fast client 60 %.
 */
const WAITED = 0.5
/** Share of the waiting during which refusals held requests back, from which on they are its cause. */
const HELD_BACK = 0.5

/**
 * What limited from one moment to a later one. `before` may be undefined: then since the start. Where several
 * exports are read, those that nobody reads do not count.
 */
export function bottleneck(
  before: BottleneckFigures | undefined,
  after: BottleneckFigures,
): Bottleneck {
  const waited = waitedShare(before, after)
  if (waited === undefined) return 'idle'
  if (waited < WAITED) return 'client'
  const seconds = connectedSeconds(before, after)
  const refused = (after.refusedSeconds - (before?.refusedSeconds ?? 0)) / seconds
  return refused >= HELD_BACK * waited ? 'server limit' : 'network'
}

/** Times without a client say nothing about any side. */
function connectedSeconds(before: BottleneckFigures | undefined, after: BottleneckFigures): number {
  return after.connectedSeconds - (before?.connectedSeconds ?? 0)
}

/**
 * Share of the time between two moments, as far as clients were connected, in which reads waited for bytes, 0 to 1: the mean of the
 * exports that were read. Undefined if none was.
 */
export function waitedShare(
  before: BottleneckFigures | undefined,
  after: BottleneckFigures,
): number | undefined {
  const seconds = connectedSeconds(before, after)
  if (seconds <= 0) return undefined
  let exports = 0
  let waited = 0
  for (const [i, now] of after.exports.entries()) {
    const then = before?.exports[i]
    // A read that began earlier and still runs counts, too.
    const isRead = now.reads > (then?.reads ?? 0) || now.busySeconds > (then?.busySeconds ?? 0)
    if (!isRead) continue
    exports++
    waited += now.stallSeconds - (then?.stallSeconds ?? 0)
  }
  return exports === 0 ? undefined : Math.min(1, waited / exports / seconds)
}
