// Options of `nbd-prefetch config` beside those of the server.

import type { OptionEntry } from './entry.js'

export const PRINTING = [
  {
    key: 'json',
    long: '--json',
    group: 'Output',
    kind: 'switch',
    help: 'Print the settings as JSON, as docs/configuration.md describes it',
  },
] as const satisfies readonly OptionEntry[]
