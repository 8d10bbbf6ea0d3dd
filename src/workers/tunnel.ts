// A connection through a proxy: CONNECT, its answer, and TLS with the origin inside. Only the proxy
// sees the credentials meant for it, and it sees none of the origin's.

import { isIPv6, type Socket } from 'node:net'
import type { buildConnector } from 'undici'
import type { HttpProxy } from '../shared/transport.js'
import { ProxyError } from './proxy-error.js'
import { statusLine } from './range-response.js'

/** Longest head of an answer to CONNECT, bytes. */
const MAX_HEAD_BYTES = 16 * 1024
const END_OF_HEAD = '\r\n\r\n'

/** What a tunnel is made of. */
export interface TunnelParts {
  readonly proxy: HttpProxy
  /** Connects to the proxy, TLS with it included. */
  readonly toProxy: buildConnector.connector
  /** Sets up TLS with the origin over a socket that leads to it. */
  readonly toOrigin: buildConnector.connector
  /** Limit for all of it, milliseconds. */
  readonly timeoutMs: number
}

/** Makes connections to https origins through a proxy. Returns the socket to the proxy, as undici's does. */
export function tunnelConnector(parts: TunnelParts): buildConnector.connector {
  return (options, callback) => {
    let settled = false
    const settle: buildConnector.Callback = (...result) => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      callback(...result)
    }
    const fail = (error: Error): void => {
      outer?.destroy(error)
      settle(error, null)
    }
    let reached = false
    const timer = setTimeout(() => {
      const late = Object.assign(new Error('too slow'), { code: 'UND_ERR_CONNECT_TIMEOUT' })
      fail(reached ? late : new ProxyError('no connection', { cause: late }))
    }, parts.timeoutMs)
    const outer = connectOf(parts.toProxy)(addressOf(new URL(parts.proxy.url)), (error, socket) => {
      if (error !== null) {
        fail(new ProxyError('no connection', { cause: error }))
        return
      }
      if (settled) {
        socket.destroy()
        return
      }
      reached = true
      // undici leaves out the brackets of IPv6 addresses.
      const host = isIPv6(options.hostname) ? `[${options.hostname}]` : options.hostname
      const target = `${host}:${options.port || '443'}`
      askForTunnel(socket, target, parts.proxy, refusal => {
        if (refusal !== undefined) fail(refusal)
        else if (!settled) parts.toOrigin({ ...options, httpSocket: socket }, settle)
      })
    })
    return outer
  }
}

/** Makes connections on which an http proxy is asked for http URLs. */
export function forwardConnector(
  proxy: HttpProxy,
  toProxy: buildConnector.connector,
): buildConnector.connector {
  return (_options, callback) =>
    connectOf(toProxy)(addressOf(new URL(proxy.url)), (error, socket) => {
      if (error !== null) callback(new ProxyError('no connection', { cause: error }), null)
      else callback(null, socket)
    })
}

/** Declared to return nothing, but a connector does return its socket: the only way to end a setup. */
function connectOf(
  connector: buildConnector.connector,
): (options: buildConnector.Options, callback: buildConnector.Callback) => Socket | undefined {
  return connector as never
}

function addressOf(url: URL): buildConnector.Options {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return { hostname: withoutBrackets(url.hostname), host: url.host, protocol: url.protocol, port }
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

/** Sends CONNECT and reads its answer; `done` is called once. */
function askForTunnel(
  socket: Socket,
  target: string,
  proxy: HttpProxy,
  done: (refusal: Error | undefined) => void,
): void {
  let head = Buffer.alloc(0)
  const end = (refusal?: Error): void => {
    socket.off('data', onData).off('error', onEnd).off('close', onEnd)
    socket.pause()
    done(refusal)
  }
  const onEnd = (error?: unknown): void =>
    end(
      new ProxyError('no answer', {
        cause: error instanceof Error ? error : Object.assign(new Error(), { code: 'ECONNRESET' }),
      }),
    )
  const onData = (piece: Buffer): void => {
    head = Buffer.concat([head, piece])
    const at = head.indexOf(END_OF_HEAD)
    if (at >= 0) end(readAnswer(head.toString('latin1', 0, at), head.length - at - 4))
    else if (head.length > MAX_HEAD_BYTES) end(new ProxyError('its answer is not HTTP'))
  }
  socket.on('data', onData).on('error', onEnd).on('close', onEnd)
  const lines = [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`]
  if (proxy.authorization !== undefined) lines.push(`Proxy-Authorization: ${proxy.authorization}`)
  socket.write(`${lines.join('\r\n')}${END_OF_HEAD}`, 'latin1')
}

/** Why the proxy's answer opens no tunnel, or undefined if it does. */
function readAnswer(head: string, extraBytes: number): ProxyError | undefined {
  const [first = '', ...fields] = head.split('\r\n')
  const match = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(first)
  if (match === null) return new ProxyError('its answer is not HTTP')
  const status = Number(match[1])
  if (status >= 200 && status < 300) {
    // TLS is ours to begin: bytes before that come from somebody else.
    return extraBytes === 0 ? undefined : new ProxyError('it sends more than its answer')
  }
  const offers = fields.filter(field => /^proxy-authenticate:/i.test(field))
  const unusable = status === 407 && offers.length > 0 && !offers.some(o => /:\s*basic\b/i.test(o))
  const hint = unusable ? '; it does not offer basic authentication' : ''
  const answer = statusLine({ status, statusText: match[2] ?? '' })
  return new ProxyError(`${answer}${hint}`, { status })
}
