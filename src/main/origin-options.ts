// Options about how origins are reached and what they are told, as a caller gives them. Part of
// ServerOptions; checked by network-options.ts and source/credentials.ts.

/** Each name is that of a flag, in camel case; what flags read from files is given as text. */
export interface OriginOptions {
  /** User name at the origin, without ':'. Default: none, or the URL's. */
  readonly user?: string | undefined
  /** Password that goes with `user`. Default: none, or the URL's. */
  readonly password?: string | undefined
  /** Sent as `Authorization: Bearer`, to the URL's own origin alone. Not together with `user`. Default: none. */
  readonly bearerToken?: string | undefined
  /** Text of the Cookie header. Default: none. */
  readonly cookie?: string | undefined
  /**
   * Text of a cookie file in Netscape's format, or of Set-Cookie lines; '' begins without any. Given,
   * cookies that servers set are kept and sent back. Default: they are not.
   */
  readonly cookies?: string | undefined
  /**
   * Request headers for the URL's own scheme, host and port; never sent elsewhere. null leaves out
   * one that is sent by default (User-Agent). Default: none.
   */
  readonly headers?: Readonly<Record<string, string | null>> | undefined
  /** Text of the User-Agent header, for every origin; '' sends none. Default: this program and its version. */
  readonly userAgent?: string | undefined
  /** PEM certificates trusted besides Node's own (the text, not a path). Default: none. */
  readonly ca?: string | undefined
  /** True accepts any server certificate. Default false. */
  readonly insecure?: boolean | undefined
  /** PEM certificate shown to the URL's own origin, with its chain (the text, not a path). Default: none. */
  readonly clientCertificate?: string | undefined
  /** PEM key of `clientCertificate`. Default: the one in the same text. */
  readonly clientKey?: string | undefined
  /** Passphrase of an encrypted key. Default: none. */
  readonly clientKeyPassphrase?: string | undefined
  /** Lowest TLS version: '1.0', '1.1', '1.2' or '1.3'. Default '1.2'. */
  readonly tlsMin?: string | undefined
  /** Highest TLS version. Default '1.3'. */
  readonly tlsMax?: string | undefined
  /** Cipher suites for TLS 1.2 and older, OpenSSL's names parted by colons. Default: Node's. */
  readonly ciphers?: string | undefined
  /** Cipher suites for TLS 1.3, parted by colons. Default: Node's. */
  readonly tls13Ciphers?: string | undefined
  /** `http://` or `https://` URL of a proxy; '' uses none, whatever `env` says. Default: what `env` says. */
  readonly proxy?: string | undefined
  /** User name at the proxy. Default: none, or the proxy URL's. */
  readonly proxyUser?: string | undefined
  /** Password that goes with `proxyUser`. Default: none, or the proxy URL's. */
  readonly proxyPassword?: string | undefined
  /** PEM certificates trusted for an https proxy itself, besides Node's own. Default: none. */
  readonly proxyCa?: string | undefined
  /** True accepts any certificate of an https proxy. Default false. */
  readonly proxyInsecure?: boolean | undefined
  /** Hosts reached without a proxy, parted by commas; '*' is all. Default: what `env` says. */
  readonly noproxy?: string | undefined
  /**
   * Environment whose http_proxy, https_proxy, all_proxy and no_proxy count, as with curl. The command
   * hands in its own. Default: none.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** `HOST:PORT:ADDRESS[,ADDRESS...]`: where to find a host. Default: none. */
  readonly resolve?: readonly string[] | undefined
  /** True connects to IPv4 addresses alone. Default false. */
  readonly ipv4?: boolean | undefined
  /** True connects to IPv6 addresses alone. Default false. */
  readonly ipv6?: boolean | undefined
  /** Unix socket to connect to instead of the URL's host and port. Default: none. */
  readonly unixSocketPath?: string | undefined
  /** Idle time before TCP asks whether the server still lives: seconds, 0 (never) to 32767. Default 60. */
  readonly tcpKeepalive?: number | undefined
  /** '1.1', or '2' for HTTP/2 with https servers that offer it. Default '1.1'. */
  readonly httpVersion?: string | undefined
  /** Redirects followed at the start, 0 (none) to 100. Default 20. */
  readonly maxRedirects?: number | undefined
  /** Protocols that URL and redirects may use: 'http', 'https' or both parted by a comma. Default both. */
  readonly protocols?: string | undefined
}
