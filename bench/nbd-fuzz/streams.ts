// What real clients have sent, and what becomes of it when bytes are changed, lost, repeated or mixed.
// Everything comes from a seed.

import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '../engine/virtual-time.js'

const DIRECTORY = fileURLToPath(new URL('../../test/fixtures/nbd-streams/', import.meta.url))
/** Beyond this a stream grows no further, bytes. */
const MAX_BYTES = 64 * 1024

/** Numbers at which programs break. */
const LIMITS = [0, 1, 2, 3, 4, 7, 255, 4095, 4096, 4097, 65_535, 65_536, 65_537, 0x2000000]
const MORE_LIMITS = [0x2000001, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]

/** Streams by name: recorded ones, and those that once did harm. */
export function recordedStreams(): ReadonlyMap<string, Buffer> {
  const names = readdirSync(DIRECTORY).filter(name => name.endsWith('.bin'))
  return new Map(
    names.sort().map(name => [basename(name, '.bin'), readFileSync(join(DIRECTORY, name))]),
  )
}

/** A stream that was changed, and how it is to be sent. */
export interface FuzzedStream {
  readonly bytes: Buffer
  /** Ends of the pieces it is sent in, ascending. */
  readonly cuts: readonly number[]
  /** Whether the client reads what it is told, and how it leaves. */
  readonly reads: boolean
  readonly leaves: 'end' | 'at once' | 'after an answer'
}

/** The stream of a seed; the same for the same recordings. */
export function fuzzedStream(seed: number, recordings: readonly Buffer[]): FuzzedStream {
  const random = seededRandom(seed)
  const below = (count: number) => Math.floor(random() * count)
  const pick = () => recordings[below(recordings.length)] as Buffer
  let bytes: Buffer = Buffer.from(pick())
  // Few changes, mostly: a stream that breaks early never gets far. A quarter stays as it is.
  for (let changes = Math.min(below(8), below(8)); changes > 0; changes--)
    bytes = mutate(bytes, below, pick)
  if (bytes.length > MAX_BYTES) bytes = bytes.subarray(0, MAX_BYTES)
  const cuts = Array.from({ length: below(6) }, () => below(bytes.length + 1))
  const leaves = ['end', 'end', 'after an answer', 'at once'] as const
  return {
    bytes,
    cuts: [...cuts, bytes.length].sort((a, b) => a - b),
    reads: random() < 0.9,
    leaves: leaves[below(leaves.length)] ?? 'end',
  }
}

function mutate(bytes: Buffer, below: (count: number) => number, pick: () => Buffer): Buffer {
  const at = below(bytes.length + 1)
  const end = Math.min(bytes.length, at + below(64))
  const before = bytes.subarray(0, at)
  switch (below(8)) {
    case 0: {
      const copy = Buffer.from(bytes)
      if (at < copy.length) copy[at] = (copy[at] as number) ^ (1 << below(8))
      return copy
    }
    case 1: {
      const copy = Buffer.from(bytes)
      for (let index = at; index < end; index++) copy[index] = below(256)
      return copy
    }
    case 2:
    case 3: {
      const copy = Buffer.from(bytes)
      const limits = [...LIMITS, ...MORE_LIMITS]
      const width = [1, 2, 4][below(3)] as number
      // Fields lie at even places.
      const place = at & ~1
      const value = (limits[below(limits.length)] as number) % 256 ** width
      if (place + width <= copy.length) copy.writeUIntBE(value, place, width)
      return copy
    }
    case 4:
      return Buffer.concat([before, bytes.subarray(end)])
    case 5:
      return Buffer.concat([before, bytes.subarray(at, end), bytes.subarray(at)])
    case 6:
      return Buffer.from(before)
    default: {
      const other = pick()
      return Buffer.concat([before, other.subarray(below(other.length + 1))])
    }
  }
}
