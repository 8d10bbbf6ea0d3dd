// One line on a terminal that says what is going on, and makes room for what is printed beside it.
// Where standard error is no terminal there is none.

const CLEAR = '\r\u001b[K'

/** Where it is shown. */
export interface ProgressTarget {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Shows the latest of many short messages. */
export class ProgressLine implements Disposable {
  readonly #target: ProgressTarget
  #text = ''

  constructor(target: ProgressTarget) {
    this.#target = target
  }

  /** Shows this in place of what was shown; '' shows nothing. */
  show(text: string): void {
    if (this.#target.isTTY !== true || text === this.#text) return
    // The last column would make some terminals begin a new line.
    this.#text = text.slice(0, Math.max(1, (this.#target.columns ?? 80) - 1))
    this.#target.write(CLEAR + this.#text)
  }

  /** Prints whole lines above. */
  print(lines: string): void {
    const shown = this.#text
    this.show('')
    this.#target.write(lines)
    this.show(shown)
  }

  [Symbol.dispose](): void {
    this.show('')
  }
}
