// Several exports of one server: what a caller gives for each, and the options it comes to. What is
// said of the server as a whole holds for all of them.

import { checkExportKeys, checkOptionKeys } from './option-keys.js'
import { replacedKeys } from './option-table.js'
import { completeOptions, type ResolvedOptions, type ServerOptions } from './options.js'
import type { OriginOptions } from './origin-options.js'
import type { SessionOptions } from './source/session-options.js'
import { UsageError, usageError } from './usage-error.js'

/** One export. What it says of its origin counts in place of what the server's options say. */
export interface ExportOptions extends OriginOptions, SessionOptions {
  /** What clients ask for; different from all others. '' is what a client gets that names none. */
  readonly name: string
  /** As the option `url`. */
  readonly url: string
  /** As the option `disk`. */
  readonly disk?: string | undefined
  /** Shown to clients that list the exports. Default: the URL without secrets. */
  readonly description?: string | undefined
}

/** One export with all that holds for it. */
export interface ResolvedExport {
  readonly options: ResolvedOptions
  readonly description: string | undefined
}

/** Options that would be told to every origin, were there several. */
const SECRETS = [
  'user',
  'password',
  'bearerToken',
  'cookie',
  'cookies',
  'headers',
  'clientCertificate',
  'cookieScript',
  'headerScript',
] as const satisfies readonly (keyof ServerOptions & keyof ExportOptions)[]

/**
 * Checks and completes the options of each export, at least one.
 *
 * @throws {UsageError} if there is none, two have one name, one can't be used, or credentials would
 *   go to several origins
 */
export function resolveExports(options: ServerOptions, cores?: number): readonly ResolvedExport[] {
  checkOptionKeys(options)
  const { exports, ...shared } = options
  if (exports === undefined) {
    return [{ options: completeOptions(options, cores), description: undefined }]
  }
  if (options.url !== undefined) {
    throw usageError('url-and-exports')
  }
  if (options.exportName !== undefined) {
    throw usageError('name-and-exports')
  }
  if (!Array.isArray(exports) || exports.length === 0) {
    throw usageError('no-export')
  }
  const names = new Set<string>()
  const resolved = exports.map((entry: ExportOptions): ResolvedExport => {
    const { name, description, ...source } = entry
    if (typeof name !== 'string') throw usageError('export-without-name')
    if (names.has(name)) throw usageError('name-twice', { name })
    names.add(name)
    checkExportKeys(entry, name)
    try {
      const common = withoutReplaced(shared, source)
      const options = completeOptions({ ...common, ...source, exportName: name }, cores)
      return { options, description }
    } catch (error) {
      throw exports.length > 1 ? ofExport(error, name, source) : error
    }
  })
  const origins = new Set(resolved.map(one => new URL(one.options.url).origin))
  const secret = SECRETS.find(key => shared[key] !== undefined)
  if (origins.size > 1 && secret !== undefined) {
    throw usageError('secret-of-many-origins', { key: secret, count: origins.size })
  }
  return resolved
}

/** What holds for the server, but for options that an export's own take the place of: one login for another. */
function withoutReplaced(shared: ServerOptions, own: object): ServerOptions {
  const replaced = new Set<string>()
  for (const [key, value] of Object.entries(own)) {
    if (value === undefined || value === false) continue
    for (const other of replacedKeys(key)) replaced.add(other)
  }
  return Object.fromEntries(Object.entries(shared).filter(([key]) => !replaced.has(key)))
}

/** The error with the export's name, where the export itself may be the cause. */
function ofExport(error: unknown, name: string, { url: _url, ...own }: object & { url: string }) {
  if (!(error instanceof UsageError)) return error
  const isOwn = Object.keys(own).length > 0 || /\bURL\b/.test(error.message)
  return isOwn ? usageError('of-export', { refusal: error.message, name }, { cause: error }) : error
}
