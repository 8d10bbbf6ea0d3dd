// What an entry of the option table is, the headings entries stand under, and the bounds several
// of them share.

export const KIB = 1024
export const MIB = 1024 * KIB
/** Node 20 can show no more of one memory than 4 GiB. */
export const GIB = 1024 * MIB

/** How the text of a flag is read. `list` flags may be repeated; `switch` ones take no value. */
export type OptionKind =
  | 'text'
  | 'list'
  | 'integer'
  | 'seconds'
  | 'size'
  | 'size-power-of-2'
  | 'readahead'
  | 'choice'
  | 'mode'
  | 'switch'

/** Headings of --help and of the README, in this order. */
export const OPTION_GROUPS = [
  'Listening',
  'TLS with clients',
  'Clients',
  'Origin',
  'Login',
  'Sessions',
  'TLS with the origin',
  'Network',
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
  /** All that a `choice` can be. */
  readonly choices?: readonly string[]
  /** One or two sentences, no final period. */
  readonly help: string
  /** The option of nbdkit or its curl plugin that does the same. */
  readonly nbdkit?: string
}

/** A day: no answer comes after that, and it stays inside the range of timers. */
export const LONGEST_WAIT_SECONDS = 86_400
