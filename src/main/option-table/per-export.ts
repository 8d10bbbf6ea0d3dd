// Which options a configuration file may say of each export by itself: those of its origin, as the
// library's `exports` takes them.

import type { OptionEntry, OptionGroup } from './entry.js'

const GROUPS: ReadonlySet<OptionGroup> = new Set([
  'Origin',
  'Login',
  'Sessions',
  'TLS with the origin',
  'Network',
])
/** One for all: a directory, its limit, and a file that is written back. */
const OF_THE_SERVER: ReadonlySet<string> = new Set(['spool', 'spoolLimit', 'cookieJar'])

/** True for options that may differ between exports. */
export function isPerExport({ key, group }: OptionEntry): boolean {
  return GROUPS.has(group) && !OF_THE_SERVER.has(key)
}
