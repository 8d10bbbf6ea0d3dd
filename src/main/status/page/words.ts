// The page's first sentence: is it healthy, which side is slow, how fast is it now, when will it end. Pure.

import type { StatusSnapshot } from '../snapshot.js'
import { showBytes, showCount, showShare } from '../units.js'
import { showWholeSeconds } from './figures.js'

/** How bad it is; each has a colour, a sign and a word on the page. */
export type Level = 'good' | 'idle' | 'done' | 'warn' | 'bad'

export interface Headline {
  readonly level: Level
  /** One word or two: the answer to "is it healthy?". */
  readonly verdict: string
  /** Where it stands and when it ends. */
  readonly progress: string
  /** Which side is slow. */
  readonly side: string
}

/** Errors older than this have no place in the verdict, milliseconds. */
const RECENT_MS = 60_000

/** Share of all images that was served or is zero, 0 to 1. */
export function shareOf({ statistics }: StatusSnapshot): number {
  const { coveredBytes, imageBytes } = statistics
  return imageBytes === 0 ? 1 : coveredBytes / imageBytes
}

export function headline(snapshot: StatusSnapshot): Headline {
  return { ...verdict(snapshot), progress: progress(snapshot), side: side(snapshot) }
}

function verdict(snapshot: StatusSnapshot): Pick<Headline, 'level' | 'verdict'> {
  const { health, exports, origins, errors, timeMs, limitedBy, statistics } = snapshot
  if (!health.healthy || exports.some(one => one.broken !== '')) {
    return { level: 'bad', verdict: 'Broken' }
  }
  if (origins.some(one => one.down)) return { level: 'bad', verdict: 'Origin down' }
  if (!health.ready) return { level: 'warn', verdict: 'Not ready' }
  if (shareOf(snapshot) >= 1 && limitedBy === 'idle')
    return { level: 'done', verdict: 'All served' }
  if (errors.some(one => one.level === 'error' && timeMs - one.timeMs < RECENT_MS)) {
    return { level: 'warn', verdict: 'Errors' }
  }
  if (limitedBy === 'server limit') return { level: 'warn', verdict: 'Held back' }
  if (limitedBy === 'idle') {
    return { level: 'idle', verdict: statistics.clients === 0 ? 'No client' : 'Idle' }
  }
  return { level: 'good', verdict: 'Healthy' }
}

function progress(snapshot: StatusSnapshot): string {
  const { statistics, rate, remainingSeconds, exportCount, limitedBy } = snapshot
  const images = exportCount > 1 ? ` in ${showCount(exportCount)} images` : ''
  const done = `${showShare(shareOf(snapshot))} of ${showBytes(statistics.imageBytes)}${images} served`
  if (shareOf(snapshot) >= 1) return `${done}.`
  if (limitedBy === 'idle') return `${done}; nothing is being read now.`
  const speed = `${showBytes(rate.served)}/s`
  if (remainingSeconds === null) return `${done}, now ${speed}; the end can't be told yet.`
  return `${done}, now ${speed}; about ${showWholeSeconds(remainingSeconds)} left.`
}

function side(snapshot: StatusSnapshot): string {
  const { health, limitedBy, stallShare, origins } = snapshot
  if (health.reason !== '') return `${sentence(health.reason)}`
  const down = origins.find(one => one.down)
  if (down !== undefined) {
    const since = down.answeredSeconds
    const when = since === null ? 'has not answered yet' : `answered ${showWholeSeconds(since)} ago`
    return `${down.origin} ${when}; requests are repeated.`
  }
  const waited = `reads waited ${showShare(stallShare)} of the last 10 s`
  switch (limitedBy) {
    case 'client':
      return `The client sets the pace: ${waited}.`
    case 'network':
      return `The network or the origin sets the pace: ${waited}.`
    case 'server limit':
      return `The server's limit of requests sets the pace: ${waited}, and it refused more.`
    case 'idle':
      return 'Nobody waits for anything.'
  }
}

/** For whoever listens instead of looking: the parts that change seldom. */
export function announcement(snapshot: StatusSnapshot): string {
  const tenth = Math.floor(shareOf(snapshot) * 10) * 10
  return `${verdict(snapshot).verdict}, ${limitWords(snapshot.limitedBy)}, ${tenth} % served`
}

function limitWords(limitedBy: StatusSnapshot['limitedBy']): string {
  return limitedBy === 'idle' ? 'nobody reads' : `limited by ${limitedBy}`
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`
}
