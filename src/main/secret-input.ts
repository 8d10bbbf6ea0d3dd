// Secrets from where a user keeps them: a file, standard input, another descriptor, or the terminal.
// One line each, without its end.

import { read } from 'node:fs'
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { FileError, fileError, systemErrorText } from './file-error.js'
import { UsageError, usageError } from './usage-error.js'
import { type Warn, warning } from './warning.js'

/** A secret's longest line, bytes: whoever names a disk image by mistake gets an error, not its bytes. */
const MAX_SECRET_BYTES = 16 * 1024
/** Between two looks at a non-blocking descriptor, milliseconds. */
const AGAIN_MS = 20

const readBytes = promisify(read)

/** Where secrets may come from. */
export interface SecretSources {
  /** Descriptor of standard input. Not a stream: that would read what is the --run command's. */
  readonly stdin: number
  /** Asks the user, who types without seeing it. Rejects if there is nobody to ask. */
  readonly ask: (question: string) => Promise<string>
  readonly warn: Warn
}

/**
 * The first line of a file, without its end; `-` reads standard input, and nothing behind that line:
 * the rest is the --run command's. Warns if others can read the file.
 *
 * @param what as messages call it: 'password'
 * @throws {FileError} if it cannot be read
 * @throws {UsageError} if the line is empty or far too long
 */
export function readSecretFile(
  path: string,
  what: string,
  sources: SecretSources,
): Promise<string> {
  return path === '-'
    ? secretLine(`the ${what} on standard input`, () => readLine(sources.stdin))
    : secretLine(`the ${what} file '${path}'`, () => readFirstLine(path, what, sources.warn))
}

/**
 * A secret in nbdkit's notation: itself, `+FILE`, `-FD` (a descriptor), or `-` to ask on the terminal.
 *
 * @throws {FileError} if it cannot be read
 * @throws {UsageError} if what is read is empty or far too long
 */
export async function readSecret(
  text: string,
  what: string,
  sources: SecretSources,
): Promise<string> {
  if (text === '-') return await secretLine(`the ${what}`, () => sources.ask(what))
  const descriptor = /^-(\d{1,9})$/.exec(text)?.[1]
  if (descriptor !== undefined) {
    const name = `the ${what} on descriptor ${descriptor}`
    return await secretLine(name, () => readLine(Number(descriptor)))
  }
  return text.startsWith('+') ? await readSecretFile(text.slice(1), what, sources) : text
}

/** Whether a text names a place to read from, in nbdkit's notation. */
export function namesSource(text: string): boolean {
  return /^(\+|-\d*$)/.test(text)
}

async function secretLine(name: string, from: () => Promise<string>): Promise<string> {
  let line: string
  try {
    line = await from()
  } catch (error) {
    if (error instanceof FileError || error instanceof UsageError) throw error
    throw fileError(
      'secret-read',
      { what: name, problem: systemErrorText(error) },
      { cause: error },
    )
  }
  const secret = line.replace(/\r$/, '')
  if (secret === '') throw usageError('secret-empty', { what: name })
  if (Buffer.byteLength(secret) >= MAX_SECRET_BYTES) {
    throw usageError('secret-long', { what: name })
  }
  return secret
}

async function readFirstLine(path: string, what: string, warn: Warn): Promise<string> {
  await using file = await open(path, 'r')
  warnIfOpen(await file.stat(), `the ${what} file '${path}'`, warn)
  return await readLine(file.fd)
}

/** Warns if others can read a file that holds a secret. */
export function warnIfOpen(
  status: { isFile(): boolean; readonly mode: number },
  name: string,
  warn: Warn,
): void {
  // Pipes, as of a shell's <(command), are private whatever their mode says.
  if (status.isFile() && process.platform !== 'win32' && (status.mode & 0o044) !== 0) {
    warn(warning('secret-readable', { name }))
  }
}

/**
 * Bytes up to the first line break, the end, or the limit, as a shell's `read` takes them: one at a
 * time, so that nothing behind the line is taken from whoever reads the descriptor next.
 */
async function readLine(descriptor: number): Promise<string> {
  const line = Buffer.alloc(MAX_SECRET_BYTES)
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
