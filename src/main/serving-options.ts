// Options of how clients are received: what a socket's file looks like, which sockets were handed
// over, how many clients there may be and how long they may take.

import { DEFAULTS } from './defaults.js'
import { optionEntry } from './option-table.js'
import { checkNumber } from './option-values.js'
import { usageError } from './usage-error.js'

/** The part of `ServerOptions` about receiving clients. */
export interface ServingOptions {
  /** Permissions of the Unix socket, 0 to 0o777; whoever may write may connect. Default: by the umask. */
  readonly unixMode?: number | undefined
  /** Group of the Unix socket: a name of /etc/group, or a number. Default: that of the process. */
  readonly unixGroup?: string | undefined
  /**
   * Descriptors of listening sockets that were handed to this process, instead of `unix`, `port` and
   * `ipaddr`; at least one. Their files stay when the server ends. Default: none.
   */
  readonly listenFds?: readonly number[] | undefined
  /** Clients connected at a time, 1 to 65536; more are turned away. Default 1024. */
  readonly maxClients?: number | undefined
  /** Time from connecting to the chosen export: seconds, 0.01 to 86400. Default 30. */
  readonly handshakeTimeout?: number | undefined
  /** Time that running reads get to finish when the server closes: seconds, 0 to 86400. Default 10. */
  readonly drainTimeout?: number | undefined
}

/** Limits for clients, checked and in the units the program works in. */
export interface ResolvedServing {
  readonly maxClients: number
  readonly handshakeTimeoutMs: number
  readonly drainMs: number
}

/** What the file of a Unix socket looks like; what is not given stays as the system makes it. */
export interface SocketFile {
  readonly mode?: number
  /** Name or number. */
  readonly group?: string
}

/** @throws {UsageError} at the first option that cannot be used */
export function resolveServing(options: ServingOptions): ResolvedServing {
  const number = (key: 'maxClients' | 'handshakeTimeout' | 'drainTimeout') =>
    checkNumber(optionEntry(key), options[key] ?? DEFAULTS[key])
  return {
    maxClients: number('maxClients'),
    handshakeTimeoutMs: Math.round(number('handshakeTimeout') * 1000),
    drainMs: Math.round(number('drainTimeout') * 1000),
  }
}

/**
 * @param hasFile true if a socket with a name of its own is listened on
 * @throws {UsageError} if a mode or group is given that is none, or that nothing can have
 */
export function resolveSocketFile(
  options: ServingOptions,
  hasFile: boolean,
): SocketFile | undefined {
  const { unixMode, unixGroup } = options
  if (unixMode === undefined && unixGroup === undefined) return undefined
  const flag = unixMode === undefined ? '--unix-group' : '--unix-mode'
  if (!hasFile) throw usageError('socket-file-flag', { flag })
  if (unixGroup !== undefined && !/^[^\s:,]+$/.test(String(unixGroup))) {
    throw usageError('value', {
      value: unixGroup,
      flag: '--unix-group',
      expected: "a group's name or number",
    })
  }
  return {
    ...(unixMode !== undefined && { mode: checkNumber(optionEntry('unixMode'), unixMode) }),
    ...(unixGroup !== undefined && { group: String(unixGroup) }),
  }
}

/** @throws {UsageError} if it is no list of descriptors */
export function checkListenFds(fds: readonly number[]): readonly number[] {
  const usable = Array.isArray(fds) && fds.every(fd => Number.isSafeInteger(fd) && fd >= 0)
  if (usable && fds.length > 0) return fds
  throw usageError('listen-fds-empty')
}
