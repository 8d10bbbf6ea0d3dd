// What to turn: for what the figures show, the option that helps, the most urgent first. The same
// as docs/guides/tuning.md says. Pure.

import type { StatusSnapshot } from '../snapshot.js'
import { showBytes, showCount, showSeconds } from '../units.js'

export interface Advice {
  /** What is the case. */
  readonly symptom: string
  /** What to do about it; options stand between backticks. */
  readonly remedy: string
}

/** Advice at a time: more is not read at 2 a.m. */
const MAX_ADVICE = 3
/** Median first-byte time from which larger requests pay, milliseconds. */
const SLOW_FIRST_BYTE_MS = 300
/** Fetched / served above which bytes are fetched that nobody reads, once so much was served. */
const WASTE = 1.2
const WASTE_JUDGED_BYTES = 64 * 1024 ** 2
/** Share of slots that hold unread, filling or pinned blocks from which the ring is full. */
const FULL_RING = 0.9

/** At most three; none while all goes well. */
export function advise(snapshot: StatusSnapshot): Advice[] {
  const all = [
    ...trouble(snapshot),
    ...originSide(snapshot),
    ...clientSide(snapshot),
    ...waste(snapshot),
  ]
  return all.slice(0, MAX_ADVICE)
}

function trouble({ exports, origins, statistics }: StatusSnapshot): Advice[] {
  const advice: Advice[] = exports
    .filter(one => one.broken !== '')
    .map(({ name, broken }) => ({
      symptom: `Export '${name}' was given up: ${broken}`,
      remedy: 'The copy is of no use: find out who writes to the image, and start again.',
    }))
  if (origins.some(one => one.down)) {
    advice.push({
      symptom: 'An origin does not answer.',
      remedy:
        'Look at the server and at the way to it; failing requests are repeated for `--retry-time`, `--retries` times.',
    })
  }
  const late = statistics.failures['first-byte-timeout'] ?? 0
  if (late > 0) {
    advice.push({
      symptom: `${showCount(late)} requests met the limit for their first byte.`,
      remedy: 'If the server thinks longer than that, raise `--first-byte-timeout`.',
    })
  }
  return advice
}

function originSide(snapshot: StatusSnapshot): Advice[] {
  const { limitedBy, statistics, ring, exports } = snapshot
  const { limit, connectionLimit, inFlight, firstByteP50Ms } = statistics
  if (limitedBy === 'server limit') {
    return [
      {
        symptom: `The server refuses requests as too many (${showCount(statistics.throttled)} answers 429 or 503).`,
        remedy: `The rate settles by itself; \`--connections ${Math.max(1, limit)}\` spares the refusals. More speed takes a higher limit at the server.`,
      },
    ]
  }
  if (limitedBy !== 'network') return []
  if (exports.some(one => one.kind === 'spool')) {
    return [
      {
        symptom: 'The server answers no ranges, so an image is downloaded over one connection.',
        remedy: 'No option makes that quicker; a server or mirror that answers ranges would.',
      },
    ]
  }
  const advice: Advice[] = []
  if (limit >= connectionLimit && inFlight >= connectionLimit) {
    advice.push({
      symptom: `Reads wait, with all ${showCount(connectionLimit)} connections in use.`,
      remedy: `Try \`--connections ${connectionLimit * 2}\`, and a \`--ring-size\` of at least 2 × connections × \`--max-request\`.`,
    })
  } else if ((ring.unread + ring.filling + ring.pinned) / ring.slots >= FULL_RING) {
    advice.push({
      symptom: `Reads wait, and the ring of ${showBytes(ring.slots * ring.slotBytes)} is full.`,
      remedy: `Try a \`--ring-size\` of ${showBytes(2 * ring.slots * ring.slotBytes)}.`,
    })
  }
  if (firstByteP50Ms >= SLOW_FIRST_BYTE_MS) {
    advice.push({
      symptom: `The server thinks ${showSeconds(firstByteP50Ms / 1000)} before it answers.`,
      remedy: 'Try a larger `--max-request`.',
    })
  }
  if (advice.length > 0) return advice
  return [
    {
      symptom: 'Reads wait, and more requests brought no more bytes.',
      remedy: 'The line or the server is full: no option helps.',
    },
  ]
}

function clientSide({ limitedBy }: StatusSnapshot): Advice[] {
  if (limitedBy !== 'client') return []
  return [
    {
      symptom: 'The bytes are here before they are asked for.',
      remedy:
        'Only the client can go faster: `qemu-img convert -W -m 16`, `nbdcopy --connections 4`, or a faster target.',
    },
  ]
}

function waste({ statistics }: StatusSnapshot): Advice[] {
  const { servedBytes, amplification } = statistics
  if (servedBytes < WASTE_JUDGED_BYTES || amplification < WASTE) return []
  return [
    {
      symptom: `${amplification.toFixed(2)} × as many bytes are fetched as served.`,
      remedy: 'Try a fixed `--readahead 8M`, or `off` for readers at random.',
    },
  ]
}

/** Text and options of a remedy: every second part is an option. */
export function remedyParts(remedy: string): string[] {
  return remedy.split('`')
}
