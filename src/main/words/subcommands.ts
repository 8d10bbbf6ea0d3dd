// What the program can be told to do, each with its options: the man page and the shells'
// completions are made from this. Another subcommand is another entry.

import { PRINTING } from '../option-table/printing.js'
import { isProbed, PROBING } from '../option-table/probing.js'
import { OPTION_TABLE, type OptionEntry } from '../option-table.js'

/** Shells that completions can be printed for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** One way to call the program. */
export interface Subcommand {
  /** First word behind the program's name; '' where there is none. */
  readonly name: string
  /** What stands behind the name. */
  readonly usage: readonly string[]
  /** One sentence, no final period: what it does. */
  readonly help: string
  readonly entries: readonly OptionEntry[]
  /** All that its one argument can be; absent where that is a URL. */
  readonly words?: readonly string[]
}

/** Flags of every subcommand, which are no settings. */
export const STANDARD: readonly OptionEntry[] = [
  {
    key: 'help',
    short: '-h',
    long: '--help',
    group: 'Output',
    kind: 'switch',
    help: 'Show this help',
  },
  {
    key: 'version',
    short: '-V',
    long: '--version',
    group: 'Output',
    kind: 'switch',
    help: 'Show the version',
  },
]

/** The first is what happens without a subcommand. */
export const SUBCOMMANDS: readonly [Subcommand, ...Subcommand[]] = [
  {
    name: '',
    usage: ['[options] URL', '[options] VPX-OR-ESX-URI DISK', '[options] NAME=URL ...'],
    help: 'Serve images',
    entries: OPTION_TABLE,
  },
  {
    name: 'probe',
    usage: ['[options] URL [DISK]'],
    help: 'Measure the server of an image within a budget of bytes, and recommend options',
    entries: [...(OPTION_TABLE as readonly OptionEntry[]).filter(isProbed), ...PROBING],
  },
  {
    name: 'config',
    usage: ['[options] [URL [DISK] | NAME=URL ...]'],
    help: 'Print the settings that a server started so would have, and where each comes from',
    entries: [...OPTION_TABLE, ...PRINTING],
  },
  {
    name: 'completion',
    usage: [SHELLS.join('|')],
    help: 'Print the completions of a shell',
    entries: [],
    words: SHELLS,
  },
]
