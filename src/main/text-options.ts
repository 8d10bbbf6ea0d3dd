// Which options are texts. Callers without a type checker pass anything, and what is not text would
// fail far from where it was given.

import type { ServerOptions } from './options.js'
import { usageError } from './usage-error.js'

/** Options that are texts, and the flag that messages name them by. */
const TEXTS = {
  unix: '--unix',
  ipaddr: '--ipaddr',
  exportName: '--export-name',
  user: '--user',
  password: '--password-file',
  bearerToken: '--bearer-token-file',
  cookie: '--cookie',
  cookies: '--cookie-file',
  userAgent: '--user-agent',
  ca: '--cacert',
  clientCertificate: '--cert',
  clientKey: '--key',
  clientKeyPassphrase: '--key-passphrase-file',
  tlsMin: '--tls-min',
  tlsMax: '--tls-max',
  ciphers: '--ciphers',
  tls13Ciphers: '--tls13-ciphers',
  proxy: '--proxy',
  proxyUser: '--proxy-user',
  proxyPassword: '--proxy-password-file',
  proxyCa: '--proxy-cacert',
  noproxy: '--noproxy',
  unixSocketPath: '--unix-socket-path',
  protocols: '--protocols',
  httpVersion: '--http-version',
  disk: 'the disk',
  session: '--session',
  cookieScript: '--cookie-script',
  headerScript: '--header-script',
  spool: '--spool',
  status: '--status',
  statusToken: '--status-token-file',
} as const satisfies Partial<Record<keyof ServerOptions, string>>

/** @throws {UsageError} if one is no text */
export function checkTexts(options: ServerOptions): void {
  for (const [key, flag] of Object.entries(TEXTS)) {
    const value: unknown = options[key as keyof typeof TEXTS]
    if (value === undefined || typeof value === 'string') continue
    throw usageError('value-type', { type: typeof value, flag })
  }
}
