// The plots of a results file, as SVG texts that stand alone. No browser: a small DOM is enough.

import * as Plot from '@observablehq/plot'
import { isOurs } from '../cases/peers.js'
import { limitOf, profileOf } from '../cases/profiles.js'
import { DOWNLOAD } from '../measure/lookup.js'
import type { CellResult, Results } from '../measure/result.js'
import { summarize } from '../measure/statistics.js'
import { growthPlots } from './growth-plots.js'
import { type NamedPlot, render } from './svg.js'
import { imageBytes, isMeasured, isRaw, isWhole, speedOf } from './table.js'

const OWN_COLOR = '#0b6e4f'
const OTHER_COLOR = '#9aa5b1'
const LIMIT_COLOR = '#c0392b'
const MiB = 1024 ** 2

/** Every plot that the results have something for. */
export function plotsOf({ cells: all }: Results): NamedPlot[] {
  const cells = all.filter(isMeasured)
  return [
    ...speedPlots(cells),
    ...limitPlots(cells),
    ...timelinePlots(cells),
    ...growthPlots(cells),
  ]
}

/** Speed by peer, with its spread and the profile's limit: one plot a profile, size and workload. */
export function speedPlots(cells: readonly CellResult[]): NamedPlot[] {
  const copies = cells.filter(isWhole)
  const subjects = copies.filter(
    (cell, i) =>
      cell.workload !== DOWNLOAD &&
      i === copies.findIndex(other => isSameCase(other, cell) && other.workload === cell.workload),
  )
  return subjects.map(subject => {
    const group = copies.filter(
      cell =>
        isSameCase(cell, subject) &&
        (cell.workload === subject.workload || (cell.workload === DOWNLOAD && isRaw(subject))),
    )
    const { profile: name, workload, size, labels } = subject
    const profile = profileOf(name)
    const limit = profile === undefined ? undefined : limitOf(profile, imageBytes(subject))
    return {
      name: `speed-${name}-${workload}-${size / MiB}M`,
      title: `${profile?.title ?? name}; ${labels.workload}, ${size / MiB} MiB`,
      svg: speedPlot(group, limit),
    }
  })
}

function speedPlot(cells: readonly CellResult[], limit: number | undefined): string {
  const data = cells.map(cell => {
    const speeds = summarize(cell.runs.map(run => run.bytes / run.seconds / 1e6))
    return { ...speeds, peer: cell.labels.peer, color: colorOf(cell) }
  })
  return render({
    height: 60 + 28 * data.length,
    marginLeft: 250,
    marginRight: 60,
    x: { label: 'MB/s', grid: true, zero: true },
    y: { label: null, domain: data.map(row => row.peer) },
    marks: [
      Plot.barX(data, { x: 'median', y: 'peer', fill: 'color', insetTop: 3, insetBottom: 3 }),
      Plot.ruleY(data, { x1: 'min', x2: 'max', y: 'peer', stroke: '#333', strokeWidth: 1.5 }),
      Plot.text(data, {
        x: 'max',
        y: 'peer',
        text: (row: { median: number }) => row.median.toFixed(row.median < 10 ? 1 : 0),
        textAnchor: 'start',
        dx: 6,
      }),
      ...(limit === undefined
        ? []
        : [
            Plot.ruleX([limit / 1e6], { stroke: LIMIT_COLOR, strokeDasharray: '4 3' }),
            Plot.text([limit / 1e6], {
              x: (value: number) => value,
              frameAnchor: 'top',
              text: () => 'limit of 16 connections',
              fill: LIMIT_COLOR,
              dy: -10,
            }),
          ]),
    ],
  })
}

/** Our share of what a profile allows to anybody. */
function limitPlots(cells: readonly CellResult[]): NamedPlot[] {
  const data = cells.flatMap(cell => {
    const profile = profileOf(cell.profile)
    const limit = profile === undefined ? undefined : limitOf(profile, imageBytes(cell))
    if (limit === undefined || cell.peer !== 'ours' || !isWhole(cell)) return []
    const where = `${cell.profile}, ${cell.labels.workload}, ${cell.size / MiB} MiB`
    return [{ where, share: (speedOf(cell) / limit) * 100 }]
  })
  if (data.length === 0) return []
  const svg = render({
    height: 60 + 26 * data.length,
    marginLeft: 300,
    marginRight: 50,
    x: { label: '% of the limit of 16 connections', grid: true, domain: [0, 100] },
    y: { label: null, domain: data.map(row => row.where) },
    marks: [
      Plot.barX(data, { x: 'share', y: 'where', fill: OWN_COLOR, insetTop: 3, insetBottom: 3 }),
      Plot.text(data, {
        x: 'share',
        y: 'where',
        text: (row: { share: number }) => `${row.share.toFixed(0)} %`,
        textAnchor: 'start',
        dx: 6,
      }),
    ],
  })
  return [{ name: 'limit-share', title: 'nbd-prefetch: share of the limit', svg }]
}

/** Requests in progress and bytes under way, as the origin saw our last run. */
function timelinePlots(cells: readonly CellResult[]): NamedPlot[] {
  return cells
    .filter(cell => cell.peer === 'ours' && isWhole(cell) && (cell.timeline?.length ?? 0) > 2)
    .flatMap(cell => {
      const points = cell.timeline ?? []
      const where = `${cell.profile}-${cell.workload}-${cell.size / MiB}M`
      const what = `${cell.profile}, ${cell.labels.workload}, ${cell.size / MiB} MiB`
      const plot = (label: string, y: (point: (typeof points)[number]) => number) =>
        render({
          height: 200,
          marginLeft: 60,
          x: { label: 'seconds' },
          y: { label, grid: true, zero: true },
          marks: [
            Plot.areaY(points, { x: p => p.ms / 1000, y, curve: 'step-after', fill: '#0b6e4f33' }),
            Plot.lineY(points, { x: p => p.ms / 1000, y, curve: 'step-after', stroke: OWN_COLOR }),
          ],
        })
      return [
        {
          name: `concurrency-${where}`,
          title: `requests in progress: ${what}`,
          svg: plot('requests in progress', p => p.concurrency),
        },
        {
          name: `window-${where}`,
          title: `window (bytes asked for and not sent yet): ${what}`,
          svg: plot('MiB under way', p => p.outstanding / MiB),
        },
      ]
    })
}

function isSameCase(a: CellResult, b: CellResult): boolean {
  return a.profile === b.profile && a.size === b.size
}

function colorOf({ peer }: CellResult): string {
  return isOurs(peer) ? OWN_COLOR : OTHER_COLOR
}
