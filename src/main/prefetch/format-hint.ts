// Watches the bytes that pass for a qcow2 image being opened, and says which of its L2 tables to
// fetch before the client asks for them one by one: qemu-img walks all of them before it reads any
// data, which takes a round trip each otherwise. Only a hint: bytes are never served from what was
// understood here, and what was understood wrongly costs a few requests. Pure.
//
// What it can cost: 16 tables each time a client reads the L1 table, six tables for each table it
// then reads out of order, and no more gaps between tables than 1 MiB and a table's length for each
// table read. At one time, unread tables take a sixteenth of the ring.

import { alignDown, alignUp, type Extent } from '../../shared/extent.js'
import type { Estimator } from './estimator.js'
import type { Coverage } from './planner.js'
import { type Qcow2Layout, readL1Entries, readQcow2Header } from './qcow2-layout.js'
import { TableWalk } from './table-walk.js'

const KiB = 1024
const MiB = 1024 * KiB

/**
 * Tables remembered: those of a disk of 32 TiB with clusters of 64 KiB. About 3 MiB of memory; what
 * lies behind is read as if there were no hint.
 */
const MAX_TABLES = 65_536
/** Share of the ring's blocks that tables nobody has read yet may take. */
const RING_SHARE = 1 / 16
/** Tables are fetched in whole units of this: random reads are rounded out to the same, bytes. */
const UNIT = 64 * KiB
/** Largest request for tables, and largest gap fetched along with them, bytes. */
const MAX_REQUEST = 1 * MiB
const MAX_GAP = 1 * MiB
/** Bytes of gaps that may be fetched before any table was walked. */
const FIRST_GAPS = 1 * MiB
/** Tables fetched ahead are kept this long after the latest step of the walk, milliseconds. */
const KEEP_MS = 60_000

export interface FormatHintOptions {
  readonly imageBytes: number
  readonly blockBytes: number
  /** Blocks the ring holds. */
  readonly ringBlocks: number
  readonly coverage: Coverage
  readonly estimator: Estimator
}

/** What the format of an image tells about the reads to come. */
export class FormatHint {
  readonly #options: FormatHintOptions
  #layout: Qcow2Layout | undefined
  #walk: TableWalk | undefined
  /** Where the next part of the L1 table must begin to be taken for it. */
  #l1At = 0
  /** Time of the latest step, milliseconds. */
  #steppedMs = 0
  /** Bytes of gaps that may still be fetched. */
  #gapBudget = 0

  constructor(options: FormatHintOptions) {
    this.#options = options
  }

  /** Tables known of the image opened last. */
  get tables(): number {
    return this.#walk?.length ?? 0
  }

  /**
   * Notes bytes that a client has read.
   *
   * @param bytes not kept, and looked at only where header and L1 table lie
   * @param sequential the reader goes through the file from start to end: it does not open an image
   * @returns true if there may be something to fetch now
   */
  passed(offset: number, bytes: Uint8Array, sequential: boolean, nowMs: number): boolean {
    const { imageBytes } = this.#options
    if (offset === 0) {
      // Once: the image stays as it is, and a shorter read says less.
      this.#layout ??= readQcow2Header(bytes, imageBytes)
      return false
    }
    const layout = this.#layout
    if (layout === undefined) return false
    if (offset === layout.l1Offset && !sequential) this.#open(layout)
    if (offset === this.#l1At && this.#walk !== undefined && offset < layout.l1End) {
      this.#takeEntries(layout, this.#walk, bytes)
      this.#steppedMs = nowMs
      return true
    }
    if (this.#walk?.read(offset) !== true) return false
    this.#steppedMs = nowMs
    this.#gapBudget += layout.sliceBytes
    return true
  }

  /** True for a read of one known table, whole or in part: not for one that only touches it. */
  isTable(offset: number, length: number): boolean {
    const sliceBytes = this.#layout?.sliceBytes ?? 0
    return length <= sliceBytes && this.#walk?.has(alignDown(offset, sliceBytes)) === true
  }

  /** The next tables to fetch, at low priority; each is named once in a walk. */
  next(): Extent | undefined {
    const walk = this.#walk
    const { coverage } = this.#options
    if (walk === undefined) return undefined
    for (let place = walk.next; place !== undefined; place = walk.next) {
      const following = walk.following
      walk.pass()
      const { from, end } = this.#unitOf(place)
      let at = from
      while (at < end) {
        const covered = coverage.coveredUntil(at, true)
        if (covered <= at) break
        at = covered
      }
      if (at >= end) continue
      const merged = this.#merge(at, end, following)
      return { offset: at, length: coverage.missingUntil(at, merged, true, 0) - at }
    }
    return undefined
  }

  /** True if a table that was fetched ahead, and that a client is going to read, lies in the block. */
  isAhead(block: number, nowMs: number): boolean {
    const walk = this.#walk
    if (walk === undefined || nowMs - this.#steppedMs > KEEP_MS) return false
    const { blockBytes } = this.#options
    return walk.isAhead(block * blockBytes, (block + 1) * blockBytes)
  }

  /** A client has begun to read the L1 table. */
  #open(layout: Qcow2Layout): void {
    const { blockBytes, ringBlocks } = this.#options
    const blocksPerTable = Math.ceil(layout.sliceBytes / blockBytes)
    this.#walk = new TableWalk(Math.floor((ringBlocks * RING_SHARE) / blocksPerTable))
    this.#l1At = layout.l1Offset
    this.#gapBudget = FIRST_GAPS
  }

  #takeEntries(layout: Qcow2Layout, walk: TableWalk, bytes: Uint8Array): void {
    const { l1Offset, l1End } = layout
    const length = Math.min(bytes.length, l1End - this.#l1At) & ~7
    const entries = bytes.subarray(0, length)
    const room = MAX_TABLES - walk.length
    const first = (this.#l1At - l1Offset) / 8
    walk.add(readL1Entries(layout, first, entries, this.#options.imageBytes, room))
    this.#l1At += length
  }

  /** End of a request that begins with [at, end) and takes neighbours along where gaps are small. */
  #merge(at: number, end: number, following: readonly number[]): number {
    const gap = Math.min(MAX_GAP, this.#options.estimator.delayBytes)
    let merged = end
    for (const place of following) {
      const unit = this.#unitOf(place)
      const gapBytes = Math.max(0, unit.from - merged)
      if (unit.from < at || gapBytes > gap || gapBytes > this.#gapBudget) break
      if (unit.end - at > MAX_REQUEST) break
      this.#gapBudget -= gapBytes
      merged = Math.max(merged, unit.end)
    }
    return merged
  }

  #unitOf(place: number): { from: number; end: number } {
    const { imageBytes } = this.#options
    const sliceBytes = this.#layout?.sliceBytes ?? 0
    return {
      from: alignDown(place, UNIT),
      end: Math.min(imageBytes, alignUp(place + sliceBytes, UNIT)),
    }
  }
}
