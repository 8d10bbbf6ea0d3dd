// Where a generated image is zero: about a quarter of it, in runs of many lengths, as in a real disk. A function of
// the seed and the position alone, so that any part can be had without the parts before it.
import { mix32 } from './seeded-random.js'

/** Bytes; `end` is exclusive. */
export interface Run {
  readonly start: number
  readonly end: number
}

const KIB = 1024
const SEGMENT = 1024 * KIB
const REGION = 16 * SEGMENT

/** The first MiB is the same for every seed: a small image, too, starts with data and has a run of each kind. */
const FIRST_SEGMENT: readonly Run[] = [
  { start: 64 * KIB, end: 128 * KIB },
  { start: 200_003, end: 230_004 },
  { start: 512 * KIB, end: 768 * KIB },
]

/** Runs in one segment, ascending, not overlapping, relative to the segment's start. */
function runsOfSegment(seed: number, segment: number): readonly Run[] {
  if (segment === 0) return FIRST_SEGMENT
  const low = segment % 2 ** 32
  const high = Math.floor(segment / 2 ** 32)
  const region = Math.floor(segment / (REGION / SEGMENT))
  if (region > 0 && mix32(seed ^ 0x5eed, region % 2 ** 32, region / 2 ** 32) % 32 === 0) {
    return [{ start: 0, end: SEGMENT }]
  }
  const dice = mix32(seed, low, high)
  const size = mix32(dice, 1)
  const place = mix32(dice, 2)
  switch (dice % 16) {
    case 0:
      return [{ start: 0, end: SEGMENT }]
    case 1:
    case 2: {
      const units = 1 + (size % 3)
      const start = (place % (5 - units)) * 256 * KIB
      return [{ start, end: start + units * 256 * KIB }]
    }
    case 3:
    case 4:
    case 5: {
      const first = place % 16
      return [{ start: first * 64 * KIB, end: (first + 1 + (size % (16 - first))) * 64 * KIB }]
    }
    case 6:
    case 7: {
      const start = place % (SEGMENT - 300_001)
      return [{ start, end: start + 1 + (size % 300_000) }]
    }
    case 8:
      return Array.from({ length: 8 }, (_, i) => {
        const start = i * 128 * KIB + (mix32(dice, 3, i) % (120 * KIB))
        return { start, end: start + 1 + (mix32(dice, 4, i) % 4096) }
      })
    default:
      return []
  }
}

/** The zero runs of a seed. */
export class ZeroRuns {
  readonly #seed: number

  constructor(seed: number) {
    this.#seed = seed
  }

  /** The parts of [start, end) that are zero, ascending and cut to it; neighbouring runs are not joined. */
  *within(start: number, end: number): Generator<Run> {
    for (let segment = Math.floor(start / SEGMENT); segment * SEGMENT < end; segment++) {
      const base = segment * SEGMENT
      for (const run of runsOfSegment(this.#seed, segment)) {
        const from = Math.max(start, base + run.start)
        const to = Math.min(end, base + run.end)
        if (from < to) yield { start: from, end: to }
      }
    }
  }
}
