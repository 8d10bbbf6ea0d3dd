// Which proxies are used, from options and the environment, by curl's rules: the lower case
// http_proxy alone (a CGI request could set the other), both cases of the rest.

import type { HttpProxy, ProxyRules } from '../../shared/transport.js'
import { UsageError, usageError } from '../usage-error.js'
import { basicAuthorization } from './basic-authorization.js'

/** What the user gave, besides the environment. */
export interface ProxyOptions {
  readonly proxy?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly ca?: string | undefined
  readonly insecure?: boolean | undefined
  readonly noproxy?: string | undefined
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
}

/** curl's, for http proxies without a port. */
const DEFAULT_PORT = 1080

/**
 * The rules, or undefined if no proxy is used at all.
 *
 * @param secret told of every secret
 * @throws {UsageError} for a proxy that can't be used
 */
export function proxyRules(
  options: ProxyOptions,
  secret: (text: string) => void,
): ProxyRules | undefined {
  const { proxy: given, env = {} } = options
  const except = options.noproxy ?? (env['no_proxy'] || env['NO_PROXY'] || '')
  if (given !== undefined) {
    if (given === '') return undefined
    const proxy = readProxy(given, '--proxy', options, secret)
    return { http: proxy, https: proxy, except }
  }
  const fromEnv = (...names: readonly string[]): HttpProxy | undefined => {
    const name = names.find(name => env[name])
    if (name === undefined) return undefined
    try {
      return readProxy(env[name] as string, `the environment's ${name}`, options, secret)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      throw usageError('proxy-variable', { refusal: error.message }, { cause: error })
    }
  }
  const http = fromEnv('http_proxy', 'all_proxy', 'ALL_PROXY')
  const https = fromEnv('https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY')
  if (http === undefined && https === undefined) {
    if (options.user === undefined && options.password === undefined) return undefined
    throw usageError('proxy-user')
  }
  return { ...(http && { http }), ...(https && { https }), except }
}

function readProxy(
  text: string,
  what: string,
  options: ProxyOptions,
  secret: (text: string) => void,
): HttpProxy {
  const refuse = (why: string): never => {
    throw usageError('proxy', { what, problem: why })
  }
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  let url: URL
  try {
    url = new URL(full)
  } catch {
    return refuse('it is not a valid URL, expected http://host:port')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    refuse(`only http and https proxies are supported, not ${url.protocol.slice(0, -1)}`)
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    refuse('it has a path, expected http://host:port')
  }
  const inUrl = (part: string): string | undefined => {
    if (part === '') return undefined
    try {
      return decodeURIComponent(part)
    } catch {
      return refuse("its user name or password has a stray '%', write it as %25")
    }
  }
  const user = options.user ?? inUrl(url.username)
  const password = options.password ?? inUrl(url.password)
  if (password !== undefined) {
    secret(password)
    secret(encodeURIComponent(password))
  }
  const authorization = basicAuthorization(user, password, '--proxy-user')
  if (authorization !== undefined) secret(authorization.slice('Basic '.length))
  // URL leaves out ports that are the scheme's own: only the text tells whether one was given.
  const bare = url.port === '' && !/:\d+\/?$/.test(full)
  if (bare && url.protocol === 'http:') url.port = String(DEFAULT_PORT)
  return {
    url: url.origin,
    ...(authorization !== undefined && { authorization }),
    ...(options.ca !== undefined && { ca: options.ca }),
    verify: !(options.insecure ?? false),
  }
}
