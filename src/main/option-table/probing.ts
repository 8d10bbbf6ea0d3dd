// Options of `nbd-prefetch probe` beside those of the server that are about the origin.

import { DEFAULTS } from '../defaults.js'
import { formatSize } from '../parse-size.js'
import { GIB, MIB, type OptionEntry, type OptionGroup } from './entry.js'

export const PROBING = [
  {
    key: 'budget',
    long: '--budget',
    value: 'SIZE',
    group: 'Output',
    kind: 'size',
    default: formatSize(DEFAULTS.budget),
    min: 4 * MIB,
    max: 64 * GIB,
    help: 'Most bytes of the image that may be read to measure the server',
  },
  {
    key: 'json',
    long: '--json',
    group: 'Output',
    kind: 'switch',
    help: 'Print all figures as JSON, as docs/probe.md describes them',
  },
] as const satisfies readonly OptionEntry[]

/** Options of the server that a probe has no use for. */
const UNUSED_GROUPS: ReadonlySet<OptionGroup> = new Set([
  'Listening',
  'TLS with clients',
  'Clients',
  'Running',
])
const UNUSED: ReadonlySet<string> = new Set([
  'readahead',
  'formatHint',
  'pipelining',
  'ringSize',
  'blockSize',
  'maxRequest',
  'stats',
  'status',
  'statusTokenFile',
  'progress',
  'progressFile',
])

/** True for options of the server that a probe takes as well: what is about the way to the origin. */
export function isProbed({ key, group }: OptionEntry): boolean {
  return !UNUSED_GROUPS.has(group) && !UNUSED.has(key)
}
