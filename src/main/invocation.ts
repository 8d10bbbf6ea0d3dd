// What the command line, variables and a configuration file come to: what to serve or measure, and
// how. Plain data; nothing is read, printed or started.

import type { Arguments } from './command-line.js'
import { DEFAULTS } from './defaults.js'
import type { ExportOptions } from './export-options.js'
import { type InputFlags, takeInputs } from './input-flags.js'
import type { LogLevel } from './log.js'
import type { LogFormat, LogSettings } from './open-log.js'
import { isProbed, PROBING } from './option-table/probing.js'
import { OPTION_TABLE, type OptionEntry } from './option-table.js'
import { checkNumber } from './option-values.js'
import type { ServerOptions } from './options.js'
import type { GivenOption } from './probing/serve-command.js'
import type { ProgressChoice } from './progress-mode.js'
import type { NamedImage, SettingLayer, SettingValue } from './settings/setting.js'
import { splitHeader } from './source/request-headers.js'
import { usageError } from './usage-error.js'

/** What to do. */
export interface CommandLine {
  /** Without what has to be read first (`inputs`) and what comes from the process (log, env). */
  readonly server: ServerOptions
  readonly inputs: InputFlags
  /** What has to be read for each of `server.exports`; empty without exports. */
  readonly exportInputs: readonly InputFlags[]
  readonly run: string | undefined
  readonly pidfile: string | undefined
  readonly exitWithParent: boolean
  readonly stats: boolean
  /** Undefined if it was not asked for. */
  readonly progress: ProgressChoice | undefined
  readonly progressFile: string | undefined
  readonly log: LogSettings
}

/** What to measure, and how to tell it. */
export interface ProbeCommandLine
  extends Pick<CommandLine, 'server' | 'inputs' | 'exportInputs' | 'log'> {
  /** Most bytes of the image that may be read. */
  readonly budget: number
  readonly json: boolean
  /** The flags and images that were given, for the command that is recommended. */
  readonly given: readonly GivenOption[]
  readonly words: readonly string[]
}

export type Invocation =
  | { readonly kind: 'serve'; readonly commandLine: CommandLine }
  | { readonly kind: 'probe'; readonly commandLine: ProbeCommandLine }

/** Values of options by key; absent where nothing gives one. */
interface OptionValues
  extends Omit<ServerOptions, keyof InputFlags | 'url' | 'disk' | 'exports' | 'headers'>,
    InputFlags {
  readonly headers?: readonly string[]
}

/** The same with those of the command line alone. */
interface Values extends OptionValues {
  readonly run?: string
  readonly pidfile?: string
  readonly exitWithParent?: boolean
  readonly stats?: boolean
  readonly progress?: ProgressChoice
  readonly progressFile?: string
  readonly logLevel?: LogLevel
  readonly logFormat?: LogFormat
  readonly logFile?: string
  readonly verbose?: boolean
  readonly config?: string
}

/**
 * What `serve` or `probe` is to do.
 *
 * @param layer of all sources of settings together
 * @throws {UsageError} if there is no image, or not what the command takes
 */
export function invocationOf(args: Arguments, layer: SettingLayer): Invocation {
  return args.command === 'probe'
    ? { kind: 'probe', commandLine: probeCommandLine(args, layer) }
    : { kind: 'serve', commandLine: serveCommandLine(layer) }
}

/** As with nbdkit: a command of one's own needs no port that others can reach. */
export function isPrivate(settings: { has(key: string): boolean }): boolean {
  return settings.has('run') && !['unix', 'port', 'ipaddr'].some(key => settings.has(key))
}

function serveCommandLine(layer: SettingLayer): CommandLine {
  const { run, pidfile, exitWithParent, stats, progress, progressFile, ...rest } = valuesOf(layer)
  const { log, values } = takeLog(rest)
  const { images, exportInputs } = imagesOf(layer, 'serve')
  const { server, inputs } = serverOf(values)
  return {
    server: { ...server, ...(isPrivate(layer.settings) && { unix: '-' }), ...images },
    inputs,
    exportInputs,
    run,
    pidfile,
    exitWithParent: exitWithParent ?? false,
    stats: stats ?? false,
    progress,
    progressFile,
    log,
  }
}

function probeCommandLine(
  { flags, words }: Arguments,
  { settings, images: given }: SettingLayer,
): ProbeCommandLine {
  // The rest is for servers of the same settings.
  const entries: readonly OptionEntry[] = OPTION_TABLE.filter(isProbed)
  const used = entries.flatMap(({ key }) => {
    const setting = settings.get(key)
    return setting === undefined ? [] : [[key, setting] as const]
  })
  const layer = { settings: new Map(used), images: given }
  const { log, values } = takeLog(valuesOf(layer))
  const { images } = imagesOf(layer, 'probe')
  const { server, inputs } = serverOf(values)
  return {
    server: { ...server, ...images },
    inputs,
    exportInputs: [],
    budget: checkNumber(PROBING[0], flags.get('budget') ?? DEFAULTS.budget),
    json: flags.get('json') === true,
    log,
    given: entries.flatMap(entry => {
      const value = flags.get(entry.key)
      return value === undefined ? [] : [{ entry, value }]
    }),
    words,
  }
}

/** What is about the log, and the rest without it and the configuration file's name. */
function takeLog({ logLevel, logFormat, logFile, verbose, config, ...values }: Values): {
  log: LogSettings
  values: OptionValues
} {
  const level = verbose === true ? 'debug' : (logLevel ?? 'info')
  return { log: { level, format: logFormat ?? 'auto', file: logFile }, values }
}

function valuesOf({ settings }: SettingLayer): Values {
  return Object.fromEntries([...settings].map(([key, { value }]) => [key, value])) as Values
}

/** Values as options, what has to be read apart from them. */
function serverOf({ headers, ...values }: OptionValues) {
  const { inputs, rest } = takeInputs(values)
  const server = { ...rest, ...(headers !== undefined && { headers: joinHeaders(headers) }) }
  return { inputs, server }
}

/** @throws {UsageError} if there is none, or several for a probe */
function imagesOf(
  { images }: SettingLayer,
  command: 'serve' | 'probe',
): { images: Partial<ServerOptions>; exportInputs: readonly InputFlags[] } {
  if (images === undefined) {
    throw usageError('no-url', { verb: command })
  }
  const { value } = images
  if (!('exports' in value)) return { images: value, exportInputs: [] }
  if (command === 'probe') {
    throw usageError('probe-several')
  }
  const exports = value.exports.map(exportOf)
  return {
    images: { exports: exports.map(({ options }) => options) },
    exportInputs: exports.map(({ inputs }) => inputs),
  }
}

function exportOf({ settings, ...image }: NamedImage): {
  options: ExportOptions
  inputs: InputFlags
} {
  const values = Object.fromEntries(settings ?? new Map<string, SettingValue>()) as OptionValues
  const { server, inputs } = serverOf(values)
  return { options: { ...image, ...server }, inputs }
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
