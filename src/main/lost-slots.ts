// Who waits for slots of one export and wants to know if a slot's fetch ends for good without filling it.

import type { Failure } from '../shared/failure.js'

/** Listeners by slot. */
export class LostSlots {
  readonly #listeners = new Map<number, Set<(failure: Failure) => void>>()

  /** Slots that somebody waits for. */
  get size(): number {
    return this.#listeners.size
  }

  /** True while somebody waits for the slot. */
  has(slot: number): boolean {
    return this.#listeners.has(slot)
  }

  /**
   * Listens to one slot, until it is told.
   * @returns takes the listener out again
   */
  listen(slot: number, listener: (failure: Failure) => void): () => void {
    const listeners = this.#listeners.get(slot) ?? new Set()
    listeners.add(listener)
    this.#listeners.set(slot, listeners)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(slot)
    }
  }

  /** Tells those who wait for the slot that it is lost. */
  tell(slot: number, failure: Failure): void {
    const listeners = this.#listeners.get(slot)
    this.#listeners.delete(slot)
    for (const listener of listeners ?? []) listener(failure)
  }

  /** Tells all who wait for any slot now. */
  tellAll(failure: Failure): void {
    for (const slot of [...this.#listeners.keys()]) this.tell(slot, failure)
  }
}
