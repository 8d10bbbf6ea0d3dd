// What changed between two results files, and what is noise. Pure.

import type { CellResult, Results } from '../measure/result.js'
import { judge, median, type Verdict } from '../measure/statistics.js'
import { isMeasured, round } from './table.js'

/** One cell of both files. */
export interface Comparison {
  readonly cell: CellResult
  /** Median seconds, or the median of reads per second where time is fixed. */
  readonly before: number
  readonly after: number
  /** After / before, so that above 1 is faster. */
  readonly gain: number
  readonly verdict: Verdict
}

/** A comparison of all that both have, and what only one has, in words. */
export function compare(
  before: Results,
  after: Results,
): { readonly comparisons: readonly Comparison[]; readonly remarks: readonly string[] } {
  const comparisons: Comparison[] = []
  const remarks: string[] = []
  for (const what of ['machine', 'node'] as const) {
    if (before.about[what] !== after.about[what]) {
      remarks.push(
        `Not the same ${what}: ${before.about[what]}, then ${after.about[what]}. Ratios within a file still compare, times do not.`,
      )
    }
  }
  for (const cell of after.cells) {
    const old = before.cells.find(other => nameOf(other) === nameOf(cell))
    if (old === undefined) remarks.push(`Only in the second: ${wordsOf(cell)}`)
    else if (isMeasured(old) !== isMeasured(cell)) {
      remarks.push(
        isMeasured(cell)
          ? `Failed or was skipped before, has a figure now: ${wordsOf(cell)}`
          : `Had a figure before, has none now: ${wordsOf(cell)}: ${cell.failures[0] ?? cell.skipped}`,
      )
    } else if (isMeasured(cell)) comparisons.push(compareCell(old, cell))
  }
  for (const cell of before.cells) {
    if (!after.cells.some(other => nameOf(other) === nameOf(cell))) {
      remarks.push(`Only in the first: ${wordsOf(cell)}`)
    }
  }
  return { comparisons, remarks }
}

/** Lines for a terminal. */
export function comparisonLines({ comparisons, remarks }: ReturnType<typeof compare>): string[] {
  return [
    ...comparisons.map(({ cell, before, after, gain, verdict }) => {
      const change = gain >= 1 ? `${round(gain)} × as fast` : `${round(1 / gain)} × slower`
      const words = {
        noise: 'noise',
        likely: `${change}, likely (repeat with more --runs to be sure)`,
        certain: change,
        'too few': `${change}, or noise: too few runs to tell`,
      }[verdict]
      return `${wordsOf(cell)}: ${round(before)} → ${round(after)} ${unitOf(cell)}: ${words}`
    }),
    ...remarks,
  ]
}

function compareCell(before: CellResult, after: CellResult): Comparison {
  const [a, b] = [seriesOf(before), seriesOf(after)]
  const [first, second] = [median(a), median(b)]
  return {
    cell: after,
    before: first,
    after: second,
    gain: isRate(after) ? second / first : first / second,
    verdict: judge(a, b),
  }
}

function isRate({ runs }: CellResult): boolean {
  return runs.every(run => run.extra['rate'] !== undefined)
}

function seriesOf(cell: CellResult): number[] {
  return cell.runs.map(run => (isRate(cell) ? (run.extra['rate'] as number) : run.seconds))
}

function unitOf(cell: CellResult): string {
  return isRate(cell) ? 'reads/s' : 's'
}

function nameOf({ profile, workload, peer, size }: CellResult): string {
  return `${profile}/${workload}/${peer}/${size}`
}

function wordsOf({ profile, labels, size }: CellResult): string {
  return `${profile}, ${labels.workload}, ${size / 1024 ** 2} MiB, ${labels.peer}`
}
