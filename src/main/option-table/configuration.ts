// Options: where settings come from that no flag gives.

import type { OptionEntry } from './entry.js'

export const CONFIGURATION = [
  {
    key: 'config',
    long: '--config',
    value: 'FILE',
    group: 'Configuration',
    kind: 'text',
    help: 'Take what no flag and no variable gives from this JSON file; none is read unasked',
    inFile: false,
  },
] as const satisfies readonly OptionEntry[]
