// The arguments of the command line as plain data: what to serve, how to run, or a text to show.
// Flags, help and value checks come from the option table; nothing is read, printed or started.

import { Command, CommanderError, Option } from 'commander'
import { imageArguments } from './image-arguments.js'
import { type InputFlags, takeInputs } from './input-flags.js'
import { OPTION_TABLE, type OptionEntry, optionBounds } from './option-table.js'
import { parseOptionValue } from './option-values.js'
import type { ServerOptions } from './options.js'
import { splitHeader } from './source/request-headers.js'
import { UsageError } from './usage-error.js'
import { VERSION } from './version.js'

/** What to do. */
export interface CommandLine {
  /** Without what has to be read first (`inputs`) and what comes from the process (log, env). */
  readonly server: ServerOptions
  readonly inputs: InputFlags
  readonly run: string | undefined
  readonly pidfile: string | undefined
  readonly exitWithParent: boolean
  readonly stats: boolean
  readonly verbose: boolean
}

export type Invocation =
  | { readonly kind: 'serve'; readonly commandLine: CommandLine }
  /** --help or --version: print and be done. */
  | { readonly kind: 'show'; readonly text: string }

/** Values by option key, as commander collects them; absent where a flag was not given. */
interface FlagValues
  extends Omit<ServerOptions, keyof InputFlags | 'url' | 'disk' | 'exports' | 'headers'>,
    InputFlags {
  readonly headers?: readonly string[]
  readonly run?: string
  readonly pidfile?: string
  readonly exitWithParent?: boolean
  readonly stats?: boolean
  readonly verbose?: boolean
}

/**
 * Reads the arguments behind the program's name.
 *
 * @throws {UsageError} for an unknown flag, a missing or malformed value, or a wrong number of URLs
 */
export function parseCommandLine(argv: readonly string[], helpWidth?: number): Invocation {
  let shown = ''
  const program = buildProgram(helpWidth).configureOutput({
    writeOut: text => {
      shown += text
    },
    writeErr: () => {},
    ...(helpWidth !== undefined && { getOutHelpWidth: () => helpWidth }),
  })
  try {
    program.parse([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { kind: 'show', text: shown }
    throw new UsageError(tidy(error.message), { cause: error })
  }
  return { kind: 'serve', commandLine: readProgram(program) }
}

/** The program as commander knows it. */
function buildProgram(helpWidth: number | undefined): Command {
  const program = new Program('nbd-prefetch')
    .usage('[options] URL [DISK] | NAME=URL...')
    .description(
      'NBD server for a disk image behind a slow HTTP(S) server: prefetches ahead of its reader.\n' +
        'Prints the NBD URI, one line for each export, once clients can connect.',
    )
    .argument(
      '<URL...>',
      'http or https URL of the disk image, NAME=URL for each of several, or the vpx:// or esx:// URI of ' +
        "its server and the disk, '[datastore] VM/VM.vmdk'",
    )
    .exitOverride()
    .addHelpText(
      'after',
      `
Sizes: bytes, or with K, M, G as powers of 1024. Exit status: 0 done, 1 failed, 2 wrong usage,
with --run that of the command.

Examples:
  nbd-prefetch https://mirror.example/disk.qcow2
  nbd-prefetch --run 'qemu-img convert -p "$uri" disk.img' https://mirror.example/disk.qcow2
  nbd-prefetch --password-file pw --run 'nbdcopy "$uri" disk.img' \\
    'vpx://VSPHERE.LOCAL%5cme@vcenter/Datacenter/host?no_verify=1' '[datastore1] vm/vm.vmdk'`,
    )
  if (helpWidth !== undefined) program.configureHelp({ helpWidth })
  for (const entry of OPTION_TABLE) program.addOption(commanderOption(entry))
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
  const value = entry.value === undefined ? '' : ` <${entry.value}>`
  const option = new Option(`${short}${entry.long}${value}`, describe(entry)).helpGroup(
    `${entry.group}:`,
  )
  option.attributeName = () => entry.key
  if (entry.kind === 'list') {
    return option.argParser((text: string, before: readonly string[] | undefined) => [
      ...(before ?? []),
      text,
    ])
  }
  return entry.kind === 'switch'
    ? option
    : option.argParser((text: string) => parseOptionValue(entry, text))
}

function describe(entry: OptionEntry): string {
  const bounds = optionBounds(entry)
  const notes = [
    ...(bounds === '' ? [] : [bounds]),
    ...(entry.default === undefined ? [] : [`default ${entry.default}`]),
  ]
  return notes.length === 0 ? entry.help : `${entry.help} (${notes.join(', ')})`
}

/** Commander's message as one of ours. */
function tidy(message: string): string {
  const text = message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
  if (text === "missing required argument 'URL'") {
    return 'Cannot serve an image: its URL is missing, as in https://host/disk.img'
  }
  const noValue = /^option '.*?(--[a-z-]+) <(.+)>' argument missing$/.exec(text)
  if (noValue !== null) return `Cannot use ${noValue[1]}: its ${noValue[2]} is missing`
  return `Cannot read the command line: ${text}; see nbd-prefetch --help`
}

function readProgram(program: Command): CommandLine {
  const { headers, run, pidfile, exitWithParent, stats, verbose, ...values } =
    program.opts<FlagValues>()
  const { inputs, rest: server } = takeInputs(values)
  // As with nbdkit: a command of one's own needs no port that others can reach.
  const isPrivate = run !== undefined && server.unix === undefined && server.port === undefined
  return {
    server: {
      ...server,
      ...(isPrivate && server.ipaddr === undefined && { unix: '-' }),
      ...(headers !== undefined && { headers: joinHeaders(headers) }),
      ...imageArguments(program.args),
    },
    inputs,
    run,
    pidfile,
    exitWithParent: exitWithParent ?? false,
    stats: stats ?? false,
    verbose: verbose ?? false,
  }
}

/** Repeated headers of one name become one, parted by commas, as RFC 9110 §5.2 has it. */
function joinHeaders(texts: readonly string[]): Record<string, string | null> {
  const headers = new Map<string, string | null>()
  for (const [name, value] of texts.map(splitHeader)) {
    const key = name.toLowerCase()
    const before = headers.get(key)
    if (value === null || before === undefined || before === null) {
      headers.set(key, value === null ? null : value.trim())
    } else headers.set(key, `${before}, ${value.trim()}`)
  }
  return Object.fromEntries(headers)
}
