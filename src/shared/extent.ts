// A stretch of an export: byte offset and length. Pure arithmetic used by both threads.

/** A stretch of bytes. `offset + length` is exclusive; both are safe non-negative integers. */
export interface Extent {
  readonly offset: number
  readonly length: number
}

/** First byte behind the extent (exclusive end). */
export function endOf(extent: Extent): number {
  return extent.offset + extent.length
}

/** Largest multiple of `unit` that is not above `value`. */
export function alignDown(value: number, unit: number): number {
  return value - (value % unit)
}

/** Smallest multiple of `unit` that is not below `value`. */
export function alignUp(value: number, unit: number): number {
  const rest = value % unit
  return rest === 0 ? value : value + unit - rest
}

/** `value` held between `low` and `high`, both inclusive; `low` wins where they cross. */
export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, high))
}
