// The ring's memory seen from one thread: typed views over the SharedArrayBuffer and the racy,
// read-only questions both sides may ask. Ownership lives in ring-owner.ts and slot-filler.ts.

import {
  dataOffset,
  MAGIC,
  PAGE_BYTES,
  RECORD_WORDS,
  type RingGeometry,
  RingWord,
  recordStart,
  ringByteLength,
  SlotState,
  SlotWord,
  VERSION,
} from './layout.js'

/** Typed access to a ring. Any thread may hold one; it writes nothing after creation. */
export class RingMemory implements RingGeometry {
  readonly buffer: SharedArrayBuffer
  readonly slotCount: number
  readonly slotBytes: number
  /** Header and slot records. Written only through RingOwner, SlotFiller and the doorbells. */
  readonly words: Int32Array
  /** Bytes of all slots, slot 0 first. */
  readonly data: Uint8Array

  private constructor(buffer: SharedArrayBuffer, geometry: RingGeometry) {
    this.buffer = buffer
    this.slotCount = geometry.slotCount
    this.slotBytes = geometry.slotBytes
    const start = dataOffset(geometry.slotCount)
    this.words = new Int32Array(buffer, 0, start / Int32Array.BYTES_PER_ELEMENT)
    this.data = new Uint8Array(buffer, start, geometry.slotCount * geometry.slotBytes)
  }

  /**
   * Sets aside the memory of a new ring, all slots FREE.
   *
   * @throws {RangeError} if the geometry is out of bounds or the memory cannot be had
   */
  static create(geometry: RingGeometry): RingMemory {
    const memory = new RingMemory(new SharedArrayBuffer(ringByteLength(geometry)), geometry)
    memory.words[RingWord.VERSION] = VERSION
    memory.words[RingWord.SLOT_COUNT] = geometry.slotCount
    memory.words[RingWord.SLOT_BYTES] = geometry.slotBytes
    memory.words[RingWord.DATA_OFFSET] = dataOffset(geometry.slotCount)
    // Stored last: a thread that sees the magic sees the geometry.
    Atomics.store(memory.words, RingWord.MAGIC, MAGIC)
    return memory
  }

  /**
   * Views of a ring that another thread created.
   *
   * @throws {TypeError} if the buffer holds no ring of this layout version
   */
  static attach(buffer: SharedArrayBuffer): RingMemory {
    // An ArrayBuffer would work until the first wait: it is this thread's own copy.
    if (!(buffer instanceof SharedArrayBuffer)) {
      throw new TypeError('Cannot attach to the ring: the buffer is not a SharedArrayBuffer')
    }
    const words = new Int32Array(buffer, 0, Math.min(RECORD_WORDS, buffer.byteLength >>> 2))
    if (words.length < RECORD_WORDS || Atomics.load(words, RingWord.MAGIC) !== MAGIC) {
      throw new TypeError('Cannot attach to the ring: the buffer does not hold one')
    }
    if (words[RingWord.VERSION] !== VERSION) {
      throw new TypeError(
        `Cannot attach to the ring: layout version ${words[RingWord.VERSION]}, expected ${VERSION}`,
      )
    }
    const geometry = {
      slotCount: words[RingWord.SLOT_COUNT] as number,
      slotBytes: words[RingWord.SLOT_BYTES] as number,
    }
    if (
      byteLengthOrZero(geometry) !== buffer.byteLength ||
      words[RingWord.DATA_OFFSET] !== dataOffset(geometry.slotCount)
    ) {
      throw new TypeError(
        `Cannot attach to the ring: ${buffer.byteLength} bytes do not match its geometry`,
      )
    }
    return new RingMemory(buffer, geometry)
  }

  /**
   * Index in `words` of word 0 of a slot's record. Every access to a slot goes through here: a slot
   * number that is off by one would reach the ring header or another slot's record.
   *
   * @throws {RangeError} if there is no such slot
   */
  record(slot: number): number {
    if (slot >>> 0 !== slot || slot >= this.slotCount) {
      throw new RangeError(
        `Cannot use slot ${slot}: it must be an integer from 0 to ${this.slotCount - 1}`,
      )
    }
    return recordStart(slot)
  }

  /** State of a slot. Racy while a filler holds it: READY or FAILED may just have been stored. */
  state(slot: number): SlotState {
    return Atomics.load(this.words, this.record(slot) + SlotWord.STATE) as SlotState
  }

  /** Bytes valid from the slot's start. Racy on the low side: more may have arrived since. */
  fill(slot: number): number {
    return Atomics.load(this.words, this.record(slot) + SlotWord.FILL)
  }

  /** Bytes the slot is to hold. */
  length(slot: number): number {
    return Atomics.load(this.words, this.record(slot) + SlotWord.LENGTH)
  }

  /** Raised each time the slot is handed to a filler. */
  epoch(slot: number): number {
    return Atomics.load(this.words, this.record(slot) + SlotWord.EPOCH)
  }

  /** Number of the block the slot holds, or last held. */
  block(slot: number): number {
    return Atomics.load(this.words, this.record(slot) + SlotWord.BLOCK)
  }

  /** Replies that still show the slot's bytes. */
  pins(slot: number): number {
    return Atomics.load(this.words, this.record(slot) + SlotWord.PINS)
  }

  /**
   * The bytes [start, end) of a slot, without copying. Valid to read below the slot's fill, and
   * only while the slot is pinned by the reader.
   *
   * @throws {RangeError} if they are not bytes of this slot
   */
  view(slot: number, start: number, end: number): Uint8Array {
    this.#checkView(slot, start, end)
    const base = slot * this.slotBytes
    return this.data.subarray(base + start, base + end)
  }

  /**
   * Has the system give the memory under the bytes [start, end) of a slot, without changing it: allowed to
   * any thread at any time, whatever the slot holds and whoever writes it. Memory that was never used
   * costs its first writer time, which is better spent before the bytes come.
   *
   * @throws {RangeError} if they are not bytes of this slot
   */
  touch(slot: number, start: number, end: number): void {
    this.#checkView(slot, start, end)
    const base = slot * this.slotBytes
    // One write a page, that of the value which is there, in one step: a plain one could undo another's.
    for (let at = start; at < end; at += PAGE_BYTES) Atomics.or(this.data, base + at, 0)
  }

  /** True if the slot is whole. */
  isReady(slot: number): boolean {
    return this.state(slot) === SlotState.READY
  }

  /** True if the slot is whole and known to hold nothing but zeroes. */
  isZero(slot: number): boolean {
    return this.isReady(slot) && Atomics.load(this.words, this.record(slot) + SlotWord.ZERO) === 1
  }

  #checkView(slot: number, start: number, end: number): void {
    this.record(slot)
    // Without this check a bad end would show the next slot, another block's bytes.
    const inSlot = start >= 0 && start <= end && end <= this.slotBytes
    if (inSlot && Number.isInteger(start) && Number.isInteger(end)) return
    throw new RangeError(
      `Cannot view bytes ${start} to ${end} of slot ${slot}: it has ${this.slotBytes}`,
    )
  }
}

/** Length of a ring of this geometry; 0, which no ring has, if there can be none. */
function byteLengthOrZero(geometry: RingGeometry): number {
  try {
    return ringByteLength(geometry)
  } catch {
    return 0
  }
}
