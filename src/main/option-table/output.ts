// Options: what the server tells while it runs and when it ends.

import type { OptionEntry } from './entry.js'

export const OUTPUT = [
  {
    key: 'progress',
    long: '--progress',
    value: 'MODE',
    bare: 'auto',
    group: 'Output',
    kind: 'choice',
    choices: ['auto', 'line', 'json', 'off'],
    default: 'off',
    help:
      'Show how far a copy is: a live line on a terminal, else one every 10 s, or JSON every second; ' +
      'auto (no MODE) gives way to --run',
  },
  {
    key: 'progressFile',
    long: '--progress-file',
    value: 'FILE',
    group: 'Output',
    kind: 'text',
    help: 'Add the progress to FILE and not to standard error; /dev/fd/N for a descriptor',
  },
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
    key: 'logLevel',
    replaces: ['verbose'],
    long: '--log-level',
    value: 'LEVEL',
    group: 'Output',
    kind: 'choice',
    choices: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    help: 'Log what is of this level or above: debug, info, warn or error',
  },
  {
    key: 'logFormat',
    long: '--log-format',
    value: 'FORMAT',
    group: 'Output',
    kind: 'choice',
    choices: ['auto', 'text', 'json'],
    default: 'auto',
    help: 'Log as text or as JSON, an object a line; auto is text on a terminal and JSON elsewhere',
  },
  {
    key: 'logFile',
    long: '--log-file',
    value: 'FILE',
    group: 'Output',
    kind: 'text',
    help: 'Add the log to FILE and not to standard error; opened again at SIGUSR2',
  },
  {
    key: 'verbose',
    replaces: ['logLevel'],
    short: '-v',
    long: '--verbose',
    group: 'Output',
    kind: 'switch',
    help: 'Log more: the same as --log-level debug, and why a start failed',
    nbdkit: '-v',
  },
] as const satisfies readonly OptionEntry[]
