// The arguments of the command line as plain data: the command, flags by option, the rest. Flags,
// help and checks of values come from the option table; nothing is read, printed or started.

import { Command, CommanderError, Option } from 'commander'
import { completeBareFlags } from './bare-flags.js'
import { PRINTING } from './option-table/printing.js'
import { isProbed, PROBING } from './option-table/probing.js'
import { OPTION_TABLE, type OptionEntry, optionFlags, optionHelp } from './option-table.js'
import { checkNumber, parseOptionValue } from './option-values.js'
import type { SettingValue } from './settings/setting.js'
import { shownText } from './shown-text.js'
import { didYouMean } from './spelling.js'
import { type UsageError, usageError } from './usage-error.js'
import { VERSION } from './version.js'
import { completionText } from './words/completion.js'

/** What may stand first in place of a flag or URL. */
const SUBCOMMANDS = ['probe', 'config'] as const
export type CommandName = 'serve' | (typeof SUBCOMMANDS)[number]

/** What the command line says. */
export interface Arguments {
  readonly kind: 'run'
  readonly command: CommandName
  /** By key, of the option table and of the command's own options; absent where a flag was not given. */
  readonly flags: ReadonlyMap<string, SettingValue>
  /** What is no flag: the images. */
  readonly words: readonly string[]
}

/** --help, --version or completion: print and be done. */
export interface ShownText {
  readonly kind: 'show'
  readonly text: string
}

/**
 * Reads the arguments behind the program's name.
 *
 * @throws {UsageError} for an unknown flag or command, or a missing or malformed value
 */
export function parseCommandLine(
  argv: readonly string[],
  helpWidth?: number,
): Arguments | ShownText {
  if (argv[0] === 'completion') return { kind: 'show', text: completionText(argv.slice(1)) }
  // No URL is called that: without a subcommand the first word is a flag or a URL.
  const subcommand = SUBCOMMANDS.find(name => name === argv[0])
  if (subcommand === undefined) checkFirstWord(argv[0] ?? '')
  const command = subcommand ?? 'serve'
  let shown = ''
  const program = buildCommand(command)
  program.configureOutput({
    writeOut: text => {
      shown += text
    },
    writeErr: () => {},
    ...(helpWidth !== undefined && { getOutHelpWidth: () => helpWidth }),
  })
  if (helpWidth !== undefined) program.configureHelp({ helpWidth })
  try {
    const given = argv.slice(subcommand === undefined ? 0 : 1)
    program.parse(completeBareFlags(given, PAGES[command].options), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { kind: 'show', text: shown }
    throw refusal(error)
  }
  const misplaced = SUBCOMMANDS.find(name => program.args.includes(name))
  if (misplaced !== undefined) {
    throw usageError('word-order', { word: misplaced })
  }
  const flags = new Map(Object.entries(program.opts<Record<string, SettingValue>>()))
  return { kind: 'run', command, flags, words: program.args }
}

/** What looks like a word of a language is a command that there is not. @throws {UsageError} */
function checkFirstWord(word: string): void {
  if (!/^[a-z][a-z-]*$/i.test(word)) return
  const hint = didYouMean(word, [...SUBCOMMANDS, 'completion', '--help', '--version'])
  throw usageError('not-a-command', { word: shownText(word), hint })
}

const SOURCES = `
Every option may also come from a variable (--ring-size from NBD_PREFETCH_RING_SIZE) or from the JSON
file of --config (ringSize), the URL from NBD_PREFETCH_URL or url. A flag counts before a variable, a
variable before the file, the file before the default. See docs/configuration.md.`

const SIZES =
  'Sizes: bytes, or with K, M, G as powers of 1024. Exit status: 0 done, 1 failed, 2 wrong usage'

/** Each command as --help shows it. */
const PAGES = {
  serve: {
    usage:
      '[options] URL [DISK] | NAME=URL...\n       nbd-prefetch probe [options] URL [DISK]\n       nbd-prefetch config [options]\n       nbd-prefetch completion SHELL',
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
    options: OPTION_TABLE,
  },
  probe: {
    usage: '[options] URL [DISK]',
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
    options: [...OPTION_TABLE.filter(isProbed), ...PROBING],
  },
  config: {
    usage: '[options] [URL [DISK] | NAME=URL...]',
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
    options: [...OPTION_TABLE, ...PRINTING],
  },
} as const satisfies Record<CommandName, object>

function buildCommand(name: CommandName): Command {
  const { usage, description, argument, after, options } = PAGES[name]
  const program = new Program(name === 'serve' ? 'nbd-prefetch' : `nbd-prefetch ${name}`)
    .usage(usage)
    .description(description)
    .argument('[URL...]', argument)
    .addHelpText('after', after)
    .exitOverride()
  for (const entry of options) program.addOption(commanderOption(entry))
  return program
    .optionsGroup('Output:')
    .helpOption('-h, --help', 'Show this help')
    .version(`nbd-prefetch ${VERSION}`, '-V, --version', 'Show the version')
}

class Program extends Command {
  /** Commander would repeat the value of a mistyped `--cookie=VALUE`, and not find its likeness. */
  unknownOption(flag: string): never {
    const base = Command.prototype as unknown as { unknownOption(flag: string): never }
    return base.unknownOption.call(this, flag.replace(/=.*/s, ''))
  }
}

function commanderOption(entry: OptionEntry): Option {
  const short = entry.short === undefined ? '' : `${entry.short}, `
  const optional = entry.bare !== undefined
  const value =
    entry.value === undefined ? '' : optional ? ` [${entry.value}]` : ` <${entry.value}>`
  const option = new Option(`${short}${entry.long}${value}`, optionHelp(entry)).helpGroup(
    `${entry.group}:`,
  )
  option.attributeName = () => entry.key
  // As it has to be written: a value behind a space would be the image's URL.
  if (optional) option.flags = optionFlags(entry)
  if (entry.kind === 'switch') return option
  if (entry.kind === 'list') {
    return option.argParser((text: string, before: readonly string[] | undefined) => [
      ...(before ?? []),
      text,
    ])
  }
  return option.argParser((text: string) => {
    const parsed = parseOptionValue(entry, text)
    return typeof parsed === 'number' ? checkNumber(entry, parsed) : parsed
  })
}

/** Commander's message as one of ours. */
function refusal(error: CommanderError): UsageError {
  const cause = { cause: error }
  const problem = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
  const [, flag, value] = /^option '.*?(--[a-z0-9-]+) <(.+)>' argument missing$/.exec(problem) ?? []
  if (flag === undefined || value === undefined) {
    return usageError('command-line', { problem }, cause)
  }
  return usageError('no-value', { flag, value }, cause)
}
