// Tells how far a run is while it lasts: takes the statistics once a second and shows them on the
// terminal's line, as lines of text, or as JSON lines.

import type { ProgressLine } from './progress-line.js'
import type { ProgressMode } from './progress-mode.js'
import { type Progress, ProgressMeter } from './status/progress.js'
import { progressLine, progressText } from './status/progress-text.js'
import type { Statistics } from './status/statistics.js'

/** Version of the JSON objects: grows when a field changes its meaning or goes. */
export const PROGRESS_SCHEMA = 1
const SAMPLE_MS = 1_000
/** Samples between two lines of text. */
const TEXT_EVERY = 10

export interface ProgressReportOptions {
  readonly mode: ProgressMode
  readonly line: ProgressLine
  /** Takes whole lines. */
  readonly write: (lines: string) => void
}

/** The progress of one run. */
export class ProgressReport implements Disposable {
  readonly #options: ProgressReportOptions
  readonly #meter = new ProgressMeter()
  #timer: NodeJS.Timeout | undefined
  #samples = 0

  constructor(options: ProgressReportOptions) {
    this.#options = options
  }

  /** From now on the figures are looked at. */
  start(statistics: () => Statistics): void {
    if (this.#options.mode === 'off') return
    const sample = () => this.#show(this.#meter.take(statistics()))
    sample()
    this.#timer = setInterval(sample, SAMPLE_MS).unref()
  }

  /** The run is over, and these are its figures. A report that was not started says nothing. */
  end(statistics: Statistics): void {
    if (this.#timer === undefined) return
    this[Symbol.dispose]()
    const { mode, write } = this.#options
    const progress = this.#meter.take(statistics)
    if (mode === 'json') write(jsonLine(progress, true))
    else if (mode === 'lines') write(textLine(progress))
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    if (this.#options.mode === 'live') this.#options.line.show('')
  }

  #show(progress: Progress): void {
    const { mode, line, write } = this.#options
    if (mode === 'live') line.show(progressLine(progress, line.columns), progress.share)
    else if (mode === 'json') write(jsonLine(progress, false))
    // At the very start there is nothing to tell yet.
    else if (this.#samples > 0 && this.#samples % TEXT_EVERY === 0) write(textLine(progress))
    this.#samples++
  }
}

function textLine(progress: Progress): string {
  return `nbd-prefetch: ${progressText(progress)}\n`
}

function jsonLine(progress: Progress, final: boolean): string {
  const head = { type: 'progress', schema: PROGRESS_SCHEMA, time: new Date().toISOString(), final }
  return `${JSON.stringify({ ...head, ...progress })}\n`
}
