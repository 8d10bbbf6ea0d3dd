// What a request is answered: status, headers and body as data, before anything is written. `answerImage` is the
// well-behaved server; faults then bend its answer.
import { STATUS_CODES } from 'node:http'
import { type ByteRange, contentRange, parseRange } from './byte-range.js'
import { failedPrecondition, rangeApplies, type Validators } from './preconditions.js'
import type { RequestHead } from './request-parser.js'

/** A piece of a body: a stretch of the image, or bytes at hand. */
export type Segment =
  | { readonly offset: number; readonly length: number }
  | { readonly bytes: Uint8Array }

/** What becomes of the body at `afterBytes`; a stall without `ms` never ends. */
export interface Cut {
  readonly afterBytes: number
  readonly how: 'reset' | 'close' | 'stall'
  readonly ms?: number | undefined
}

/** What happens instead of, or before, the head. */
export type Prelude = {
  readonly how: 'reset' | 'garbage' | 'stall'
  readonly ms?: number | undefined
}

/** One answer, ready to be written. */
export interface Answer {
  status: number
  /** In order; names as written on the wire. Content-Length is not among them: it is `contentLength`. */
  headers: [name: string, value: string][]
  body: Segment[]
  /** Undefined: no Content-Length. */
  contentLength: number | undefined
  /** HEAD and 304: headers as for a GET, without the body. */
  headOnly: boolean
  chunked: boolean
  prelude?: Prelude
  cut?: Cut
  /** A rate of this answer's own, bytes per second. */
  bytesPerSecond?: number
  /** Close the connection behind the answer, with notice (`Connection: close`) or without. */
  close: 'announced' | 'unannounced' | undefined
}

/** What is served: the image as this request sees it. */
export interface Representation extends Validators {
  readonly size: number
}

/** How the server deals with ranges and HEAD. */
export interface AnswerOptions {
  /** False: Range headers are ignored. */
  readonly ranges: boolean
  /** Whether `Accept-Ranges: bytes` is sent (only with `ranges`). */
  readonly acceptRanges: boolean
  /** True, or the status that refuses HEAD. */
  readonly head: true | number
}

/** Bytes of the body. */
export function bodyLength(body: readonly Segment[]): number {
  return body.reduce((sum, part) => sum + ('bytes' in part ? part.bytes.length : part.length), 0)
}

/** The range of the image that a request asks for and gets. */
export function requestedRange(
  request: RequestHead,
  representation: Representation,
  options: AnswerOptions,
): ByteRange | 'unsatisfiable' | undefined {
  if (!options.ranges || request.method !== 'GET') return undefined
  if (!rangeApplies(request.headers, representation)) return undefined
  const { range } = request.headers
  return parseRange(range, representation.size)
}

/** An answer with a short text, as errors and redirects have it. */
export function textAnswer(
  status: number,
  headers: [string, string][] = [],
  text?: string,
): Answer {
  const bytes = Buffer.from(text ?? `${status} ${STATUS_CODES[status] ?? 'Unknown'}\n`)
  return {
    status,
    headers: [['Content-Type', 'text/plain'], ...headers],
    body: [{ bytes }],
    contentLength: bytes.length,
    headOnly: false,
    chunked: false,
    close: undefined,
  }
}

/** The right answer to GET or HEAD of the image. */
export function answerImage(
  request: RequestHead,
  representation: Representation,
  options: AnswerOptions,
): Answer {
  const headOnly = request.method === 'HEAD'
  if (headOnly && options.head !== true) return { ...textAnswer(options.head), headOnly }

  const headers: [string, string][] = [['Content-Type', 'application/octet-stream']]
  if (options.ranges && options.acceptRanges) headers.push(['Accept-Ranges', 'bytes'])
  if (representation.etag !== undefined) headers.push(['ETag', representation.etag])
  if (representation.lastModified !== undefined) {
    headers.push(['Last-Modified', representation.lastModified.toUTCString()])
  }

  const precondition = failedPrecondition(request.headers, representation)
  if (precondition === 412) return { ...textAnswer(412), headOnly }
  const whole: Answer = {
    status: 200,
    headers,
    body: [{ offset: 0, length: representation.size }],
    contentLength: representation.size,
    headOnly,
    chunked: false,
    close: undefined,
  }
  if (precondition === 304)
    return { ...whole, status: 304, contentLength: undefined, headOnly: true }

  const range = requestedRange(request, representation, options)
  if (range === undefined) return whole
  if (range === 'unsatisfiable') {
    return textAnswer(416, [['Content-Range', `bytes */${representation.size}`]])
  }
  const length = range.last - range.first + 1
  return {
    ...whole,
    status: 206,
    headers: [...headers, ['Content-Range', contentRange(range, representation.size)]],
    body: [{ offset: range.first, length }],
    contentLength: length,
  }
}

/** The head as it goes out, in bytes. */
export function encodeHead(answer: Answer, date: Date): Buffer {
  const lines = [`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? 'Unknown'}`]
  lines.push(`Date: ${date.toUTCString()}`)
  for (const [name, value] of answer.headers) lines.push(`${name}: ${value}`)
  if (answer.chunked) lines.push('Transfer-Encoding: chunked')
  else if (answer.contentLength !== undefined) lines.push(`Content-Length: ${answer.contentLength}`)
  lines.push(`Connection: ${answer.close === 'announced' ? 'close' : 'keep-alive'}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}
