// Reproducible randomness for the slow server: zero runs, jitter, tails and faults are a function of a seed, so
// a run that failed can be had again. Not for secrets.

/** Mixes up to three 32-bit numbers into one unsigned 32-bit number (murmur3's finaliser). */
export function mix32(a: number, b = 0, c = 0): number {
  let x = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b ^ 0x7f4a7c15, 0xc2b2ae35)
  x ^= Math.imul(c ^ 0x165667b1, 0x27d4eb2f)
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/** A stream of numbers that depends on the seed alone. */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = mix32(seed)
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let x = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }

  /** Exponentially distributed with the given mean: the shape of queueing delays. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next())
  }
}
