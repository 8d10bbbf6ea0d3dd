// One line on a terminal that says what is going on, and makes room for what is printed beside it:
// whoever prints to the terminal prints through it. Where standard error is no terminal there is none.

import progress, { type SingleBar } from 'cli-progress'
import { oneLine } from '../shared/unsafe-text.js'

// CommonJS, of whose names Node finds not all.
const { Format } = progress

/** Back to the line's start, and nothing on it. */
const CLEAR = '\r\u001b[K'
/** Below so many columns words need all the room. */
const BAR_COLUMNS = 60
/** Columns of the bar, its frame included: a share of all, and no more than this. */
const BAR_SHARE = 1 / 5
const MOST_BAR = 32
/** The library's own redrawing, which nothing needs: once an hour. */
const FPS = 1 / 3600

/** Where it is shown. */
export interface ProgressTarget {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Shows the latest of many short messages. */
export class ProgressLine implements Disposable {
  readonly #target: ProgressTarget
  readonly #bar: SingleBar
  #text = ''
  /** 0 to 1, or undefined where there is no share to draw. */
  #share: number | undefined

  constructor(target: ProgressTarget) {
    this.#target = target
    this.#bar = new progress.SingleBar({
      format: options => this.#draw(options),
      fps: FPS,
      forceRedraw: true,
      clearOnComplete: true,
      linewrap: null,
      // Of its own it would go back to a place that has scrolled away, and hide the command's cursor.
      terminal: new SharedTerminal(target),
    } as ConstructorParameters<typeof SingleBar>[0])
  }

  /** True where there is a line at all. */
  get isShown(): boolean {
    return this.#target.isTTY === true
  }

  /** Columns that `show()` has for words beside a bar. */
  get columns(): number {
    // The last column would make some terminals begin a new line.
    return Math.max(1, this.#width - 1 - this.#barColumns)
  }

  /**
   * Shows this in place of what was shown; '' shows nothing.
   *
   * @param share 0 to 1: drawn as a bar where there is room
   */
  show(text: string, share?: number): void {
    if (!this.isShown || (text === this.#text && share === this.#share)) return
    const wasShown = this.#text !== ''
    if (text === '') {
      this.#bar.stop()
      this.#text = text
      return
    }
    this.#text = text
    this.#share = share
    if (wasShown) this.#bar.render()
    else this.#bar.start(1, 0)
  }

  /** Prints whole lines above. */
  print(lines: string): void {
    if (this.#text === '') {
      this.#target.write(lines)
      return
    }
    this.#target.write(CLEAR + lines)
    this.#bar.render()
  }

  [Symbol.dispose](): void {
    this.show('')
  }

  get #width(): number {
    return this.#target.columns ?? 80
  }

  get #barColumns(): number {
    if (this.#width < BAR_COLUMNS) return 0
    return Math.min(MOST_BAR, Math.floor(this.#width * BAR_SHARE))
  }

  #draw(options: Parameters<typeof Format.BarFormat>[1]): string {
    const barsize = this.#barColumns - 3
    const bar =
      this.#share === undefined || barsize <= 0
        ? ''
        : `[${Format.BarFormat(this.#share, { ...options, barsize })}] `
    return (bar + oneLine(this.#text)).slice(0, Math.max(1, this.#width - 1))
  }
}

/** The terminal as the library sees it: it writes to its own line and changes nothing else of it. */
class SharedTerminal {
  readonly #target: ProgressTarget

  constructor(target: ProgressTarget) {
    this.#target = target
  }

  isTTY(): boolean {
    return this.#target.isTTY === true
  }

  getWidth(): number {
    return this.#target.columns ?? 80
  }

  write(text: string): void {
    // In one piece: what others write at the same time comes before or behind it.
    this.#target.write(CLEAR + text)
  }

  clearLine(): void {
    this.#target.write(CLEAR)
  }

  cursorTo(): void {}
  clearRight(): void {}
  cursorSave(): void {}
  cursorRestore(): void {}
  cursor(): void {}
  lineWrapping(): void {}
  newline(): void {}
}
