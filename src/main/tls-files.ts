// The files of --tls-certificates and --tls-psk, read before the start so that a wrong path is one
// clear line and not a failed handshake. Names and formats are those of GnuTLS's tools, which
// nbdkit, libnbd and qemu share.

import { join } from 'node:path'
import { readPrivateFile, readTextFile } from './input-files.js'
import type { TlsCertificates } from './tls-acceptor.js'
import { usageError } from './usage-error.js'
import type { Warn } from './warning.js'

/**
 * `server-cert.pem` and `server-key.pem` of a directory, and `ca-cert.pem` and `ca-crl.pem` if there.
 * @throws {FileError} if one cannot be read
 */
export async function readTlsCertificates(directory: string, warn: Warn): Promise<TlsCertificates> {
  const file = (name: string) => join(directory, name)
  return {
    cert: await readTextFile(file('server-cert.pem'), 'TLS certificate'),
    key: await readPrivateFile(file('server-key.pem'), 'TLS key', warn),
    ca: await readIfThere(file('ca-cert.pem'), 'TLS authorities'),
    crl: await readIfThere(file('ca-crl.pem'), 'TLS revocations'),
  }
}

/**
 * Keys in hex by user, from lines `user:hex`, as psktool writes them. A user name with characters
 * that would break a line is written as # and hex.
 * @throws {FileError} if it cannot be read
 * @throws {UsageError} if a line is not such a one; the message does not repeat it
 */
export async function readTlsPsk(path: string, warn: Warn): Promise<Record<string, string>> {
  const lines = (await readPrivateFile(path, 'TLS keys', warn)).split('\n')
  const keys = new Map<string, string>()
  for (const [index, line] of lines.entries()) {
    const text = line.replace(/\r$/, '')
    if (text === '') continue
    const match = /^([^:]+):([0-9a-f]+)$/i.exec(text)
    if (match === null) {
      throw usageError('tls-keys-line', { path, line: index + 1 })
    }
    const [, user = '', key = ''] = match
    keys.set(/^#([0-9a-f]{2})+$/i.test(user) ? unhex(user.slice(1)) : user, key)
  }
  return Object.fromEntries(keys)
}

const unhex = (text: string): string => Buffer.from(text, 'hex').toString()

async function readIfThere(path: string, what: string): Promise<string | undefined> {
  try {
    return await readTextFile(path, what)
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
