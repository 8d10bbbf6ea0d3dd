// Where a qcow2 image keeps its L2 tables, as its header and its L1 table say. Nothing here is
// trusted: whatever does not fit the image it came from yields nothing, and what it yields decides
// only what is fetched early, never what a read is answered with. Pure; numbers are big-endian.

const KiB = 1024
const MiB = 1024 * KiB

/** 'QFI' and 0xfb. */
const MAGIC = 0x514649fb
const MIN_CLUSTER_BITS = 9
const MAX_CLUSTER_BITS = 21
/** Larger L1 tables are refused by qemu, bytes. */
const MAX_L1_BYTES = 32 * MiB
const L1_ENTRY_BYTES = 8
/** Incompatible features under which L2 tables lie as they always do: dirty, corrupt, external data
 * file, compression type, extended L2. Under any other bit the image may look like anything. */
const KNOWN_FEATURES = 0b1_1111
const EXTENDED_L2 = 0b1_0000
/** Header fields of version 2 end here, and the features of version 3 there. */
const V2_FIELDS = 48
const V3_FIELDS = 80
/** qemu reads L2 tables in pieces of at most this (its l2-cache-entry-size), bytes. */
const MAX_SLICE_BYTES = 64 * KiB
/** Bits of an L1 entry's halves that are part of the offset, and those that must be clear. */
const OFFSET_HIGH = 0x00ff_ffff
const OFFSET_LOW = 0xffff_fe00
const RESERVED_HIGH = 0x7f00_0000
const RESERVED_LOW = 0x0000_01ff

/** What the header says, as far as tables are concerned. */
export interface Qcow2Layout {
  /** Bytes; a power of 2 from 512 to 2 MiB. An L2 table takes one cluster. */
  readonly clusterBytes: number
  /** Size of the disk inside, bytes. */
  readonly virtualBytes: number
  /** Where the L1 table begins, and where it ends (exclusive). */
  readonly l1Offset: number
  readonly l1End: number
  /** Bytes of an L2 table that readers take at once: a power of 2, at most a cluster. */
  readonly sliceBytes: number
  /** Bytes of an L2 entry: 8, or 16 with subclusters. */
  readonly entryBytes: number
}

/**
 * The layout that a header tells.
 *
 * @param bytes the image's first bytes, as many as there are
 * @param imageBytes size of the file
 * @returns undefined if it is no qcow2 header, or not one to go by
 */
export function readQcow2Header(bytes: Uint8Array, imageBytes: number): Qcow2Layout | undefined {
  if (bytes.length < V2_FIELDS) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(0) !== MAGIC) return undefined
  const version = view.getUint32(4)
  if (version !== 2 && (version !== 3 || bytes.length < V3_FIELDS)) return undefined
  const clusterBits = view.getUint32(20)
  if (clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS) return undefined
  // Two words of features, the upper one of which has no known bit.
  const features = version === 3 ? view.getUint32(76) : 0
  if (features > KNOWN_FEATURES || (version === 3 && view.getUint32(72) !== 0)) return undefined
  const clusterBytes = 2 ** clusterBits
  const virtualBytes = offsetAt(view, 24)
  const l1Bytes = view.getUint32(36) * L1_ENTRY_BYTES
  const l1Offset = offsetAt(view, 40)
  if (virtualBytes === 0 || !Number.isSafeInteger(virtualBytes)) return undefined
  if (l1Bytes === 0 || l1Bytes > MAX_L1_BYTES) return undefined
  // The first cluster is the header's. An offset that is no safe integer lies outside, too.
  if (l1Offset < clusterBytes || l1Offset % clusterBytes !== 0) return undefined
  if (l1Offset + l1Bytes > imageBytes) return undefined
  return {
    clusterBytes,
    virtualBytes,
    l1Offset,
    l1End: l1Offset + l1Bytes,
    sliceBytes: Math.min(clusterBytes, MAX_SLICE_BYTES),
    entryBytes: (features & EXTENDED_L2) === 0 ? 8 : 16,
  }
}

/**
 * Where the L2 tables lie that some of the L1 table points to, in the order of the disk inside:
 * each slice that maps a part of it. Entries that are empty or can't be meant are left out.
 *
 * @param first number of the first entry in `bytes`
 * @param bytes entries of the L1 table; a part of an entry at the end is left out
 * @param limit most slices to return
 */
export function readL1Entries(
  layout: Qcow2Layout,
  first: number,
  bytes: Uint8Array,
  imageBytes: number,
  limit: number,
): number[] {
  const { clusterBytes, virtualBytes, l1Offset, l1End, sliceBytes, entryBytes } = layout
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const diskBytesPerSlice = (sliceBytes / entryBytes) * clusterBytes
  const diskBytesPerTable = (clusterBytes / entryBytes) * clusterBytes
  const slices: number[] = []
  for (let i = 0; (i + 1) * L1_ENTRY_BYTES <= bytes.length; i++) {
    // Entries behind the end of the disk are never looked at.
    const diskBytes = virtualBytes - (first + i) * diskBytesPerTable
    if (diskBytes <= 0) break
    const offset = tableAt(view, i * L1_ENTRY_BYTES)
    if (offset < clusterBytes || offset % clusterBytes !== 0) continue
    if (offset + clusterBytes > l1Offset && offset < l1End) continue
    const end = Math.min(imageBytes, offset + clusterBytes)
    for (let at = 0; at < clusterBytes; at += sliceBytes) {
      if (offset + at + sliceBytes > end) break
      if ((at / sliceBytes) * diskBytesPerSlice >= diskBytes) break
      if (slices.length >= limit) return slices
      slices.push(offset + at)
    }
  }
  return slices
}

/** The offset in an L1 entry; 0 if there is none, or if bits are set that must not be. */
function tableAt(view: DataView, at: number): number {
  const high = view.getUint32(at)
  const low = view.getUint32(at + 4)
  if ((high & RESERVED_HIGH) !== 0 || (low & RESERVED_LOW) !== 0) return 0
  return (high & OFFSET_HIGH) * 2 ** 32 + ((low & OFFSET_LOW) >>> 0)
}

/** A number of 64 bits; above 2^53 it is rounded, and larger than any image. */
function offsetAt(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4)
}
