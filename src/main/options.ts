// What a caller may ask for, what the program works with, and the one place where the first is
// checked and made into the second.

import { X509Certificate } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { alignUp } from '../shared/extent.js'
import { DEFAULTS, defaultWorkers } from './defaults.js'
import { type Log, silentLog } from './log.js'
import { type OptionKey, optionEntry } from './option-table.js'
import { checkNumber } from './option-values.js'
import { formatSize } from './parse-size.js'
import { Credentials } from './source/credentials.js'
import { checkSessionKind, parseImageAddress, type SessionKind } from './source/image-address.js'
import type { ScriptOption } from './source/script-authorizer.js'
import { UsageError } from './usage-error.js'

/** What `serve()` takes. Only `url` is required; each name is that of a flag, in camel case. */
export interface ServerOptions {
  /**
   * The image: http or https, or with `disk` the vpx or esx URI of its server. User info in it counts as `user` and
   * `password` and is never shown.
   */
  readonly url: string
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
  /** User name at the origin, without ':'. Default: none, or the URL's. */
  readonly user?: string | undefined
  /** Password that goes with `user`. Default: none, or the URL's. */
  readonly password?: string | undefined
  /** Text of the Cookie header. Default: none. */
  readonly cookie?: string | undefined
  /** Request headers for the URL's own scheme, host and port; never sent elsewhere. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * 'vmware' logs in by `user` and `password` once, sends the session's cookie, renews it and logs out. Default 'none',
   * with a vpx or esx URI 'vmware'.
   */
  readonly session?: 'none' | 'vmware' | undefined
  /** Shell script that prints the Cookie header, run at the start and after a 401 or 403. Not together with `cookie`. */
  readonly cookieScript?: string | undefined
  /** Age at which cookies of the script are renewed: seconds, 0 (never) to 86400. Default 0. */
  readonly cookieScriptRenew?: number | undefined
  /** Shell script that prints request headers, one a line. Not together with `headers`. */
  readonly headerScript?: string | undefined
  /** Age at which headers of the script are renewed: seconds, 0 (never) to 86400. Default 0. */
  readonly headerScriptRenew?: number | undefined
  /** PEM certificates trusted besides the system's (the text, not a path). Default: none. */
  readonly ca?: string | undefined
  /** True accepts any server certificate. Default false. */
  readonly insecure?: boolean | undefined
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
  /** Takes what the server reports. Default: dropped. */
  readonly log?: Log | undefined
  /** Gives up the start when aborted; without effect once the server runs. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/** Where to listen. */
export type ListenAddress =
  /** `path` is absolute, or '-' for a private temporary socket. */
  | { readonly kind: 'unix'; readonly path: string }
  /** `host` without brackets; port 0 is any free one. */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** Options checked, completed and in the units the program works in. */
export interface ResolvedOptions {
  /** Without user info and fragment: may be shown, through `credentials.redact()`. */
  readonly url: string
  /** URLs of the image in the order in which they are tried, `url` the first of them. */
  readonly urls: readonly string[]
  readonly credentials: Credentials
  readonly session: SessionKind
  readonly cookieScript: ScriptOption | undefined
  readonly headerScript: ScriptOption | undefined
  readonly listen: ListenAddress
  readonly exportName: string
  readonly ca: string | undefined
  /** False accepts any server certificate. */
  readonly verify: boolean
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
  const source = parseImageAddress(options.url, text('disk', options.disk))
  const url = source.urls[0] as string
  const credentials = new Credentials({
    url,
    user: agreed(source.user, text('user', options.user), '--user'),
    password: agreed(source.password, text('passwordFile', options.password), 'the password given'),
    cookie: text('cookie', options.cookie),
    headers: options.headers,
  })
  const number = (key: OptionKey, value: unknown, fallback: number) =>
    checkNumber(optionEntry(key), value ?? fallback)
  const milliseconds = (key: OptionKey, value: unknown, fallback: number) =>
    Math.round(number(key, value, fallback) * 1000)

  const session = checkSessionKind(text('session', options.session), source.session)
  if (session === 'vmware' && credentials.user === undefined) {
    throw new UsageError('Cannot log in without a user name: give --user and --password-file')
  }
  const script = (key: 'cookieScript' | 'headerScript') => {
    const renewKey = `${key}Renew` as const
    const seconds = number(renewKey, options[renewKey], 0)
    const given = text(key, options[key])
    if (given === undefined) return undefined
    const other = key === 'cookieScript' ? options.cookie : options.headers
    if (other !== undefined || session !== 'none') {
      const flag =
        session !== 'none' ? '--session' : key === 'cookieScript' ? '--cookie' : '--header'
      throw new UsageError(`Cannot use ${optionEntry(key).long} together with ${flag}: choose one`)
    }
    const renewMs = seconds === 0 ? Number.POSITIVE_INFINITY : Math.round(seconds * 1000)
    return { script: given, renewMs }
  }
  const connections = number('connections', options.connections, DEFAULTS.connections)
  const workers = number('workers', options.workers, defaultWorkers(cores))
  const blockSize = number('blockSize', options.blockSize, DEFAULTS.blockSize)
  const askedRing = number('ringSize', options.ringSize, DEFAULTS.ringSize)
  const slotCount = Math.floor(askedRing / blockSize)
  if (slotCount < MIN_SLOTS) {
    throw new UsageError(
      `Cannot use '${formatSize(askedRing)}' for --ring-size: it must hold ${MIN_SLOTS} blocks of ` +
        `${formatSize(blockSize)}, which is ${formatSize(MIN_SLOTS * blockSize)}`,
    )
  }
  const ringSize = slotCount * blockSize
  return {
    url,
    urls: source.urls,
    credentials,
    session,
    cookieScript: script('cookieScript'),
    headerScript: script('headerScript'),
    listen: listenAddress(options),
    exportName: checkExportName(text('exportName', options.exportName) ?? DEFAULTS.exportName),
    ca: checkCertificates(text('cacert', options.ca)),
    verify: source.verify && !(options.insecure ?? DEFAULTS.insecure),
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
    log: options.log ?? silentLog,
    signal: options.signal,
  }
}

/** Callers without a type checker pass anything; what is not text would fail far from here. */
function text(key: OptionKey | 'disk', value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  const what = key === 'disk' ? 'the disk' : optionEntry(key).long
  throw new UsageError(`Cannot use a ${typeof value} for ${what}: expected text`)
}

function agreed(
  inUrl: string | undefined,
  given: string | undefined,
  what: string,
): string | undefined {
  if (inUrl !== undefined && given !== undefined && inUrl !== given) {
    throw new UsageError(`Cannot use ${what}: the URL carries a different one, leave out either`)
  }
  return given ?? inUrl
}

function listenAddress(options: ServerOptions): ListenAddress {
  const unix = text('unix', options.unix)
  const ipaddr = text('ipaddr', options.ipaddr)
  if (unix === undefined) {
    const port = checkNumber(optionEntry('port'), options.port ?? DEFAULTS.port)
    return { kind: 'tcp', host: checkHost(ipaddr ?? DEFAULTS.ipaddr), port }
  }
  if (options.port !== undefined || ipaddr !== undefined) {
    const other = options.port !== undefined ? '--port' : '--ipaddr'
    throw new UsageError(`Cannot use --unix together with ${other}: choose one`)
  }
  if (unix === '-') return { kind: 'unix', path: '-' }
  if (unix === '' || unix.includes('\0')) {
    throw new UsageError(`Cannot use '${unix}' for --unix: expected the path of a socket or '-'`)
  }
  const path = resolve(unix)
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new UsageError(
      `Cannot use '${path}' for --unix: it has ${bytes} bytes, a socket's path at most ${MAX_SOCKET_PATH_BYTES}`,
    )
  }
  return { kind: 'unix', path }
}

function checkHost(given: string): string {
  const host = given.startsWith('[') && given.endsWith(']') ? given.slice(1, -1) : given
  if (isIPv6(host) || /^[a-z0-9_.-]+$/i.test(host)) return host
  throw new UsageError(`Cannot use '${given}' for --ipaddr: expected an address or host name`)
}

function checkExportName(name: string): string {
  const bytes = Buffer.byteLength(name)
  if (bytes > MAX_EXPORT_NAME_BYTES) {
    throw new UsageError(
      `Cannot use the --export-name: it has ${bytes} bytes, NBD allows ${MAX_EXPORT_NAME_BYTES}`,
    )
  }
  if (name.includes('\0')) {
    throw new UsageError('Cannot use the --export-name: it has a NUL character')
  }
  return name
}

function checkCertificates(pem: string | undefined): string | undefined {
  if (pem === undefined) return undefined
  const blocks = pem.match(
    /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED )?CERTIFICATE-----/g,
  )
  if (blocks === null) {
    throw new UsageError('Cannot use the --cacert: it has no PEM certificate')
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block)
    } catch (error) {
      const which = blocks.length === 1 ? 'its certificate' : `certificate ${index + 1}`
      throw new UsageError(`Cannot use the --cacert: ${which} is broken`, { cause: error })
    }
  }
  return pem
}

function checkReadahead(
  readahead: 'auto' | 'off' | number,
  blockSize: number,
  ringSize: number,
): 'auto' | 'off' | number {
  if (readahead === 'auto' || readahead === 'off') return readahead
  const bytes = alignUp(checkNumber(optionEntry('readahead'), readahead), blockSize)
  if (bytes > ringSize) {
    throw new UsageError(
      `Cannot use '${formatSize(readahead)}' for --readahead: the ring holds ${formatSize(ringSize)}, raise --ring-size`,
    )
  }
  return bytes
}
