// Turns the errors of undici, the TLS stack and the operating system into failures that can cross
// to the main thread: a code that names the cause and one line without host names, URLs or headers.

import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import { quoted } from '../shared/quotation.js'
import { ProxyError } from './proxy-error.js'

/** How far the request had come. */
export interface RequestProgress {
  /** It was written to an open connection. */
  readonly sent: boolean
  /** The response's head had arrived. */
  readonly answered: boolean
  /** That head announced more bytes than have come. */
  readonly announced?: boolean
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

/** Characters shown of a text that a library or the system has for an error. */
const MAX_PROBLEM = 200

/** Codes of OpenSSL's certificate checks, of node:tls and of OpenSSL itself. */
const TLS_CODE =
  /^(CERT_|CRL_|DEPTH_ZERO_|EPROTO$|ERROR_IN_C|ERR_OSSL_|ERR_SSL_|ERR_TLS_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|SELF_SIGNED_|UNABLE_TO_)/

/** … those of a certificate of the server's that we do not accept … */
const CERTIFICATE = /CERT|CRL_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|UNABLE_TO_/
/** … and what OpenSSL calls a server's word that a certificate of ours is missing, or not accepted. */
export const CERTIFICATE_REFUSED = /_ALERT_(?:\w*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/

/** Describes an error that ended a request. Never throws, whatever it is given. */
export function failureOfError(error: unknown, progress: RequestProgress): Failure {
  if (error instanceof ProxyError) return proxyFailure(error, progress)
  const { name, code, message } = partsOf(error)
  const { sent, answered, announced = false, fresh } = progress
  const connection = { freshConnection: fresh }
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
      return failureOf('connect-timeout', 'failed')
    case 'UND_ERR_HEADERS_TIMEOUT':
      return failureOf('first-byte-timeout', 'no-answer')
    case 'UND_ERR_BODY_TIMEOUT':
      return failureOf('body-timeout', 'stopped')
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      // What the parser can't read is called so, too, once a length was announced.
      return answered ? failureOf('short-body', 'announced') : failureOf('protocol', 'not-http')
    case 'UND_ERR_HEADERS_OVERFLOW':
      return failureOf('protocol', 'header-large')
    case 'ERR_ASSERTION':
      // undici's way to meet some answers that can't be, such as status 000.
      return failureOf('protocol', 'not-http')
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
      return failureOf('internal', 'send', { problem: tidied(message) })
    case 'UND_ERR_ABORTED':
    case 'UND_ERR_CLOSED':
    case 'UND_ERR_DESTROYED':
      return cancelledFailure()
  }
  // In the middle of an answer the setup is long past: bytes were damaged on their way, which is no
  // reason to give up.
  if (TLS_CODE.test(code) && !answered) return tlsFailure(error, code, message)
  if (!sent) return failureOf('connect', 'failed', { problem: words(code, message) })
  // By its name: undici leaves out the HPE_ code of most.
  if (name === 'HTTPParserError' || code.startsWith('HPE_')) {
    // The end of the input in the middle of a chunked body: HTTP so far, only too little of it.
    if (answered && /\bEOF\b/.test(message)) return shortBody(announced)
    // Not even the first word: often the alert of a server of TLS.
    if (message.includes('(Expected HTTP/')) {
      return failureOf('protocol', 'other', {}, { maybeTls: true })
    }
    return failureOf('protocol', 'parser', { problem: tidied(message) })
  }
  if (code === 'UND_ERR_INFO' || code.startsWith('ERR_HTTP2_')) {
    // HTTP/2 tells of a stream or a whole connection that was ended.
    if (answered) return shortBody(announced)
    return failureOf('reset', 'broken', { problem: tidied(message) }, connection)
  }
  if (code === 'UND_ERR_SOCKET') {
    // undici's word for the one interim answer that it does not take.
    if (message === 'bad response') return failureOf('protocol', 'continue')
    if (message.startsWith('bad ')) {
      return failureOf('protocol', 'sent', { problem: tidied(message) })
    }
    if (answered) return shortBody(announced)
    return failureOf('reset', 'closed', {}, connection)
  }
  return failureOf('reset', 'broken', { problem: words(code, message) }, connection)
}

/** Describes an exception of this program's own code, with the place it came from. */
export function failureOfDefect(error: unknown): Failure {
  const { message } = partsOf(error)
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const place = /([\w.-]+\.[cm]?[jt]s:\d+)/.exec(stack)?.[1]
  return failureOf('internal', 'defect', {
    problem: tidied(message) || 'unknown exception',
    place: place === undefined ? '' : ` (${place})`,
  })
}

/** The failure of a request whose owner asked to let go. */
export function cancelledFailure(): Failure {
  return failureOf('cancelled', 'given-up')
}

function shortBody(announced: boolean): Failure {
  return failureOf('short-body', announced ? 'announced' : 'within')
}

function tlsFailure(error: unknown, code: string, message: string): Failure {
  // OpenSSL's message holds source paths and addresses; its reason is what it has to say.
  const reason = error instanceof Error && 'reason' in error ? String(error.reason) : message
  // The reason of this one lists host names.
  const text =
    code === 'ERR_TLS_CERT_ALTNAME_INVALID'
      ? 'the certificate is for another host name'
      : tidied(reason)
  // OpenSSL's word for bytes that are no TLS at all.
  const plain = text === 'wrong version number' ? 'the server does not speak it' : text
  const isFinal = CERTIFICATE.test(code) || CERTIFICATE_REFUSED.test(code)
  const details = isFinal ? { certificate: true as const } : {}
  return failureOf('tls', 'failed', { problem: plain || code }, details)
}

/** The same words as for an origin, with the proxy named. */
function proxyFailure(error: ProxyError, progress: RequestProgress): Failure {
  const { status, message, cause } = error
  if (status !== undefined) return failureOf('proxy', 'answer', { answer: message }, { status })
  if (cause === undefined) return failureOf('connect', 'by-proxy', { problem: message })
  const failure = failureOfError(cause, { ...progress, sent: false })
  const problem = failure.message.replace(/^[^:]*: /, '')
  switch (failure.code) {
    case 'connect':
      return failureOf('connect', 'to-proxy', { problem })
    case 'connect-timeout':
      return failureOf('connect-timeout', 'to-proxy')
    case 'tls':
      return { ...failure, message: failureOf('tls', 'with-proxy', { problem }).message }
    default:
      return failure
  }
}

function partsOf(error: unknown): { name: string; code: string; message: string } {
  if (!(error instanceof Error)) return { name: '', code: '', message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return { name: error.name, code, message: error.message }
}

/** Messages of system errors name addresses, so only their codes are used. */
function words(code: string, message: string): string {
  return WORDS[code] ?? (code || tidied(message) || 'unknown error')
}

function tidied(text: string): string {
  return quoted(text.trim().replace(/\.$/, ''), MAX_PROBLEM)
}
