// A file that lines are added to, as long as the program runs: at once, so that none is lost with the
// process, and opened again when somebody has moved it away. Trouble with it ends nothing else.

import { closeSync, openSync, writeSync } from 'node:fs'
import { type FileError, fileError, systemErrorText } from './file-error.js'

/** One file. */
export class AppendFile implements Disposable {
  readonly #path: string
  readonly #what: string
  readonly #failed: (message: string) => void
  /** Undefined while there is none to write to. */
  #file: number | undefined
  /** True while writing fails: told once. */
  #failing = false
  /** True if the last line was cut off. */
  #torn = false

  /**
   * Opens the file, which is made with mode 0600 before the umask if it does not exist: names of hosts
   * and images are in it.
   *
   * @param what the file, in messages: 'log file'
   * @param failed told when lines begin to be lost
   * @throws {FileError} if it can't be opened
   */
  constructor(path: string, what: string, failed: (message: string) => void) {
    this.#path = path
    this.#what = what
    this.#failed = failed
    this.#file = this.#open()
  }

  /** Adds whole lines. Those that can't be written are lost. Never throws. */
  write(lines: string): void {
    if (this.#file === undefined) return
    const bytes = Buffer.from(this.#torn ? `\n${lines}` : lines)
    let written = 0
    try {
      while (written < bytes.length) written += writeSync(this.#file, bytes, written)
      this.#torn = false
      this.#failing = false
    } catch (error) {
      this.#torn ||= written > 0
      const problem = systemErrorText(error)
      this.#fail(fileError('file-write', { what: this.#what, path: this.#path, problem }).message)
    }
  }

  /** Takes the file that has the name by now. Where there can't be one, the old one stays. Never throws. */
  reopen(): void {
    try {
      const file = this.#open()
      this[Symbol.dispose]()
      this.#file = file
    } catch (error) {
      this.#fail((error as FileError).message)
    }
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #open(): number {
    try {
      return openSync(this.#path, 'a', 0o600)
    } catch (error) {
      const problem = systemErrorText(error)
      throw fileError(
        'file-open',
        { what: this.#what, path: this.#path, problem },
        { cause: error },
      )
    }
  }

  #fail(message: string): void {
    if (!this.#failing) this.#failed(message)
    this.#failing = true
  }
}
