// Draws the cells of a map on a canvas: colours from the page's style sheet, and a shape for each state,
// so that no state is told by its colour alone.

import { type CellState, type Grid, stateOf } from './cells.js'

/** Draws all cells; the canvas becomes as large as they need. `marked` is framed: the keyboard's cell. */
export function paintCells(
  canvas: HTMLCanvasElement,
  cells: string,
  states: readonly CellState[],
  { columns, rows, pitch }: Grid,
  marked = -1,
): void {
  const ratio = window.devicePixelRatio || 1
  setSize(canvas, columns * pitch, rows * pitch, ratio)
  const context = canvas.getContext('2d')
  if (context === null) return
  const style = getComputedStyle(canvas)
  const colours = new Map(
    states.map(({ letter, name }) => [letter, style.getPropertyValue(`--cell-${name}`)]),
  )
  const back = style.getPropertyValue('--cell-nothing')
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, columns * pitch, rows * pitch)
  const edge = Math.floor(pitch) - (pitch > 6 ? 2 : 1)
  for (let i = 0; i < cells.length; i++) {
    const state = stateOf(states, cells[i])
    // Whole pixels: edges are sharp, and gaps differ by one instead.
    const x = Math.round((i % columns) * pitch)
    const y = Math.round(Math.floor(i / columns) * pitch)
    context.fillStyle = back
    context.fillRect(x, y, edge, edge)
    const colour = colours.get(state.letter) ?? back
    paintCell(context, state.pattern, colour, back, x, y, edge)
    if (i === marked) {
      context.strokeStyle = style.getPropertyValue('--text')
      context.lineWidth = 2
      context.strokeRect(x, y, edge, edge)
    }
  }
}

function paintCell(
  context: CanvasRenderingContext2D,
  pattern: CellState['pattern'],
  colour: string,
  back: string,
  x: number,
  y: number,
  edge: number,
): void {
  context.fillStyle = colour
  context.strokeStyle = colour
  context.lineWidth = Math.max(1, Math.round(edge / 8))
  const half = context.lineWidth / 2
  switch (pattern) {
    case 'full':
      context.fillRect(x, y, edge, edge)
      break
    case 'half':
      context.beginPath()
      context.moveTo(x, y + edge)
      context.lineTo(x, y)
      context.lineTo(x + edge, y + edge)
      context.fill()
      break
    case 'dot':
      context.fillRect(x, y, edge, edge)
      context.fillStyle = back
      context.beginPath()
      context.arc(x + edge / 2, y + edge / 2, Math.max(1.5, edge / 5), 0, 2 * Math.PI)
      context.fill()
      break
    case 'stripe':
      context.beginPath()
      for (const part of [0.5, 1, 1.5]) {
        context.moveTo(x + Math.max(0, part - 1) * edge, y + Math.min(1, part) * edge)
        context.lineTo(x + Math.min(1, part) * edge, y + Math.max(0, part - 1) * edge)
      }
      context.stroke()
      break
    case 'frame':
      context.strokeRect(x + half, y + half, edge - 2 * half, edge - 2 * half)
      break
    case 'cross':
      context.fillRect(x, y, edge, edge)
      context.strokeStyle = back
      context.beginPath()
      context.moveTo(x + half, y + half)
      context.lineTo(x + edge - half, y + edge - half)
      context.moveTo(x + edge - half, y + half)
      context.lineTo(x + half, y + edge - half)
      context.stroke()
      break
    case 'empty':
      break
  }
}

function setSize(canvas: HTMLCanvasElement, width: number, height: number, ratio: number): void {
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width === wide && canvas.height === high) return
  canvas.width = wide
  canvas.height = high
  canvas.style.width = `${width}px`
  canvas.style.height = `${height}px`
}
