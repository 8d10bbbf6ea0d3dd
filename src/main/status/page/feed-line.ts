// The line on top that says how old the figures are, and the button that holds them.

import { byId, setText } from './dom.js'
import type { FeedState } from './feed.js'
import { feedWords } from './feed-words.js'

export class FeedLine {
  readonly #button = byId('pause')
  readonly #words = byId('feed-words')
  #state: FeedState = 'connecting'
  #paused = false
  /** When the latest picture came, and when that on the page did, monotonic milliseconds. */
  #receivedMs: number | undefined
  #shownMs: number | undefined
  /** Called when the page is to go on. */
  onResume: () => void = () => {}

  constructor() {
    this.#button.addEventListener('click', () => this.#toggle())
    setInterval(() => this.#tell(), 500)
  }

  get paused(): boolean {
    return this.#paused
  }

  /** A new picture has come; it is on the page unless that is paused. */
  received(): void {
    this.#receivedMs = performance.now()
    if (!this.#paused) this.#shownMs = this.#receivedMs
    this.#tell()
  }

  state(state: FeedState): void {
    if (state === this.#state) return
    this.#state = state
    document.body.dataset['feed'] = state
    // Said once, not with every second of its age.
    if (state === 'lost') setText(byId('announcer'), 'Connection lost')
    this.#tell()
  }

  #toggle(): void {
    this.#paused = !this.#paused
    document.body.dataset['paused'] = String(this.#paused)
    setText(this.#button, this.#paused ? 'Go on' : 'Pause')
    if (!this.#paused) {
      this.#shownMs = this.#receivedMs
      this.onResume()
    }
    this.#tell()
  }

  #tell(): void {
    const age = this.#shownMs === undefined ? undefined : (performance.now() - this.#shownMs) / 1000
    setText(this.#words, feedWords(this.#state, this.#paused, age))
  }
}
