// The temporary file a whole image is downloaded into. It has no name from its first moment on: whatever
// ends this process, the system takes the file away.

import { randomBytes } from 'node:crypto'
import { close, closeSync, openSync, read, statfsSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { FileError, fileError, systemErrorText } from '../file-error.js'

/** Share of a directory's free space that is taken unless a limit is given: a full disk is for nobody. */
const DEFAULT_SHARE = 0.9

const readAt = promisify(read)
const closeFile = promisify(close)

/** An open file without a name. */
export class SpoolFile {
  /** For a worker to write to; good until `close()`. */
  readonly descriptor: number
  /** Bytes the file may have. */
  readonly limitBytes: number
  readonly #reads = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  private constructor(descriptor: number, limitBytes: number) {
    this.descriptor = descriptor
    this.limitBytes = limitBytes
  }

  /**
   * Makes a file that only its owner could have opened, had it kept its name.
   *
   * @param limitBytes bounded by the free space of the directory; undefined takes nine tenths of that
   * @throws {FileError} if none can be made there
   */
  static create(directory: string, limitBytes: number | undefined): SpoolFile {
    const path = join(directory, `nbd-prefetch-spool-${randomBytes(8).toString('hex')}`)
    try {
      // In one go: whatever came in between, such as the end of this process, would leave the name.
      const descriptor = openSync(path, 'wx+', 0o600)
      try {
        unlinkSync(path)
        const { bavail, bsize } = statfsSync(directory)
        const free = bavail * bsize
        const limit = Math.min(limitBytes ?? Math.floor(free * DEFAULT_SHARE), free)
        return new SpoolFile(descriptor, limit)
      } catch (error) {
        closeSync(descriptor)
        throw error
      }
    } catch (error) {
      throw fileError(
        'spool-directory',
        { path: directory, problem: systemErrorText(error) },
        {
          cause: error,
        },
      )
    }
  }

  /**
   * Reads until the buffer is full.
   *
   * @throws {FileError} if the file has fewer bytes, can't be read, or is closed
   */
  async read(buffer: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < buffer.length; ) {
      // The number of a descriptor that is closed may be that of another file.
      if (this.#closing !== undefined) throw fileError('spool-closed')
      const reading = readAt(this.descriptor, buffer, at, buffer.length - at, position + at)
      this.#reads.add(reading)
      try {
        const { bytesRead } = await reading
        if (bytesRead === 0) throw fileError('spool-short')
        at += bytesRead
      } catch (error) {
        if (error instanceof FileError) throw error
        throw fileError(
          'spool-read',
          { problem: systemErrorText(error) },
          {
            cause: error,
          },
        )
      } finally {
        this.#reads.delete(reading)
      }
    }
  }

  /** Gives the file and its space back, once reads under way have ended. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#reads).then(() => closeFile(this.descriptor))
    return this.#closing
  }
}
