// The file with this process's id: there, whole, once clients can connect, and gone after a clean
// exit.

import { randomBytes } from 'node:crypto'
import { lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { FileError, fileError, systemErrorText } from './file-error.js'

/** A written pidfile. Synchronous, so that it can be removed in the last moment of a process. */
export class Pidfile {
  readonly #path: string
  readonly #text: string

  /**
   * Writes the file; whoever watches for it never sees it empty or half.
   *
   * @throws {FileError} if it cannot be written, or something else has the path
   */
  constructor(path: string, pid: number) {
    // A later change of the working directory must not turn removal elsewhere.
    this.#path = resolve(path)
    this.#text = `${pid}\n`
    writeBeside(path, this.#text, temporary => renameSync(temporary, this.#path))
  }

  /**
   * Finds out if a pidfile can be written there, and leaves nothing behind.
   *
   * @throws {FileError} if it cannot
   */
  static check(path: string): void {
    writeBeside(path, '', temporary => rmSync(temporary))
  }

  /** Removes the file unless another process has written its own there since. Never throws. */
  remove(): void {
    try {
      if (readFileSync(this.#path, 'utf8') === this.#text) rmSync(this.#path)
    } catch {
      // Gone already, or no longer ours to touch.
    }
  }
}

function writeBeside(path: string, text: string, then: (temporary: string) => void): void {
  const temporary = `${resolve(path)}.${randomBytes(6).toString('hex')}`
  try {
    // A rename replaces all but a directory: as root /dev/null for the whole machine, or the link /dev/stdout.
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) {
      throw fileError('pidfile-kind', { path })
    }
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o644 })
    then(temporary)
  } catch (error) {
    rmSync(temporary, { force: true })
    if (error instanceof FileError) throw error
    throw fileError(
      'file-write',
      { what: 'pidfile', path, problem: systemErrorText(error) },
      {
        cause: error,
      },
    )
  }
}
