// Options: what the server tells while it runs and when it ends.

import type { OptionEntry } from './entry.js'

export const OUTPUT = [
  {
    key: 'stats',
    long: '--stats',
    group: 'Output',
    kind: 'switch',
    help: 'At exit print what was served, fetched and waited for, on standard error',
    nbdkit: '--filter=stats',
  },
  {
    key: 'verbose',
    short: '-v',
    long: '--verbose',
    group: 'Output',
    kind: 'switch',
    help: 'Log more, on standard error',
    nbdkit: '-v',
  },
] as const satisfies readonly OptionEntry[]
