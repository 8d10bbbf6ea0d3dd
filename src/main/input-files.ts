// Files named on the command line: the password and the CA certificates, read before the start so
// that a wrong path is one clear line and not a failed request.

import { read } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { getSystemErrorMap, promisify } from 'node:util'
import { UsageError } from './usage-error.js'

/** A file that cannot be read or written; the message says which and why. */
export class FileError extends Error {
  override readonly name = 'FileError'
  readonly code = 'FILE'
}

/** A password's longest line, bytes: whoever names a disk image by mistake gets an error, not its bytes. */
const MAX_PASSWORD_BYTES = 4096
/** Between two looks at a non-blocking descriptor, milliseconds. */
const AGAIN_MS = 20

const readBytes = promisify(read)

/** What the system says of an error, without call and path: 'no such file or directory'. */
export function systemErrorText(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException
  return (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? String(message)
}

/**
 * Text of a CA file.
 *
 * @throws {FileError} if it cannot be read
 */
export async function readCaFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new FileError(`Cannot read the CA file '${path}': ${systemErrorText(error)}`, {
      cause: error,
    })
  }
}

/**
 * The first line of a password file, without its line end; `-` reads the descriptor `stdin`, and
 * nothing behind that line: the rest is the --run command's. Warns if others can read the file.
 *
 * @throws {FileError} if it cannot be read
 * @throws {UsageError} if the line is empty or far too long
 */
export async function readPasswordFile(
  path: string,
  stdin: number,
  warn: (message: string) => void,
): Promise<string> {
  const name = path === '-' ? 'the password on standard input' : `the password file '${path}'`
  let line: string
  try {
    line = path === '-' ? await readLine(stdin) : await readFirstLine(path, warn)
  } catch (error) {
    throw new FileError(`Cannot read ${name}: ${systemErrorText(error)}`, { cause: error })
  }
  const password = line.replace(/\r$/, '')
  if (password === '') throw new UsageError(`Cannot use ${name}: its first line is empty`)
  if (Buffer.byteLength(password) >= MAX_PASSWORD_BYTES) {
    throw new UsageError(`Cannot use ${name}: its first line is longer than 4 KiB`)
  }
  return password
}

async function readFirstLine(path: string, warn: (message: string) => void): Promise<string> {
  await using file = await open(path, 'r')
  const status = await file.stat()
  // Pipes, as of a shell's <(command), are private whatever their mode says.
  if (status.isFile() && process.platform !== 'win32' && (status.mode & 0o044) !== 0) {
    warn(`the password file '${path}' can be read by others: chmod 600 helps`)
  }
  return await readLine(file.fd)
}

/**
 * Bytes up to the first line break, the end, or the limit, as a shell's `read` takes them: one at a
 * time, so that nothing behind the line is taken from whoever reads the descriptor next.
 */
async function readLine(descriptor: number): Promise<string> {
  const line = Buffer.alloc(MAX_PASSWORD_BYTES)
  let bytes = 0
  while (bytes < line.length) {
    try {
      if ((await readBytes(descriptor, line, bytes, 1, null)).bytesRead === 0) break
    } catch (error) {
      // A descriptor that another process has made non-blocking has nothing to read as yet.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await sleep(AGAIN_MS)
      continue
    }
    if (line[bytes] === 0x0a) break
    bytes++
  }
  return line.toString('utf8', 0, bytes)
}
