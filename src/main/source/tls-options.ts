// TLS settings as given, checked with OpenSSL before anything is started: versions, cipher suites,
// certificates and keys.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import type { ClientCertificate, Network, TlsVersion } from '../../shared/transport.js'
import { UsageError } from '../usage-error.js'

/** Names users know to OpenSSL's, lowest first. */
export const TLS_VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const

const OPENSSL_NAMES: Readonly<Record<string, TlsVersion>> = {
  '1.0': 'TLSv1',
  '1.1': 'TLSv1.1',
  '1.2': 'TLSv1.2',
  '1.3': 'TLSv1.3',
}

/** @throws {UsageError} if a version is none, or the lowest is above the highest */
export function tlsVersions(
  min: string | undefined,
  max: string | undefined,
): Pick<Network, 'tlsMin' | 'tlsMax'> {
  const tlsMin = version(min, '--tls-min')
  const tlsMax = version(max, '--tls-max')
  // Node's own lowest is 1.2: asking for no more than 1.1 means to allow it.
  const low = tlsMin ?? (tlsMax !== undefined && tlsMax < 'TLSv1.2' ? tlsMax : undefined)
  if (low !== undefined && tlsMax !== undefined && low > tlsMax) {
    throw new UsageError(`Cannot use --tls-min ${min} with --tls-max ${max}: it is the higher one`)
  }
  return { ...(low !== undefined && { tlsMin: low }), ...(tlsMax !== undefined && { tlsMax }) }
}

function version(given: string | undefined, flag: string): TlsVersion | undefined {
  if (given === undefined) return undefined
  const name = OPENSSL_NAMES[given]
  if (name !== undefined) return name
  throw new UsageError(`Cannot use '${given}' for ${flag}: expected ${TLS_VERSIONS.join(', ')}`)
}

/**
 * The suites of all versions as OpenSSL takes them; undefined leaves them to Node.
 *
 * @param old suites up to TLS 1.2
 * @param tls13 suites of TLS 1.3
 * @throws {UsageError} if OpenSSL knows none of them
 */
export function cipherSuites(
  old: string | undefined,
  tls13: string | undefined,
): string | undefined {
  if (old === undefined && tls13 === undefined) return undefined
  const isNew = (name: string): boolean => name.startsWith('TLS_')
  const defaults = tls.DEFAULT_CIPHERS.split(':')
  if (old?.split(':').some(isNew)) {
    throw new UsageError('Cannot use --ciphers: suites of TLS 1.3 go into --tls13-ciphers')
  }
  if (tls13 !== undefined && !tls13.split(':').every(isNew)) {
    throw new UsageError("Cannot use --tls13-ciphers: names of TLS 1.3 suites begin with 'TLS_'")
  }
  const oldList = old ?? defaults.filter(name => !isNew(name)).join(':')
  const newList = tls13 ?? defaults.filter(isNew).join(':')
  checkCiphers(oldList, '--ciphers')
  checkCiphers(newList, '--tls13-ciphers')
  return `${newList}:${oldList}`
}

function checkCiphers(list: string, flag: string): void {
  try {
    tls.createSecureContext({
      ciphers: list,
      ...(list.startsWith('TLS_') && { minVersion: 'TLSv1.3' }),
    })
  } catch (error) {
    throw new UsageError(`Cannot use ${flag}: OpenSSL knows no such suites`, { cause: error })
  }
}

/**
 * Returns `pem` if it holds certificates.
 *
 * @throws {UsageError} if there is none, or one is broken
 */
export function checkCertificates(pem: string | undefined, flag: string): string | undefined {
  if (pem === undefined) return undefined
  const blocks = certificatesIn(pem)
  if (blocks.length === 0) {
    throw new UsageError(`Cannot use the ${flag}: it has no PEM certificate`)
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block)
    } catch (error) {
      const which = blocks.length === 1 ? 'its certificate' : `certificate ${index + 1}`
      throw new UsageError(`Cannot use the ${flag}: ${which} is broken`, { cause: error })
    }
  }
  return pem
}

/** The PEM blocks of certificates in a text. */
export function certificatesIn(text: string): string[] {
  return (
    text.match(
      /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED )?CERTIFICATE-----/g,
    ) ?? []
  )
}

/** What makes a client certificate. */
export interface ClientCertificateOptions {
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly passphrase?: string | undefined
  /** Scheme, host and port of the image's URL. */
  readonly origin: string
}

/**
 * A client certificate with its key decrypted, or undefined if none is given.
 *
 * @throws {UsageError} if certificate and key can't be used, or not together
 */
export function clientCertificate(
  options: ClientCertificateOptions,
): ClientCertificate | undefined {
  const { key, passphrase, origin } = options
  const cert = checkCertificates(options.cert, '--cert')
  if (cert === undefined) {
    if (key === undefined && passphrase === undefined) return undefined
    throw new UsageError('Cannot use --key without --cert: a key alone proves nothing')
  }
  if (!origin.startsWith('https:')) {
    throw new UsageError('Cannot use --cert: the URL is not https')
  }
  const privateKey = decrypt(key ?? cert, passphrase)
  const [own = ''] = certificatesIn(cert)
  if (!new X509Certificate(own).checkPrivateKey(privateKey)) {
    throw new UsageError('Cannot use --key: it does not belong to the certificate of --cert')
  }
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  return { origin, cert, key: pem }
}

function decrypt(pem: string, passphrase: string | undefined): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase && { passphrase }) })
  } catch (error) {
    const encrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)
    if (encrypted) {
      throw new UsageError(
        passphrase === undefined
          ? 'Cannot use --key: it is encrypted, give --key-passphrase-file'
          : 'Cannot use --key: the passphrase does not open it',
        { cause: error },
      )
    }
    throw new UsageError('Cannot use --key: it has no PEM private key', { cause: error })
  }
}
