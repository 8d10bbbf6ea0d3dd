// The README's headline: one table and one plot, made from a results file. Pure; bench.ts writes.

import { isOurs, OURS } from '../cases/peers.js'
import { amplificationOf, DOWNLOAD, medianOf } from '../measure/lookup.js'
import type { CellResult, Results } from '../measure/result.js'
import { speedPlots } from './plots.js'
import { isMeasured, isWhole, round, speedOf } from './table.js'

const MiB = 1024 ** 2
const START = '<!-- headline:start -->'
const END = '<!-- headline:end -->'

/** Where the plot lies in the repository. */
export const HEADLINE_PLOT = 'docs/headline.svg'

/**
 * The README with the headline of the results in place of what stands between its marks.
 * @throws Error if there are no marks
 */
export function withHeadline(readme: string, results: Results): string {
  const start = readme.indexOf(START)
  const end = readme.indexOf(END)
  if (start === -1 || end < start) {
    throw new Error(`Cannot write the headline: the README has no ${START} and ${END}`)
  }
  return `${readme.slice(0, start + START.length)}\n${headline(results)}\n${readme.slice(end)}`
}

/**
 * The plot of the first column.
 * @throws Error if nothing of it was measured
 */
export function headlinePlot({ cells }: Results): string {
  const [plot] = speedPlots(cells.filter(isMeasured))
  if (plot === undefined) throw new Error('Cannot plot the headline: nothing was measured for it')
  return `${plot.svg}\n`
}

function headline({ about, cells }: Results): string {
  const columns = cells
    .filter(cell => cell.workload !== DOWNLOAD)
    .filter((cell, i, all) => i === all.findIndex(other => isSameColumn(other, cell)))
  const peers = cells.filter((cell, i) => i === cells.findIndex(other => other.peer === cell.peer))
  const rows = peers.map(({ peer, labels }) => {
    const shown = columns.map(column => {
      const cell = cells.find(
        other =>
          other.peer === peer &&
          other.size === column.size &&
          (other.workload === column.workload || other.workload === DOWNLOAD),
      )
      return cell === undefined ? '' : speedText(cell, nbdkitOf(cells, column), peer === OURS)
    })
    const name = peer === OURS ? `**${labels.peer}**` : labels.peer
    return `| ${[name, ...shown].join(' | ')} |`
  })
  const heads = columns.map(
    ({ labels, size }) => `\`${labels.workload}\`, ${(size / MiB).toFixed(0)} MiB`,
  )
  const wire = columns.map(column => {
    const own = cells.find(cell => cell.peer === OURS && isSameColumn(cell, column))
    return (medianOf(own?.runs ?? [], amplificationOf) ?? Number.NaN).toFixed(2)
  })
  const runs = Math.max(...cells.map(cell => cell.runs.length))
  return `
| | ${heads.join(' | ')} |
|---|${columns.map(() => '---|').join('')}
${rows.join('\n')}

![Speed by peer](${HEADLINE_PLOT})

Medians of ${runs} interleaved runs (slow peers one), every copy compared with the image. Bytes taken from the server by nbd-prefetch: ${wire.join(' and ')} × the image. Measured on ${about.date.slice(0, 10)} on
${about.machine}, which also ran the server and the client, with Node ${about.node.slice(1)}; load average at the start ${about.load}. Peers:
${about.versions.filter(version => !version.endsWith('not installed')).join(', ')}.
Reproduce: \`npm run bench -- --headline\`.
`
}

function nbdkitOf(cells: readonly CellResult[], column: CellResult): CellResult | undefined {
  return cells.find(
    cell => cell.peer === 'nbdkit' && isSameColumn(cell, column) && isMeasured(cell),
  )
}

function isSameColumn(a: CellResult, b: CellResult): boolean {
  return a.workload === b.workload && a.size === b.size
}

function speedText(cell: CellResult, nbdkit: CellResult | undefined, isBold: boolean): string {
  if (!isMeasured(cell) || !isWhole(cell)) return cell.failures.length > 0 ? 'failed' : ''
  const speed = speedOf(cell)
  const factor =
    nbdkit === undefined || !isOurs(cell.peer) || !isBold
      ? ''
      : `, ${round(speed / speedOf(nbdkit), 2)} × nbdkit`
  const text = `${(speed / 1e6).toFixed(speed < 1e7 ? 1 : 0)} MB/s${factor}`
  return isBold ? `**${text}**` : text
}
