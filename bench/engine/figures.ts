// `npm run bench:engine [CASE…]`: what the engine makes of each case, on virtual time: the same
// figures on every machine, so that a change to the engine can be judged before sockets are asked.

import { CASES, type EngineCase, play } from './cases.js'

const MB = 1e6
const names = process.argv.slice(2)
for (const name of names) {
  if (name in CASES) continue
  console.error(`Unknown case '${name}': take some of ${Object.keys(CASES).join(', ')}`)
  process.exit(2)
}
const head = [
  '',
  'MB/s',
  'time',
  'stalled',
  'requests',
  'peak',
  'limit',
  'fetched',
  '503',
  'p50 ms',
  'p95 ms',
]
const rows = [head]
for (const [name, one] of Object.entries(CASES)) {
  if (names.length === 0 || names.includes(name)) rows.push(await row(name, one))
}
const widths = head.map((_, column) => Math.max(...rows.map(cells => (cells[column] ?? '').length)))
for (const cells of rows) {
  console.log(
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  '),
  )
}

async function row(name: string, one: EngineCase): Promise<string[]> {
  const report = await play(one)
  const sorted = report.latencies.toSorted((a, b) => a - b)
  const percentile = (share: number) =>
    (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN).toFixed(1)
  return [
    `${name}: ${one.title}`,
    (report.bytes / report.endMs / (MB / 1000)).toFixed(1),
    `${(report.endMs / 1000).toFixed(2)} s`,
    `${((report.stallMs / report.endMs) * 100).toFixed(0)} %`,
    String(report.requests),
    String(report.peakInFlight),
    String(report.limit),
    (report.fetchedBytes / report.bytes).toFixed(3),
    String(report.refusals),
    percentile(0.5),
    percentile(0.95),
  ]
}
