// Turns the errors of undici, the TLS stack and the operating system into failures that can cross
// to the main thread: a code that names the cause and one line without host names, URLs or headers.

import type { Failure } from '../shared/failure.js'
import { ProxyError } from './proxy-error.js'

/** How far the request had come. */
export interface RequestProgress {
  /** It was written to an open connection. */
  readonly sent: boolean
  /** The response's head had arrived. */
  readonly answered: boolean
  /** It was the first request of its connection. */
  readonly fresh: boolean
}

/** What system and resolver codes mean, for those an operator meets. */
const WORDS: Readonly<Record<string, string>> = {
  EAFNOSUPPORT: 'the host has no address of the family asked for',
  EACCES: 'permission denied',
  EAI_AGAIN: 'the name server does not answer',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by the server',
  EHOSTUNREACH: 'no route to host',
  EMFILE: 'too many open files',
  ENOENT: 'no such socket',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'host name not found',
  EPIPE: 'connection closed by the server',
  ETIMEDOUT: 'connection timed out',
}

/** Codes of OpenSSL's certificate checks, of node:tls and of OpenSSL itself. */
const TLS_CODE =
  /^(CERT_|CRL_|DEPTH_ZERO_|EPROTO$|ERROR_IN_C|ERR_OSSL_|ERR_SSL_|ERR_TLS_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|SELF_SIGNED_|UNABLE_TO_)/

/** Describes an error that ended a request. Never throws, whatever it is given. */
export function failureOfError(error: unknown, progress: RequestProgress): Failure {
  if (error instanceof ProxyError) return proxyFailure(error, progress)
  const { name, code, message } = partsOf(error)
  const { sent, answered, fresh } = progress
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
      return { code: 'connect-timeout', message: 'Cannot connect: no connection within the limit' }
    case 'UND_ERR_HEADERS_TIMEOUT':
      return { code: 'first-byte-timeout', message: 'no answer within the limit' }
    case 'UND_ERR_BODY_TIMEOUT':
      return { code: 'body-timeout', message: 'the body stopped arriving' }
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return shortBody()
    case 'UND_ERR_HEADERS_OVERFLOW':
      return { code: 'protocol', message: 'the header of the answer is too large' }
    case 'ERR_ASSERTION':
      // undici's way to meet some answers that can't be, such as status 000.
      return { code: 'protocol', message: 'the answer is not valid HTTP' }
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
      return { code: 'internal', message: `Cannot send the request: ${oneLine(message)}` }
    case 'UND_ERR_ABORTED':
    case 'UND_ERR_CLOSED':
    case 'UND_ERR_DESTROYED':
      return { code: 'cancelled', message: 'the request was given up' }
  }
  // In the middle of an answer the setup is long past: bytes were damaged on their way, which is no
  // reason to give up.
  if (TLS_CODE.test(code) && !answered) return tlsFailure(error, code, message)
  if (!sent) return { code: 'connect', message: `Cannot connect: ${words(code, message)}` }
  // By its name: undici leaves out the HPE_ code of most.
  if (name === 'HTTPParserError' || code.startsWith('HPE_')) {
    // The end of the input in the middle of a chunked body: HTTP so far, only too little of it.
    if (answered && /\bEOF\b/.test(message)) return shortBody()
    return { code: 'protocol', message: oneLine(message) }
  }
  if (code === 'UND_ERR_INFO' || code.startsWith('ERR_HTTP2_')) {
    // HTTP/2 tells of a stream or a whole connection that was ended.
    if (answered) return shortBody()
    return { code: 'reset', freshConnection: fresh, message: oneLine(message) }
  }
  if (code === 'UND_ERR_SOCKET') {
    if (message.startsWith('bad ')) {
      return { code: 'protocol', message: `the server sent a ${oneLine(message)}` }
    }
    if (answered) return shortBody()
    return { code: 'reset', freshConnection: fresh, message: 'connection closed by the server' }
  }
  return { code: 'reset', freshConnection: fresh, message: words(code, message) }
}

/** Describes an exception of this program's own code, with the place it came from. */
export function failureOfDefect(error: unknown): Failure {
  const { message } = partsOf(error)
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const place = /([\w.-]+\.[cm]?[jt]s:\d+)/.exec(stack)?.[1]
  return {
    code: 'internal',
    message: `${oneLine(message) || 'unknown exception'}${place === undefined ? '' : ` (${place})`}`,
  }
}

/** The failure of a request whose owner asked to let go. */
export function cancelledFailure(): Failure {
  return { code: 'cancelled', message: 'the request was given up' }
}

function shortBody(): Failure {
  return { code: 'short-body', message: 'the body ended before its announced length' }
}

function tlsFailure(error: unknown, code: string, message: string): Failure {
  // OpenSSL's message holds source paths and addresses; its reason is what it has to say.
  const reason = error instanceof Error && 'reason' in error ? String(error.reason) : message
  // The reason of this one lists host names.
  const text =
    code === 'ERR_TLS_CERT_ALTNAME_INVALID'
      ? 'the certificate is for another host name'
      : oneLine(reason)
  // OpenSSL's word for bytes that are no TLS at all.
  const plain = text === 'wrong version number' ? 'the server does not speak it' : text
  return { code: 'tls', message: `Cannot set up TLS: ${plain || code}` }
}

/** The same words as for an origin, with the proxy named. */
function proxyFailure(error: ProxyError, progress: RequestProgress): Failure {
  const { status, message, cause } = error
  if (status !== undefined)
    return { code: 'proxy', status, message: `the proxy answers ${message}` }
  if (cause === undefined) return { code: 'connect', message: `Cannot use the proxy: ${message}` }
  const failure = failureOfError(cause, { ...progress, sent: false })
  const words = failure.message
    .replace(/^Cannot connect:/, 'Cannot connect to the proxy:')
    .replace(/^Cannot set up TLS:/, 'Cannot set up TLS with the proxy:')
  return { ...failure, message: words }
}

function partsOf(error: unknown): { name: string; code: string; message: string } {
  if (!(error instanceof Error)) return { name: '', code: '', message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return { name: error.name, code, message: error.message }
}

/** Messages of system errors name addresses, so only their codes are used. */
function words(code: string, message: string): string {
  return WORDS[code] ?? (code || oneLine(message) || 'unknown error')
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().replace(/\.$/, '').slice(0, 200)
}
