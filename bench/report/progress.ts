// What is going on, on a terminal; nothing elsewhere but one line a group.

import { SingleBar } from 'cli-progress'
import type { Progress } from '../measure/runner.js'

/** A bar for one group. */
export class ProgressBar implements Disposable {
  readonly #bar: SingleBar
  #started = false

  constructor() {
    this.#bar = new SingleBar({
      format: '{bar} {value}/{total}  {duration_formatted}  {what}',
      barsize: 20,
      hideCursor: true,
      clearOnComplete: true,
      stream: process.stderr,
      noTTYOutput: false,
      // Without it a line that does not fit would be printed again and again.
      linewrap: false,
    })
  }

  show({ done, total, what }: Progress): void {
    if (!process.stderr.isTTY) return
    if (!this.#started) this.#bar.start(total, done, { what })
    this.#started = true
    this.#bar.update(done, { what })
  }

  [Symbol.dispose](): void {
    if (this.#started) this.#bar.stop()
  }
}
