// The file with this process's id: there, whole, once clients can connect, and gone after a clean
// exit.

import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileError, systemErrorText } from './file-error.js'

/** A written pidfile. Synchronous, so that it can be removed in the last moment of a process. */
export class Pidfile {
  readonly #path: string
  readonly #text: string

  /**
   * Writes the file; whoever watches for it never sees it empty or half.
   *
   * @throws {FileError} if it cannot be written
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
    writeBeside(path, '', temporary => {
      // What a rename would meet.
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
        throw Object.assign(new Error('illegal operation on a directory'), { code: 'EISDIR' })
      }
      rmSync(temporary)
    })
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
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o644 })
    then(temporary)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw fileError(
      'file-write',
      { what: 'pidfile', path, problem: systemErrorText(error) },
      {
        cause: error,
      },
    )
  }
}
