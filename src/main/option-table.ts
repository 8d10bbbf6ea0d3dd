// Every option once: its name in the library, its flag, unit, bounds, default and help text. The
// command line, --help, the README's tables and the checks in options.ts are all made from this.

import { DEFAULTS } from './defaults.js'
import { formatSize } from './parse-size.js'

const KIB = 1024
const MIB = 1024 * KIB
/** Node 20 can show no more of one memory than 4 GiB. */
const GIB = 1024 * MIB

/** How the text of a flag is read. `list` flags may be repeated; `switch` ones take no value. */
export type OptionKind =
  | 'text'
  | 'list'
  | 'integer'
  | 'seconds'
  | 'size'
  | 'size-power-of-2'
  | 'readahead'
  | 'switch'

/** Headings of --help and of the README, in this order. */
export const OPTION_GROUPS = [
  'Listening',
  'Origin',
  'Time-outs',
  'Prefetching',
  'Running',
  'Output',
] as const
export type OptionGroup = (typeof OPTION_GROUPS)[number]

/** One option. */
export interface OptionEntry {
  /** Name in `ServerOptions`, or of a setting of the command line alone. */
  readonly key: string
  /** For example '-U'. */
  readonly short?: string
  /** For example '--unix'. */
  readonly long: string
  /** What the value is called in help; absent for switches. */
  readonly value?: string
  readonly group: OptionGroup
  readonly kind: OptionKind
  /** The default as shown to people; absent where not giving the option means not having it. */
  readonly default?: string
  /** Bounds of numbers, inclusive, in the unit of the kind (bytes, seconds, or plain). */
  readonly min?: number
  readonly max?: number
  /** One or two sentences, no final period. */
  readonly help: string
  /** The option of nbdkit or its curl plugin that does the same. */
  readonly nbdkit?: string
}

/** A day: no answer comes after that, and it stays inside the range of timers. */
const LONGEST_WAIT_SECONDS = 86_400

export const OPTION_TABLE = [
  {
    key: 'unix',
    short: '-U',
    long: '--unix',
    value: 'PATH',
    group: 'Listening',
    kind: 'text',
    help: "Listen on a Unix socket; '-' makes a private temporary one",
    nbdkit: '-U',
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
  {
    key: 'user',
    long: '--user',
    value: 'NAME',
    group: 'Origin',
    kind: 'text',
    help: 'User name at the HTTP server; https://user:password@host/ works too',
    nbdkit: 'user=',
  },
  {
    key: 'passwordFile',
    long: '--password-file',
    value: 'FILE',
    group: 'Origin',
    kind: 'text',
    help: "Password: the first line of FILE, or of standard input for '-'",
    nbdkit: 'password=+FILE',
  },
  {
    key: 'cookie',
    long: '--cookie',
    value: 'COOKIE',
    group: 'Origin',
    kind: 'text',
    help: "Send this Cookie header, as 'name=value; name=value'",
    nbdkit: 'cookie=',
  },
  {
    key: 'headers',
    long: '--header',
    value: "'Name: value'",
    group: 'Origin',
    kind: 'list',
    help: 'Send this request header; repeatable. Never sent to another host after a redirect',
    nbdkit: 'header=',
  },
  {
    key: 'cacert',
    long: '--cacert',
    value: 'FILE',
    group: 'Origin',
    kind: 'text',
    help: "Trust the PEM certificates in FILE besides the system's",
    nbdkit: 'cainfo=',
  },
  {
    key: 'insecure',
    long: '--insecure',
    group: 'Origin',
    kind: 'switch',
    help: 'Accept any server certificate',
    nbdkit: 'sslverify=false',
  },
  {
    key: 'connectTimeout',
    long: '--connect-timeout',
    value: 'SECONDS',
    group: 'Time-outs',
    kind: 'seconds',
    default: String(DEFAULTS.connectTimeout),
    min: 0.01,
    max: LONGEST_WAIT_SECONDS,
    help: 'Limit for connecting, TLS included',
  },
  {
    key: 'firstByteTimeout',
    long: '--first-byte-timeout',
    value: 'SECONDS',
    group: 'Time-outs',
    kind: 'seconds',
    default: String(DEFAULTS.firstByteTimeout),
    min: 0.01,
    max: LONGEST_WAIT_SECONDS,
    help: 'Limit from a request to the start of its answer',
    nbdkit: 'timeout= (whole transfer)',
  },
  {
    key: 'bodyTimeout',
    long: '--body-timeout',
    value: 'SECONDS',
    group: 'Time-outs',
    kind: 'seconds',
    default: String(DEFAULTS.bodyTimeout),
    min: 0.01,
    max: LONGEST_WAIT_SECONDS,
    help: 'Limit without a byte in the middle of an answer',
  },
  {
    key: 'retries',
    long: '--retries',
    value: 'N',
    group: 'Time-outs',
    kind: 'integer',
    default: String(DEFAULTS.retries),
    min: 0,
    max: 100,
    help: 'Times a failed request is repeated before its read fails; 0 never repeats',
    nbdkit: '--filter=retry retries=',
  },
  {
    key: 'readahead',
    long: '--readahead',
    value: 'auto|off|SIZE',
    group: 'Prefetching',
    kind: 'readahead',
    default: DEFAULTS.readahead,
    min: 64 * KIB,
    max: 4 * GIB,
    help: 'How far to stay ahead of each sequential reader: measured, not at all, or fixed',
    nbdkit: '--filter=readahead',
  },
  {
    key: 'connections',
    long: '--connections',
    value: 'N',
    group: 'Prefetching',
    kind: 'integer',
    default: String(DEFAULTS.connections),
    min: 1,
    max: 256,
    help: 'Most connections to the origin, all workers together; reached only while it helps',
    nbdkit: 'connections=',
  },
  {
    key: 'workers',
    long: '--workers',
    value: 'N',
    group: 'Prefetching',
    kind: 'integer',
    default: 'cores, at most 2',
    min: 1,
    max: 64,
    help: 'Threads that speak HTTP; never more than there are connections',
  },
  {
    key: 'pipelining',
    long: '--pipelining',
    value: 'N',
    group: 'Prefetching',
    kind: 'integer',
    default: String(DEFAULTS.pipelining),
    min: 1,
    max: 16,
    help: 'Requests sent on one connection before the first is answered; 1 is no pipelining',
  },
  {
    key: 'ringSize',
    long: '--ring-size',
    value: 'SIZE',
    group: 'Prefetching',
    kind: 'size',
    default: formatSize(DEFAULTS.ringSize),
    min: 1 * MIB,
    max: 4 * GIB,
    help: 'Memory for fetched blocks, at least 16 of them',
  },
  {
    key: 'blockSize',
    long: '--block-size',
    value: 'SIZE',
    group: 'Prefetching',
    kind: 'size-power-of-2',
    default: formatSize(DEFAULTS.blockSize),
    min: 64 * KIB,
    max: 4 * MIB,
    help: 'Unit of caching, a power of 2',
  },
  {
    key: 'maxRequest',
    long: '--max-request',
    value: 'SIZE',
    group: 'Prefetching',
    kind: 'size',
    default: formatSize(DEFAULTS.maxRequest),
    min: 1 * MIB,
    max: 64 * MIB,
    help: 'Largest range asked of the origin at once, rounded up to whole blocks',
  },
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

/** Names of all options. */
export type OptionKey = (typeof OPTION_TABLE)[number]['key']

const BY_KEY = new Map<string, OptionEntry>(OPTION_TABLE.map(entry => [entry.key, entry]))

/** The table's entry of an option. */
export function optionEntry(key: OptionKey): OptionEntry {
  return BY_KEY.get(key) as OptionEntry
}

/** The flags of an option as help shows them: '-U, --unix PATH'. */
export function optionFlags(entry: OptionEntry): string {
  const short = entry.short === undefined ? '' : `${entry.short}, `
  const value = entry.value === undefined ? '' : ` ${entry.value}`
  return `${short}${entry.long}${value}`
}

/** Bounds for people: 'from 1 to 64', 'from 64K to 4M', or '' where there are none. */
export function optionBounds(entry: OptionEntry): string {
  if (entry.min === undefined || entry.max === undefined) return ''
  const plain = entry.kind === 'integer' || entry.kind === 'seconds'
  const show = plain ? String : formatSize
  return `from ${show(entry.min)} to ${show(entry.max)}`
}
