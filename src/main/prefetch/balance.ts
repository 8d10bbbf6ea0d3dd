// How much of what is left a free connection takes, so that towards the end of an image all
// connections finish together: levels water over the loads they have already. Pure.

/**
 * Bytes for a request that begins now.
 *
 * @param left bytes that are still to be asked for, this request's included
 * @param loads what each request under way has yet to bring, bytes, its wait for the first byte counted as
 *   what it could have carried meanwhile
 * @param free connections without a request, this one included: at least 1
 * @param delay what a request's own wait for its first byte costs, bytes
 */
export function balancedShare(
  left: number,
  loads: readonly number[],
  free: number,
  delay: number,
): number {
  // Level that the free ones alone would come to, then with the next to be free, and so on.
  let level = left / free + delay
  let connections = free
  let sum = left + free * delay
  for (const load of loads.toSorted((a, b) => a - b)) {
    const start = load + delay
    if (start >= level) break
    connections++
    sum += start
    level = sum / connections
  }
  return level - delay
}
