// Plots as texts of SVG files that stand alone. No browser: a small DOM is enough.

import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'

/** A plot with the name of its file and what it shows. */
export interface NamedPlot {
  /** Without `.svg`. */
  readonly name: string
  readonly title: string
  readonly svg: string
}

const WIDTH = 760

/** A plot as text of an SVG file. */
export function render(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const svg = Plot.plot({ width: WIDTH, ...options, document })
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  return svg.outerHTML
}
