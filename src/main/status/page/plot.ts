// One plot: uPlot with the page's colours, a legend that shows the figures of now or of the moment under
// the pointer, and the same in words for those who don't see it.

import { element, setText } from './dom.js'
import uPlot from './uplot.js'

/** One line, area or row of bars. */
export interface PlotSeries {
  readonly label: string
  /** CSS variable of its colour. */
  readonly colour: string
  /** Told apart by more than colour. */
  readonly look: 'area' | 'line' | 'dashed' | 'bars'
  /** A value in the legend. */
  readonly show: (value: number) => string
}

export interface PlotOptions {
  readonly title: string
  readonly series: readonly PlotSeries[]
  /** Marks of the axes. */
  readonly xMark: (value: number) => string
  readonly yMark: (value: number) => string
  readonly xSteps: readonly number[]
  readonly ySteps: readonly number[]
}

/** What is plotted: x, and a list of the same length for each series. */
export interface PlotData {
  readonly x: readonly number[]
  readonly y: readonly (readonly number[])[]
  readonly xRange: readonly [number, number]
  readonly yTop: number
  /** What the legend shows while nothing is pointed at, if not the last of each list. */
  readonly now?: readonly number[]
  /** In words: the plot's text equivalent, under its title. */
  readonly summary: string
}

const HEIGHT = 170
const Y_AXIS_WIDTH = 66
const X_AXIS_HEIGHT = 26
/** Between two marks, CSS pixels. */
const X_MARK_SPACE = 46

export class Plot {
  readonly #options: PlotOptions
  readonly #canvas = element('div', 'plot')
  readonly #summary = element('p', 'plot-summary')
  readonly #values: HTMLElement[] = []
  #plot: uPlot | undefined
  #data: PlotData | undefined

  constructor(host: HTMLElement, options: PlotOptions) {
    this.#options = options
    const figure = element('figure')
    const caption = element('figcaption')
    caption.append(element('h3', '', options.title), this.#legend(), this.#summary)
    this.#canvas.setAttribute('aria-hidden', 'true')
    figure.append(caption, this.#canvas)
    host.append(figure)
    new ResizeObserver(() => this.#fit()).observe(this.#canvas)
  }

  update(data: PlotData): void {
    this.#data = data
    setText(this.#summary, data.summary)
    if (this.#plot === undefined) this.#make()
    else this.#plot.setData(columns(data), false)
    this.#plot?.batch(() => this.#scale())
    if ((this.#plot?.cursor.idx ?? null) === null) this.#tell(null)
  }

  /** With the colours of now. */
  redraw(): void {
    this.#plot?.destroy()
    this.#plot = undefined
    if (this.#data !== undefined) this.update(this.#data)
  }

  #scale(): void {
    if (this.#data === undefined) return
    const [min, max] = this.#data.xRange
    this.#plot?.setScale('x', { min, max })
    this.#plot?.setScale('y', { min: 0, max: this.#data.yTop })
  }

  #fit(): void {
    const width = this.#canvas.clientWidth
    if (width > 0 && width !== this.#plot?.width) this.#plot?.setSize({ width, height: HEIGHT })
  }

  #make(): void {
    if (this.#data === undefined) return
    const style = getComputedStyle(this.#canvas)
    const colour = (name: string) => style.getPropertyValue(name).trim()
    const grid = { stroke: colour('--grid'), width: 1 }
    const font = `12px ${style.fontFamily}`
    const axis = { stroke: colour('--text-soft'), grid, ticks: { ...grid, size: 4 }, font, gap: 4 }
    const { series, xMark, yMark, xSteps, ySteps } = this.#options
    this.#plot = new uPlot(
      {
        width: Math.max(100, this.#canvas.clientWidth),
        height: HEIGHT,
        padding: [8, 14, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
        scales: { x: { time: false }, y: { auto: false } },
        axes: [
          {
            ...axis,
            size: X_AXIS_HEIGHT,
            incrs: [...xSteps],
            space: X_MARK_SPACE,
            values: (_plot, marks) => marks.map(xMark),
          },
          {
            ...axis,
            size: Y_AXIS_WIDTH,
            incrs: [...ySteps],
            space: 32,
            values: (_plot, marks) => marks.map(yMark),
          },
        ],
        series: [{}, ...series.map(one => seriesOf(one, colour(one.colour)))],
        hooks: { setCursor: [plot => this.#tell(plot.cursor.idx ?? null)] },
      },
      columns(this.#data),
      this.#canvas,
    )
  }

  /** Figures of one moment in the legend; null is the latest. */
  #tell(index: number | null): void {
    const { series } = this.#options
    for (const [i, { show }] of series.entries()) {
      const list = this.#data?.y[i] ?? []
      const value = index === null ? (this.#data?.now?.[i] ?? list.at(-1)) : list[index]
      setText(this.#values[i] as HTMLElement, value === undefined ? '–' : show(value))
    }
  }

  #legend(): HTMLElement {
    const list = element('ul', 'legend')
    for (const { label, look, colour } of this.#options.series) {
      const item = element('li')
      const value = element('span', 'figure')
      this.#values.push(value)
      item.append(
        element('span', `line line-${look} ${colour.slice(2)}`),
        element('span', '', label),
      )
      item.append(value)
      list.append(item)
    }
    return list
  }
}

function columns({ x, y }: PlotData): uPlot.AlignedData {
  return [[...x], ...y.map(list => [...list])]
}

function seriesOf({ look, label }: PlotSeries, stroke: string): uPlot.Series {
  const { bars } = uPlot.paths
  const common = { label, stroke, width: 2, points: { show: false } }
  switch (look) {
    case 'area':
      return { ...common, fill: `${stroke}33` }
    case 'line':
      return common
    case 'dashed':
      return { ...common, dash: [6, 4] }
    case 'bars':
      return {
        ...common,
        width: 0,
        fill: stroke,
        ...(bars === undefined ? {} : { paths: bars({ size: [0.8, 60] }) }),
      }
  }
}
