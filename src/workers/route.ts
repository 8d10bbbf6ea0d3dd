// The way from a worker to an origin: directly, by a Unix socket or through a proxy, with the TLS
// settings and addresses asked for. One Router for each transport, as it holds the trusted
// certificates, whose parsing takes milliseconds.

import { isIP, type LookupFunction, type OnReadOpts } from 'node:net'
import tls from 'node:tls'
import type { buildConnector } from 'undici'
import type { HttpProxy, Transport } from '../shared/transport.js'
import { http } from './http-client.js'
import { patientConnector } from './patient-connector.js'
import { proxyFor } from './proxy-choice.js'
import { SHARED_READS } from './socket-reads.js'
import { forwardConnector, tunnelConnector } from './tunnel.js'

/** How requests get to one origin. */
export interface Route {
  readonly connect: buildConnector.connector
  /** True if its sockets carry nothing but HTTP/1.1 with the origin: they may read into one buffer. */
  readonly sharedReads: boolean
  /** Goes before the path in the request line: an http proxy is asked for whole URLs. */
  readonly prefix: string
  /** Header fields for the proxy that answers, names and values in turn. */
  readonly headers: readonly string[]
}

/** What net.connect() and tls.connect() are told beside host and port. */
type ConnectorSettings = Omit<buildConnector.BuildOptions, 'timeout'> & {
  readonly rejectUnauthorized?: boolean
  readonly onread?: OnReadOpts
}

/** Finds the way to each origin of a transport. */
export class Router {
  readonly #transport: Transport
  readonly #contexts = new Map<string, tls.SecureContext | undefined>()

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /**
   * The way to an origin.
   *
   * @param origin scheme, host and port of an http or https URL
   * @throws {Error} if OpenSSL can't use the TLS settings
   */
  to(origin: string): Route {
    const url = new URL(origin)
    const { unixSocketPath, connectTimeoutMs, proxies } = this.#transport
    const proxy = unixSocketPath === undefined ? proxyFor(url, proxies) : undefined
    const tlsSettings = url.protocol === 'https:' ? this.#tlsFor(url.origin) : {}
    if (proxy === undefined) {
      const sharedReads = this.#transport.http2 !== true
      const settings = sharedReads ? { ...tlsSettings, onread: SHARED_READS } : tlsSettings
      return { connect: this.#connector(url, settings), sharedReads, prefix: '', headers: [] }
    }
    const proxyUrl = new URL(proxy.url)
    const toProxy = this.#connector(
      proxyUrl,
      proxyUrl.protocol === 'https:' ? this.#tlsForProxy(proxy) : {},
    )
    if (url.protocol === 'https:') {
      const toOrigin = http.buildConnector({ timeout: connectTimeoutMs, ...tlsSettings })
      const parts = { proxy, toProxy, toOrigin, timeoutMs: connectTimeoutMs }
      return { connect: tunnelConnector(parts), sharedReads: false, prefix: '', headers: [] }
    }
    const { authorization } = proxy
    return {
      connect: forwardConnector(proxy, toProxy),
      sharedReads: false,
      prefix: url.origin,
      headers: authorization === undefined ? [] : ['proxy-authorization', authorization],
    }
  }

  /** Connects to one host and port. */
  #connector(url: URL, tlsSettings: ConnectorSettings): buildConnector.connector {
    const { connectTimeoutMs, family, unixSocketPath, tcpKeepaliveMs, resolve } = this.#transport
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase()
    if (unixSocketPath === undefined && family !== undefined && ![0, family].includes(isIP(host))) {
      return (_options, callback) => {
        const error = new Error('no such address')
        queueMicrotask(() => callback(Object.assign(error, { code: 'EAFNOSUPPORT' }), null))
      }
    }
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
    const rule = resolve?.find(
      entry => entry.port === port && (entry.host === host || entry.host === '*'),
    )
    const addresses = {
      ...(unixSocketPath !== undefined && { socketPath: unixSocketPath }),
      ...(family !== undefined && { family }),
      ...(rule !== undefined && { lookup: fixedLookup(rule.addresses, family) }),
      ...(tcpKeepaliveMs !== undefined && {
        keepAlive: tcpKeepaliveMs > 0,
        keepAliveInitialDelay: tcpKeepaliveMs,
      }),
    }
    const settings = { timeout: connectTimeoutMs, ...addresses, ...tlsSettings }
    return patientConnector(
      autoSelectFamilyAttemptTimeout =>
        http.buildConnector({ ...settings, autoSelectFamilyAttemptTimeout }),
      connectTimeoutMs,
    )
  }

  #tlsFor(origin: string): ConnectorSettings {
    const { ca, verify, clientCertificate, http2 = false } = this.#transport
    const shown = clientCertificate?.origin === origin ? clientCertificate : undefined
    const context = this.#context(`origin ${shown !== undefined}`, {
      ...trusted(ca),
      ...(shown !== undefined && { cert: shown.cert, key: shown.key }),
      ...this.#versions(),
    })
    return {
      rejectUnauthorized: verify,
      allowH2: http2,
      ...(context !== undefined && { secureContext: context }),
    }
  }

  #tlsForProxy({ url, ca, verify }: HttpProxy): ConnectorSettings {
    const context = this.#context(`proxy ${url}`, { ...trusted(ca), ...this.#versions() })
    return { rejectUnauthorized: verify, ...(context !== undefined && { secureContext: context }) }
  }

  #versions(): tls.SecureContextOptions {
    const { tlsMin, tlsMax, ciphers } = this.#transport
    return {
      ...(tlsMin !== undefined && { minVersion: tlsMin }),
      ...(tlsMax !== undefined && { maxVersion: tlsMax }),
      ...(ciphers !== undefined && { ciphers }),
    }
  }

  #context(name: string, options: tls.SecureContextOptions): tls.SecureContext | undefined {
    if (!this.#contexts.has(name)) {
      const needed = Object.keys(options).length > 0
      this.#contexts.set(name, needed ? tls.createSecureContext(options) : undefined)
    }
    return this.#contexts.get(name)
  }
}

/** Certificates trusted besides Node's own. */
function trusted(ca: string | undefined): tls.SecureContextOptions {
  return ca === undefined ? {} : { ca: [...systemCertificates(), ca] }
}

/** Certificates trusted without any option. */
function systemCertificates(): readonly string[] {
  // Since Node 22.15 the trust also follows NODE_EXTRA_CA_CERTS and --use-system-ca.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] }
  return getCACertificates?.('default') ?? tls.rootCertificates
}

/** Answers every question for a host's addresses with the same ones. */
function fixedLookup(addresses: readonly string[], family: 4 | 6 | undefined): LookupFunction {
  const answers = addresses
    .map(address => ({ address, family: isIP(address) }))
    .filter(answer => family === undefined || answer.family === family)
  return (_hostname, options, callback) => {
    const [first] = answers
    // As the resolver does: never before net.connect() has returned.
    process.nextTick(() => {
      if (first === undefined) {
        callback(Object.assign(new Error('no address'), { code: 'EAFNOSUPPORT' }), '')
      } else if (options.all) callback(null, answers)
      else callback(null, first.address, first.family)
    })
  }
}
