// What a caller may ask for, what the program works with, and the one place where the first is
// checked and made into the second.

import { isIPv6 } from 'node:net'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { alignUp } from '../shared/extent.js'
import type { Network } from '../shared/transport.js'
import { DEFAULTS, defaultWorkers } from './defaults.js'
import type { ExportOptions } from './export-options.js'
import { type Log, silentLog } from './log.js'
import { checkOptionKeys } from './option-keys.js'
import { type OptionKey, optionEntry } from './option-table.js'
import { checkNumber } from './option-values.js'
import type { OriginOptions } from './origin-options.js'
import { formatSize } from './parse-size.js'
import {
  checkListenFds,
  type ResolvedServing,
  resolveServing,
  resolveSocketFile,
  type ServingOptions,
  type SocketFile,
} from './serving-options.js'
import { Credentials } from './source/credentials.js'
import { parseImageAddress } from './source/image-address.js'
import { resolveNetwork } from './source/network-options.js'
import {
  type ResolvedSession,
  resolveSession,
  type SessionOptions,
} from './source/session-options.js'
import { resolveSpool, type SpoolSettings } from './spool/spool-options.js'
import type { TlsAcceptor } from './tls-acceptor.js'
import { resolveTls, type TlsServerOptions } from './tls-options.js'
import { usageError } from './usage-error.js'

/** What `serve()` takes. Only `url` (or `exports`) is required; each name is that of a flag, in camel case. */
export interface ServerOptions
  extends OriginOptions,
    ServingOptions,
    SessionOptions,
    TlsServerOptions {
  /**
   * The image: http or https, or with `disk` the vpx or esx URI of its server. User info in it counts as `user` and
   * `password` and is never shown. Required, unless there are `exports`.
   */
  readonly url?: string | undefined
  /** Several images under names of their own, in place of `url`. Default: none. */
  readonly exports?: readonly ExportOptions[] | undefined
  /** A disk of the server that a vpx or esx URI names: '[datastore] VM/VM.vmdk'. Default: none. */
  readonly disk?: string | undefined
  /** Unix socket to listen on; '-' makes a private temporary one. Not together with `port` or `ipaddr`. */
  readonly unix?: string | undefined
  /** TCP port, 0 to 65535; 0 takes any free one. Default 10809. */
  readonly port?: number | undefined
  /** Address to listen on. Default 127.0.0.1. */
  readonly ipaddr?: string | undefined
  /** Name of the export, at most 4096 bytes of UTF-8. Default '' (the default export). */
  readonly exportName?: string | undefined
  /** Limit for connecting, TLS included: seconds, 0.01 to 86400. Default 30. */
  readonly connectTimeout?: number | undefined
  /** Limit from a request to the start of its answer: seconds, 0.01 to 86400. Default 120. */
  readonly firstByteTimeout?: number | undefined
  /** Limit without a byte in the middle of an answer: seconds, 0.01 to 86400. Default 30. */
  readonly bodyTimeout?: number | undefined
  /**
   * Times a failed request is repeated before its read fails, 0 (never) to 100; more while the origin answers others
   * rightly. Default 8.
   */
  readonly retries?: number | undefined
  /** Longest time a request is repeated, from its first failure: seconds, 0.01 to 86400. Default 600. */
  readonly retryTime?: number | undefined
  /** Threads that speak HTTP, 1 to 64, cut to `connections`. Default: cores, at most 2. */
  readonly workers?: number | undefined
  /** Most connections to the origin, all workers together, 1 to 256. Default 16. */
  readonly connections?: number | undefined
  /** Requests sent on one connection before the first is answered, 1 (no pipelining) to 16. Default 1. */
  readonly pipelining?: number | undefined
  /** Memory for fetched blocks: bytes, 16 blocks to 4 GiB, cut to whole blocks. Default 256 MiB. */
  readonly ringSize?: number | undefined
  /** Unit of caching: bytes, a power of 2 from 64 KiB to 4 MiB. Default 256 KiB. */
  readonly blockSize?: number | undefined
  /** Largest range asked of the origin at once: bytes, 1 to 64 MiB, rounded up to whole blocks. Default 16 MiB. */
  readonly maxRequest?: number | undefined
  /**
   * How far to stay ahead of each sequential reader: 'auto' measures, 'off' fetches what is asked
   * for alone, a number is bytes from 64 KiB to the ring's size. Default 'auto'.
   */
  readonly readahead?: 'auto' | 'off' | number | undefined
  /**
   * 'auto' fetches the tables of a qcow2 image ahead when a client opens one; 'off' takes no notice
   * of what the image holds. Default 'auto'.
   */
  readonly formatHint?: 'auto' | 'off' | undefined
  /**
   * Directory for the temporary file that an image is downloaded into if its server answers no ranges.
   * Default: such a server is refused.
   */
  readonly spool?: string | undefined
  /** Bytes that file may have, 1 MiB to 1 PiB. Default: nine tenths of the directory's free space. */
  readonly spoolLimit?: number | undefined
  /** Takes what the server reports. Default: dropped. */
  readonly log?: Log | undefined
  /** Gives up the start when aborted; without effect once the server runs. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/** Where to listen. */
export type ListenAddress =
  /** `path` is absolute, or '-' for a private temporary socket. */
  | { readonly kind: 'unix'; readonly path: string; readonly file?: SocketFile }
  /** Sockets that listen already. */
  | { readonly kind: 'inherited'; readonly fds: readonly number[] }
  /** `host` without brackets; port 0 is any free one. */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** Options checked, completed and in the units the program works in. */
export interface ResolvedOptions extends ResolvedSession {
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
  readonly connectTimeoutMs: number
  readonly firstByteTimeoutMs: number
  readonly bodyTimeoutMs: number
  /** Times one request is sent in all, the first included: at least 1. */
  readonly attempts: number
  /** Time from a request's first failure in which it is repeated. */
  readonly retryTimeMs: number
  /** At most `connections`. */
  readonly workers: number
  readonly connections: number
  readonly pipelining: number
  /** Bytes, a multiple of `blockSize`: `slotCount` × `blockSize`. */
  readonly ringSize: number
  /** At least 16. */
  readonly slotCount: number
  readonly blockSize: number
  /** Bytes, a multiple of `blockSize`; may exceed what a small ring can take. */
  readonly maxRequest: number
  /** A number is bytes, a multiple of `blockSize`, at most `ringSize`. */
  readonly readahead: 'auto' | 'off' | number
  readonly formatHint: 'auto' | 'off'
  /** Undefined refuses servers without ranges. */
  readonly spool: SpoolSettings | undefined
  readonly log: Log
  readonly signal: AbortSignal | undefined
}

/** Below this many slots reads, prefetch and eviction stand in each other's way. */
export const MIN_SLOTS = 16
/** NBD's limit for strings, bytes. */
const MAX_EXPORT_NAME_BYTES = 4096
/** `sun_path` holds 108 bytes on Linux and 104 elsewhere, one of them the final NUL. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103

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
  const insecure = options.insecure || !source.verify
  const network = resolveNetwork({ ...options, insecure }, url, credentials)
  const number = (key: OptionKey, value: unknown, fallback: number) =>
    checkNumber(optionEntry(key), value ?? fallback)
  const milliseconds = (key: OptionKey, value: unknown, fallback: number) =>
    Math.round(number(key, value, fallback) * 1000)

  const connections = number('connections', options.connections, DEFAULTS.connections)
  const workers = number('workers', options.workers, defaultWorkers(cores))
  const blockSize = number('blockSize', options.blockSize, DEFAULTS.blockSize)
  const askedRing = number('ringSize', options.ringSize, DEFAULTS.ringSize)
  const slotCount = Math.floor(askedRing / blockSize)
  if (slotCount < MIN_SLOTS) {
    throw usageError('ring-too-small', {
      size: formatSize(askedRing),
      blocks: MIN_SLOTS,
      blockSize: formatSize(blockSize),
      least: formatSize(MIN_SLOTS * blockSize),
    })
  }
  const ringSize = slotCount * blockSize
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
    maxRedirects: number('maxRedirects', options.maxRedirects, DEFAULTS.maxRedirects),
    protocols,
    connectTimeoutMs: milliseconds(
      'connectTimeout',
      options.connectTimeout,
      DEFAULTS.connectTimeout,
    ),
    firstByteTimeoutMs: milliseconds(
      'firstByteTimeout',
      options.firstByteTimeout,
      DEFAULTS.firstByteTimeout,
    ),
    bodyTimeoutMs: milliseconds('bodyTimeout', options.bodyTimeout, DEFAULTS.bodyTimeout),
    attempts: 1 + number('retries', options.retries, DEFAULTS.retries),
    retryTimeMs: milliseconds('retryTime', options.retryTime, DEFAULTS.retryTime),
    workers: Math.min(workers, connections),
    connections,
    pipelining: number('pipelining', options.pipelining, DEFAULTS.pipelining),
    ringSize,
    slotCount,
    blockSize,
    maxRequest: alignUp(number('maxRequest', options.maxRequest, DEFAULTS.maxRequest), blockSize),
    readahead: checkReadahead(options.readahead ?? DEFAULTS.readahead, blockSize, ringSize),
    formatHint: checkFormatHint(options.formatHint ?? DEFAULTS.formatHint),
    spool: resolveSpool(options),
    log: options.log ?? silentLog,
    signal: options.signal,
  }
}

/** Options that are texts, and the flag that messages name them by. */
const TEXTS = {
  unix: '--unix',
  ipaddr: '--ipaddr',
  exportName: '--export-name',
  user: '--user',
  password: '--password-file',
  bearerToken: '--bearer-token-file',
  cookie: '--cookie',
  cookies: '--cookie-file',
  userAgent: '--user-agent',
  ca: '--cacert',
  clientCertificate: '--cert',
  clientKey: '--key',
  clientKeyPassphrase: '--key-passphrase-file',
  tlsMin: '--tls-min',
  tlsMax: '--tls-max',
  ciphers: '--ciphers',
  tls13Ciphers: '--tls13-ciphers',
  proxy: '--proxy',
  proxyUser: '--proxy-user',
  proxyPassword: '--proxy-password-file',
  proxyCa: '--proxy-cacert',
  noproxy: '--noproxy',
  unixSocketPath: '--unix-socket-path',
  protocols: '--protocols',
  httpVersion: '--http-version',
  disk: 'the disk',
  session: '--session',
  cookieScript: '--cookie-script',
  headerScript: '--header-script',
  spool: '--spool',
} as const satisfies Partial<Record<keyof ServerOptions, string>>

/** Callers without a type checker pass anything; what is not text would fail far from here. */
function checkTexts(options: ServerOptions): void {
  for (const [key, flag] of Object.entries(TEXTS)) {
    const value: unknown = options[key as keyof typeof TEXTS]
    if (value === undefined || typeof value === 'string') continue
    throw usageError('value-type', { type: typeof value, flag })
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

function listenAddress(options: ServerOptions): ListenAddress {
  const { unix, ipaddr } = options
  const file = resolveSocketFile(options, unix !== undefined && unix !== '-')
  if (options.listenFds !== undefined) {
    const other = unix !== undefined ? '--unix' : ipaddr !== undefined ? '--ipaddr' : '--port'
    if (other !== '--port' || options.port !== undefined) {
      throw usageError('sockets-and-address', { flag: other })
    }
    return { kind: 'inherited', fds: checkListenFds(options.listenFds) }
  }
  if (unix === undefined) {
    const port = checkNumber(optionEntry('port'), options.port ?? DEFAULTS.port)
    return { kind: 'tcp', host: checkHost(ipaddr ?? DEFAULTS.ipaddr), port }
  }
  if (options.port !== undefined || ipaddr !== undefined) {
    const other = options.port !== undefined ? '--port' : '--ipaddr'
    throw usageError('one-of-two', { flag: '--unix', other })
  }
  if (unix === '-') return { kind: 'unix', path: '-' }
  if (unix === '' || unix.includes('\0')) {
    throw usageError('value', {
      value: unix,
      flag: '--unix',
      expected: "the path of a socket or '-'",
    })
  }
  const path = resolve(unix)
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw usageError('socket-path-long', { path, bytes, most: MAX_SOCKET_PATH_BYTES })
  }
  return { kind: 'unix', path, ...(file !== undefined && { file }) }
}

function checkHost(given: string): string {
  const host = given.startsWith('[') && given.endsWith(']') ? given.slice(1, -1) : given
  if (isIPv6(host) || /^[a-z0-9_.-]+$/i.test(host)) return host
  throw usageError('value', { value: given, flag: '--ipaddr', expected: 'an address or host name' })
}

function checkExportName(name: string): string {
  const bytes = Buffer.byteLength(name)
  if (bytes > MAX_EXPORT_NAME_BYTES) {
    throw usageError('export-name-long', { bytes, most: MAX_EXPORT_NAME_BYTES })
  }
  if (name.includes('\0')) {
    throw usageError('export-name-nul')
  }
  return name
}

/** Callers without a type checker pass anything. */
function checkFormatHint(formatHint: unknown): 'auto' | 'off' {
  if (formatHint === 'auto' || formatHint === 'off') return formatHint
  throw usageError('value', {
    value: String(formatHint),
    flag: '--format-hint',
    expected: 'auto or off',
  })
}

function checkReadahead(
  readahead: 'auto' | 'off' | number,
  blockSize: number,
  ringSize: number,
): 'auto' | 'off' | number {
  if (readahead === 'auto' || readahead === 'off') return readahead
  const bytes = alignUp(checkNumber(optionEntry('readahead'), readahead), blockSize)
  if (bytes > ringSize) {
    throw usageError('readahead-ring', {
      size: formatSize(readahead),
      ringSize: formatSize(ringSize),
    })
  }
  return bytes
}
