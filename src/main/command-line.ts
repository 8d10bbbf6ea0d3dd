// The arguments of the command line as plain data: the command, flags by option, the rest. Flags,
// help and checks of values come from the option table; nothing is read, printed or started.

import { Command, CommanderError, Option } from 'commander'
import { shownText } from '../shared/unsafe-text.js'
import { completeBareFlags } from './bare-flags.js'
import { type OptionEntry, optionFlags, optionHelp } from './option-table.js'
import { checkNumber, parseOptionValue } from './option-values.js'
import type { SettingValue } from './settings/setting.js'
import { didYouMean } from './spelling.js'
import { type UsageError, usageError } from './usage-error.js'
import { VERSION } from './version.js'
import { completionText } from './words/completion.js'
import { COMMANDS, type CommandName, SUBCOMMANDS, usagesOf } from './words/subcommands.js'

export type { CommandName }

/** What may stand first in place of a flag or URL, beside `completion`. */
const COMMAND_NAMES = (Object.keys(COMMANDS) as CommandName[]).filter(
  command => COMMANDS[command].name !== '',
)

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
  const subcommand = COMMAND_NAMES.find(name => name === argv[0])
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
    program.parse(completeBareFlags(given, COMMANDS[command].entries), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { kind: 'show', text: shown }
    throw refusal(error)
  }
  const misplaced = COMMAND_NAMES.find(name => program.args.includes(name))
  if (misplaced !== undefined) {
    throw usageError('word-order', { word: misplaced })
  }
  const flags = new Map(Object.entries(program.opts<Record<string, SettingValue>>()))
  return { kind: 'run', command, flags, words: program.args }
}

/** What looks like a word of a language is a command that there is not. @throws {UsageError} */
function checkFirstWord(word: string): void {
  if (!/^[a-z][a-z-]*$/i.test(word)) return
  const hint = didYouMean(word, [
    ...SUBCOMMANDS.slice(1).map(({ name }) => name),
    '--help',
    '--version',
  ])
  throw usageError('not-a-command', { word: shownText(word), hint })
}

function buildCommand(name: CommandName): Command {
  const { description, argument, after, entries } = COMMANDS[name]
  const [first = '', ...further] = usagesOf(name)
  const program = new Program(first.replace(/ \[options\].*/, ''))
    .usage([first.replace(/^.*?(?=\[options\])/, ''), ...further].join('\n       '))
    .description(description)
    .argument('[URL...]', argument)
    .addHelpText('after', after)
    .exitOverride()
  for (const entry of entries) program.addOption(commanderOption(entry))
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
