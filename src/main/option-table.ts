// Every option once: its name in the library, its flag, unit, bounds, default and help text. The
// command line, --help, the README's tables, the man page, the shells' completions and the checks in
// options.ts are all made from this.
// The entries lie in option-table/, a file for each heading.

import { CLIENT_TLS } from './option-table/client-tls.js'
import { CLIENTS } from './option-table/clients.js'
import { CONFIGURATION } from './option-table/configuration.js'
import type { OptionEntry } from './option-table/entry.js'
import { LISTENING } from './option-table/listening.js'
import { LOGIN } from './option-table/login.js'
import { NETWORK } from './option-table/network.js'
import { ORIGIN } from './option-table/origin.js'
import { OUTPUT } from './option-table/output.js'
import { PREFETCHING } from './option-table/prefetching.js'
import { RUNNING } from './option-table/running.js'
import { SESSIONS } from './option-table/sessions.js'
import { TIME_OUTS } from './option-table/time-outs.js'
import { TLS } from './option-table/tls.js'
import { formatSize } from './parse-size.js'

export {
  OPTION_GROUPS,
  type OptionEntry,
  type OptionGroup,
  type OptionKind,
  type SecretKind,
} from './option-table/entry.js'

export const OPTION_TABLE = [
  ...LISTENING,
  ...CLIENT_TLS,
  ...CLIENTS,
  ...ORIGIN,
  ...LOGIN,
  ...SESSIONS,
  ...TLS,
  ...NETWORK,
  ...TIME_OUTS,
  ...PREFETCHING,
  ...RUNNING,
  ...CONFIGURATION,
  ...OUTPUT,
] as const satisfies readonly OptionEntry[]

/** Names of all options. */
export type OptionKey = (typeof OPTION_TABLE)[number]['key']

/** What the names of all our variables begin with. */
export const VARIABLE_PREFIX = 'NBD_PREFETCH_'

const BY_KEY = new Map<string, OptionEntry>(OPTION_TABLE.map(entry => [entry.key, entry]))

/** The table's entry of an option. */
export function optionEntry(key: OptionKey): OptionEntry {
  return BY_KEY.get(key) as OptionEntry
}

/** Keys of the options that one takes the place of; none for what is no option. */
export function replacedKeys(key: string): readonly string[] {
  return BY_KEY.get(key)?.replaces ?? []
}

/** The flags of an option as help shows them: '-U, --unix PATH'. */
export function optionFlags(entry: OptionEntry): string {
  const short = entry.short === undefined ? '' : `${entry.short}, `
  const value = entry.value === undefined ? '' : valueText(entry.value, entry.bare)
  return `${short}${entry.long}${value}`
}

/** What --help and the man page say of an option: its help, with bounds and default. */
export function optionHelp(entry: OptionEntry): string {
  const bounds = optionBounds(entry)
  const notes = [
    ...(bounds === '' ? [] : [bounds]),
    ...(entry.default === undefined ? [] : [`default ${entry.default}`]),
  ]
  return notes.length === 0 ? entry.help : `${entry.help} (${notes.join(', ')})`
}

/** The environment variable that gives an option: 'NBD_PREFETCH_RING_SIZE'. */
export function optionVariable(entry: OptionEntry): string {
  return `${VARIABLE_PREFIX}${entry.long.slice(2).toUpperCase().replaceAll('-', '_')}`
}

function valueText(value: string, bare: string | undefined): string {
  return bare === undefined ? ` ${value}` : `[=${value}]`
}

/** Bounds for people: 'from 1 to 64', 'from 64K to 4M', or '' where there are none. */
export function optionBounds(entry: OptionEntry): string {
  if (entry.min === undefined || entry.max === undefined) return ''
  const plain = entry.kind === 'integer' || entry.kind === 'seconds'
  const show = plain ? String : formatSize
  return `from ${show(entry.min)} to ${show(entry.max)}`
}
