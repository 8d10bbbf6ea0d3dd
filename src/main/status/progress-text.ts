// Progress in words: as much of it as fits into so many columns, the most important first. Pure.

import type { Progress } from './progress.js'
import { showBytes, showCount, showSeconds, showShare } from './units.js'

/** A part of the line: shown where it stands if there is room for its rank. */
interface Part {
  readonly text: string
  /** Lowest first. */
  readonly rank: number
}

const GAP = '  '
/** Below so many, what a word means must be known. */
const FEW_COLUMNS = 50

/** All there is to say, for a line of a log. */
export function progressText(progress: Progress): string {
  const [share, size, ...rest] = partsOf(progress).map(({ text }) => text.trim())
  return [`${share} ${size}`, ...rest].join(', ')
}

/** What fits into `columns`, at least the share of the image. */
export function progressLine(progress: Progress, columns: number): string {
  const parts = partsOf(progress, columns < FEW_COLUMNS)
  const shown = new Set<Part>()
  let width = -GAP.length
  for (const part of parts.toSorted((a, b) => a.rank - b.rank)) {
    const more = GAP.length + part.text.length
    if (shown.size > 0 && width + more > columns) break
    width += more
    shown.add(part)
  }
  return parts
    .filter(part => shown.has(part))
    .map(({ text }) => text)
    .join(GAP)
}

/** Numbers and units of our own alone: no text from outside is among them. */
function partsOf(p: Progress, short = false): Part[] {
  return [
    { rank: 0, text: showShare(p.share).padStart(6) },
    { rank: 7, text: `of ${showBytes(p.imageBytes)}` },
    ...(p.exports > 1 ? [{ rank: 5, text: `${p.exports} images` }] : []),
    { rank: 1, text: `${showBytes(p.bytesPerSecond)}/s` },
    { rank: 8, text: `mean ${showBytes(p.meanBytesPerSecond)}/s` },
    { rank: 2, text: timeLeft(p) },
    { rank: 4, text: `${showCount(p.inFlight)} in flight` },
    { rank: 6, text: `stalled ${showShare(p.stallShare)}` },
    { rank: 3, text: p.bottleneck === 'idle' || short ? p.bottleneck : `limit: ${p.bottleneck}` },
    ...(p.failedReads > 0 ? [{ rank: 2.5, text: `${showCount(p.failedReads)} failed` }] : []),
  ]
}

function timeLeft({ secondsLeft }: Progress): string {
  if (secondsLeft === null) return '? left'
  if (secondsLeft === 0) return 'done'
  // No tenths of what is an estimate.
  return secondsLeft < 100 ? `${Math.ceil(secondsLeft)} s left` : `${showSeconds(secondsLeft)} left`
}
