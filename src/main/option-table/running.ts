// Options: what runs beside the server, and when it ends.

import type { OptionEntry } from './entry.js'

export const RUNNING = [
  {
    key: 'run',
    long: '--run',
    value: 'COMMAND',
    group: 'Running',
    kind: 'text',
    help:
      'Run a shell command beside the server and end with it, with its exit status; ' +
      "$uri, $nbd, $unixsocket, $port and $exportname are set, and '-U -' is the default",
    nbdkit: '--run',
  },
  {
    key: 'pidfile',
    short: '-P',
    long: '--pidfile',
    value: 'FILE',
    group: 'Running',
    kind: 'text',
    help: 'Write the process id there once clients can connect; removed at exit',
    nbdkit: '-P',
  },
  {
    key: 'exitWithParent',
    long: '--exit-with-parent',
    group: 'Running',
    kind: 'switch',
    help: 'End when the parent process does, at most a second later',
    nbdkit: '--exit-with-parent',
  },
] as const satisfies readonly OptionEntry[]
