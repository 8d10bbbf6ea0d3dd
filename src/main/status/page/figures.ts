// How each kind of figure is shown, and where in a snapshot a field of the page finds its value. Pure.

import { showBytes, showCount, showSeconds, showShare } from '../units.js'

const NOTHING = '–'

/** By the name that `data-show` and tables use. A value of another type than expected shows as a dash. */
const SHOWN = {
  bytes: number(showBytes),
  /** A place in an image: exact to a MiB, where neighbours matter. */
  place: number(value => `${showCount(Math.floor(value / 1024 ** 2))} MiB`),
  /** Bytes, or a word for a choice. */
  size: (value: unknown) => (typeof value === 'number' ? showBytes(value) : words(value)),
  rate: number(value => `${showBytes(value)}/s`),
  count: number(showCount),
  share: number(showShare),
  /** '1.02 ×'. */
  times: number(value => (value === 0 ? NOTHING : `${value.toFixed(2)} ×`)),
  seconds: number(showSeconds),
  /** Of a time that a person waits for or looks back on: no milliseconds. */
  wholeSeconds: number(showWholeSeconds),
  /** Milliseconds; 0 stands for "none yet". */
  ms: number(value => (value === 0 ? NOTHING : showSeconds(value / 1000))),
  /** Hours, minutes and seconds of a moment, in the reader's time zone. */
  clock: number(value => new Date(value).toTimeString().slice(0, 8)),
  text: words,
} as const

export type Show = keyof typeof SHOWN

/** True for the name of a kind of figure. */
export function isShow(name: string | undefined): name is Show {
  return name !== undefined && Object.hasOwn(SHOWN, name)
}

/** A value as people read it; '–' for null and what is no figure. */
export function show(kind: Show, value: unknown): string {
  return SHOWN[kind](value)
}

/** '4 s', '4 min 05 s', '2 h 03 min', '3 d 04 h'. */
export function showWholeSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 100) return `${whole} s`
  const hours = Math.round(whole / 3600)
  if (hours < 100) return showSeconds(whole)
  return `${Math.floor(hours / 24)} d ${String(hours % 24).padStart(2, '0')} h`
}

/** What lies at 'exports.0.map.cells' of an object; undefined where nothing does. */
export function valueAt(root: unknown, path: string): unknown {
  let value = root
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

function words(value: unknown): string {
  return value === null || value === undefined ? NOTHING : String(value)
}

function number(of: (value: number) => string): (value: unknown) => string {
  return value => (typeof value === 'number' && Number.isFinite(value) ? of(value) : NOTHING)
}
