// The server's side of TLS on a connection that has spoken NBD in the clear so far: STARTTLS. Holds
// the certificates and keys, knows nothing of NBD.

import type { Socket } from 'node:net'
import { createServer, DEFAULT_CIPHERS, type TLSSocket, type TlsOptions } from 'node:tls'

/** The server's certificate as PEM texts. */
export interface TlsCertificates {
  /** The server's certificate, and those between it and the authority, if any. */
  readonly cert: string
  readonly key: string
  /** Authorities whose clients are let in by `verifyPeer`. */
  readonly ca?: string | undefined
  /** What these authorities have revoked. */
  readonly crl?: string | undefined
}

/** What clients are let in by. At least one of `certificates` and `keys` is given. */
export interface TlsCredentials {
  readonly certificates: TlsCertificates | undefined
  /** True lets in only clients that show a certificate of `certificates.ca`, or know a key. */
  readonly verifyPeer: boolean
  /** Pre-shared keys by user name. */
  readonly keys: ReadonlyMap<string, Buffer> | undefined
}

/**
 * Suites where there are pre-shared keys, best first. In TLS 1.3 OpenSSL ties such keys to SHA-256: a
 * suite with SHA-384 in front would be taken first, and leave no way but certificates. Those of TLS
 * 1.2 with PSK are ruled out by Node's own list.
 */
const PSK_CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-PSK-CHACHA20-POLY1305',
  'DHE-PSK-AES256-GCM-SHA384',
  'DHE-PSK-AES128-GCM-SHA256',
  'PSK-AES256-GCM-SHA384',
  'PSK-AES128-GCM-SHA256',
]

/** Why somebody is not let in by `verifyPeer`. */
const STRANGER = 'the client shows no certificate of the authority and knows no key'

/** Makes plain connections into encrypted ones. */
export class TlsAcceptor {
  /** True if nothing but the way into TLS is open to a plain connection. */
  readonly required: boolean
  readonly #credentials: TlsCredentials

  /** @throws Error of OpenSSL if certificate and key can't be used, or do not belong together */
  constructor(credentials: TlsCredentials, required: boolean) {
    this.required = required
    this.#credentials = credentials
    // Fails now rather than with the first client.
    createServer(tlsOptions(credentials))
  }

  /**
   * Starts TLS on a connected socket that nobody listens to any more and whose writes are done; what
   * it has received and not handed out is taken for TLS. Rejects, with the socket destroyed, if
   * that is not what the client speaks or it is not let in. Sets no time limit of its own.
   */
  accept(socket: Socket): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      // A server of its own for each, as nothing else tells which of its clients an event is about.
      let named = false
      const server = createServer(
        tlsOptions(this.#credentials, () => {
          named = true
        }),
      )
      server.once('secureConnection', secure => {
        server.removeAllListeners('tlsClientError')
        const knowsKey = named && isByKey(secure)
        if (this.#credentials.verifyPeer && !secure.authorized && !knowsKey) {
          secure.destroy()
          reject(new Error(STRANGER))
          return
        }
        secure.allowHalfOpen = socket.allowHalfOpen = halfOpen
        resolve(secure)
      })
      server.once('tlsClientError', error => {
        socket.destroy()
        reject(error)
      })
      // A client that closes its side before it has said all that a handshake needs is gone.
      const halfOpen = socket.allowHalfOpen
      socket.allowHalfOpen = false
      server.emit('connection', socket)
    })
  }
}

/**
 * True if the session is protected by a key that both sides knew before. Of TLS 1.3 OpenSSL has no other
 * sign than of a session taken up again, and there is none of those: each connection has a server, and thereby
 * secrets for such sessions, of its own.
 */
function isByKey(secure: TLSSocket): boolean {
  if (secure.getProtocol() === 'TLSv1.3') return secure.isSessionReused()
  return /(^|-)PSK-/.test(secure.getCipher().name)
}

/** @param named told that a client has named a key there is, which does not say that it knows it */
function tlsOptions(
  { certificates, verifyPeer, keys }: TlsCredentials,
  named: () => void = () => {},
): TlsOptions {
  return {
    minVersion: 'TLSv1.2',
    // The session's limit for the whole handshake is shorter.
    handshakeTimeout: 24 * 60 * 60 * 1000,
    ...(certificates !== undefined && {
      cert: certificates.cert,
      key: certificates.key,
      ...(verifyPeer && { ca: certificates.ca, crl: certificates.crl }),
    }),
    requestCert: verifyPeer,
    // Where there are keys, too, it is for `accept()`: Node 24 takes a client that knows one for a stranger.
    rejectUnauthorized: verifyPeer && keys === undefined,
    ...(keys !== undefined && {
      ciphers: [...PSK_CIPHERS, ...otherCiphers()].join(':'),
      dhparam: 'auto',
      pskCallback: (_socket: TLSSocket, user: string) => {
        const key = keys.get(user)
        if (key !== undefined) named()
        return key ?? null
      },
    }),
  }
}

function otherCiphers(): string[] {
  return DEFAULT_CIPHERS.split(':').filter(name => name !== '!PSK' && !PSK_CIPHERS.includes(name))
}
