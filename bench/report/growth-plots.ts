// How time grows with the image, and how speed falls with latency: lines by peer.

import * as Plot from '@observablehq/plot'
import type { CellResult } from '../measure/result.js'
import { type NamedPlot, render } from './svg.js'
import { imageBytes, isWhole, speedOf } from './table.js'

const MiB = 1024 ** 2

/** The plots for which at least two sizes or latencies were measured. */
export function growthPlots(cells: readonly CellResult[]): NamedPlot[] {
  const whole = cells.filter(isWhole)
  const bySize = whole
    .filter(cell => new Set(likes(whole, cell).map(like => like.size)).size > 1)
    .map(cell => ({
      peer: cell.labels.peer,
      x: cell.size / MiB,
      y: imageBytes(cell) / speedOf(cell),
    }))
  const byLatency = whole.flatMap(cell => {
    const ms = /^latency-(\d+)ms$/.exec(cell.profile)?.[1]
    return ms === undefined
      ? []
      : [{ peer: cell.labels.peer, x: Number(ms), y: speedOf(cell) / 1e6 }]
  })
  return [
    ...(bySize.length < 2
      ? []
      : [
          {
            name: 'growth-size',
            title: 'time against image size',
            svg: lines(bySize, 'image, MiB', 'seconds'),
          },
        ]),
    ...(new Set(byLatency.map(point => point.x)).size < 2
      ? []
      : [
          {
            name: 'growth-latency',
            title: 'speed against latency',
            svg: lines(byLatency, 'latency, ms', 'MB/s'),
          },
        ]),
  ]
}

/** The same measurement at all sizes. */
function likes(cells: readonly CellResult[], { profile, peer, workload }: CellResult) {
  return cells.filter(
    cell => cell.profile === profile && cell.peer === peer && cell.workload === workload,
  )
}

function lines(
  points: readonly { readonly peer: string; readonly x: number; readonly y: number }[],
  x: string,
  y: string,
): string {
  const ends = [...new Set(points.map(point => point.peer))].map(peer =>
    points.filter(point => point.peer === peer).reduce((a, b) => (b.x > a.x ? b : a)),
  )
  const channels = { x: 'x', y: 'y', stroke: 'peer' }
  return render({
    height: 340,
    marginLeft: 60,
    marginRight: 200,
    x: { label: x, type: 'log', grid: true, tickFormat: 'd' },
    y: { label: y, type: 'log', grid: true, tickFormat: '~g' },
    color: { scheme: 'tableau10' },
    marks: [
      Plot.line(points, { ...channels, strokeWidth: 2 }),
      Plot.dot(points, { ...channels, r: 3 }),
      Plot.text(ends, { x: 'x', y: 'y', text: 'peer', fill: 'peer', textAnchor: 'start', dx: 8 }),
    ],
  })
}
