// Tables of results as text: one row a cell, with its ratio to every peer of the same run. Pure.

import { OURS } from '../cases/peers.js'
import { limitOf, profileOf } from '../cases/profiles.js'
import { amplificationOf, DOWNLOAD, medianOf } from '../measure/lookup.js'
import type { CellResult, ClaimResult, Run } from '../measure/result.js'
import { summarize } from '../measure/statistics.js'

const GiB = 1024 ** 3
const MiB = 1024 ** 2
/** Below it, the processor time of starting says nothing about a GiB. */
const LEAST_BYTES = 7 * MiB

/** A column: its head, and what a cell shows in it ('' for nothing). */
interface Column {
  readonly head: string
  readonly show: (cell: CellResult) => string
}

const COLUMNS: readonly Column[] = [
  {
    head: 'speed',
    show: show(
      run => (run.bytes < 2 ** 16 ? undefined : run.bytes / run.seconds / 1e6),
      v => `${round(v)} MB/s`,
    ),
  },
  {
    head: 'time',
    show: show(
      run => run.seconds,
      v => `${v.toFixed(2)} s`,
    ),
  },
  { head: 'spread', show: spreadOf },
  { head: 'of limit', show: limitShareOf },
  {
    head: 'p50',
    show: show(
      run => run.extra['p50Ms'],
      v => `${v.toFixed(1)} ms`,
    ),
  },
  {
    head: 'p99',
    show: show(
      run => run.extra['p99Ms'],
      v => `${v.toFixed(1)} ms`,
    ),
  },
  {
    head: 'reads/s',
    show: show(
      run => run.extra['rate'],
      v => v.toFixed(0),
    ),
  },
  {
    head: 'requests',
    show: show(
      run => run.origin?.requests,
      v => v.toFixed(0),
    ),
  },
  {
    head: 'peak',
    show: show(
      run => run.origin?.peakConcurrency,
      v => v.toFixed(0),
    ),
  },
  { head: 'fetched', show: show(amplificationOf, v => v.toFixed(3)) },
  {
    head: 'server CPU/GiB',
    show: cell => seconds(perGiB(cell.runs, run => run.server?.cpuSeconds)),
  },
  {
    head: 'main+rest',
    show: cell => {
      const main = perGiB(cell.runs, run => run.server?.mainSeconds)
      const rest = perGiB(cell.runs, run => run.server?.otherSeconds)
      return main === undefined || rest === undefined ? '' : `${main.toFixed(2)}+${rest.toFixed(2)}`
    },
  },
  {
    head: 'client CPU/GiB',
    show: cell => seconds(perGiB(cell.runs, run => run.client.cpuSeconds)),
  },
  {
    head: 'origin busy',
    show: show(
      run =>
        run.origin?.cpuSeconds === undefined ? undefined : run.origin.cpuSeconds / run.seconds,
      v => `${(v * 100).toFixed(0)} %`,
    ),
  },
  {
    head: 'server RSS',
    show: show(
      run => run.server?.peakBytes,
      v => `${(v / MiB).toFixed(0)} M`,
    ),
  },
  {
    head: 'client RSS',
    show: show(
      run => run.client.peakBytes,
      v => `${(v / MiB).toFixed(0)} M`,
    ),
  },
]

/** Head and rows, the first two columns words; columns without content are left out. */
export interface Table {
  readonly head: readonly string[]
  /** As long as the head, or of three: a cell without figures says why. */
  readonly rows: readonly (readonly string[])[]
}

/** One row a cell, in their order. */
export function tableOf(cells: readonly CellResult[]): Table {
  const columns = COLUMNS.filter(({ show }) =>
    cells.some(cell => isMeasured(cell) && show(cell) !== ''),
  )
  const rows = cells.map(cell => [
    cell.labels.peer,
    cell.labels.workload,
    ...(isMeasured(cell) ? columns.map(column => column.show(cell)) : [whyNot(cell)]),
  ])
  return { head: ['', 'client', ...columns.map(column => column.head)], rows }
}

/** The table as text. */
export function resultTable(cells: readonly CellResult[]): string {
  const { head, rows } = tableOf(cells)
  return align([head, ...rows], head.length)
}

/** Our speed over everybody else's, per workload: the ratios that the project is about. */
export function ratioLines(cells: readonly CellResult[]): string[] {
  const profiles = new Set(cells.map(cell => cell.profile))
  return cells
    .filter(cell => cell.peer === OURS && isMeasured(cell))
    .map(own => {
      const others = cells.filter(
        cell =>
          cell !== own &&
          cell.profile === own.profile &&
          isMeasured(cell) &&
          (cell.workload === own.workload ||
            (cell.workload === DOWNLOAD && isWhole(own) && isRaw(own))),
      )
      const where = profiles.size > 1 ? `${own.profile}, ` : ''
      const ratios = others.map(
        other => `${round(speedOf(own) / speedOf(other))} × ${other.labels.peer}`,
      )
      return ratios.length === 0
        ? ''
        : `${own.labels.peer}, ${where}${own.labels.workload}: ${ratios.join('; ')}`
    })
    .filter(line => line !== '')
}

/** What was run, once each. */
export function commandLines(cells: readonly CellResult[]): string[] {
  return [...new Set(cells.flatMap(cell => cell.commands))].map(command => `  $ ${command}`)
}

/** The statements, with what was measured. */
export function claimTable(claims: readonly ClaimResult[]): string {
  const rows = claims.map(({ what, value, bound, holds }) => [
    what,
    holds === undefined ? 'no figure' : holds ? 'holds' : 'MISSED',
    value === undefined ? '' : round(value, 3),
    bound,
  ])
  return align([['statement', '', 'measured', 'bound'], ...rows], 4)
}

/** True if it has a figure. */
export function isMeasured(cell: CellResult): boolean {
  return cell.skipped === undefined && cell.runs.length > 0
}

/** Bytes per second, the median. */
export function speedOf(cell: CellResult): number {
  return medianOf(cell.runs, run => run.bytes / run.seconds) ?? Number.NaN
}

/** Bytes behind the URL. */
export function imageBytes({ size, fileBytes = size }: CellResult): number {
  return fileBytes
}

/** True if the client read all of the image, and little else was timed. */
export function isWhole(cell: CellResult): boolean {
  return cell.runs.every(run => run.bytes >= imageBytes(cell))
}

/** True if what a download gives can be held against it: it gives the same raw image. */
export function isRaw({ fileBytes }: CellResult): boolean {
  return fileBytes === undefined
}

function whyNot({ failures: [failure], skipped }: CellResult): string {
  return failure !== undefined ? `failed: ${failure}` : `skipped: ${skipped ?? 'not run'}`
}

/** What went wrong in cells that have figures all the same, one line each. */
export function failureLines(cells: readonly CellResult[]): string[] {
  return cells
    .filter(cell => isMeasured(cell) && cell.failures.length > 0)
    .map(
      ({ labels, runs, failures }) =>
        `${labels.peer}, ${labels.workload}: ${failures.length} of ${runs.length + failures.length} runs failed: ${failures[0]}`,
    )
}

function show(of: (run: Run) => number | undefined, format: (value: number) => string) {
  return (cell: CellResult) => {
    const value = medianOf(cell.runs, of)
    return value === undefined ? '' : format(value)
  }
}

function spreadOf({ runs }: CellResult): string {
  const summary = summarize(runs.map(run => run.seconds))
  if (summary === undefined) return ''
  const { min, max, count } = summary
  return count === 1 ? 'one run' : `${min.toFixed(2)}–${max.toFixed(2)}`
}

function limitShareOf(cell: CellResult): string {
  const profile = profileOf(cell.profile)
  // What is limited is a copy: random reads and slow readers have other limits.
  if (profile === undefined || !isWhole(cell)) return ''
  const limit = limitOf(profile, medianOf(cell.runs, run => run.bytes) ?? cell.size)
  return limit === undefined ? '' : `${((speedOf(cell) / limit) * 100).toFixed(0)} %`
}

function seconds(value: number | undefined): string {
  return value === undefined ? '' : `${value.toFixed(2)} s`
}

function perGiB(runs: readonly Run[], of: (run: Run) => number | undefined): number | undefined {
  return medianOf(runs, run => {
    const value = of(run)
    return value === undefined || run.bytes < LEAST_BYTES ? undefined : (value / run.bytes) * GiB
  })
}

/** Three figures that count, `extra` more decimals at most. */
export function round(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–'
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.max(Math.abs(value), 1e-9))))
  return value.toFixed(Math.min(decimals, 3))
}

/** Columns padded to their widest cell; rows shorter than `columns` do not widen them. */
function align(rows: readonly (readonly string[])[], columns: number): string {
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(0, ...rows.map(row => (row.length === columns || i < 2 ? (row[i] ?? '').length : 0))),
  )
  return rows
    .map(row =>
      row
        .map((cell, i) =>
          i < 2
            ? cell.padEnd(widths[i] ?? 0)
            : cell.padStart(row.length === columns ? (widths[i] ?? 0) : 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
