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

/**
 * What is secret of a value. `text`: all of it. `text-or-place`: all of it, unless it names the place of
 * the secret ('+FILE', '-FD', '-'). `header-value`: what follows a header's name. `user-info`: name and
 * password in a URL.
 */
export type SecretKind = 'text' | 'text-or-place' | 'header-value' | 'user-info'

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
  'Configuration',
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
  /** Absent where nothing of the value is secret. */
  readonly secret?: SecretKind
  /** Keys of options that this one takes the place of, where weaker sources of settings give those. */
  readonly replaces?: readonly string[]
  /** False for what a configuration file can't say. */
  readonly inFile?: false
}

/** A day: no answer comes after that, and it stays inside the range of timers. */
export const LONGEST_WAIT_SECONDS = 86_400
