// What the line on top says about how old the figures are. Pure.

import type { FeedState } from './feed.js'
import { showWholeSeconds } from './figures.js'

/** @param ageSeconds of the picture on the page; undefined before the first */
export function feedWords(
  state: FeedState,
  paused: boolean,
  ageSeconds: number | undefined,
): string {
  const age = ageSeconds === undefined ? '' : `, data is ${showWholeSeconds(ageSeconds)} old`
  if (state === 'lost') return `Connection lost${age}; trying again`
  if (state === 'refused') return 'A token is needed'
  if (paused) return `Paused${age}`
  return state === 'live' ? 'Live' : 'Connecting'
}
