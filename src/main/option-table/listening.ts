// Options: where NBD clients reach the server.

import { DEFAULTS } from '../defaults.js'
import type { OptionEntry } from './entry.js'

/** What is about a Unix socket. */
const SOCKET_FILE = ['unix', 'unixMode', 'unixGroup', 'unixOwner'] as const

export const LISTENING = [
  {
    key: 'unix',
    short: '-U',
    long: '--unix',
    value: 'PATH',
    group: 'Listening',
    kind: 'text',
    help: "Listen on a Unix socket; '-' makes a private temporary one",
    nbdkit: '-U',
    replaces: ['port', 'ipaddr'],
  },
  {
    key: 'port',
    short: '-p',
    long: '--port',
    value: 'PORT',
    group: 'Listening',
    kind: 'integer',
    default: String(DEFAULTS.port),
    min: 0,
    max: 65535,
    help: 'Listen on a TCP port; 0 takes any free one',
    nbdkit: '-p',
    replaces: SOCKET_FILE,
  },
  {
    key: 'ipaddr',
    short: '-i',
    long: '--ipaddr',
    value: 'ADDRESS',
    group: 'Listening',
    kind: 'text',
    default: DEFAULTS.ipaddr,
    help: 'Listen on this address; NBD has no login, so think before leaving loopback',
    nbdkit: '-i',
    replaces: SOCKET_FILE,
  },
  {
    key: 'exportName',
    short: '-e',
    long: '--export-name',
    value: 'NAME',
    group: 'Listening',
    kind: 'text',
    default: "''",
    help: 'Name of the export',
    nbdkit: '-e',
  },
] as const satisfies readonly OptionEntry[]
