// The doorbells: a counter word that one side raises and the other waits on without blocking its
// event loop. A ring that was missed is made up for by the next one, or by the poll interval.

import { RingWord } from './layout.js'
import type { RingMemory } from './ring-memory.js'

/** Longest time one wait lasts by default, milliseconds: bounds the harm of a lost wake-up. */
const POLL_MS = 1000

/** Raises the doorbell and wakes whoever waits on it. Called by fillers. */
export function ringDoorbell(memory: RingMemory): void {
  Atomics.add(memory.words, RingWord.DOORBELL, 1)
  Atomics.notify(memory.words, RingWord.DOORBELL)
}

/** Which of the ring's bells to listen to. */
export type Bell = 'doorbell' | 'cancel'

/**
 * Calls back after each ring of a bell until closed. Rings that come close together may be folded
 * into one call, so the callback must look at everything it cares about; it is also called without
 * a ring once nothing has rung for the poll interval. Rings before the construction don't count:
 * who starts to listen looks once for itself.
 *
 * A pending wait does not keep the process alive. A callback that throws is an uncaught error, as in
 * an event handler; the listening goes on.
 */
export class BellListener implements Disposable {
  readonly #words: Int32Array
  readonly #word: number
  readonly #onRing: () => void
  readonly #pollMs: number
  #closed = false

  /** @param pollMs longest time between two calls, milliseconds, default 1000 */
  constructor(memory: RingMemory, bell: Bell, onRing: () => void, pollMs: number = POLL_MS) {
    this.#words = memory.words
    this.#word = bell === 'doorbell' ? RingWord.DOORBELL : RingWord.CANCEL_BELL
    this.#onRing = onRing
    this.#pollMs = pollMs
    this.#wait(Atomics.load(this.#words, this.#word))
  }

  /** Ends the calls, at once and for good. */
  close(): void {
    this.#closed = true
    // Lets the pending wait end now instead of after the poll interval. Other listeners of this bell
    // are woken too: one call more that finds nothing new.
    Atomics.notify(this.#words, this.#word)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #wait(seen: number): void {
    if (this.#closed) return
    const wait = Atomics.waitAsync(this.#words, this.#word, seen, this.#pollMs)
    if (wait.async) wait.value.then(() => this.#woken())
    // The word changed since it was loaded: a ring came already. Not by a microtask: fillers that
    // ring faster than the callback looks would keep the event loop from its sockets and timers.
    else setImmediate(() => this.#woken())
  }

  #woken(): void {
    if (this.#closed) return
    // Loaded before the callback looks: a ring during the callback ends the next wait at once.
    const seen = Atomics.load(this.#words, this.#word)
    try {
      this.#onRing()
    } finally {
      this.#wait(seen)
    }
  }
}
