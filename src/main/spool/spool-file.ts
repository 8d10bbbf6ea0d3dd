// The temporary file a whole image is downloaded into. It has no name from its first moment on: whatever
// ends this process, the system takes the file away.

import { randomBytes } from 'node:crypto'
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { FileError, systemErrorText } from '../file-error.js'

/** Share of a directory's free space that is taken unless a limit is given: a full disk is for nobody. */
const DEFAULT_SHARE = 0.9

/** An open file without a name. */
export class SpoolFile {
  /** Bytes the file may have. */
  readonly limitBytes: number
  readonly #handle: FileHandle

  private constructor(handle: FileHandle, limitBytes: number) {
    this.#handle = handle
    this.limitBytes = limitBytes
  }

  /**
   * Makes a file that only its owner could have opened, had it kept its name.
   *
   * @param limitBytes bounded by the free space of the directory; undefined takes nine tenths of that
   * @throws {FileError} if none can be made there
   */
  static async create(directory: string, limitBytes: number | undefined): Promise<SpoolFile> {
    const path = join(directory, `nbd-prefetch-spool-${randomBytes(8).toString('hex')}`)
    try {
      const handle = await open(path, 'wx+', 0o600)
      try {
        await unlink(path)
        const { bavail, bsize } = await statfs(directory)
        const free = bavail * bsize
        return new SpoolFile(handle, Math.min(limitBytes ?? Math.floor(free * DEFAULT_SHARE), free))
      } catch (error) {
        await handle.close()
        throw error
      }
    } catch (error) {
      throw new FileError(`Cannot use '${directory}' for --spool: ${systemErrorText(error)}`, {
        cause: error,
      })
    }
  }

  /** For a worker to write to; good until `close()`. */
  get descriptor(): number {
    return this.#handle.fd
  }

  /**
   * Reads until the buffer is full.
   *
   * @throws {FileError} if the file has fewer bytes, or can't be read
   */
  async read(buffer: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < buffer.length; ) {
      const length = buffer.length - at
      const { bytesRead } = await this.#handle
        .read(buffer, at, length, position + at)
        .catch((error: unknown) => {
          throw new FileError(`Cannot read the spool file: ${systemErrorText(error)}`)
        })
      if (bytesRead === 0) throw new FileError('Cannot read the spool file: it is too short')
      at += bytesRead
    }
  }

  /** Gives the file and its space back, once reads under way have ended. */
  async close(): Promise<void> {
    await this.#handle.close()
  }
}
