// Reads what flags name: secrets from files, descriptors and the terminal, certificates, cookies. In
// a fixed order, as several may come from lines of standard input.

import { readCookieJar } from './cookie-jar-file.js'
import { readCaDirectory, readPrivateFile, readTextFile } from './input-files.js'
import type { InputFlags, ReadOptions } from './input-flags.js'
import { namesSource, readSecret, readSecretFile, type SecretSources } from './secret-input.js'
import { readTlsCertificates, readTlsPsk } from './tls-files.js'
import { usageError } from './usage-error.js'
import type { Warn } from './warning.js'

/**
 * The options that `inputs` stand for.
 *
 * @throws {FileError} if something cannot be read
 * @throws {UsageError} if what is read cannot be used, or two flags give the same
 */
export async function readInputs(inputs: InputFlags, sources: SecretSources): Promise<ReadOptions> {
  const { warn } = sources
  const password = await secretOf('password', inputs.password, inputs.passwordFile, sources)
  const bearerToken = await secretOf(
    'bearer token',
    inputs.bearerToken,
    inputs.bearerTokenFile,
    sources,
  )
  const proxyPassword = await secretOf(
    'proxy password',
    inputs.proxyPassword,
    inputs.proxyPasswordFile,
    sources,
  )
  const clientKeyPassphrase = await fileOf('key passphrase', inputs.keyPassphraseFile, sources)
  const statusToken = await fileOf('status token', inputs.statusTokenFile, sources)
  const cookie = await cookieOf(inputs.cookie, sources)
  const cookies = await cookiesOf(inputs, warn)
  const ca = await caOf(inputs)
  const { cert, key, proxyCacert, tlsCertificates, tlsPsk } = inputs
  const found: ReadOptions = {
    password,
    bearerToken,
    proxyPassword,
    clientKeyPassphrase,
    statusToken,
    cookie,
    cookies,
    ca,
    // A certificate is public, a file with both is not.
    clientCertificate:
      cert === undefined ? undefined : await readTextFile(cert, 'client certificate'),
    clientKey: key === undefined ? undefined : await readPrivateFile(key, 'client key', warn),
    proxyCa: proxyCacert === undefined ? undefined : await readTextFile(proxyCacert, 'CA file'),
    tlsCertificates:
      tlsCertificates === undefined ? undefined : await readTlsCertificates(tlsCertificates, warn),
    tlsPsk: tlsPsk === undefined ? undefined : await readTlsPsk(tlsPsk, warn),
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}

/** Checks that no secret is given twice, without reading any. @throws {UsageError} otherwise */
export function checkInputs(inputs: InputFlags): void {
  for (const [one, other, what] of [
    ['password', 'passwordFile', 'password'],
    ['bearerToken', 'bearerTokenFile', 'bearer-token'],
    ['proxyPassword', 'proxyPasswordFile', 'proxy-password'],
  ] as const) {
    if (inputs[one] !== undefined && inputs[other] !== undefined) {
      throw usageError('secret-twice', { what })
    }
  }
}

async function secretOf(
  what: string,
  text: string | undefined,
  file: string | undefined,
  sources: SecretSources,
): Promise<string | undefined> {
  if (text !== undefined) return await readSecret(text, what, sources)
  return await fileOf(what, file, sources)
}

async function fileOf(
  what: string,
  file: string | undefined,
  sources: SecretSources,
): Promise<string | undefined> {
  return file === undefined ? undefined : await readSecretFile(file, what, sources)
}

async function cookieOf(
  text: string | undefined,
  sources: SecretSources,
): Promise<string | undefined> {
  if (text === undefined || !namesSource(text)) return text
  return await readSecret(text, 'cookie', sources)
}

async function cookiesOf(
  { cookieFile, cookieJar }: InputFlags,
  warn: Warn,
): Promise<string | undefined> {
  if (cookieFile === undefined && cookieJar === undefined) return undefined
  const kept = cookieJar === undefined ? '' : await readCookieJar(cookieJar, warn)
  const given = cookieFile ? await readPrivateFile(cookieFile, 'cookie file', warn) : ''
  return `${kept}\n${given}`
}

async function caOf({ cacert, capath }: InputFlags): Promise<string | undefined> {
  if (cacert === undefined && capath === undefined) return undefined
  const file = cacert === undefined ? '' : await readTextFile(cacert, 'CA file')
  const directory = capath === undefined ? '' : await readCaDirectory(capath)
  return `${file}\n${directory}`
}
