// Tells a run that hangs from one that is slow: the origin has nothing to do for it. Some peers lose
// a wake-up now and then, and would take all of the time limit to say nothing.

import type { Origin } from './origin.js'
import { OutOfTime } from './out-of-time.js'

const LOOK_MS = 2000
/** A reader of 20 MB/s lives on a full ring of 256 MiB for 14 s. */
const IDLE_MS = 30_000

/** Watches one run; must be disposed of when it has ended. */
export class Watch implements Disposable {
  readonly #controller = new AbortController()
  readonly #look: NodeJS.Timeout
  readonly #limit: NodeJS.Timeout

  constructor(origin: Pick<Origin, 'sentSoFar'>, limitMs: number) {
    const start = performance.now()
    let sent = -1
    let since = start
    this.#look = setInterval(() => {
      void origin.sentSoFar().then(
        now => {
          if (now !== sent) since = performance.now()
          sent = now
          if (performance.now() - since < IDLE_MS) return
          const seconds = ((since - start) / 1000).toFixed(0)
          this.#stop(new Error(`it hangs: nothing more was asked of the origin after ${seconds} s`))
        },
        (error: Error) => this.#stop(error),
      )
    }, LOOK_MS)
    this.#limit = setTimeout(
      () => this.#stop(new OutOfTime(`it took longer than ${limitMs / 1000} s`)),
      limitMs,
    )
  }

  /** Aborted with the reason as an Error. */
  get given(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    clearInterval(this.#look)
    clearTimeout(this.#limit)
  }

  #stop(why: Error): void {
    this[Symbol.dispose]()
    this.#controller.abort(why)
  }
}
