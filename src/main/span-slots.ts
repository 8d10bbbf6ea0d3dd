// The slots of a span when its request has not filled them: handed to the next one, asked back, or taken
// from a thread that is gone.

import { type RingOwner, SlotFiller, SlotState } from '../shared/sharedarraybuffer-ring/index.js'
import type { Span } from './span.js'

/** Hands the slots that an earlier request let go of to the next one, which goes on behind what is valid. */
export function resumeSlots(span: Span, owner: RingOwner): void {
  for (const [i, slot] of span.slots.entries()) {
    if (span.holds(i) && owner.memory.state(slot) === SlotState.FAILED) {
      span.epochs[i] = owner.resume(slot)
    }
  }
}

/** Asks the thread to let go of what is not whole; it looks when the cancel bell rings. */
export function cancelSlots(span: Span, owner: RingOwner): void {
  for (const i of span.unfinished()) owner.cancel(span.slots[i] as number)
}

/** The span's thread is gone: its slots are nobody's. */
export function takeBackSlots(span: Span, owner: RingOwner): void {
  const { memory } = owner
  for (const [i, slot] of span.slots.entries()) {
    if (!span.holds(i)) continue
    owner.abandon(slot)
    // It may have ended between a slot's last byte and letting go of it: nothing is left to fetch.
    if (memory.state(slot) !== SlotState.FAILED || memory.fill(slot) < memory.length(slot)) continue
    const epoch = owner.resume(slot)
    span.epochs[i] = epoch
    new SlotFiller(memory, slot, epoch).complete()
  }
}
