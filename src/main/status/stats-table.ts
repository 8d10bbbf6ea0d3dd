// What --stats prints at exit: the figures of a run side by side, and a sentence on which side was
// the bottleneck, where the figures say so.

import type { Statistics } from './statistics.js'
import { showBytes, showCount, showSeconds, showShare } from './units.js'

type Row = readonly [label: string, figure: string, note?: string]

/**
 * The table, lines parted and ended by a line break.
 *
 * @param verdict a sentence below it, without a final period
 */
export function statsTable(statistics: Statistics, verdict?: string): string {
  const rows = statsRows(statistics)
  const labelWidth = Math.max(...rows.map(([label]) => label.length))
  const figureWidth = Math.max(...rows.map(([, figure]) => figure.length))
  const lines = rows.map(([label, figure, note = '']) =>
    `${label.padEnd(labelWidth)}  ${figure.padStart(figureWidth)}  ${note}`.trimEnd(),
  )
  return `${[...lines, ...(verdict === undefined ? [] : [sentence(verdict)])].join('\n')}\n`
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
      `opened; ${s.connectionLimit} allowed at a time`,
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

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
