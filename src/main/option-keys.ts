// Whether what `serve()` was given is options at all, and none is misspelt: an option that is
// silently left out would be found when it is too late.

import type { ExportOptions } from './export-options.js'
import { isPerExport } from './option-table/per-export.js'
import { OPTION_TABLE, type OptionEntry, type OptionKey } from './option-table.js'
import type { ServerOptions } from './options.js'
import type { OriginOptions } from './origin-options.js'
import { didYouMean } from './spelling.js'
import { usageError } from './usage-error.js'

/** Options about origins that are no flags. Does not compile while one is missing. */
const OF_ORIGINS: Readonly<Record<Exclude<keyof OriginOptions, OptionKey>, true>> = {
  cookies: true,
  ca: true,
  clientCertificate: true,
  clientKey: true,
  clientKeyPassphrase: true,
  proxyCa: true,
  env: true,
}
/** Options of `serve()` that are no flags. Does not compile while one is missing. */
const LIBRARY_ONLY: Readonly<Record<Exclude<keyof ServerOptions, OptionKey>, true>> = {
  url: true,
  disk: true,
  exports: true,
  ...OF_ORIGINS,
  listenFds: true,
  statusToken: true,
  warmUp: true,
  log: true,
  signal: true,
}
/** Flags that are no options of `serve()`: its caller does these things itself. */
const COMMAND_LINE_ONLY: Readonly<Record<Exclude<OptionKey, keyof ServerOptions>, true>> = {
  passwordFile: true,
  bearerTokenFile: true,
  cookieFile: true,
  cookieJar: true,
  cert: true,
  key: true,
  keyPassphraseFile: true,
  proxyPasswordFile: true,
  proxyCacert: true,
  statusTokenFile: true,
  progress: true,
  progressFile: true,
  stats: true,
  logLevel: true,
  logFormat: true,
  logFile: true,
  verbose: true,
  run: true,
  pidfile: true,
  config: true,
  exitWithParent: true,
  cacert: true,
  capath: true,
}

/** Options of an export that are no flags. Does not compile while one is missing. */
const EXPORT_ONLY: Readonly<Record<Exclude<keyof ExportOptions, OptionKey>, true>> = {
  name: true,
  url: true,
  disk: true,
  description: true,
  ...OF_ORIGINS,
}

const TABLE: readonly OptionEntry[] = OPTION_TABLE
const SERVER_KEYS: ReadonlySet<string> = new Set([
  ...Object.keys(LIBRARY_ONLY),
  ...TABLE.map(({ key }) => key).filter(key => !(key in COMMAND_LINE_ONLY)),
])
const EXPORT_KEYS: ReadonlySet<string> = new Set([
  ...Object.keys(EXPORT_ONLY),
  ...TABLE.filter(isPerExport).flatMap(({ key }) => (key in COMMAND_LINE_ONLY ? [] : [key])),
])

/**
 * Refuses what is no object and any key that is no option.
 *
 * @throws {UsageError} naming the key and the likeliest option
 */
export function checkOptionKeys(options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const what = options === null ? 'null' : Array.isArray(options) ? 'an array' : typeof options
    throw usageError('options-type', { type: what })
  }
  for (const key of Object.keys(options)) {
    if (SERVER_KEYS.has(key)) continue
    throw usageError('unknown-option', { key, hint: didYouMean(key, SERVER_KEYS) })
  }
}

/**
 * Refuses any key of an export that is no option of exports.
 *
 * @throws {UsageError} naming the key, and the likeliest option or where it belongs
 */
export function checkExportKeys(entry: object, name: string): void {
  for (const key of Object.keys(entry)) {
    if (EXPORT_KEYS.has(key)) continue
    if (SERVER_KEYS.has(key)) throw usageError('export-option-of-server', { key, name })
    const hint = didYouMean(key, EXPORT_KEYS)
    throw usageError('export-option-unknown', { key, name, hint })
  }
}
