// What --stats prints at exit: the figures of a run side by side, and one sentence on which side
// was the bottleneck, where the figures say so.

import type { Statistics } from './statistics.js'
import { showBytes, showCount, showSeconds, showShare } from './units.js'

type Row = readonly [label: string, figure: string, note?: string]

/** The table, lines parted and ended by a line break. */
export function statsTable(statistics: Statistics): string {
  const rows = statsRows(statistics)
  const labelWidth = Math.max(...rows.map(([label]) => label.length))
  const figureWidth = Math.max(...rows.map(([, figure]) => figure.length))
  const lines = rows.map(([label, figure, note = '']) =>
    `${label.padEnd(labelWidth)}  ${figure.padStart(figureWidth)}  ${note}`.trimEnd(),
  )
  const verdict = bottleneck(statistics)
  return `${[...lines, ...(verdict === undefined ? [] : [verdict])].join('\n')}\n`
}

function statsRows(s: Statistics): Row[] {
  const failures = Object.entries(s.failures)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
  const failed = failures.reduce((sum, [, count]) => sum + count, 0)
  return [
    ['run time', showSeconds(s.uptimeSeconds), `image of ${showBytes(s.imageBytes)}`],
    ['served', showBytes(s.servedBytes), rate(s.servedBytes, s.uptimeSeconds)],
    ['fetched', showBytes(s.fetchedBytes), rate(s.fetchedBytes, s.uptimeSeconds)],
    ['amplification', s.servedBytes === 0 ? '-' : s.amplification.toFixed(3), 'fetched / served'],
    [
      'hit ratio',
      s.servedBytes === 0 ? '-' : showShare(s.hitRatio),
      'served from the ring at once',
    ],
    ['stalled', showSeconds(s.stallSeconds), `${showShare(stalledShare(s))} of the run time`],
    ['reads', showCount(s.reads), s.failedReads === 0 ? '' : `${showCount(s.failedReads)} failed`],
    ['clients', showCount(s.totalClients), s.clients === 0 ? '' : `${s.clients} still connected`],
    ['requests', showCount(s.requests), averageRequest(s)],
    ['retries', showCount(s.retries), s.throttled === 0 ? '' : `${s.throttled} answers 429 or 503`],
    ...sessionRow(s),
    ['failures', showCount(failed), failures.map(([code, n]) => `${code} ${n}`).join(', ')],
    [
      'first byte',
      s.firstByteP50Ms === 0 ? '-' : showSeconds(s.firstByteP50Ms / 1000),
      s.firstByteP50Ms === 0 ? '' : `median; 95 % within ${showSeconds(s.firstByteP95Ms / 1000)}`,
    ],
    ['in flight', showCount(s.peakInFlight), `at most; the limit was ${s.limit} at the end`],
    [
      'connections',
      showCount(s.connectionsOpened),
      `opened; at most ${s.connectionLimit} at a time`,
    ],
    ['workers', showCount(s.workers), s.workerRestarts === 0 ? '' : `${s.workerRestarts} replaced`],
  ]
}

/** Only where there was a session, or a URL that did not last. */
function sessionRow(s: Statistics): Row[] {
  if (s.logins === 0 && s.resolvedAgain === 0) return []
  const note = s.resolvedAgain === 0 ? '' : `redirects followed again ${s.resolvedAgain} times`
  return [['logins', showCount(s.logins), note]]
}

function rate(bytes: number, seconds: number): string {
  return seconds > 0 ? `${showBytes(bytes / seconds)}/s` : ''
}

function averageRequest(s: Statistics): string {
  return s.requests === 0 ? '' : `${showBytes(s.fetchedBytes / s.requests)} each`
}

function stalledShare(s: Statistics): number {
  return s.uptimeSeconds > 0 ? s.stallSeconds / s.uptimeSeconds : 0
}

/** Under this many bytes a run says nothing about rates. */
const TOO_LITTLE_TO_JUDGE = 16 * 1024 * 1024
/** Share of the run time spent waiting above which the origin was too slow, below which it was not. */
const STALLED_MUCH = 0.5
const STALLED_LITTLE = 0.1

/**
 * One sentence on which side held up the other; undefined where the figures do not tell. Run time
 * includes times without a client, so "waited little" says only that the origin was no obstacle.
 */
export function bottleneck(s: Statistics): string | undefined {
  if (s.servedBytes < TOO_LITTLE_TO_JUDGE || s.uptimeSeconds <= 0) return undefined
  const share = stalledShare(s)
  if (share <= STALLED_LITTLE) {
    return `The reader was the bottleneck: it waited for the origin ${showShare(share)} of the time.`
  }
  if (share < STALLED_MUCH) return undefined
  const waited = `The origin was the bottleneck: reads waited ${showShare(share)} of the time`
  if (s.throttled > 0) {
    return `${waited}, and it refused ${showCount(s.throttled)} requests as too many.`
  }
  if (s.peakInFlight >= s.connectionLimit) {
    return `${waited}, with all ${s.connectionLimit} connections in use; try more --connections.`
  }
  return `${waited}.`
}
