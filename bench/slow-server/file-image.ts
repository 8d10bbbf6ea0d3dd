// A file on disk as an image. Reads are synchronous: they come from the page cache at memory speed, and the slow
// server runs in a process of its own when it matters.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { checkBounds, firstDifference, type Image } from './image.js'

/** An open file. Its size is taken when it is opened. */
export class FileImage implements Image, Disposable {
  readonly size: number
  readonly identity: string
  readonly path: string
  readonly #fd: number

  /** @throws an error with `code` (`ENOENT`, `EACCES`, ...) if the file cannot be opened */
  constructor(path: string) {
    this.path = path
    this.#fd = openSync(path, 'r')
    const { size, mtimeMs, ino } = fstatSync(this.#fd)
    this.size = size
    this.identity = `file-${ino}-${size}-${mtimeMs}`
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    checkBounds(this.size, offset, length)
    const bytes = new Uint8Array(new ArrayBuffer(length))
    this.fill(bytes, offset)
    return bytes
  }

  /** @throws Error if the file has become shorter than it was when opened */
  fill(target: Uint8Array, offset: number): void {
    checkBounds(this.size, offset, target.length)
    for (let done = 0; done < target.length; ) {
      const count = readSync(this.#fd, target, done, target.length - done, offset + done)
      if (count === 0) throw new Error(`Cannot read ${this.path}: it ends at ${offset + done}`)
      done += count
    }
  }

  compare(offset: number, bytes: Uint8Array): number {
    return firstDifference(this.read(offset, bytes.length), bytes)
  }

  /** Closes the file; reading is an error afterwards. */
  close(): void {
    closeSync(this.#fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
