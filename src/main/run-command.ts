// The command of --run: a shell beside the server that is told where the server listens. Its exit
// status becomes ours.

import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { ProcessTree } from './process-tree.js'
import type { Server } from './server-handle.js'

/** A running command. */
export interface RunningCommand {
  /** As a shell states it: the exit status, 128 + n after signal n, 127 or 126 without a shell. */
  readonly exitStatus: Promise<number>
  /** Sends a signal to the shell and every process that came from it and lives. */
  kill(signal: NodeJS.Signals): void
}

/** What a command is told: set in its environment, hence also shell variables. */
export type CommandVariables = Pick<
  Server,
  'uri' | 'unixSocket' | 'port' | 'exportName' | 'exports'
>

/**
 * Starts `/bin/sh -c COMMAND` with our standard streams and, beside `environment`, `$uri`, `$nbd`
 * (the same), `$unixsocket`, `$port` and `$exportname`; those that do not apply are empty. `$uris` has the
 * URIs of all exports, parted by spaces, of which a URI has none.
 *
 * @param nohup true has it and its processes ignore SIGHUP, which Node gives its usual effect in what it starts
 */
export function runCommand(
  command: string,
  server: CommandVariables,
  environment: NodeJS.ProcessEnv,
  nohup = false,
): RunningCommand {
  const child = spawn('/bin/sh', ['-c', nohup ? `trap '' HUP; ${command}` : command], {
    stdio: 'inherit',
    env: {
      ...environment,
      uri: server.uri,
      nbd: server.uri,
      unixsocket: server.unixSocket ?? '',
      port: server.port === undefined ? '' : String(server.port),
      exportname: server.exportName,
      uris: server.exports.map(({ uri }) => uri).join(' '),
    },
  })
  const exitStatus = new Promise<number>(resolve => {
    child.once('error', error => {
      resolve((error as NodeJS.ErrnoException).code === 'ENOENT' ? 127 : 126)
    })
    child.once('exit', (status, signal) => resolve(status ?? signalStatus(signal)))
  })
  // Without an id it was never started.
  const tree = child.pid === undefined ? undefined : new ProcessTree(child.pid)
  return { exitStatus, kill: signal => tree?.kill(signal) }
}

/** The exit status shells use for an end by a signal: 128 + its number. */
export function signalStatus(signal: NodeJS.Signals | null): number {
  return 128 + (signal === null ? 0 : constants.signals[signal])
}
