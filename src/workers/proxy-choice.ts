// Which proxy, if any, an origin is reached through: the rules of curl for its list of hosts that
// need none (`--noproxy`, NO_PROXY).

import { BlockList, isIP } from 'node:net'
import type { HttpProxy, ProxyRules } from '../shared/transport.js'

/** The proxy for an origin, or undefined if it is reached directly. */
export function proxyFor(origin: URL, rules: ProxyRules | undefined): HttpProxy | undefined {
  const proxy = origin.protocol === 'https:' ? rules?.https : rules?.http
  if (proxy === undefined || rules === undefined) return undefined
  return needsNoProxy(origin.hostname, rules.except) ? undefined : proxy
}

/**
 * True if a list of exceptions names a host. Entries are parted by commas or spaces: `*`, a name (which
 * stands for its subdomains as well, with or without a leading dot), an address, or a network in
 * CIDR notation.
 */
export function needsNoProxy(hostname: string, exceptions: string): boolean {
  const host = withoutBrackets(hostname).toLowerCase().replace(/\.$/, '')
  const family = isIP(host)
  return exceptions.split(/[\s,]+/).some(entry => {
    if (entry === '') return false
    if (entry === '*') return true
    const pattern = withoutBrackets(entry).toLowerCase()
    if (family !== 0) return pattern === host || isInNetwork(host, family, pattern)
    const name = pattern.replace(/^\./, '').replace(/\.$/, '')
    return name !== '' && (host === name || host.endsWith(`.${name}`))
  })
}

function isInNetwork(address: string, family: number, pattern: string): boolean {
  const match = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/.exec(pattern)
  const network = match?.[1] ?? ''
  const prefix = match?.[2] === undefined ? (family === 4 ? 32 : 128) : Number(match[2])
  if (isIP(network) !== family || prefix > (family === 4 ? 32 : 128)) return false
  const kind = family === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(network, prefix, kind)
  return list.check(address, kind)
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
