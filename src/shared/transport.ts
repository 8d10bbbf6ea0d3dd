// How workers reach origins, as plain data: time limits, TLS, proxies, addresses. Fixed for the life
// of the process. Holds secrets (keys, proxy passwords): never log.

/** Versions of TLS by the names OpenSSL gives them. */
export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

/** A certificate to show to one origin, and its key. */
export interface ClientCertificate {
  /** Scheme, host and port of the only origin that is shown it. */
  readonly origin: string
  /** PEM text, the chain behind it included. */
  readonly cert: string
  /** PEM text, not encrypted. */
  readonly key: string
}

/** What a proxy is called and told. */
export interface HttpProxy {
  /** `http://host:port` or `https://host:port`, without user info. */
  readonly url: string
  /** Text of `Proxy-Authorization`. */
  readonly authorization?: string
  /** PEM text of CA certificates trusted for the proxy itself, besides Node's own. */
  readonly ca?: string
  /** False accepts any certificate of the proxy. */
  readonly verify: boolean
}

/** Which origins are reached through which proxy. */
export interface ProxyRules {
  /** For http origins. */
  readonly http?: HttpProxy
  /** For https origins. */
  readonly https?: HttpProxy
  /** Hosts reached directly: names, domains, addresses and networks parted by commas; `*` is all. */
  readonly except: string
}

/** Where a host is to be found, instead of asking the resolver. */
export interface ResolveRule {
  /** Lower case; `*` is any. */
  readonly host: string
  readonly port: number
  readonly addresses: readonly string[]
}

/** The part of a transport that says what a connection leads through. */
export interface Network {
  /** PEM text of CA certificates trusted in addition to Node's own. */
  readonly ca?: string
  /** False accepts any server certificate (`--insecure`). */
  readonly verify: boolean
  /** Bounds of the TLS version, inclusive; absent: those of Node. */
  readonly tlsMin?: TlsVersion
  readonly tlsMax?: TlsVersion
  /** Cipher suites of all versions in OpenSSL's notation. */
  readonly ciphers?: string
  readonly clientCertificate?: ClientCertificate
  /** HTTP/2 with https origins that offer it; absent or false: HTTP/1.1 alone. */
  readonly http2?: boolean
  readonly proxies?: ProxyRules
  readonly resolve?: readonly ResolveRule[]
  /** The only kind of address that is connected to. */
  readonly family?: 4 | 6
  /** Every connection goes to this Unix socket instead of the origin's host and port. */
  readonly unixSocketPath?: string
  /** Idle time before TCP asks whether the other side still lives, milliseconds; 0 never asks. */
  readonly tcpKeepaliveMs?: number
}

/** How to reach origins: named by its index in tasks. */
export interface Transport extends Network {
  /** Limit for TCP, proxy and TLS setup together, milliseconds. */
  readonly connectTimeoutMs: number
  /** Limit from the request sent to the response headers, milliseconds. */
  readonly firstByteTimeoutMs: number
  /** Limit between two pieces of a body, milliseconds. */
  readonly bodyTimeoutMs: number
  /** Requests that may be sent on one connection before their answers (1 = no pipelining). */
  readonly pipelining: number
  /**
   * Connections one worker opens before bulk requests queue on them. Without it, or without
   * pipelining, every request gets a connection of its own.
   */
  readonly connectionsPerWorker?: number
}
