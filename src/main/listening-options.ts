// Options of where the server listens and what its export is called.

import { isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { DEFAULTS } from './defaults.js'
import { optionEntry } from './option-table.js'
import { checkNumber } from './option-values.js'
import { checkListenFds, resolveSocketFile, type ServingOptions } from './serving-options.js'
import type { SocketFile } from './unix-socket.js'
import { usageError } from './usage-error.js'

/** The part of `ServerOptions` about listening. */
export interface ListeningOptions {
  /** Unix socket to listen on; '-' makes a private temporary one. Not together with `port` or `ipaddr`. */
  readonly unix?: string | undefined
  /** TCP port, 0 to 65535; 0 takes any free one. Default 10809. */
  readonly port?: number | undefined
  /** Address to listen on. Default 127.0.0.1. */
  readonly ipaddr?: string | undefined
  /** Name of the export, at most 4096 bytes of UTF-8. Default '' (the default export). */
  readonly exportName?: string | undefined
}

/** Where to listen. */
export type ListenAddress =
  /** `path` is absolute, or '-' for a private temporary socket. */
  | { readonly kind: 'unix'; readonly path: string; readonly file?: SocketFile }
  /** Sockets that listen already. */
  | { readonly kind: 'inherited'; readonly fds: readonly number[] }
  /** `host` without brackets; port 0 is any free one. */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** NBD's limit for strings, bytes. */
const MAX_EXPORT_NAME_BYTES = 4096
/** `sun_path` holds 108 bytes on Linux and 104 elsewhere, one of them the final NUL. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103

/**
 * @throws {UsageError} for an address that can't be had, or several
 */
export function listenAddress(options: ListeningOptions & ServingOptions): ListenAddress {
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

/** @throws {UsageError} for a name that NBD can't carry */
export function checkExportName(name: string): string {
  const bytes = Buffer.byteLength(name)
  if (bytes > MAX_EXPORT_NAME_BYTES) {
    throw usageError('export-name-long', { bytes, most: MAX_EXPORT_NAME_BYTES })
  }
  if (name.includes('\0')) {
    throw usageError('export-name-nul')
  }
  if (/\p{Surrogate}/u.test(name)) throw usageError('export-name-half')
  return name
}
