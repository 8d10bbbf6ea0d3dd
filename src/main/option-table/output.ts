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
    key: 'status',
    long: '--status',
    value: 'HOST:PORT',
    group: 'Output',
    kind: 'text',
    help:
      'Show a live page over HTTP there, with /status.json, /events, /metrics for Prometheus, /healthz and /readyz; ' +
      'a PORT alone is on 127.0.0.1, port 0 any free one',
  },
  {
    key: 'statusTokenFile',
    long: '--status-token-file',
    value: 'FILE',
    group: 'Output',
    kind: 'text',
    help:
      "Give data to those alone who send 'Authorization: Bearer' with the first line of FILE, or of standard " +
      "input for '-'",
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
