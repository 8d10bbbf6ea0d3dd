// Which plots there are, and what of a snapshot each of them shows.

import type { Histogram, History, StatusSnapshot } from '../snapshot.js'
import { showCount, showSeconds, showShare } from '../units.js'
import { byId } from './dom.js'
import { show } from './figures.js'
import { Plot, type PlotData, type PlotOptions } from './plot.js'
import {
  agoMark,
  BYTE_STEPS,
  binMarks,
  byteMark,
  byteTop,
  COUNT_STEPS,
  countTop,
  mean,
  most,
  shownBins,
  shownSeconds,
  TIME_STEPS,
} from './scales.js'

const overTime = { xMark: agoMark, xSteps: TIME_STEPS } as const
const rate = (value: number) => show('rate', value)
const milliseconds = (ms: number) => showSeconds(ms / 1000).replace(/\.0+(?= )/, '')

const THROUGHPUT: PlotOptions = {
  ...overTime,
  title: 'Throughput',
  series: [
    { label: 'served', colour: '--line-1', look: 'area', show: rate },
    { label: 'fetched', colour: '--line-2', look: 'dashed', show: rate },
  ],
  yMark: byteMark,
  ySteps: BYTE_STEPS,
}
const STALL: PlotOptions = {
  ...overTime,
  title: 'Stall: time that reads waited',
  series: [{ label: 'stalled', colour: '--line-3', look: 'area', show: showShare }],
  yMark: value => `${Math.round(value * 100)} %`,
  ySteps: [0.25],
}
const GOVERNOR: PlotOptions = {
  ...overTime,
  title: 'Requests and the governor’s limit',
  series: [
    { label: '429/503', colour: '--line-3', look: 'bars', show: showCount },
    { label: 'in flight', colour: '--line-1', look: 'area', show: showCount },
    { label: 'limit', colour: '--line-2', look: 'dashed', show: showCount },
  ],
  yMark: String,
  ySteps: COUNT_STEPS,
}

/** All plots of the page. */
export class Plots {
  readonly #throughput = new Plot(byId('throughput'), THROUGHPUT)
  readonly #stall = new Plot(byId('stall'), STALL)
  readonly #governor = new Plot(byId('governor'), GOVERNOR)
  readonly #firstByte: Plot
  /** The bins that are shown, for the marks of the axis. */
  #marks: string[] = []

  constructor() {
    this.#firstByte = new Plot(byId('first-byte'), {
      title: 'Time to the first byte, up to',
      series: [{ label: 'requests', colour: '--line-1', look: 'bars', show: showCount }],
      xMark: bin => this.#marks[bin] ?? '',
      xSteps: [1, 2, 4, 8],
      yMark: value => (Number.isInteger(value) ? showCount(value) : ''),
      ySteps: COUNT_STEPS,
    })
  }

  update({ history, firstByte, statistics }: StatusSnapshot): void {
    const { served, fetched, stall, limit, inFlight, throttled } = history
    const bytes = [served, fetched]
    this.#throughput.update({
      ...timesOf(history),
      y: bytes,
      yTop: byteTop(most([...served, ...fetched]), 1024 ** 2),
      summary: `Served ${rate(mean(served))} on average, ${rate(most(served))} at most.`,
    })
    this.#stall.update({
      ...timesOf(history),
      y: [stall],
      yTop: 1,
      summary: `Reads waited ${showShare(mean(stall))} of the time on average.`,
    })
    this.#governor.update({
      ...timesOf(history),
      y: [throttled, inFlight, limit],
      yTop: countTop(most([...limit, ...inFlight, ...throttled])),
      summary: `${showCount(statistics.throttled)} refused since the start; ${showCount(statistics.peakInFlight)} in flight at most.`,
    })
    this.#firstByte.update(this.#bins(firstByte))
  }

  /** With the colours of now. */
  redraw(): void {
    for (const plot of [this.#throughput, this.#stall, this.#governor, this.#firstByte]) {
      plot.redraw()
    }
  }

  #bins({ boundsMs, counts, count, sumMs }: Histogram): PlotData {
    const { from, to } = shownBins(counts)
    this.#marks = binMarks(boundsMs, milliseconds).slice(from, to)
    const shown = counts.slice(from, to)
    const summary =
      count === 0
        ? 'No answer yet.'
        : `${showCount(count)} answers, ${showSeconds(sumMs / count / 1000)} on average.`
    return {
      x: shown.map((_, i) => i),
      y: [shown],
      now: [count],
      xRange: [-0.5, shown.length - 0.5],
      yTop: Math.max(4, most(shown) * 1.1),
      summary,
    }
  }
}

/** Samples end now, and are a second apart. */
function timesOf({ served }: History): Pick<PlotData, 'x' | 'xRange'> {
  const last = served.length - 1
  return { x: served.map((_, i) => i - last), xRange: [-shownSeconds(served.length), 0] }
}
