// Where everything lies in the ring's SharedArrayBuffer: a header, one record of 16 words (a cache
// line) for each slot, then the slots' bytes. The only file that knows word numbers.
//
//   word 0..15              ring header
//   word 16 + 16·i ..       record of slot i
//   byte dataOffset + n·i   bytes of slot i, page-aligned start
//
// Each word has one writer, named below. "owner" is the one thread that assigns slots; "filler" is
// whichever thread holds the slot while it is FILLING. Words that both touch (STATE, FILL) change
// hands with the slot: at any time only one side may store to them.

/** Words of the ring header. All but the two bells are written once, by the creating thread. */
export const RingWord = {
  /** ASCII "SABR". */
  MAGIC: 0,
  /** Layout version, see VERSION. */
  VERSION: 1,
  SLOT_COUNT: 2,
  SLOT_BYTES: 3,
  /** Byte offset of slot 0's data. */
  DATA_OFFSET: 4,
  /**
   * Rung by fillers with Atomics.add, waited on by the owner. The one word with many writers: it
   * counts, its value means nothing else, so no writer can undo another's ring.
   */
  DOORBELL: 5,
  /** Rung by the owner when it has asked for a cancellation; fillers wait on it. */
  CANCEL_BELL: 6,
} as const

/** Words of a slot's record. */
export const SlotWord = {
  /**
   * A SlotState. Owner: FREE→FILLING, READY|FAILED→FREE, FAILED→FILLING. Filler: FILLING→READY,
   * FILLING→FAILED; the owner does the latter in its place once its thread is gone.
   */
  STATE: 0,
  /** Owner: raised each time the slot is handed to a filler; 0 = never. 2^31 - 1 is followed by 1. */
  EPOCH: 1,
  /** Owner: number of the block the slot holds; for the eyes of diagnostics. */
  BLOCK: 2,
  /** Owner: bytes the slot is to hold, at most slotBytes. */
  LENGTH: 3,
  /** Filler: bytes valid from the slot's start, stored after the bytes. Owner: 0, while FREE. */
  FILL: 4,
  /** Owner: ring the doorbell when FILL reaches this; 0 = nobody waits. */
  WANT: 5,
  /** Owner: the epoch that is to be let go; any other value asks nothing. */
  CANCEL: 6,
  /** Owner: replies that still show the slot's bytes. */
  PINS: 7,
  /** Filler: 1 if it filled the whole slot with zeroes, stored before READY. Owner: 0, while FREE. */
  ZERO: 8,
} as const

/** Life cycle of a slot. */
export const SlotState = {
  /** Holds nothing; the owner may assign it. */
  FREE: 0,
  /** A filler writes it. */
  FILLING: 1,
  /** Whole: FILL equals LENGTH; the bytes do not change until the owner reclaims it. */
  READY: 2,
  /** The filler let go early, or died; the bytes below FILL are valid, which may be all of them. */
  FAILED: 3,
} as const
export type SlotState = (typeof SlotState)[keyof typeof SlotState]

export const MAGIC = 0x53414252
export const VERSION = 1
/** Words of the ring header and of one slot record. */
export const RECORD_WORDS = 16
/** Slot bytes start on a page, so that a slot never shares one with the header. */
export const PAGE_BYTES = 4096
/** Slot positions and staging buffers are aligned to this for copying at full speed. */
export const COPY_ALIGNMENT = 8
/** Bounds of one slot, bytes. The upper one keeps FILL far inside 31 bits. */
export const MIN_SLOT_BYTES = 4096
export const MAX_SLOT_BYTES = 64 * 1024 * 1024

/** Shape of a ring: how many slots of how many bytes. */
export interface RingGeometry {
  /** 1 to 2^20. */
  readonly slotCount: number
  /** Multiple of 4096, from 4 KiB to 64 MiB. */
  readonly slotBytes: number
}

/** Byte offset of slot 0's data for a ring of `slotCount` slots. */
export function dataOffset(slotCount: number): number {
  const header = (1 + slotCount) * RECORD_WORDS * Int32Array.BYTES_PER_ELEMENT
  return Math.ceil(header / PAGE_BYTES) * PAGE_BYTES
}

/**
 * Bytes of shared memory a ring of this geometry takes, header included.
 *
 * @throws {RangeError} if the geometry is out of its bounds
 */
export function ringByteLength(geometry: RingGeometry): number {
  const { slotCount, slotBytes } = geometry
  if (!Number.isSafeInteger(slotCount) || slotCount < 1 || slotCount > 2 ** 20) {
    throw new RangeError(
      `Cannot lay out a ring: slotCount must be an integer from 1 to 1048576, received ${slotCount}`,
    )
  }
  if (
    !Number.isSafeInteger(slotBytes) ||
    slotBytes < MIN_SLOT_BYTES ||
    slotBytes > MAX_SLOT_BYTES ||
    slotBytes % PAGE_BYTES !== 0
  ) {
    throw new RangeError(
      `Cannot lay out a ring: slotBytes must be a multiple of 4096 from 4096 to 67108864, received ${slotBytes}`,
    )
  }
  return dataOffset(slotCount) + slotCount * slotBytes
}

/** Index of word 0 of slot `slot` in the ring's Int32Array. Checks nothing: see RingMemory.record(). */
export function recordStart(slot: number): number {
  return (1 + slot) * RECORD_WORDS
}
