// Files that the log and the progress go to. SIGUSR2 opens them again under their names, so that a
// program that rotates logs can move them away first.

import { AppendFile } from './append-file.js'
import type { SignalSource } from './interrupts.js'

const REOPEN = 'SIGUSR2'

/** The files of one run. */
export class OutputFiles implements Disposable {
  readonly #source: SignalSource
  readonly #failed: (message: string) => void
  readonly #files: AppendFile[] = []
  readonly #reopen = (): void => {
    for (const file of this.#files) file.reopen()
  }

  /** @param failed told of every file whose lines begin to be lost */
  constructor(source: SignalSource, failed: (message: string) => void) {
    this.#source = source
    this.#failed = failed
  }

  /**
   * Opens a file to add lines to.
   *
   * @param what the file, in messages: 'log file'
   * @throws {FileError} if it can't be opened
   */
  open(path: string, what: string): AppendFile {
    const file = new AppendFile(path, what, this.#failed)
    if (this.#files.push(file) === 1) this.#source.on(REOPEN, this.#reopen)
    return file
  }

  [Symbol.dispose](): void {
    if (this.#files.length > 0) this.#source.off(REOPEN, this.#reopen)
    for (const file of this.#files.splice(0)) file[Symbol.dispose]()
  }
}
