// The file of --cookie-jar: read at the start, which also finds out if it can be written, and written at the
// end, when the work is done and cookies could only be lost.

import { randomBytes } from 'node:crypto'
import { lstat, open, realpath, rename, stat, unlink } from 'node:fs/promises'
import { fileError, systemErrorText } from './file-error.js'
import { readPrivateFile } from './input-files.js'
import { usageError } from './usage-error.js'
import type { Warn } from './warning.js'

/**
 * Text of a cookie jar, '' if there is none yet.
 *
 * @throws {FileError} if it cannot be read, or not be written at the end
 * @throws {UsageError} if it is not a plain file: writing it back would replace a device
 */
export async function readCookieJar(path: string, warn: Warn): Promise<string> {
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw fileError(
      'file-read',
      { what: 'cookie jar', path, problem: systemErrorText(error) },
      {
        cause: error,
      },
    )
  })
  if (status?.isFile() === false) {
    throw usageError('cookie-jar-kind', { path })
  }
  await writeBeside(path, '', temporary => unlink(temporary))
  return status === undefined ? '' : await readPrivateFile(path, 'cookie jar', warn)
}

/**
 * Writes a cookie jar whole or not at all, readable by its owner alone; behind a link, where that leads.
 *
 * @throws {FileError} if it cannot be written
 */
export async function writeCookieJar(path: string, text: string): Promise<void> {
  await writeBeside(path, text, rename)
}

async function writeBeside(
  path: string,
  text: string,
  then: (temporary: string, place: string) => Promise<void>,
): Promise<void> {
  let temporary: string | undefined
  try {
    // A rename would replace the link: as root /dev/stdout for the whole machine.
    const isLink = (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true
    const place = isLink ? await realpath(path) : path
    temporary = `${place}.${randomBytes(6).toString('hex')}`
    await using file = await open(temporary, 'wx', 0o600)
    await file.writeFile(text)
    await then(temporary, place)
  } catch (error) {
    if (temporary !== undefined) await unlink(temporary).catch(() => {})
    throw fileError(
      'file-write',
      { what: 'cookie jar', path, problem: systemErrorText(error) },
      {
        cause: error,
      },
    )
  }
}
