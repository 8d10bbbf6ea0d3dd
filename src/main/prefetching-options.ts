// Options of how far ahead is fetched: by how many connections and threads, in how much memory.

import { alignUp } from '../shared/extent.js'
import { DEFAULTS, defaultWorkers } from './defaults.js'
import { optionEntry } from './option-table.js'
import { checkNumber } from './option-values.js'
import { formatSize } from './parse-size.js'
import { usageError } from './usage-error.js'

/** The part of `ServerOptions` about prefetching. */
export interface PrefetchingOptions {
  /** Threads that speak HTTP, 1 to 64, cut to `connections`. Default: cores, at most 2. */
  readonly workers?: number | undefined
  /** Most connections to the origin, all workers together, 1 to 256. Default 16. */
  readonly connections?: number | undefined
  /** Requests sent on one connection before the first is answered, 1 (no pipelining) to 16. Default 1. */
  readonly pipelining?: number | undefined
  /** Memory for fetched blocks: bytes, 16 blocks to 4 GiB, cut to whole blocks. Default 256 MiB. */
  readonly ringSize?: number | undefined
  /** Unit of caching: bytes, a power of 2 from 64 KiB to 4 MiB. Default 256 KiB. */
  readonly blockSize?: number | undefined
  /** Largest range asked of the origin at once: bytes, 1 to 64 MiB, rounded up to whole blocks. Default 24 MiB. */
  readonly maxRequest?: number | undefined
  /**
   * How far to stay ahead of each sequential reader: 'auto' measures, 'off' fetches what is asked
   * for alone, a number is bytes from 64 KiB to the ring's size. Default 'auto'.
   */
  readonly readahead?: 'auto' | 'off' | number | undefined
  /**
   * 'auto' fetches the tables of a qcow2 image ahead when a client opens one; 'off' takes no notice
   * of what the image holds. Default 'auto'.
   */
  readonly formatHint?: 'auto' | 'off' | undefined
}

/** What they come to, completed and in whole blocks. */
export interface ResolvedPrefetching {
  /** At most `connections`. */
  readonly workers: number
  readonly connections: number
  readonly pipelining: number
  /** Bytes, a multiple of `blockSize`: `slotCount` × `blockSize`. */
  readonly ringSize: number
  /** At least 16. */
  readonly slotCount: number
  readonly blockSize: number
  /** Bytes, a multiple of `blockSize`; may exceed what a small ring can take. */
  readonly maxRequest: number
  /** A number is bytes, a multiple of `blockSize`, at most `ringSize`. */
  readonly readahead: 'auto' | 'off' | number
  readonly formatHint: 'auto' | 'off'
}

/** Below this many slots reads, prefetch and eviction stand in each other's way. */
export const MIN_SLOTS = 16

type NumberKey = Exclude<keyof PrefetchingOptions, 'readahead' | 'formatHint'>

/**
 * @param cores processor cores this process may use
 * @throws {UsageError} at the first option that cannot be used
 */
export function resolvePrefetching(
  options: PrefetchingOptions,
  cores: number,
): ResolvedPrefetching {
  const number = (key: NumberKey, fallback: number) =>
    checkNumber(optionEntry(key), options[key] ?? fallback)
  const connections = number('connections', DEFAULTS.connections)
  const workers = number('workers', defaultWorkers(cores))
  const blockSize = number('blockSize', DEFAULTS.blockSize)
  const askedRing = number('ringSize', DEFAULTS.ringSize)
  const slotCount = Math.floor(askedRing / blockSize)
  if (slotCount < MIN_SLOTS) {
    throw usageError('ring-too-small', {
      size: formatSize(askedRing),
      blocks: MIN_SLOTS,
      blockSize: formatSize(blockSize),
      least: formatSize(MIN_SLOTS * blockSize),
    })
  }
  const ringSize = slotCount * blockSize
  return {
    workers: Math.min(workers, connections),
    connections,
    pipelining: number('pipelining', DEFAULTS.pipelining),
    ringSize,
    slotCount,
    blockSize,
    maxRequest: alignUp(number('maxRequest', DEFAULTS.maxRequest), blockSize),
    readahead: checkReadahead(options.readahead ?? DEFAULTS.readahead, blockSize, ringSize),
    formatHint: checkFormatHint(options.formatHint ?? DEFAULTS.formatHint),
  }
}

/** Callers without a type checker pass anything. */
function checkFormatHint(formatHint: unknown): 'auto' | 'off' {
  if (formatHint === 'auto' || formatHint === 'off') return formatHint
  throw usageError('value', {
    value: String(formatHint),
    flag: '--format-hint',
    expected: 'auto or off',
  })
}

function checkReadahead(
  readahead: 'auto' | 'off' | number,
  blockSize: number,
  ringSize: number,
): 'auto' | 'off' | number {
  if (readahead === 'auto' || readahead === 'off') return readahead
  const bytes = alignUp(checkNumber(optionEntry('readahead'), readahead), blockSize)
  if (bytes > ringSize) {
    throw usageError('readahead-ring', {
      size: formatSize(readahead),
      ringSize: formatSize(ringSize),
    })
  }
  return bytes
}
