// Has the system give memory before the bytes come that go into it. It is given at the first write to each
// page, which takes 1 to 13 us on virtual machines, and with huge pages up to 4 ms for each: as much as all
// the rest of a byte's way. At the start and while a first byte is waited for nobody needs the processor.

import { performance } from 'node:perf_hooks'
import type { RingMemory } from '../shared/sharedarraybuffer-ring/index.js'

/** Bytes between two looks at the clock. */
const STEP_BYTES = 64 * 1024
/** Time for which memory is touched before sockets are looked at again, milliseconds. A huge page may take longer. */
const TURN_MS = 0.5
/** Pause after which a thread that has other work looks whether it has time as well, milliseconds. */
const PAUSE_MS = 2
/** Share of its time that such a thread must have had nothing to do. */
const IDLE_SHARE = 1 / 3

/** Touches slots that bytes will be written to, each once, piece by piece. */
export class FirstTouch {
  readonly #memory: RingMemory
  /** 1 for slots that were touched or wait for it. */
  readonly #seen: Uint8Array
  /** Slots to be touched, from #next on. */
  #slots: number[] = []
  #next = 0
  /** Bytes of the next slot that were touched. */
  #touched = 0
  /** True if requests were sent or bytes have come since the latest look: both are more urgent. */
  #busy = false
  /** How the thread had spent its time at the latest look. */
  #spent = performance.eventLoopUtilization()
  #turn: NodeJS.Immediate | undefined
  #pause: NodeJS.Timeout | undefined

  constructor(memory: RingMemory) {
    this.#memory = memory
    this.#seen = new Uint8Array(memory.slotCount)
  }

  /** A request for these slots was sent, or one is to be expected. */
  add(slots: readonly number[]): void {
    for (const slot of slots) {
      if (this.#seen[slot] === 1) continue
      this.#seen[slot] = 1
      this.#slots.push(slot)
    }
    this.#busy = true
    const isDue = this.#turn !== undefined || this.#pause !== undefined
    if (this.#slots.length > 0 && !isDue) this.#pauseBriefly()
  }

  /** Bytes have arrived at this thread. */
  arrived(): void {
    this.#busy = true
  }

  /** Nothing is touched any more. */
  close(): void {
    clearImmediate(this.#turn)
    clearTimeout(this.#pause)
    this.#turn = undefined
    this.#pause = undefined
    this.#slots = []
    this.#next = 0
  }

  #pauseBriefly(): void {
    this.#busy = false
    this.#spent = performance.eventLoopUtilization()
    this.#pause ??= setTimeout(this.#go, PAUSE_MS)
  }

  readonly #go = (): void => {
    this.#turn = undefined
    this.#pause = undefined
    const busy = this.#busy
    if (busy && 1 - performance.eventLoopUtilization(this.#spent).utilization < IDLE_SHARE) {
      this.#pauseBriefly()
      return
    }
    const untilMs = performance.now() + TURN_MS
    while (this.#next < this.#slots.length && performance.now() < untilMs) this.#step()
    if (this.#next === this.#slots.length) this.close()
    else if (busy) this.#pauseBriefly()
    else this.#turn = setImmediate(this.#go)
  }

  #step(): void {
    const slot = this.#slots[this.#next] as number
    // No more than is to be filled: the last block of an image is short, and so is a random read's.
    const length = this.#memory.length(slot) || this.#memory.slotBytes
    const end = Math.min(length, this.#touched + STEP_BYTES)
    if (this.#touched < end) this.#memory.touch(slot, this.#touched, end)
    this.#touched = end
    if (end < length) return
    this.#touched = 0
    this.#next++
  }
}
