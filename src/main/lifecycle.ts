// One run of the server from start to end: ready line or command, pidfile, requests to end, the
// clean-up in every case. What it touches of the process is handed in.

import { rmdirSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeCookieJar } from './cookie-jar-file.js'
import type { FileError } from './file-error.js'
import type { Interrupts } from './interrupts.js'
import type { CommandLine } from './invocation.js'
import type { Log } from './log.js'
import type { ServerOptions } from './options.js'
import { watchParent } from './parent-watch.js'
import { Pidfile } from './pidfile.js'
import type { ProgressReport } from './progress-report.js'
import { type RunningCommand, runCommand, signalStatus } from './run-command.js'
import type { Serve, Server } from './server-handle.js'
import type { ServiceManager } from './service-manager.js'
import { runSummary } from './status/run-summary.js'
import type { Statistics } from './status/statistics.js'
import { statsTable } from './status/stats-table.js'
import { warn } from './warning.js'

/** How long an aborted start may take to let go of what it holds, milliseconds. */
const ABORT_MS = 2_000

/** What a run needs of the world. */
export interface LifecycleParts {
  readonly commandLine: CommandLine
  /** Complete: credentials, log and all. */
  readonly options: ServerOptions
  readonly serve: Serve
  readonly progress: ProgressReport
  readonly interrupts: Interrupts
  readonly log: Log
  /** Of the --run command. */
  readonly env: NodeJS.ProcessEnv
  readonly serviceManager: ServiceManager
  readonly pid: number
  /** Id of the parent process at the very start, and as of now. */
  readonly parent: number
  readonly ppid: () => number
  /** True if the terminal sends Ctrl-C and Ctrl-\ to the --run command by itself. */
  readonly terminal: boolean
  /** True if SIGHUP is to be ignored by the command, too. */
  readonly nohup: boolean
  /** Rejects with a FileError if it can't be written. */
  readonly writeOut: (text: string) => Promise<void>
  readonly writeError: (text: string) => void
}

/** A run of the server. */
export class Lifecycle {
  readonly #parts: LifecycleParts
  readonly #abort = new AbortController()
  /** From the ready server to its close, which takes its files away first of all. */
  #server: Server | undefined
  #pidfile: Pidfile | undefined
  #command: RunningCommand | undefined

  constructor(parts: LifecycleParts) {
    this.#parts = parts
  }

  /**
   * Serves until the command ends or an end is asked for. Resolves with the exit status once
   * everything is closed; rejects with what `serve()` or the pidfile failed with.
   */
  async run(): Promise<number> {
    const { commandLine, interrupts, log, parent, ppid } = this.#parts
    const stopWatching = commandLine.exitWithParent
      ? watchParent({
          parent,
          ppid,
          gone: () => {
            log('info', 'the parent process is gone, ending')
            interrupts.raise('SIGTERM')
          },
        })
      : () => {}
    try {
      const server = await this.#start()
      if (typeof server === 'number') return server
      return await this.#serveUntilDone(server)
    } finally {
      stopWatching()
    }
  }

  /**
   * The end at once: leaves no file and no command behind as far as that is possible without
   * waiting. Never throws.
   */
  endAtOnce(): void {
    this.#command?.kill('SIGKILL')
    this.#pidfile?.remove()
    const { options } = this.#parts
    const path = this.#server?.unixSocket
    // The file of a socket that was handed over is whose it was.
    if (path === undefined || options.listenFds !== undefined) return
    try {
      unlinkSync(path)
      if (options.unix === '-') rmdirSync(dirname(path))
    } catch {
      // The orderly end was quicker, or its directory holds more: nothing left to do.
    }
  }

  /** The server, or the exit status where an end was asked for before it was ready. */
  async #start(): Promise<Server | number> {
    const { commandLine, serve, options, interrupts } = this.#parts
    if (commandLine.pidfile !== undefined) Pidfile.check(commandLine.pidfile)
    const starting = serve({ ...options, warmUp: true, signal: this.#abort.signal })
    const first = await Promise.race([starting, interrupts.first])
    if (typeof first !== 'string') {
      this.#server = first
      return first
    }
    this.#abort.abort()
    const closed = starting.then(
      server => server.close({ drainMs: 0 }),
      () => {},
    )
    let timer: NodeJS.Timeout | undefined
    const enough = new Promise<void>(resolve => {
      timer = setTimeout(resolve, ABORT_MS)
    })
    await Promise.race([closed, enough])
    clearTimeout(timer)
    return signalStatus(first)
  }

  async #serveUntilDone(server: Server): Promise<number> {
    const { commandLine, log, pid } = this.#parts
    try {
      if (commandLine.pidfile !== undefined) this.#pidfile = new Pidfile(commandLine.pidfile, pid)
      this.#parts.serviceManager.ready(`Serving ${server.size} bytes at ${server.uri}`)
      return await this.#waitForEnd(server)
    } finally {
      log('debug', 'closing')
      // From here on another server may have the path.
      this.#server = undefined
      const told = this.#parts.serviceManager.stopping('Letting running reads finish')
      const { workers, clients, limit } = server.statistics()
      try {
        await server.close()
        await told
      } finally {
        this.#pidfile?.remove()
        await this.#saveCookies(server)
        // Counters as of now: a worker's report of its last bytes comes behind the bytes themselves.
        // Gauges as of before: now nothing is left to be counted.
        const gauges = { workers, clients, limit }
        this.#tellEnd({ ...server.statistics(), ...gauges })
      }
    }
  }

  /** What came of it all. */
  #tellEnd(statistics: Statistics): void {
    const { commandLine, options, log, progress, writeError } = this.#parts
    progress.end(statistics)
    const summary = runSummary(statistics, options)
    if (commandLine.stats) writeError(statsTable(statistics, summary))
    else if (summary !== undefined) log('info', summary)
  }

  /** The work is done by then: a jar that can't be written is told, and no failure. */
  async #saveCookies(server: Server): Promise<void> {
    const { commandLine, log } = this.#parts
    const path = commandLine.inputs.cookieJar
    const text = path === undefined ? undefined : server.cookieFile()
    if (path === undefined || text === undefined) return
    await writeCookieJar(path, text).catch((error: FileError) => warn(log, error))
  }

  async #waitForEnd(server: Server): Promise<number> {
    const { commandLine, interrupts, log, env, terminal, nohup, progress, writeOut } = this.#parts
    const statistics = () => server.statistics()
    if (commandLine.run === undefined) {
      // First, as both may be on one terminal.
      const uris = server.exports.map(({ uri }) => `${uri}\n`).join('')
      // Clients may know it without being told.
      writeOut(uris).catch((error: FileError) => warn(log, error))
      progress.start(statistics)
      const signal = await interrupts.first
      log('info', `${signal}: letting running reads finish, once more ends at once`)
      return 0
    }
    log('debug', 'running the command', { uri: server.uri })
    progress.start(statistics)
    const command = runCommand(commandLine.run, server, env, nohup)
    this.#command = command
    // Ctrl-C and Ctrl-\ reach every process of the terminal's foreground group: once is enough.
    interrupts.onEach = signal => {
      if (!terminal || (signal !== 'SIGINT' && signal !== 'SIGQUIT')) command.kill(signal)
    }
    try {
      return await command.exitStatus
    } finally {
      this.#command = undefined
      interrupts.onEach = () => {}
    }
  }
}
