// Sizes as people write them: 64M, 1G, 512k, plain bytes. Units are powers of 1024, as in nbdkit
// and qemu-img.

const UNITS = ['', 'K', 'M', 'G', 'T'] as const

/**
 * Bytes of a size written as digits with an optional K, M, G or T (either case; powers of 1024).
 * Undefined for anything else: signs, fractions, exponents, hexadecimal, spaces, `MB`, `MiB`, and
 * sizes beyond 2^53 - 1.
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)([kmgt]?)$/i.exec(text)
  if (match === null) return undefined
  const unit = UNITS.indexOf((match[2] ?? '').toUpperCase() as (typeof UNITS)[number])
  const bytes = Number(match[1]) * 1024 ** unit
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** The shortest exact way to write `bytes` that `parseSize` reads back: 268435456 is '256M'. */
export function formatSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value !== 0 && value % 1024 === 0 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${value}${UNITS[unit]}`
}
