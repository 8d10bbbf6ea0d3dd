// Sockets that systemd opened before it started us, by sd_listen_fds(3): they begin at descriptor 3
// and are meant for the process that LISTEN_PID names.

import { usageError } from './usage-error.js'

/** The first descriptor that is handed over. */
const FIRST_FD = 3
/** More would be a mistake. */
const MOST_FDS = 64

/** What a service manager tells its services, and nobody they start. */
const SERVICE_VARIABLES = [
  'LISTEN_PID',
  'LISTEN_FDS',
  'LISTEN_FDNAMES',
  'LISTEN_PIDFDID',
  'NOTIFY_SOCKET',
  'WATCHDOG_PID',
  'WATCHDOG_USEC',
] as const

/**
 * Descriptors of the sockets handed to process `pid`; none if they are another's.
 *
 * @throws {UsageError} if the number of them is none
 */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): number[] {
  const { LISTEN_PID: owner, LISTEN_FDS: text } = env
  if (owner === undefined || text === undefined || Number(owner) !== pid) return []
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (count < 1 || count > MOST_FDS) {
    throw usageError('listen-fds', { value: text, most: MOST_FDS })
  }
  return Array.from({ length: count }, (_, index) => FIRST_FD + index)
}

/** The environment for what we start ourselves. */
export function withoutServiceVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const rest = { ...env }
  for (const name of SERVICE_VARIABLES) delete rest[name]
  return rest
}
