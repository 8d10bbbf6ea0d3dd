// The main thread's waits on fill watermarks: "call me once 12,288 bytes of slot 7 are valid". One
// doorbell serves them all; each slot's WANT is the least need of those who wait for it, so a
// worker rings only when somebody can go on. Main thread only; no promise and no timer per wait.

import {
  BellListener,
  type RingOwner,
  SlotState,
} from '../../shared/sharedarraybuffer-ring/index.js'

/** One wait. */
interface Waiter {
  /** Fill at which to call back, bytes. */
  readonly bytes: number
  readonly callback: () => void
}

/** All waits on one slot. */
interface SlotWaits {
  readonly slot: number
  /** Greatest need first, so that the next to be served is at the end; equal needs in order of arrival. */
  readonly waiters: Waiter[]
  /** What WANT was last set to: spares a shared store per call. */
  want: number
}

/**
 * Calls back when slots have been filled far enough. The callbacks come from the doorbell's event,
 * least need first within a slot, and may call any method here.
 *
 * Nothing is called when a fetch fails: who learns of it takes the slot's waits with `drop()`.
 */
export class SlotWaiter implements Disposable {
  readonly #owner: RingOwner
  readonly #slots = new Map<number, SlotWaits>()
  readonly #listener: BellListener
  #pending = 0
  #closed = false
  #pollQueued = false

  /** Listens to the ring's doorbell until `close()`. */
  constructor(owner: RingOwner) {
    this.#owner = owner
    this.#listener = new BellListener(owner.memory, 'doorbell', () => this.poll())
  }

  /** Waits registered and not yet called back: a gauge that must return to zero. */
  get pending(): number {
    return this.#pending
  }

  /**
   * Calls back once, when `bytes` of the slot are valid, unless they are already.
   *
   * @param bytes 1 to the length the slot was assigned with
   * @returns true if they are valid now: nothing is registered and nothing will be called
   * @throws {RangeError} if the slot will never hold that many bytes
   * @throws {Error} if the slot is FREE, or after `close()`
   */
  wait(slot: number, bytes: number, callback: () => void): boolean {
    const memory = this.#owner.memory
    if (this.#closed) throw new Error(`Cannot wait for slot ${slot}: the waiter is closed`)
    if (memory.state(slot) === SlotState.FREE) {
      throw new Error(`Cannot wait for slot ${slot}: it is free`)
    }
    if (!Number.isSafeInteger(bytes) || bytes < 1 || bytes > memory.length(slot)) {
      throw new RangeError(
        `Cannot wait for ${bytes} bytes of slot ${slot}: it is to hold ${memory.length(slot)}`,
      )
    }
    if (memory.fill(slot) >= bytes) return true
    let waits = this.#slots.get(slot)
    if (waits === undefined) {
      waits = { slot, waiters: [], want: 0 }
      this.#slots.set(slot, waits)
    }
    const waiter = { bytes, callback }
    insert(waits.waiters, waiter)
    this.#pending++
    if (waits.want !== 0 && waits.want <= bytes) return false
    this.#setWant(waits, bytes)
    // The filler stores the fill, then loads WANT; here WANT was stored, now the fill is loaded:
    // one of the two sees the other.
    if (memory.fill(slot) < bytes) return false
    this.#remove(waits, waits.waiters.indexOf(waiter))
    return true
  }

  /** Takes back the waits of `callback` on a slot; it will not be called for them any more. */
  cancel(slot: number, callback: () => void): void {
    const waits = this.#slots.get(slot)
    if (waits === undefined) return
    for (let i = waits.waiters.length - 1; i >= 0; i--) {
      if (waits.waiters[i]?.callback === callback) this.#remove(waits, i)
    }
  }

  /**
   * Forgets all waits on a slot, because its fetch failed or the slot is given up.
   *
   * @returns their callbacks, least need first; none of them will be called from here
   */
  drop(slot: number): (() => void)[] {
    const waits = this.#slots.get(slot)
    if (waits === undefined) return []
    const callbacks = waits.waiters.map(waiter => waiter.callback).reverse()
    this.#pending -= callbacks.length
    waits.waiters.length = 0
    this.#settle(waits)
    return callbacks
  }

  /** Looks at every slot that is waited for and calls back who can go on. */
  poll(): void {
    for (const waits of this.#slots.values()) this.#serve(waits)
  }

  /** Ends the listening and forgets all waits without a call. */
  close(): void {
    this.#closed = true
    this.#listener.close()
    for (const slot of [...this.#slots.keys()]) this.drop(slot)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Calls back, one by one: each callback may change the waits, even of this slot. */
  #serve(waits: SlotWaits): void {
    const { slot, waiters } = waits
    const memory = this.#owner.memory
    for (let next = waiters.at(-1); next !== undefined; next = waiters.at(-1)) {
      if (memory.fill(slot) >= next.bytes) {
        waiters.pop()
        this.#pending--
        callBack(next.callback)
      } else if (waits.want === next.bytes) {
        return
      } else {
        // And once more round: the fill may have passed the new WANT before it was stored.
        this.#setWant(waits, next.bytes)
      }
    }
    this.#settle(waits)
  }

  #remove(waits: SlotWaits, index: number): void {
    waits.waiters.splice(index, 1)
    this.#pending--
    this.#settle(waits)
  }

  /** Brings WANT to the least need that is left, and forgets the slot if none is. */
  #settle(waits: SlotWaits): void {
    const next = waits.waiters.at(-1)
    const want = next === undefined ? 0 : next.bytes
    if (waits.want !== want) this.#setWant(waits, want)
    if (next === undefined) {
      // A callback may have dropped the slot and waited for it anew.
      if (this.#slots.get(waits.slot) === waits) this.#slots.delete(waits.slot)
    } else if (this.#owner.memory.fill(waits.slot) >= next.bytes) {
      // Passed while WANT was another's: nobody rang for it.
      this.#queuePoll()
    }
  }

  #setWant(waits: SlotWaits, bytes: number): void {
    waits.want = bytes
    this.#owner.want(waits.slot, bytes)
  }

  #queuePoll(): void {
    if (this.#pollQueued) return
    this.#pollQueued = true
    queueMicrotask(() => {
      this.#pollQueued = false
      this.poll()
    })
  }
}

/** Puts a waiter in its place: behind those who need more, before (so: served after) equals. */
function insert(waiters: Waiter[], waiter: Waiter): void {
  let at = waiters.length
  while (at > 0 && (waiters[at - 1] as Waiter).bytes <= waiter.bytes) at--
  waiters.splice(at, 0, waiter)
}

/** Calls back; an error of one waiter is an uncaught one but costs no other waiter its call. */
function callBack(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
