// Files named on the command line that hold more than a line: certificates, keys, cookies. Read before
// the start, so that a wrong path is one clear line and not a failed request.

import { open, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FileError, fileError, systemErrorText } from './file-error.js'
import { warnIfOpen } from './secret-input.js'
import { certificatesIn } from './source/tls-options.js'
import { usageError } from './usage-error.js'
import type { Warn } from './warning.js'

/** Files of a CA directory that are looked at; a system's has a few hundred. */
const MAX_CA_FILES = 4096
/** Bytes of one file: whoever names a disk image by mistake gets an error, not its bytes. */
const MAX_FILE_BYTES = 16 * 1024 * 1024

/**
 * Text of a file.
 *
 * @param what as messages call it: 'CA file'
 * @throws {FileError} if it cannot be read, or is far too large
 */
export async function readTextFile(path: string, what: string): Promise<string> {
  return await readText(path, what, () => {})
}

/**
 * Text of a file that holds a secret. Warns if others can read it.
 *
 * @throws {FileError} if it cannot be read, or is far too large
 */
export async function readPrivateFile(path: string, what: string, warn: Warn): Promise<string> {
  return await readText(path, what, warn)
}

async function readText(path: string, what: string, warn: Warn): Promise<string> {
  try {
    await using file = await open(path, 'r')
    const status = await file.stat()
    warnIfOpen(status, `the ${what} '${path}'`, warn)
    if (status.size > MAX_FILE_BYTES) {
      throw fileError('file-large', { what, path })
    }
    return await file.readFile('utf8')
  } catch (error) {
    if (error instanceof FileError) throw error
    throw fileError(
      'file-read',
      { what, path, problem: systemErrorText(error) },
      {
        cause: error,
      },
    )
  }
}

/**
 * All certificates in the files of a directory, each once; other files are passed over. Their names do
 * not matter: unlike OpenSSL's, they need not be hashes.
 *
 * @throws {FileError} if the directory cannot be read
 * @throws {UsageError} if it holds no certificate
 */
export async function readCaDirectory(path: string): Promise<string> {
  const certificates = new Set<string>()
  try {
    const names = (await readdir(path)).sort().slice(0, MAX_CA_FILES)
    for (const name of names) {
      const file = join(path, name)
      const status = await stat(file).catch(() => undefined)
      if (status?.isFile() !== true || status.size > MAX_FILE_BYTES) continue
      for (const pem of certificatesIn(await readFile(file, 'utf8'))) certificates.add(pem)
    }
  } catch (error) {
    throw fileError(
      'file-read',
      { what: 'CA directory', path, problem: systemErrorText(error) },
      {
        cause: error,
      },
    )
  }
  if (certificates.size === 0) {
    throw usageError('no-certificate-in-directory', { path })
  }
  return [...certificates].join('\n')
}
