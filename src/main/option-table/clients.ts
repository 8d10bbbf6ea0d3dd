// Options: what a socket's file looks like, and what clients may take of the server.

import { DEFAULTS } from '../defaults.js'
import { LONGEST_WAIT_SECONDS, type OptionEntry } from './entry.js'

export const CLIENTS = [
  {
    key: 'unixMode',
    long: '--unix-mode',
    value: 'MODE',
    group: 'Clients',
    kind: 'mode',
    help: 'Permissions of the Unix socket, octal; whoever may write may connect. Default: by the umask',
  },
  {
    key: 'unixGroup',
    long: '--unix-group',
    value: 'GROUP',
    group: 'Clients',
    kind: 'text',
    help: 'Group of the Unix socket, a name of /etc/group or a number',
  },
  {
    key: 'maxClients',
    long: '--max-clients',
    value: 'N',
    group: 'Clients',
    kind: 'integer',
    default: String(DEFAULTS.maxClients),
    min: 1,
    max: 65_536,
    help: 'Clients connected at a time; more are turned away',
    nbdkit: '--filter=limit limit=',
  },
  {
    key: 'handshakeTimeout',
    long: '--handshake-timeout',
    value: 'SECONDS',
    group: 'Clients',
    kind: 'seconds',
    default: String(DEFAULTS.handshakeTimeout),
    min: 0.01,
    max: LONGEST_WAIT_SECONDS,
    help: 'Limit from connecting to the chosen export',
  },
  {
    key: 'drainTimeout',
    long: '--drain-timeout',
    value: 'SECONDS',
    group: 'Clients',
    kind: 'seconds',
    default: String(DEFAULTS.drainTimeout),
    min: 0,
    max: LONGEST_WAIT_SECONDS,
    help: 'Time that running reads get to finish once an end is asked for',
  },
] as const satisfies readonly OptionEntry[]
