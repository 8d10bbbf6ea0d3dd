// The options about how origins are reached, checked and made into what workers take: TLS, proxies,
// addresses. The one place where they meet.

import { isIP, isIPv6 } from 'node:net'
import { resolve as resolvePath } from 'node:path'
import type { Network, ResolveRule } from '../../shared/transport.js'
import { DEFAULTS } from '../defaults.js'
import { optionEntry } from '../option-table.js'
import { checkNumber } from '../option-values.js'
import type { ServerOptions } from '../options.js'
import type { OriginOptions } from '../origin-options.js'
import { usageError } from '../usage-error.js'
import type { Credentials } from './credentials.js'
import { proxyRules } from './proxy-options.js'
import { checkCertificates, cipherSuites, clientCertificate, tlsVersions } from './tls-options.js'

/**
 * The network settings of options whose texts are known to be texts.
 *
 * @param url of the image
 * @param credentials learns of every secret
 * @throws {UsageError} at the first option that cannot be used
 */
export function resolveNetwork(
  options: ServerOptions,
  url: string,
  credentials: Credentials,
): Network {
  const ca = checkCertificates(options.ca, '--cacert')
  const proxyCa = checkCertificates(options.proxyCa, '--proxy-cacert')
  const ciphers = cipherSuites(options.ciphers, options.tls13Ciphers)
  const secret = (text: string): void => credentials.addSecret(text)
  if (options.clientKeyPassphrase !== undefined) secret(options.clientKeyPassphrase)
  const shown = clientCertificate({
    cert: options.clientCertificate,
    key: options.clientKey,
    passphrase: options.clientKeyPassphrase,
    origin: new URL(url).origin,
  })
  const unixSocketPath = socketPath(options)
  const proxies =
    unixSocketPath === undefined
      ? proxyRules(
          {
            proxy: options.proxy,
            user: options.proxyUser,
            password: options.proxyPassword,
            ca: proxyCa,
            insecure: options.proxyInsecure,
            noproxy: options.noproxy,
            env: options.env,
          },
          secret,
        )
      : undefined
  const family = familyOf(options, url)
  const resolve = (options.resolve ?? []).map(resolveRule)
  const keepalive = options.tcpKeepalive ?? DEFAULTS.tcpKeepalive
  return {
    ...(ca !== undefined && { ca }),
    verify: !(options.insecure ?? DEFAULTS.insecure),
    ...tlsVersions(options.tlsMin, options.tlsMax),
    ...(ciphers !== undefined && { ciphers }),
    ...(shown !== undefined && { clientCertificate: shown }),
    ...(wantsHttp2(options) && { http2: true }),
    ...(proxies !== undefined && { proxies }),
    ...(resolve.length > 0 && { resolve }),
    ...(family !== undefined && { family }),
    ...(unixSocketPath !== undefined && { unixSocketPath }),
    tcpKeepaliveMs: checkNumber(optionEntry('tcpKeepalive'), keepalive) * 1000,
  }
}

function wantsHttp2({ httpVersion = '1.1', pipelining = 1 }: ServerOptions): boolean {
  if (httpVersion === '1.1') return false
  if (httpVersion !== '2') {
    throw usageError('value', { value: httpVersion, flag: '--http-version', expected: '1.1 or 2' })
  }
  if (pipelining > 1) {
    throw usageError('pipelining')
  }
  return true
}

function socketPath({ unixSocketPath, proxy }: OriginOptions): string | undefined {
  if (unixSocketPath === undefined) return undefined
  if (unixSocketPath === '' || unixSocketPath.includes('\0')) {
    throw usageError('unix-socket-path')
  }
  if (proxy) {
    throw usageError('one-of-two', { flag: '--unix-socket-path', other: '--proxy' })
  }
  return resolvePath(unixSocketPath)
}

function familyOf({ ipv4, ipv6 }: OriginOptions, url: string): 4 | 6 | undefined {
  if (ipv4 && ipv6) throw usageError('one-of-two', { flag: '--ipv4', other: '--ipv6' })
  if (!ipv4 && !ipv6) return undefined
  const family = ipv4 ? 4 : 6
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0 && isIP(host) !== family) {
    throw usageError('address-family', { family })
  }
  return family
}

/** Reads `HOST:PORT:ADDRESS[,ADDRESS...]`; IPv6 addresses with or without brackets. */
function resolveRule(text: string): ResolveRule {
  const match = /^(\*|\[[0-9a-f:.]+\]|[^:[\]]+):(\d{1,5}):(.+)$/i.exec(text)
  const addresses = (match?.[3] ?? '').split(',').map(part => part.replace(/^\[(.*)\]$/, '$1'))
  const port = Number(match?.[2])
  if (match === null || port < 1 || port > 65535 || !addresses.every(part => isIP(part) !== 0)) {
    throw usageError('value', {
      value: text,
      flag: '--resolve',
      expected: 'HOST:PORT:ADDRESS, as vcenter.example:443:192.0.2.7',
    })
  }
  const host = (match[1] ?? '').replace(/^\[(.*)\]$/, '$1').toLowerCase()
  // What the URL's own host is compared with: addresses as URL writes them.
  return {
    host: isIPv6(host) ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host,
    port,
    addresses,
  }
}
