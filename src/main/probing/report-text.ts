// A probe's report for people: what the server is, what was measured, and the command to serve it with.

import { showBytes, showSeconds, showShare } from '../status/units.js'
import type { LadderEnd, Round } from './connection-ladder.js'
import type { Measurements, ServerFacts } from './measurements.js'
import type { ProbeReport } from './report.js'

type Row = readonly [label: string, text: string]

/** The report as lines, the last one ended. */
export function reportText(report: ProbeReport, command: string): string {
  const { server, measurements, cost, plan } = report
  const lines = [
    server.url,
    ...table(serverRows(server, measurements)),
    '',
    `Measured with ${showBytes(cost.readBytes)} in ${showSeconds(cost.seconds)}:`,
    ...table(measuredRows(report)),
    ...roundLines(measurements, plan.cut),
    '',
    ...recommendationLines(report, command),
  ]
  return `${lines.join('\n')}\n`
}

function table(rows: readonly Row[]): string[] {
  return rows.map(([label, text]) => `  ${label.padEnd(15)} ${text}`)
}

function serverRows(s: ServerFacts, m: Measurements): Row[] {
  const pins = {
    etag: `ETag ${s.etag}: a change of the image is noticed`,
    'last-modified': `Last-Modified ${s.lastModified}: a change within a second may go unnoticed`,
    size: 'none: a change that keeps the size goes unnoticed',
  }
  const kept = m.firstByte.keepsConnections ? 'connections are kept' : 'connections are not kept'
  return [
    ['size', `${showBytes(s.sizeBytes)} (${s.sizeBytes} bytes)`],
    ['ranges', 'yes'],
    ['validator', pins[s.pinnedBy]],
    ...(s.redirects === 0
      ? []
      : [['redirects', `${s.redirects}, followed once at the start`] as const]),
    ['HTTP', s.sizeBytes === 0 ? s.httpVersion : `${s.httpVersion}, ${kept}`],
    ['TLS', s.tls === null ? 'none' : `${s.tls.version}, ${s.tls.cipher}`],
    ...(s.cookies.length === 0
      ? []
      : [['cookies', `it sets ${s.cookies.join(', ')}; --cookie-file '' keeps them`] as const]),
  ]
}

function measuredRows({ measurements: m, recommendation }: ProbeReport): Row[] {
  const { firstByte, pipelining } = m
  const failures = Object.entries(m.failures).map(([code, count]) => `${count} × ${code}`)
  const rows: Row[] = []
  if (firstByte.requests > 0) {
    const { p50Ms, p95Ms, requests, connectMs } = firstByte
    if (connectMs !== null) rows.push(['connecting', showSeconds(connectMs / 1000)])
    const within = `95 % within ${showSeconds(p95Ms / 1000)} (${requests} requests)`
    rows.push(['first byte', `${showSeconds(p50Ms / 1000)} median, ${within}`])
    rows.push(['one connection', `${showBytes(m.ratePerConnection)}/s`])
  }
  const pipelines = recommendation.flags.some(({ flag }) => flag === '--pipelining')
  const text = pipelining.measured
    ? `hides ${showShare(pipelining.hidden)} of the first-byte time${pipelines ? '' : ': not worth it'}`
    : `not measured: ${pipelining.reason}`
  rows.push(['pipelining', text])
  if (failures.length > 0) rows.push(['failed', failures.join(', ')])
  return rows
}

const ENDS: Readonly<Record<LadderEnd, string>> = {
  top: '',
  'no gain': 'more connections bring no more',
  refused: 'the server refuses more',
}

function roundLines({ parallel }: Measurements, cut: boolean): string[] {
  if (parallel.rounds.length === 0) return []
  const end = ENDS[parallel.end] || (cut ? 'a larger --budget would go further' : '')
  return [
    '',
    '  connections     together         first byte',
    ...parallel.rounds.map(roundLine),
    ...(end === '' ? [] : [`  ${end}`]),
  ]
}

function roundLine({ connections, refused, accepted, bytesPerSecond, firstByteMs }: Round): string {
  const count = String(connections).padStart(11)
  if (refused > 0) {
    return `  ${count}     ${refused} of ${connections} requests were answered 429 or 503, ${accepted} as asked`
  }
  const rate = `${showBytes(bytesPerSecond)}/s`.padEnd(16)
  return `  ${count}     ${rate} ${showSeconds(firstByteMs / 1000)}`
}

function recommendationLines({ recommendation, server }: ProbeReport, command: string): string[] {
  const { flags, expectedBytesPerSecond: expected } = recommendation
  const lines = [
    flags.length === 0 ? 'The defaults fit:' : 'Recommended:',
    `  ${command}`,
    ...flags.map(({ flag, value, reason }) => `  ${flag} ${value}: ${reason}`),
  ]
  if (expected > 0) {
    const bytes = `${showBytes(expected)}/s`
    lines.push(`A sequential reader that keeps up is expected to get up to ${bytes}.`)
  }
  if (server.sizeBytes === 0) lines.push('The image is empty: there is nothing to read.')
  return lines
}
