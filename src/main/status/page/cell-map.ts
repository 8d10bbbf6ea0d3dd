// One map on the page: cells, a legend, and a line that tells about the cell under the pointer or
// the keyboard's cursor. To assistive technology it is a slider along the image.

import { paintCells } from './cell-painter.js'
import { type CellState, gridOf } from './cells.js'
import { element, figure, setText } from './dom.js'

export interface CellMapOptions {
  /** What it is a map of. */
  readonly label: string
  readonly states: readonly CellState[]
  /** Path of the exact count of a state, by its letter, where there is one. */
  readonly counts: Readonly<Record<string, string>>
}

/** What is drawn at the moment. */
export interface CellMapPicture {
  readonly cells: string
  /** All of it in a sentence. */
  readonly summary: string
  /** One cell in words. */
  wordsOf(index: number): string
}

export class CellMap {
  readonly #options: CellMapOptions
  readonly #frame = element('div', 'map')
  readonly #canvas = element('canvas')
  readonly #line = element('p', 'map-line')
  readonly #swatches: [HTMLCanvasElement, CellState][] = []
  #picture: CellMapPicture = { cells: '', summary: '', wordsOf: () => '' }
  /** Cell that is told about: by keyboard or pointer; -1 for none. */
  #cursor = -1

  /** @param path where the cells lie in a snapshot */
  constructor(host: HTMLElement, path: string, options: CellMapOptions) {
    this.#options = options
    this.#canvas.setAttribute('aria-hidden', 'true')
    this.#frame.append(this.#canvas)
    this.#frame.dataset['field'] = path
    this.#frame.tabIndex = 0
    this.#frame.setAttribute('role', 'slider')
    this.#frame.setAttribute('aria-label', `${options.label}, arrow keys walk through it`)
    this.#frame.setAttribute('aria-valuemin', '0')
    host.append(this.#frame, this.#line, this.#legend())
    this.#frame.addEventListener('keydown', event => this.#key(event))
    this.#frame.addEventListener('focus', () => this.#point(Math.max(0, this.#cursor)))
    this.#frame.addEventListener('blur', () => this.#point(-1))
    this.#frame.addEventListener('pointermove', event => this.#point(this.#cellAt(event)))
    this.#frame.addEventListener('pointerleave', () => {
      if (document.activeElement !== this.#frame) this.#point(-1)
    })
    new ResizeObserver(() => this.draw()).observe(this.#frame)
  }

  update(picture: CellMapPicture): void {
    this.#picture = picture
    this.#frame.dataset['value'] = picture.cells
    this.#frame.setAttribute('aria-valuemax', String(Math.max(0, picture.cells.length - 1)))
    this.draw()
  }

  /** Again, with the colours and the width of now. */
  draw(): void {
    const { states } = this.#options
    const { cells } = this.#picture
    paintCells(this.#canvas, cells, states, this.#grid(), this.#cursor)
    for (const [canvas, state] of this.#swatches) {
      paintCells(canvas, state.letter, states, { columns: 1, rows: 1, pitch: 16 })
    }
    this.#tell()
  }

  #grid() {
    return gridOf(this.#picture.cells.length, this.#frame.clientWidth)
  }

  #tell(): void {
    const told = this.#cursor >= 0 && this.#cursor < this.#picture.cells.length
    const words = told ? this.#picture.wordsOf(this.#cursor) : this.#picture.summary
    setText(this.#line, words)
    // Not under a reader's feet: only a move of the cursor is to be read out.
    this.#frame.setAttribute('aria-valuenow', String(Math.max(0, this.#cursor)))
    this.#frame.setAttribute('aria-valuetext', words)
  }

  #point(index: number): void {
    if (index === this.#cursor) return
    this.#cursor = index
    this.draw()
  }

  #cellAt(event: PointerEvent): number {
    const { columns, pitch } = this.#grid()
    const box = this.#canvas.getBoundingClientRect()
    const column = Math.floor((event.clientX - box.left) / pitch)
    const index = Math.floor((event.clientY - box.top) / pitch) * columns + column
    const inside = column >= 0 && column < columns && index >= 0
    return inside && index < this.#picture.cells.length ? index : -1
  }

  #key(event: KeyboardEvent): void {
    const last = this.#picture.cells.length - 1
    const { columns } = this.#grid()
    const at = Math.max(0, this.#cursor)
    const to: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - columns,
      ArrowDown: at + columns,
      PageUp: at - 4 * columns,
      PageDown: at + 4 * columns,
      Home: 0,
      End: last,
    }
    const target = to[event.key]
    if (target === undefined || last < 0) return
    event.preventDefault()
    this.#point(Math.min(last, Math.max(0, target)))
  }

  #legend(): HTMLElement {
    const { states, counts } = this.#options
    const list = element('ul', 'legend')
    for (const state of states) {
      const item = element('li')
      const swatch = element('canvas', 'swatch')
      swatch.setAttribute('aria-hidden', 'true')
      this.#swatches.push([swatch, state])
      item.append(swatch, element('span', '', state.words))
      const path = counts[state.letter]
      if (path !== undefined) item.append(figure(path, 'count'))
      list.append(item)
    }
    return list
  }
}
