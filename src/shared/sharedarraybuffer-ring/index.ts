// A ring of equal slots in one SharedArrayBuffer, filled by worker threads and read by one owner
// while it is still being filled. Stands alone: imports nothing but the language.

export { type Bell, BellListener, ringDoorbell } from './doorbell.js'
export {
  COPY_ALIGNMENT,
  MAX_SLOT_BYTES,
  MIN_SLOT_BYTES,
  type RingGeometry,
  ringByteLength,
  SlotState,
} from './layout.js'
export { RingMemory } from './ring-memory.js'
export { RingOwner } from './ring-owner.js'
export { SlotFiller, StaleSlotError } from './slot-filler.js'
