// Runs a shell script for what it prints, without holding up anything else, and not for ever.

import { type ChildProcess, spawn } from 'node:child_process'

/** Time a script may take, milliseconds: requests wait for it. */
const LIMIT_MS = 120_000
/** Bytes it may print: headers are shorter, and a mistaken command prints without end. */
const MAX_OUTPUT = 64 * 1024

/** A script of the user's, run by /bin/sh. */
export class ShellScript {
  readonly #script: string
  #child: ChildProcess | undefined
  #runs = 0

  constructor(script: string) {
    this.#script = script
  }

  /**
   * Runs it, with `$iteration` the number of earlier runs; what it writes to standard error goes to ours.
   *
   * @param variables more of its environment
   * @returns what it printed
   * @throws {Error} if it fails; the message goes on behind 'the script …', and holds nothing of the script
   */
  run(variables: Readonly<Record<string, string>>): Promise<string> {
    const env = { ...process.env, ...variables, iteration: String(this.#runs++) }
    return new Promise((resolve, reject) => {
      const child = spawn('/bin/sh', ['-c', this.#script], {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
        // A group of its own, so that its commands can be ended together with it.
        detached: true,
      })
      this.#child = child
      let output = ''
      let broken: string | undefined
      const breakOff = (why: string) => {
        broken ??= why
        this.kill()
      }
      const timer = setTimeout(() => breakOff(`took more than ${LIMIT_MS / 1000} s`), LIMIT_MS)
      child.stdout.setEncoding('utf8')
      child.stdout.on('data', (text: string) => {
        output += text
        if (output.length > MAX_OUTPUT) breakOff(`printed more than ${MAX_OUTPUT / 1024} KiB`)
      })
      const ended = (why: string | undefined) => {
        clearTimeout(timer)
        if (this.#child === child) this.#child = undefined
        if (why === undefined) resolve(output)
        else reject(new Error(why))
      }
      child.once('error', () => ended('could not be started'))
      child.once('close', (status, signal) => {
        const failed = status === 0 ? undefined : `ended with ${signal ?? `status ${status}`}`
        ended(broken ?? failed)
      })
    })
  }

  /** Ends it with all its commands, if it runs. */
  kill(): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It has just ended.
    }
  }
}
