// What is said of a run when it is over: one sentence on which side was the bottleneck, why that is
// known, and what would help. Pure.

import { bottleneck, waitedShare } from './bottleneck.js'
import type { Statistics } from './statistics.js'
import { showBytes, showCount, showSeconds, showShare } from './units.js'

/** The settings that advice depends on, as the user gave them. */
export interface SummarySettings {
  readonly connections?: number | undefined
  readonly readahead?: 'auto' | 'off' | number | undefined
  readonly retries?: number | undefined
}

/** Under this many bytes a run says nothing about rates. */
const TOO_LITTLE_TO_JUDGE = 16 * 1024 * 1024
/** Share of requests that had to be repeated from which on that is worth a word. */
const MANY_RETRIES = 0.1
/** Bytes fetched for one that was served from which on that is worth a word. */
const MUCH_UNREAD = 1.5
/** `--connections` can't be more. */
const MOST_CONNECTIONS = 256

/** The sentence, without a final period; undefined where too little was served to tell. */
export function runSummary(s: Statistics, settings: SummarySettings = {}): string | undefined {
  const limit = bottleneck(undefined, s)
  if (s.servedBytes < TOO_LITTLE_TO_JUDGE || limit === 'idle') return undefined
  const waited = `reads waited ${showShare(waitedShare(undefined, s) ?? 0)} of the time`
  switch (limit) {
    case 'client':
      return `limited by the client: ${waited}; one that asks for more at a time may be quicker (qemu-img convert -W -m 16, nbdcopy --connections 4)`
    case 'server limit':
      return `limited by the server: ${serverLimit(s)}`
    case 'network':
      return `limited by the network or the server: ${waited}${networkCause(s, settings)}`
  }
}

function serverLimit({ throttled, acceptedRequests }: Statistics): string {
  const refused = `it refused ${count(throttled, 'request')} as too many`
  return acceptedRequests === 0
    ? refused
    : `${refused} while it served ${acceptedRequests}; --connections ${acceptedRequests} would avoid the refusals`
}

/** What is known of the cause, the most certain first. */
function networkCause(s: Statistics, { connections, readahead }: SummarySettings): string {
  if (s.retries >= MANY_RETRIES * s.requests) {
    const [worst] = Object.entries(s.failures).sort(([, a], [, b]) => b - a)
    const what = worst === undefined ? '' : `, most of them for '${worst[0]}'`
    return `, and ${count(s.retries, 'request')} of ${showCount(s.requests)} had to be repeated${what}`
  }
  if (readahead === 'off') {
    return ', with nothing fetched ahead; --readahead auto would wait less for readers in order'
  }
  if (s.amplification >= MUCH_UNREAD) {
    return `, and ${showBytes(s.fetchedBytes)} were fetched for ${showBytes(s.servedBytes)}; --readahead 8M would fetch less that nobody reads`
  }
  // As long as the reads: with fewer there was no use for more.
  const atCeiling = s.ceilingSeconds >= s.connectedSeconds / 2
  if (atCeiling && s.connectionLimit < MOST_CONNECTIONS) {
    const used = connections ?? s.connectionLimit
    const more = Math.min(MOST_CONNECTIONS, 2 * used)
    return `, with all ${used} connections in use; --connections ${more} may be quicker`
  }
  return `, ${showSeconds(s.firstByteP50Ms / 1000)} for the first byte of an answer; more connections brought no more bytes`
}

function count(n: number, what: string): string {
  return `${showCount(n)} ${what}${n === 1 ? '' : 's'}`
}
