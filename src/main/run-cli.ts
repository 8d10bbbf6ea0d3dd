// The command line from arguments to exit status. Everything it touches of the process is handed
// in, so that tests run it in their own process; cli.ts hands in the real one.

import { availableParallelism } from 'node:os'
import { parseCommandLine } from './command-line.js'
import { fileError, systemErrorText } from './file-error.js'
import { Interrupts, type SignalSource } from './interrupts.js'
import { type CommandLine, invocationOf } from './invocation.js'
import { Lifecycle } from './lifecycle.js'
import type { Log } from './log.js'
import { openLog } from './open-log.js'
import { OutputFiles } from './output-files.js'
import { ProbeRun } from './probe-run.js'
import type { ProbeServer } from './probing/probe-server.js'
import { ProgressLine } from './progress-line.js'
import { progressMode } from './progress-mode.js'
import { ProgressReport } from './progress-report.js'
import { signalStatus } from './run-command.js'
import type { Serve } from './server-handle.js'
import { ServiceManager } from './service-manager.js'
import { withoutSettings } from './settings/environment.js'
import { explainSources } from './settings/explain.js'
import { loadSettings } from './settings/load-settings.js'
import { reportSettings, settingsText } from './settings/settings-report.js'
import { inheritedSockets, withoutServiceVariables } from './socket-activation.js'
import { redactUrls } from './source/credentials.js'
import { checkOptions, startOptions } from './start-options.js'
import { createTextLog } from './text-log.js'
import { UsageError, usageError } from './usage-error.js'
import { warn } from './warning.js'

/** Exit statuses of our own; with --run the command's passes through. */
export const ExitStatus = { DONE: 0, FAILED: 1, USAGE: 2 } as const

/** The part of `process` the command line uses. */
export interface ProcessPart extends SignalSource {
  title: string
  readonly pid: number
  readonly ppid: number
}

/** What the command line works with. */
export interface CliHost {
  /** Arguments behind the program's name. */
  readonly argv: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly process: ProcessPart
  /** Descriptor a password may come from. Not a stream: that would read what is the --run command's. */
  readonly stdin: number
  /** Id of the parent process at the very start. */
  readonly parent: number
  /** True on a terminal: its Ctrl-C and Ctrl-\ reach the --run command by itself. */
  readonly terminal: boolean
  /** True if whoever started us has SIGHUP ignored, as nohup(1) does. */
  readonly nohup: boolean
  /** Asks the user for a secret. Rejects if there is nobody to ask. */
  readonly ask: (what: string) => Promise<string>
  readonly stdout: NodeJS.WritableStream & { readonly columns?: number }
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
  readonly serve: Serve
  readonly probe: ProbeServer
}

/**
 * Runs the program. Resolves with the exit status when all is closed and removed - or at once, at a
 * second request to end or a defect - and never rejects. The caller exits with it.
 */
export async function runCli(host: CliHost): Promise<number> {
  // ps shows the command line: credentials in the URL, --cookie or --header must not stay there.
  host.process.title = 'nbd-prefetch'
  // A reader that has closed its end (EPIPE) takes nothing from anyone else.
  for (const stream of [host.stdout, host.stderr]) stream.on('error', () => {})
  const progress = new ProgressLine(host.stderr)
  const writeError = (text: string): void => progress.print(text)

  let redact = redactUrls
  let explain = (message: string): string => message
  let verbose = false
  /** Where an error goes beside standard error. */
  let logFile: Log | undefined
  const complain = (error: unknown): void => {
    const say = (text: string) => (error instanceof UsageError ? explain(text) : text)
    writeError(`nbd-prefetch: ${redact(say(describeError(error, verbose)))}\n`)
    logFile?.('error', say(describeError(error)))
  }
  using files = new OutputFiles(host.process, message =>
    writeError(`nbd-prefetch: warning: ${redact(message)}\n`),
  )
  try {
    const args = parseCommandLine(host.argv, host.stdout.columns)
    if (args.kind === 'show') {
      await show(host.stdout, args.text)
      return ExitStatus.DONE
    }
    const { layer, warnings } = await loadSettings(args, host.env)
    explain = message => explainSources(message, layer)
    verbose = layer.settings.get('verbose')?.value === true
    if (args.command === 'config') {
      const log = createTextLog({ write: writeError, redact })
      for (const told of warnings) warn(log, told)
      const report = reportSettings(layer, availableParallelism())
      const json = args.flags.get('json') === true
      await show(host.stdout, json ? `${JSON.stringify(report, null, 2)}\n` : settingsText(report))
      // What is to be served may come with another call.
      if (layer.images !== undefined) {
        checkOptions(invocationOf(args, layer).commandLine, { env: host.env })
      }
      return ExitStatus.DONE
    }
    const invocation = invocationOf(args, layer)
    const { commandLine } = invocation
    const listenFds =
      invocation.kind === 'serve' ? inheritedSockets(host.env, host.process.pid) : []
    if (invocation.kind === 'serve' && listenFds.length > 0) checkActivated(invocation.commandLine)
    const path = commandLine.log.file
    const file = path === undefined ? undefined : files.open(path, 'log file')
    const log = await openLog(commandLine.log, file === undefined && host.stderr.isTTY === true, {
      write: lines => (file === undefined ? writeError(lines) : file.write(lines)),
      redact: text => redact(text),
    })
    if (file !== undefined) logFile = log
    for (const told of warnings) warn(log, told)
    const { options, exports } = await startOptions(
      commandLine,
      { env: host.env, ...(listenFds.length > 0 && { listenFds }), log },
      { stdin: host.stdin, ask: host.ask, warn: told => warn(log, told) },
    )
    redact = text => exports.reduce((masked, one) => one.options.credentials.redact(masked), text)

    using interrupts = new Interrupts(host.process, host.nohup)
    const writeOut = (text: string) => show(host.stdout, text)
    const shared = { options, interrupts, log, writeOut }
    using serviceManager = new ServiceManager({ env: host.env, pid: host.process.pid, log })
    const work =
      invocation.kind === 'probe'
        ? new ProbeRun({
            ...shared,
            commandLine: invocation.commandLine,
            probe: host.probe,
            progress,
            redact: text => redact(text),
          })
        : new Lifecycle({
            ...shared,
            commandLine: invocation.commandLine,
            progress: reportProgress(invocation.commandLine, progress, files),
            serve: host.serve,
            env: withoutSettings(withoutServiceVariables(host.env)),
            serviceManager,
            pid: host.process.pid,
            parent: host.parent,
            ppid: () => host.process.ppid,
            terminal: host.terminal,
            nohup: host.nohup,
            writeError,
          })
    using defects = new Defects(host.process)
    const atOnce = Promise.race([
      interrupts.second.then(signalStatus),
      defects.first.then(error => {
        complain(error)
        return ExitStatus.FAILED
      }),
    ]).then(status => {
      work.endAtOnce()
      return status
    })
    return await Promise.race([work.run(), atOnce])
  } catch (error) {
    complain(error)
    return error instanceof UsageError ? ExitStatus.USAGE : ExitStatus.FAILED
  }
}

/**
 * Writes what was asked for.
 *
 * @throws {FileError} if it can't be written, except to a reader that has seen enough
 */
async function show(stream: NodeJS.WritableStream, text: string): Promise<void> {
  const error = await new Promise<Error | null | undefined>(resolve => {
    stream.write(text, resolve)
  })
  if (!error || (error as NodeJS.ErrnoException).code === 'EPIPE') return
  throw fileError(
    'output-write',
    { problem: systemErrorText(error) },
    {
      cause: error,
    },
  )
}

/** The progress in the form and at the place it was asked for. */
function reportProgress(
  { progress: choice, progressFile: path, run }: CommandLine,
  line: ProgressLine,
  files: OutputFiles,
): ProgressReport {
  const file = path === undefined ? undefined : files.open(path, 'progress file')
  return new ProgressReport({
    mode: progressMode({ choice, file: file !== undefined, terminal: line.isShown, run }),
    line,
    write: lines => (file === undefined ? line.print(lines) : file.write(lines)),
  })
}

/** @throws {UsageError} if a command is to be run beside sockets that a service manager holds */
function checkActivated({ run }: CommandLine): void {
  if (run === undefined) return
  throw usageError('run-and-sockets')
}

/**
 * One line for what a user or the world did wrong, known by its `code`; the stack for a defect.
 * With -v its code and the causes follow, a line each.
 */
function describeError(error: unknown, verbose = false): string {
  if (!(error instanceof Error)) return `internal error: ${String(error)}`
  const { code } = error as NodeJS.ErrnoException
  if (typeof code !== 'string' || code.startsWith('ERR_')) return `internal error: ${error.stack}`
  const lines = [error.message]
  if (verbose && 'reason' in error) {
    lines.push(`  code: ${error.reason}, explained in docs/errors.md`)
  }
  for (let cause = error.cause; verbose && cause instanceof Error; cause = cause.cause) {
    lines.push(`  because: ${cause.message}`)
  }
  return lines.join('\n')
}

/** Errors nobody caught: defects of this program, after which nothing is certain. */
class Defects implements Disposable {
  readonly first: Promise<unknown>
  readonly #source: SignalSource
  #listener: (error: unknown) => void = () => {}

  constructor(source: SignalSource) {
    this.#source = source
    this.first = new Promise(resolve => {
      this.#listener = resolve
    })
    source.on('uncaughtException', this.#listener)
    source.on('unhandledRejection', this.#listener)
  }

  [Symbol.dispose](): void {
    this.#source.off('uncaughtException', this.#listener)
    this.#source.off('unhandledRejection', this.#listener)
  }
}
