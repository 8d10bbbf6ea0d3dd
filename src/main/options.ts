// What a caller may ask for, what the program works with, and the one place where the first is
// checked and made into the second. Each topic has a file of its own beside this one.

import { availableParallelism } from 'node:os'
import type { Network } from '../shared/transport.js'
import { DEFAULTS } from './defaults.js'
import type { ExportOptions } from './export-options.js'
import {
  checkExportName,
  type ListenAddress,
  type ListeningOptions,
  listenAddress,
} from './listening-options.js'
import { type Log, silentLog } from './log.js'
import { checkOptionKeys } from './option-keys.js'
import { optionEntry } from './option-table.js'
import { checkNumber } from './option-values.js'
import type { OriginOptions } from './origin-options.js'
import {
  type PrefetchingOptions,
  type ResolvedPrefetching,
  resolvePrefetching,
} from './prefetching-options.js'
import { type ResolvedServing, resolveServing, type ServingOptions } from './serving-options.js'
import { Credentials } from './source/credentials.js'
import { parseImageAddress } from './source/image-address.js'
import { resolveNetwork } from './source/network-options.js'
import {
  type ResolvedSession,
  resolveSession,
  type SessionOptions,
} from './source/session-options.js'
import { resolveSpool, type SpoolSettings } from './spool/spool-options.js'
import { resolveStatus, type StatusOptions, type StatusSettings } from './status/status-options.js'
import { checkTexts } from './text-options.js'
import { type ResolvedTimeOuts, resolveTimeOuts, type TimeOutOptions } from './time-out-options.js'
import type { TlsAcceptor } from './tls-acceptor.js'
import { resolveTls, type TlsServerOptions } from './tls-options.js'
import { usageError } from './usage-error.js'

/** What `serve()` takes. Only `url` (or `exports`) is required; each name is that of a flag, in camel case. */
export interface ServerOptions
  extends OriginOptions,
    ListeningOptions,
    ServingOptions,
    SessionOptions,
    StatusOptions,
    TlsServerOptions,
    TimeOutOptions,
    PrefetchingOptions {
  /**
   * The image: http or https, or with `disk` the vpx or esx URI of its server. User info in it counts as `user` and
   * `password` and is never shown. Required, unless there are `exports`.
   */
  readonly url?: string | undefined
  /** Several images under names of their own, in place of `url`. Default: none. */
  readonly exports?: readonly ExportOptions[] | undefined
  /** A disk of the server that a vpx or esx URI names: '[datastore] VM/VM.vmdk'. Default: none. */
  readonly disk?: string | undefined
  /**
   * Directory for the temporary file that an image is downloaded into if its server answers no ranges.
   * Default: such a server is refused.
   */
  readonly spool?: string | undefined
  /** Bytes that file may have, 1 MiB to 1 PiB. Default: nine tenths of the directory's free space. */
  readonly spoolLimit?: number | undefined
  /** Takes what the server reports. Default: dropped. */
  readonly log?: Log | undefined
  /**
   * Copies nothing through itself while the source is being opened, so that no client has to wait for
   * code that has never run, and takes up to 128 MiB of the ring before they are needed: some 0.3 s of processor time,
   * for a process of its own. Default: false.
   */
  readonly warmUp?: boolean | undefined
  /** Gives up the start when aborted; without effect once the server runs. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/** Options checked, completed and in the units the program works in. */
export interface ResolvedOptions extends ResolvedSession, ResolvedTimeOuts, ResolvedPrefetching {
  /** Without user info and fragment: may be shown, through `credentials.redact()`. */
  readonly url: string
  /** URLs of the image in the order in which they are tried, `url` the first of them. */
  readonly urls: readonly string[]
  readonly credentials: Credentials
  readonly listen: ListenAddress
  readonly clients: ResolvedServing
  readonly exportName: string
  /** Undefined if TLS is off. */
  readonly tls: TlsAcceptor | undefined
  /** How origins are reached. Holds secrets: never log. */
  readonly network: Network
  /** Followed at the start. */
  readonly maxRedirects: number
  /** As in `URL.protocol`, with a colon. */
  readonly protocols: ReadonlySet<string>
  /** Undefined refuses servers without ranges. */
  readonly spool: SpoolSettings | undefined
  /** Undefined if the status is told nowhere. Holds a secret: never log. */
  readonly status: StatusSettings | undefined
  readonly log: Log
  readonly warmUp: boolean
  readonly signal: AbortSignal | undefined
}

/**
 * Checks and completes options.
 *
 * @param cores processor cores this process may use
 * @throws {UsageError} at the first option that cannot be used
 */
export function resolveOptions(
  options: ServerOptions,
  cores: number = availableParallelism(),
): ResolvedOptions {
  checkOptionKeys(options)
  return completeOptions(options, cores)
}

/**
 * Completes options all of whose keys are known.
 *
 * @throws {UsageError} at the first option that cannot be used
 */
export function completeOptions(
  options: ServerOptions,
  cores: number = availableParallelism(),
): ResolvedOptions {
  checkTexts(options)
  const source = parseImageAddress(options.url, options.disk)
  const url = source.urls[0] as string
  const protocols = checkProtocols(options.protocols, url)
  const credentials = new Credentials({
    url,
    user: agreed(source.user, options.user, '--user'),
    password: agreed(source.password, options.password, 'the password given'),
    bearerToken: options.bearerToken,
    cookie: options.cookie,
    cookies: options.cookies,
    headers: options.headers,
    userAgent: options.userAgent,
  })
  const status = resolveStatus(options)
  if (status?.token !== undefined) credentials.addSecret(status.token)
  const insecure = options.insecure || !source.verify
  const network = resolveNetwork({ ...options, insecure }, url, credentials)
  const maxRedirects = options.maxRedirects ?? DEFAULTS.maxRedirects
  return {
    url,
    urls: source.urls,
    credentials,
    ...resolveSession(options, source.session, credentials),
    listen: listenAddress(options),
    clients: resolveServing(options),
    exportName: checkExportName(options.exportName ?? DEFAULTS.exportName),
    tls: resolveTls(options),
    network,
    maxRedirects: checkNumber(optionEntry('maxRedirects'), maxRedirects),
    protocols,
    ...resolveTimeOuts(options),
    ...resolvePrefetching(options, cores),
    spool: resolveSpool(options),
    status,
    log: options.log ?? silentLog,
    warmUp: options.warmUp ?? false,
    signal: options.signal,
  }
}

/** The protocols that may be spoken, the URL's own among them. */
function checkProtocols(given: string | undefined, url: string): ReadonlySet<string> {
  const names = given?.split(',').map(name => name.trim().toLowerCase()) ?? ['http', 'https']
  if (!names.every(name => name === 'http' || name === 'https')) {
    throw usageError('value', {
      value: String(given),
      flag: '--protocols',
      expected: 'http, https, or both with a comma',
    })
  }
  const protocols = new Set(names.map(name => `${name}:`))
  const { protocol } = new URL(url)
  if (protocols.has(protocol)) return protocols
  throw usageError('url-protocols', { scheme: protocol.slice(0, -1) })
}

function agreed(
  inUrl: string | undefined,
  given: string | undefined,
  what: string,
): string | undefined {
  if (inUrl !== undefined && given !== undefined && inUrl !== given) {
    throw usageError('url-and-flag', { flag: what })
  }
  return given ?? inUrl
}
