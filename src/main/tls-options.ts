// TLS among the options: what a caller gives, checked, and made into what accepts clients.

import { optionEntry } from './option-table.js'
import { TlsAcceptor, type TlsCertificates } from './tls-acceptor.js'
import { usageError } from './usage-error.js'

/** The part of `ServerOptions` that is about TLS. */
export interface TlsServerOptions {
  /** 'off': not offered; 'on': clients choose; 'require': nothing without it. Default 'off'. */
  readonly tls?: 'off' | 'on' | 'require' | undefined
  /** The server's certificate, PEM texts. Default: none; TLS needs this or `tlsPsk`. */
  readonly tlsCertificates?: TlsCertificates | undefined
  /** True lets in only clients with a certificate of `tlsCertificates.ca`. Default false. */
  readonly tlsVerifyPeer?: boolean | undefined
  /** Pre-shared keys in hex, 16 to 256 bytes, by user name. Default: none. */
  readonly tlsPsk?: Readonly<Record<string, string>> | undefined
}

/** Shorter ones can be guessed from a recorded handshake. */
const MIN_KEY_BYTES = 16
/** OpenSSL takes no more. */
const MAX_KEY_BYTES = 256

/**
 * @returns undefined for 'off'
 * @throws {UsageError} for whatever can't work or would be less than what was asked for
 */
export function resolveTls(options: TlsServerOptions): TlsAcceptor | undefined {
  const { tls = 'off', tlsCertificates: certificates, tlsVerifyPeer: verifyPeer = false } = options
  const { tlsPsk } = options
  const { choices } = optionEntry('tls')
  if (!choices?.includes(tls)) {
    throw usageError('value', { value: tls, flag: '--tls', expected: 'off, on or require' })
  }
  if (tls === 'off') {
    const given =
      (certificates !== undefined && '--tls-certificates') ||
      (tlsPsk !== undefined && '--tls-psk') ||
      (verifyPeer && '--tls-verify-peer')
    if (!given) return undefined
    throw usageError('tls-off', { flag: given })
  }
  if (certificates === undefined && tlsPsk === undefined) {
    throw usageError('tls-no-identity', { mode: tls })
  }
  if (verifyPeer && certificates?.ca === undefined) {
    throw usageError('tls-no-ca')
  }
  const keys = tlsPsk === undefined ? undefined : checkKeys(tlsPsk)
  try {
    return new TlsAcceptor({ certificates, verifyPeer, keys }, tls === 'require')
  } catch (error) {
    throw usageError(
      'tls-certificates',
      { problem: opensslReason(error) },
      {
        cause: error,
      },
    )
  }
}

function checkKeys(tlsPsk: Readonly<Record<string, string>>): ReadonlyMap<string, Buffer> {
  const keys = new Map<string, Buffer>()
  for (const [user, hex] of Object.entries(tlsPsk)) {
    const key = Buffer.from(hex, 'hex')
    const isHex = hex.length % 2 === 0 && /^[0-9a-f]*$/i.test(hex)
    if (!isHex || key.length < MIN_KEY_BYTES || key.length > MAX_KEY_BYTES) {
      throw usageError('tls-key-form', { user, least: MIN_KEY_BYTES, most: MAX_KEY_BYTES })
    }
    keys.set(user, key)
  }
  if (keys.size === 0) throw usageError('tls-no-key')
  return keys
}

/** 'error:0B080074:x509 certificate routines::key values mismatch' → 'key values mismatch' */
function opensslReason(error: unknown): string {
  const { message } = error as Error
  return message.split(':').at(-1)?.trim() || message
}
