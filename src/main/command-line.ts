// The arguments of the command line as plain data: what to serve, how to run, or a text to show.
// Flags, help and value checks come from the option table; nothing is read, printed or started.

import { Command, CommanderError, Option } from 'commander'
import { DEFAULTS } from './defaults.js'
import { imageArguments } from './image-arguments.js'
import { type InputFlags, takeInputs } from './input-flags.js'
import { isProbed, PROBING } from './option-table/probing.js'
import { OPTION_TABLE, type OptionEntry, optionHelp } from './option-table.js'
import { checkNumber, parseOptionValue } from './option-values.js'
import type { ServerOptions } from './options.js'
import type { GivenOption } from './probing/serve-command.js'
import { splitHeader } from './source/request-headers.js'
import { type UsageError, usageError } from './usage-error.js'
import { VERSION } from './version.js'
import { completionText } from './words/completion.js'

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

/** What to measure, and how to tell it. */
export interface ProbeCommandLine extends Pick<CommandLine, 'server' | 'inputs' | 'verbose'> {
  /** Most bytes of the image that may be read. */
  readonly budget: number
  readonly json: boolean
  /** The options that were given, for the command that is recommended. */
  readonly given: readonly GivenOption[]
}

export type Invocation =
  | { readonly kind: 'serve'; readonly commandLine: CommandLine }
  | { readonly kind: 'probe'; readonly commandLine: ProbeCommandLine }
  /** --help, --version or completion: print and be done. */
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

interface ProbeValues extends FlagValues {
  readonly budget?: number
  readonly json?: boolean
}

/**
 * Reads the arguments behind the program's name.
 *
 * @throws {UsageError} for an unknown flag, a missing or malformed value, or a wrong number of URLs
 */
export function parseCommandLine(argv: readonly string[], helpWidth?: number): Invocation {
  // No URL is called that: without a subcommand the first word is a flag or a URL.
  if (argv[0] === 'completion') return { kind: 'show', text: completionText(argv.slice(1)) }
  const probes = argv[0] === 'probe'
  let shown = ''
  const program = (probes ? buildProbe(helpWidth) : buildServe(helpWidth)).configureOutput({
    writeOut: text => {
      shown += text
    },
    writeErr: () => {},
    ...(helpWidth !== undefined && { getOutHelpWidth: () => helpWidth }),
  })
  try {
    program.parse(argv.slice(probes ? 1 : 0), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { kind: 'show', text: shown }
    throw refusal(error, probes)
  }
  if (probes) return { kind: 'probe', commandLine: readProbe(program) }
  if (program.args.includes('probe')) {
    throw usageError('word-order', { word: 'probe' })
  }
  return { kind: 'serve', commandLine: readProgram(program) }
}

/** `nbd-prefetch [options] URL` as commander knows it. */
function buildServe(helpWidth: number | undefined): Command {
  const program = new Program('nbd-prefetch')
    .usage(
      '[options] URL [DISK] | NAME=URL...\n       nbd-prefetch probe [options] URL [DISK]\n       nbd-prefetch completion SHELL',
    )
    .description(
      'NBD server for a disk image behind a slow HTTP(S) server: prefetches ahead of its reader.\n' +
        'Prints the NBD URI, one line for each export, once clients can connect.\n' +
        'With probe it measures the server instead, and recommends options: see probe --help.\n' +
        'With completion it prints what completes its options in bash, zsh or fish.',
    )
    .argument(
      '<URL...>',
      'http or https URL of the disk image, NAME=URL for each of several, or the vpx:// or esx:// URI of ' +
        "its server and the disk, '[datastore] VM/VM.vmdk'",
    )
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
  return complete(program, OPTION_TABLE, helpWidth)
}

/** `nbd-prefetch probe [options] URL` likewise. */
function buildProbe(helpWidth: number | undefined): Command {
  const program = new Program('nbd-prefetch probe')
    .usage('[options] URL [DISK]')
    .description(
      'Measures the server of a disk image within a budget of bytes: time to the first byte, rate of a\n' +
        'connection, how far more of them help. Prints what it found and recommends options.',
    )
    .argument(
      '<URL...>',
      "http or https URL of the disk image, or the vpx:// or esx:// URI of its server and the disk, '[datastore] VM/VM.vmdk'",
    )
    .addHelpText(
      'after',
      `
Sizes: bytes, or with K, M, G as powers of 1024. Exit status: 0 done, 1 failed, 2 wrong usage.

Example:
  nbd-prefetch probe --user me --password-file pw --connections 32 https://host/disk.img`,
    )
  return complete(program, [...OPTION_TABLE.filter(isProbed), ...PROBING], helpWidth)
}

function complete(
  program: Command,
  entries: readonly OptionEntry[],
  helpWidth: number | undefined,
): Command {
  program.exitOverride()
  if (helpWidth !== undefined) program.configureHelp({ helpWidth })
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
  const value = entry.value === undefined ? '' : ` <${entry.value}>`
  const option = new Option(`${short}${entry.long}${value}`, optionHelp(entry)).helpGroup(
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

/** Commander's message as one of ours. */
function refusal(error: CommanderError, probes: boolean): UsageError {
  const cause = { cause: error }
  const problem = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
  if (problem === "missing required argument 'URL'") {
    return usageError('no-url', { verb: probes ? 'probe' : 'serve' }, cause)
  }
  const [, flag, value] = /^option '.*?(--[a-z-]+) <(.+)>' argument missing$/.exec(problem) ?? []
  if (flag === undefined || value === undefined) {
    return usageError('command-line', { problem }, cause)
  }
  return usageError('no-value', { flag, value }, cause)
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

function readProbe(program: Command): ProbeCommandLine {
  const { headers, verbose, budget, json, ...values } = program.opts<ProbeValues>()
  const image = imageArguments(program.args)
  if ('exports' in image) {
    throw usageError('probe-several')
  }
  const { inputs, rest: server } = takeInputs(values)
  const entries: readonly OptionEntry[] = OPTION_TABLE.filter(isProbed)
  return {
    server: {
      ...server,
      ...(headers !== undefined && { headers: joinHeaders(headers) }),
      ...image,
    },
    inputs,
    budget: checkNumber(PROBING[0], budget ?? DEFAULTS.budget),
    json: json ?? false,
    verbose: verbose ?? false,
    given: entries
      .map(entry => ({ entry, value: program.getOptionValue(entry.key) as unknown }))
      .filter(({ value }) => value !== undefined),
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
