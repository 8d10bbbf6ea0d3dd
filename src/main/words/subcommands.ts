// What the program can be told to do, each with its options: the command line, --help, the man page and
// the shells' completions are made from this. Another subcommand is another entry.

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

/** What --help says beside the options. */
export interface HelpPage {
  readonly description: string
  /** What is no flag. */
  readonly argument: string
  /** Behind the options. */
  readonly after: string
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

const SOURCES = `
Every option may also come from a variable (--ring-size from NBD_PREFETCH_RING_SIZE) or from the JSON
file of --config (ringSize), the URL from NBD_PREFETCH_URL or url. A flag counts before a variable, a
variable before the file, the file before the default. See docs/configuration.md.`

const SIZES =
  'Sizes: bytes, or with K, M, G as powers of 1024. Exit status: 0 done, 1 failed, 2 wrong usage'

/** What takes options: the first happens without a subcommand. */
export const COMMANDS = {
  serve: {
    name: '',
    usage: ['[options] URL', '[options] VPX-OR-ESX-URI DISK', '[options] NAME=URL ...'],
    help: 'Serve images',
    entries: OPTION_TABLE,
    description:
      'NBD server for a disk image behind a slow HTTP(S) server: prefetches ahead of its reader.\n' +
      'Prints the NBD URI, one line for each export, once clients can connect.\n' +
      'With probe it measures the server instead, and recommends options: see probe --help.\n' +
      'With config it prints the settings that hold, and where each comes from.\n' +
      'With completion it prints what completes its options in bash, zsh or fish.',
    argument:
      'http or https URL of the disk image, NAME=URL for each of several, or the vpx:// or esx:// URI of ' +
      "its server and the disk, '[datastore] VM/VM.vmdk'",
    after: `
${SIZES},
with --run that of the command.
${SOURCES}

Examples:
  nbd-prefetch https://mirror.example/disk.qcow2
  nbd-prefetch --run 'qemu-img convert -p "$uri" disk.img' https://mirror.example/disk.qcow2
  nbd-prefetch --password-file pw --run 'nbdcopy "$uri" disk.img' \\
    'vpx://VSPHERE.LOCAL%5cme@vcenter/Datacenter/host?no_verify=1' '[datastore1] vm/vm.vmdk'`,
  },
  probe: {
    name: 'probe',
    usage: ['[options] URL [DISK]'],
    help: 'Measure the server of an image within a budget of bytes, and recommend options',
    entries: [...(OPTION_TABLE as readonly OptionEntry[]).filter(isProbed), ...PROBING],
    description:
      'Measures the server of a disk image within a budget of bytes: time to the first byte, rate of a\n' +
      'connection, how far more of them help. Prints what it found and recommends options.',
    argument:
      "http or https URL of the disk image, or the vpx:// or esx:// URI of its server and the disk, '[datastore] VM/VM.vmdk'",
    after: `
${SIZES}.
${SOURCES}

Example:
  nbd-prefetch probe --user me --password-file pw --connections 32 https://host/disk.img`,
  },
  config: {
    name: 'config',
    usage: ['[options] [URL [DISK] | NAME=URL ...]'],
    help: 'Print the settings that a server started so would have, and where each comes from',
    entries: [...OPTION_TABLE, ...PRINTING],
    description:
      'Prints the settings that a server started so would have, and where each comes from: a flag, a\n' +
      'variable, the configuration file or the default. Secrets are masked. Starts nothing, but says what a\n' +
      'server would refuse.',
    argument: 'as without config; need not be there',
    after: `
Exit status: 0 done, 2 wrong usage.
${SOURCES}

Example:
  NBD_PREFETCH_RING_SIZE=1G nbd-prefetch config --config server.json`,
  },
} as const satisfies Record<string, Subcommand & HelpPage>
export type CommandName = keyof typeof COMMANDS

/** All, the one without a name first. */
export const SUBCOMMANDS: readonly [Subcommand, ...Subcommand[]] = [
  COMMANDS.serve,
  COMMANDS.probe,
  COMMANDS.config,
  {
    name: 'completion',
    usage: [SHELLS.join('|')],
    help: 'Print the completions of a shell',
    entries: [],
    words: SHELLS,
  },
]

/** Every way to call one, as --help shows them: with those of all subcommands where there is none. */
export function usagesOf(command: CommandName): readonly string[] {
  const shown = command === 'serve' ? SUBCOMMANDS : [COMMANDS[command]]
  return shown.flatMap(({ name, usage }) =>
    usage.map(words => ['nbd-prefetch', name, words].filter(part => part !== '').join(' ')),
  )
}
