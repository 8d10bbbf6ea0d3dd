// Marks and ranges of the plots: round numbers of bytes are powers of two, and an axis keeps its top for
// a while, so that a plot does not breathe. Pure.

import { showBytes } from '../units.js'

/** Steps between marks of an axis of bytes. */
export const BYTE_STEPS: readonly number[] = Array.from({ length: 50 }, (_, power) => 2 ** power)

/** Steps of counts: whole numbers. */
export const COUNT_STEPS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap(power =>
  [1, 2, 5].map(digit => digit * 10 ** power),
)

/** '64 MiB': without the digits that marks do not need. */
export function byteMark(bytes: number): string {
  return showBytes(bytes).replace(/\.0+(?= )/, '')
}

/** Top of an axis for bytes: a round number at or above `most`, at least `least`. */
export function byteTop(most: number, least = 1024): number {
  let top = least
  while (top < most) top *= 2
  return top * 0.75 >= most && top > least ? top * 0.75 : top
}

/** Top of an axis for counts: at least 4, in steps of a quarter of the power of two. */
export function countTop(most: number): number {
  return most <= 4 ? 4 : Math.ceil(most / 4) * 4
}

/** Minutes and seconds, '−2:30' of -150; 'now' of 0. */
export function agoMark(seconds: number): string {
  if (seconds === 0) return 'now'
  return `−${Math.floor(-seconds / 60)}:${String(-seconds % 60).padStart(2, '0')}`
}

/** Steps between marks of time, seconds. */
export const TIME_STEPS: readonly number[] = [15, 30, 60, 120, 300]

/** Seconds of history to show: as much as there is, rounded up so that it seldom changes. */
export function shownSeconds(samples: number): number {
  return [60, 120, 300].find(seconds => samples <= seconds) ?? 300
}

/** Largest of a list that may be empty. */
export function most(list: readonly number[]): number {
  return list.reduce((top, value) => Math.max(top, value), 0)
}

/** Mean of a list; 0 of an empty one. */
export function mean(list: readonly number[]): number {
  return list.length === 0 ? 0 : list.reduce((sum, value) => sum + value, 0) / list.length
}

/** Ends of the bins of a histogram; the last has none. */
export function binMarks(boundsMs: readonly number[], words: (ms: number) => string): string[] {
  return [...boundsMs.map(words), 'more']
}

/** Bins between the first and the last that counted anything, with one on each side. */
export function shownBins(counts: readonly number[], fewest = 6): { from: number; to: number } {
  const first = counts.findIndex(count => count > 0)
  if (first < 0) return { from: 0, to: counts.length }
  let from = Math.max(0, first - 1)
  let to = Math.min(counts.length, counts.findLastIndex(count => count > 0) + 2)
  while (to - from < fewest && (from > 0 || to < counts.length)) {
    if (from > 0) from--
    if (to < counts.length) to++
  }
  return { from, to }
}
