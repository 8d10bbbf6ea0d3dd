// What an origin's request log says about one run: counts, sizes, and how it went over time. Pure.

import type { LogEntry } from '../slow-server/request-log.js'
import type { TimelinePoint } from './result.js'

const KiB = 1024
const BOUNDS: readonly (readonly [string, number])[] = [
  ['≤64K', 64 * KiB],
  ['≤256K', 256 * KiB],
  ['≤1M', 1024 * KiB],
  ['≤4M', 4 * 1024 * KiB],
  ['≤16M', 16 * 1024 * KiB],
]
/** Points of a timeline. */
const POINTS = 120

/** Bytes of an HTTP range `bytes=a-b`; undefined for anything else. */
export function bytesAsked(range: string | undefined): number | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
  return first === undefined ? undefined : Number(last) - Number(first) + 1
}

/** Requests by the size they ask for. nbdkit's one byte too many does not move it up a class. */
export function sizesOf(log: readonly LogEntry[]): Record<string, number> {
  const sizes: Record<string, number> = {}
  for (const { range } of log) {
    const bytes = bytesAsked(range)
    const bound = BOUNDS.find(([, limit]) => (bytes ?? 0) <= limit + 1)
    const name = bytes === undefined ? 'all' : (bound?.[0] ?? '>16M')
    sizes[name] = (sizes[name] ?? 0) + 1
  }
  return sizes
}

/** Answers by status; 0 for requests that never got one. */
export function statusesOf(log: readonly LogEntry[]): Record<string, number> {
  const statuses: Record<string, number> = {}
  for (const { status } of log) statuses[status] = (statuses[status] ?? 0) + 1
  return statuses
}

/**
 * Concurrency and window over time. A request's bytes count as sent evenly between its first byte
 * and its end, which is what a shaped connection does.
 */
export function timelineOf(log: readonly LogEntry[]): TimelinePoint[] {
  const done = log.filter(entry => entry.endMs !== undefined)
  if (done.length === 0) return []
  const start = Math.min(...done.map(entry => entry.startMs))
  const end = Math.max(...done.map(entry => entry.endMs ?? 0))
  const step = Math.max(1, (end - start) / POINTS)
  const points: TimelinePoint[] = []
  for (let at = start; at <= end + step / 2; at += step) {
    let concurrency = 0
    let outstanding = 0
    let sent = 0
    for (const { startMs, firstByteMs = Infinity, endMs = Infinity, bytesSent, range } of done) {
      if (at < startMs) continue
      const share =
        at >= endMs ? 1 : Math.max(0, (at - firstByteMs) / Math.max(1, endMs - firstByteMs))
      sent += bytesSent * share
      if (at >= endMs) continue
      concurrency++
      outstanding += Math.max(0, (bytesAsked(range) ?? bytesSent) - bytesSent * share)
    }
    points.push({
      ms: Math.round(at - start),
      concurrency,
      outstanding: Math.round(outstanding),
      sent: Math.round(sent),
    })
  }
  return points
}
