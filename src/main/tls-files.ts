// The files of --tls-certificates and --tls-psk, read before the start so that a wrong path is one
// clear line and not a failed handshake. Names and formats are those of GnuTLS's tools, which
// nbdkit, libnbd and qemu share.

import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FileError, systemErrorText } from './input-files.js'
import type { TlsCertificates } from './tls-acceptor.js'
import { UsageError } from './usage-error.js'

type Warn = (message: string) => void

/**
 * `server-cert.pem` and `server-key.pem` of a directory, and `ca-cert.pem` and `ca-crl.pem` if there.
 * @throws {FileError} if one cannot be read
 */
export async function readTlsCertificates(directory: string, warn: Warn): Promise<TlsCertificates> {
  const file = (name: string) => join(directory, name)
  const key = file('server-key.pem')
  const certificates = {
    cert: await readText(file('server-cert.pem'), 'the TLS certificate'),
    key: await readText(key, 'the TLS key'),
    ca: await readIfThere(file('ca-cert.pem'), 'the TLS authorities'),
    crl: await readIfThere(file('ca-crl.pem'), 'the TLS revocations'),
  }
  await warnIfShared(key, 'the TLS key', warn)
  return certificates
}

/**
 * Keys in hex by user, from lines `user:hex`, as psktool writes them. A user name with characters
 * that would break a line is written as # and hex.
 * @throws {FileError} if it cannot be read
 * @throws {UsageError} if a line is not such a one; the message does not repeat it
 */
export async function readTlsPsk(path: string, warn: Warn): Promise<Record<string, string>> {
  const lines = (await readText(path, 'the TLS keys')).split('\n')
  await warnIfShared(path, 'the file of TLS keys', warn)
  const keys = new Map<string, string>()
  for (const [index, line] of lines.entries()) {
    const text = line.replace(/\r$/, '')
    if (text === '') continue
    const match = /^([^:]+):([0-9a-f]+)$/i.exec(text)
    if (match === null) {
      throw new UsageError(
        `Cannot use the TLS keys '${path}': line ${index + 1} is not of the form user:hex`,
      )
    }
    const [, user = '', key = ''] = match
    keys.set(/^#([0-9a-f]{2})+$/i.test(user) ? unhex(user.slice(1)) : user, key)
  }
  return Object.fromEntries(keys)
}

const unhex = (text: string): string => Buffer.from(text, 'hex').toString()

async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new FileError(`Cannot read ${what} '${path}': ${systemErrorText(error)}`, {
      cause: error,
    })
  }
}

async function readIfThere(path: string, what: string): Promise<string | undefined> {
  try {
    return await readText(path, what)
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function warnIfShared(path: string, what: string, warn: Warn): Promise<void> {
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & 0o044) !== 0) {
    warn(`${what} '${path}' can be read by others: chmod 600 helps`)
  }
}
