// One run of `nbd-prefetch probe`: measures, prints what came of it, and gives up when asked to end.
// What it touches of the process is handed in.

import { writeCookieJar } from './cookie-jar-file.js'
import type { FileError } from './file-error.js'
import type { Interrupts } from './interrupts.js'
import type { ProbeCommandLine } from './invocation.js'
import type { Log } from './log.js'
import type { ServerOptions } from './options.js'
import type { Probed, ProbeServer } from './probing/probe-server.js'
import { reportText } from './probing/report-text.js'
import { serveArguments, shellCommand } from './probing/serve-command.js'
import type { ProgressLine } from './progress-line.js'
import { signalStatus } from './run-command.js'
import { showBytes } from './status/units.js'
import { warn } from './warning.js'

/** How long a probe that is given up may take to let go of what it holds, milliseconds. */
const ABORT_MS = 2_000

/** What a run needs of the world. */
export interface ProbeRunParts {
  readonly commandLine: ProbeCommandLine
  /** Complete: credentials, log and all. */
  readonly options: ServerOptions
  readonly probe: ProbeServer
  readonly interrupts: Interrupts
  readonly progress: ProgressLine
  readonly redact: (text: string) => string
  readonly log: Log
  /** Rejects with a FileError if it can't be written. */
  readonly writeOut: (text: string) => Promise<void>
}

/** A run of the probe. */
export class ProbeRun {
  readonly #parts: ProbeRunParts
  readonly #abort = new AbortController()

  constructor(parts: ProbeRunParts) {
    this.#parts = parts
  }

  /** Resolves with the exit status; rejects with what the probe or its report failed with. */
  async run(): Promise<number> {
    const { commandLine, options, probe, interrupts, progress } = this.#parts
    using _line = progress
    const { budget } = commandLine
    const probing = probe({
      ...options,
      budget,
      signal: this.#abort.signal,
      onProgress: (what, readBytes) =>
        progress.show(`${what} (${showBytes(readBytes)} of at most ${showBytes(budget)} read)`),
    })
    const first = await Promise.race([probing, interrupts.first])
    if (typeof first === 'string') {
      this.#abort.abort()
      await settledWithin(probing, ABORT_MS)
      return signalStatus(first)
    }
    progress.show('')
    try {
      await this.#print(first)
    } finally {
      await this.#saveCookies(first)
    }
    return 0
  }

  /** The end at once: there is nothing to leave behind. */
  endAtOnce(): void {
    this.#abort.abort()
  }

  async #print({ report }: Probed): Promise<void> {
    const { commandLine, redact, writeOut } = this.#parts
    const { flags } = report.recommendation
    const args = serveArguments(commandLine.given, flags, commandLine.words, redact)
    const command = shellCommand(args)
    await writeOut(
      commandLine.json
        ? `${JSON.stringify({ ...report, command, arguments: args }, null, 2)}\n`
        : reportText(report, command),
    )
  }

  /** The work is done by then: a jar that can't be written is told, and no failure. */
  async #saveCookies({ cookieFile }: Probed): Promise<void> {
    const { commandLine, log } = this.#parts
    const path = commandLine.inputs.cookieJar
    if (path === undefined || cookieFile === undefined) return
    await writeCookieJar(path, cookieFile).catch((error: FileError) => warn(log, error))
  }
}

/** Waits for a promise, however it settles, and not for ever. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([
    promise.then(
      () => {},
      () => {},
    ),
    enough,
  ])
  clearTimeout(timer)
}
