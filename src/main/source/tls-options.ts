// TLS settings as given, checked with OpenSSL before anything is started: versions, cipher suites,
// certificates and keys.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import type { ClientCertificate, Network, TlsVersion } from '../../shared/transport.js'
import { usageError } from '../usage-error.js'

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
    throw usageError('tls-versions', { min: min ?? low, max: max ?? tlsMax })
  }
  return { ...(low !== undefined && { tlsMin: low }), ...(tlsMax !== undefined && { tlsMax }) }
}

function version(given: string | undefined, flag: string): TlsVersion | undefined {
  if (given === undefined) return undefined
  const name = OPENSSL_NAMES[given]
  if (name !== undefined) return name
  throw usageError('value', { value: given, flag, expected: TLS_VERSIONS.join(', ') })
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
    throw usageError('ciphers-13')
  }
  if (tls13 !== undefined && !tls13.split(':').every(isNew)) {
    throw usageError('ciphers-12')
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
    throw usageError('ciphers-unknown', { flag }, { cause: error })
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
    throw usageError('no-certificate', { what: flag })
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block)
    } catch (error) {
      const which = blocks.length === 1 ? 'its certificate' : `certificate ${index + 1}`
      throw usageError('broken-certificate', { what: flag, which }, { cause: error })
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
    throw usageError('key-alone')
  }
  if (!origin.startsWith('https:')) {
    throw usageError('cert-without-tls')
  }
  const privateKey = decrypt(key ?? cert, passphrase)
  const [own = ''] = certificatesIn(cert)
  if (!new X509Certificate(own).checkPrivateKey(privateKey)) {
    throw usageError('key-of-another')
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
      const reason = passphrase === undefined ? 'key-encrypted' : 'key-passphrase'
      throw usageError(reason, {}, { cause: error })
    }
    throw usageError('key-form', {}, { cause: error })
  }
}
