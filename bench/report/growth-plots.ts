// How cost grows with the image and with latency: time or speed, the server's processor time and its
// memory, as lines by peer.

import * as Plot from '@observablehq/plot'
import { medianOf, serverSecondsPerGiB } from '../measure/lookup.js'
import type { CellResult } from '../measure/result.js'
import { type NamedPlot, render } from './svg.js'
import { imageBytes, isWhole, speedOf } from './table.js'

const MiB = 1024 ** 2

/** What is shown of a cell; undefined if it was not measured, as of a driver that has no server. */
interface Cost {
  /** In the plot's file name. */
  readonly name: string
  readonly title: string
  readonly label: string
  readonly of: (cell: CellResult) => number | undefined
}

const TIME: Cost = {
  name: '',
  title: 'time',
  label: 'seconds',
  of: cell => imageBytes(cell) / speedOf(cell),
}
const SPEED: Cost = {
  name: '',
  title: 'speed',
  label: 'MB/s',
  of: cell => speedOf(cell) / 1e6,
}
const PROCESSOR: Cost = {
  name: '-cpu',
  title: "the server's processor time",
  label: 'seconds a GiB',
  of: ({ runs }) => medianOf(runs, serverSecondsPerGiB),
}
const MEMORY: Cost = {
  name: '-memory',
  title: "the server's memory",
  label: 'MiB',
  of: ({ runs }) => {
    const bytes = medianOf(runs, run => run.server?.peakBytes)
    return bytes === undefined ? undefined : bytes / MiB
  },
}

interface Point {
  readonly peer: string
  readonly x: number
  readonly y: number
}

/** The plots for which at least two sizes or latencies were measured. */
export function growthPlots(cells: readonly CellResult[]): NamedPlot[] {
  const whole = cells.filter(isWhole)
  const bySize = whole.filter(cell => new Set(likes(whole, cell).map(like => like.size)).size > 1)
  const byLatency = whole.filter(cell => latencyOf(cell) !== undefined)
  return [
    ...[TIME, PROCESSOR, MEMORY].flatMap(cost => {
      const points = pointsOf(bySize, cost, cell => cell.size / MiB)
      return plot(`growth-size${cost.name}`, `${cost.title} against image size`, points, [
        'image, MiB',
        cost.label,
      ])
    }),
    ...[SPEED, PROCESSOR].flatMap(cost => {
      const points = pointsOf(byLatency, cost, latencyOf)
      return plot(`growth-latency${cost.name}`, `${cost.title} against latency`, points, [
        'latency, ms',
        cost.label,
      ])
    }),
  ]
}

function latencyOf({ profile }: CellResult): number | undefined {
  const ms = /^latency-(\d+)ms$/.exec(profile)?.[1]
  return ms === undefined ? undefined : Number(ms)
}

/** The same measurement at all sizes. */
function likes(cells: readonly CellResult[], { profile, peer, workload }: CellResult) {
  return cells.filter(
    cell => cell.profile === profile && cell.peer === peer && cell.workload === workload,
  )
}

function pointsOf(
  cells: readonly CellResult[],
  cost: Cost,
  at: (cell: CellResult) => number | undefined,
): Point[] {
  return cells.flatMap(cell => {
    const [x, y] = [at(cell), cost.of(cell)]
    // An axis of logarithms has no place for zero, which little processor time rounds to.
    return x === undefined || y === undefined || !(y > 0) ? [] : [{ peer: cell.labels.peer, x, y }]
  })
}

function plot(
  name: string,
  title: string,
  points: readonly Point[],
  labels: readonly [string, string],
): NamedPlot[] {
  if (new Set(points.map(point => point.x)).size < 2) return []
  return [{ name, title, svg: lines(points, ...labels) }]
}

function lines(points: readonly Point[], x: string, y: string): string {
  const ends = [...new Set(points.map(point => point.peer))].map(peer =>
    points.filter(point => point.peer === peer).reduce((a, b) => (b.x > a.x ? b : a)),
  )
  const channels = { x: 'x', y: 'y', stroke: 'peer' }
  const measured = [...new Set(points.map(point => point.x))].sort((a, b) => a - b)
  return render({
    height: 340,
    marginLeft: 60,
    marginRight: 200,
    // A format in words would leave out those that its scale finds too close.
    x: { label: x, type: 'log', grid: true, ticks: measured, tickFormat: (at: number) => `${at}` },
    y: { label: y, type: 'log', grid: true, tickFormat: '~g' },
    color: { scheme: 'tableau10' },
    marks: [
      Plot.line(points, { ...channels, strokeWidth: 2 }),
      Plot.dot(points, { ...channels, r: 3 }),
      Plot.text(ends, { x: 'x', y: 'y', text: 'peer', fill: 'peer', textAnchor: 'start', dx: 8 }),
    ],
  })
}
