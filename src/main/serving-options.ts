// Options of how clients are received: what a socket's file looks like, which sockets were handed
// over, how many clients there may be and how long they may take.

import { DEFAULTS } from './defaults.js'
import { optionEntry } from './option-table.js'
import { checkNumber } from './option-values.js'
import type { SocketFile } from './unix-socket.js'
import { usageError } from './usage-error.js'

/** The part of `ServerOptions` about receiving clients. */
export interface ServingOptions {
  /** Permissions of the Unix socket, 0 to 0o777; whoever may write may connect. Default: by the umask. */
  readonly unixMode?: number | undefined
  /** Group of the Unix socket: a name of /etc/group, or a number. Default: that of the process. */
  readonly unixGroup?: string | undefined
  /**
   * Owner of the Unix socket: a name of /etc/passwd, or a number. Takes the right to give files away.
   * Default: the user of the process.
   */
  readonly unixOwner?: string | undefined
  /**
   * Descriptors of listening sockets that were handed to this process, instead of `unix`, `port` and
   * `ipaddr`; at least one. Their files stay when the server ends. Default: none.
   */
  readonly listenFds?: readonly number[] | undefined
  /** Clients connected at a time, 1 to 65536; more are turned away. Default 1024. */
  readonly maxClients?: number | undefined
  /** Time from connecting to the chosen export: seconds, 0.01 to 86400. Default 30. */
  readonly handshakeTimeout?: number | undefined
  /** Idle time before TCP asks whether a client still lives: seconds, 0 (never) to 32767. Default 60. */
  readonly clientKeepalive?: number | undefined
  /** Time that running reads get to finish when the server closes: seconds, 0 to 86400. Default 10. */
  readonly drainTimeout?: number | undefined
}

/** Limits for clients, checked and in the units the program works in. */
export interface ResolvedServing {
  readonly maxClients: number
  readonly handshakeTimeoutMs: number
  /** 0 never asks. */
  readonly keepaliveMs: number
  readonly drainMs: number
}

/** @throws {UsageError} at the first option that cannot be used */
export function resolveServing(options: ServingOptions): ResolvedServing {
  const number = (key: 'maxClients' | 'handshakeTimeout' | 'clientKeepalive' | 'drainTimeout') =>
    checkNumber(optionEntry(key), options[key] ?? DEFAULTS[key])
  return {
    maxClients: number('maxClients'),
    handshakeTimeoutMs: Math.round(number('handshakeTimeout') * 1000),
    keepaliveMs: number('clientKeepalive') * 1000,
    drainMs: Math.round(number('drainTimeout') * 1000),
  }
}

/**
 * @param hasFile true if a socket with a name of its own is listened on
 * @throws {UsageError} if a mode, group or owner is given that is none, or that nothing can have
 */
export function resolveSocketFile(
  options: ServingOptions,
  hasFile: boolean,
): SocketFile | undefined {
  const { unixMode, unixGroup, unixOwner } = options
  const given = (['unixMode', 'unixGroup', 'unixOwner'] as const).find(
    key => options[key] !== undefined,
  )
  if (given === undefined) return undefined
  if (!hasFile) throw usageError('socket-file-flag', { flag: optionEntry(given).long })
  return {
    ...(unixMode !== undefined && { mode: checkNumber(optionEntry('unixMode'), unixMode) }),
    ...(unixOwner !== undefined && { owner: account(unixOwner, '--unix-owner', "a user's") }),
    ...(unixGroup !== undefined && { group: account(unixGroup, '--unix-group', "a group's") }),
  }
}

/** What names an account; callers without a type checker give numbers as such, too. */
function account(given: string | number, flag: string, whose: string): string {
  if (/^[^\s:,]+$/.test(String(given))) return String(given)
  throw usageError('value', { value: given, flag, expected: `${whose} name or number` })
}

/** @throws {UsageError} if it is no list of descriptors */
export function checkListenFds(fds: readonly number[]): readonly number[] {
  const usable = Array.isArray(fds) && fds.every(fd => Number.isSafeInteger(fd) && fd >= 0)
  if (usable && fds.length > 0) return fds
  throw usageError('listen-fds-empty')
}
