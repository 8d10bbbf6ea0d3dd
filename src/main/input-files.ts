// Files named on the command line that hold more than a line: certificates, keys, cookies. Read before
// the start, so that a wrong path is one clear line and not a failed request.

import { randomBytes } from 'node:crypto'
import { open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { FileError, systemErrorText } from './file-error.js'
import { warnIfOpen } from './secret-input.js'
import { certificatesIn } from './source/tls-options.js'
import { UsageError } from './usage-error.js'

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
export async function readPrivateFile(
  path: string,
  what: string,
  warn: (message: string) => void,
): Promise<string> {
  return await readText(path, what, warn)
}

async function readText(
  path: string,
  what: string,
  warn: (message: string) => void,
): Promise<string> {
  try {
    await using file = await open(path, 'r')
    const status = await file.stat()
    warnIfOpen(status, `the ${what} '${path}'`, warn)
    if (status.size > MAX_FILE_BYTES) {
      throw new FileError(`Cannot read the ${what} '${path}': it is larger than 16 MiB`)
    }
    return await file.readFile('utf8')
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError(`Cannot read the ${what} '${path}': ${systemErrorText(error)}`, {
      cause: error,
    })
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
    throw new FileError(`Cannot read the CA directory '${path}': ${systemErrorText(error)}`, {
      cause: error,
    })
  }
  if (certificates.size === 0) {
    throw new UsageError(`Cannot use '${path}' for --capath: no file in it has a PEM certificate`)
  }
  return [...certificates].join('\n')
}

/**
 * Text of a cookie jar, '' if there is none yet.
 *
 * @throws {FileError} if it cannot be read
 * @throws {UsageError} if it is not a plain file: writing it back would replace a device
 */
export async function readCookieJar(
  path: string,
  warn: (message: string) => void,
): Promise<string> {
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new FileError(`Cannot read the cookie jar '${path}': ${systemErrorText(error)}`, {
      cause: error,
    })
  })
  if (status === undefined) return ''
  if (!status.isFile()) {
    throw new UsageError(
      `Cannot use '${path}' for --cookie-jar: it is not a plain file; --cookie-file '' keeps cookies without saving them`,
    )
  }
  return await readPrivateFile(path, 'cookie jar', warn)
}

/**
 * Writes a cookie jar whole or not at all, readable by its owner alone.
 *
 * @throws {FileError} if it cannot be written
 */
export async function writeCookieJar(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await using file = await open(temporary, 'wx', 0o600)
    await file.writeFile(text)
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw new FileError(`Cannot write the cookie jar '${path}': ${systemErrorText(error)}`, {
      cause: error,
    })
  }
}
