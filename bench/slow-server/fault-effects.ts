// What a fault does: to the image as one request sees it, to how the request is understood, and to the right answer.
import { gzipSync } from 'node:zlib'
import {
  type Answer,
  type AnswerOptions,
  bodyLength,
  type Representation,
  type Segment,
  textAnswer,
} from './answer.js'
import { contentRange } from './byte-range.js'
import type { Fault } from './faults.js'
import type { Image } from './image.js'

/** The image as a request with this fault sees it. */
export function bendRepresentation(
  fault: Fault | undefined,
  representation: Representation,
): Representation {
  switch (fault?.kind) {
    case 'changed-etag':
      return fault.lie === true
        ? representation
        : { ...representation, etag: fault.etag ?? '"changed"' }
    case 'changed-last-modified': {
      const later = new Date((representation.lastModified?.getTime() ?? 0) + 3_600_000)
      const lastModified = fault.lastModified === undefined ? later : new Date(fault.lastModified)
      return { ...representation, lastModified }
    }
    case 'changed-size': {
      const size = fault.size ?? Math.floor(representation.size / 2)
      return { ...representation, size: Math.min(size, representation.size) }
    }
    default:
      return representation
  }
}

/** How the server understands a request with this fault. */
export function bendOptions(fault: Fault | undefined, options: AnswerOptions): AnswerOptions {
  return fault?.kind === 'ignore-range' ? { ...options, ranges: false } : options
}

function replaceHeader(answer: Answer, name: string, value: string | undefined): Answer {
  const headers = answer.headers.filter(([other]) => other !== name)
  if (value !== undefined) headers.push([name, value])
  return { ...answer, headers }
}

function withBody(answer: Answer, body: Segment[]): Answer {
  return { ...answer, body, contentLength: bodyLength(body) }
}

/**
 * Bends the right answer. Faults of ranges and bodies need a 200 or 206 with a body from the image (those of ranges a
 * 206) and leave any other answer as it is.
 */
export function bendAnswer(fault: Fault, answer: Answer, image: Image): Answer {
  switch (fault.kind) {
    case 'status': {
      const retry: [string, string][] =
        fault.retryAfter === undefined ? [] : [['Retry-After', String(fault.retryAfter)]]
      return { ...textAnswer(fault.status, retry), headOnly: answer.headOnly }
    }
    case 'reset-before-headers':
      return { ...answer, prelude: { how: 'reset' } }
    case 'garbage':
      return { ...answer, prelude: { how: 'garbage' } }
    case 'stall-before-headers':
      return { ...answer, prelude: { how: 'stall', ms: fault.ms } }
    case 'slow-body':
      return { ...answer, bytesPerSecond: fault.bytesPerSecond }
    case 'close-after':
      return { ...answer, close: 'unannounced' }
  }
  const [source] = answer.body
  const whole = source !== undefined && 'offset' in source && !answer.headOnly ? source : undefined
  if (whole === undefined) return answer
  switch (fault.kind) {
    case 'reset-mid-body':
      return { ...answer, cut: { afterBytes: fault.afterBytes ?? whole.length >> 1, how: 'reset' } }
    case 'short-body':
      return { ...answer, cut: { afterBytes: fault.afterBytes ?? whole.length >> 1, how: 'close' } }
    case 'stall-mid-body': {
      const afterBytes = fault.afterBytes ?? whole.length >> 1
      return { ...answer, cut: { afterBytes, how: 'stall', ms: fault.ms } }
    }
    case 'chunked':
      return { ...answer, chunked: true }
    case 'gzip': {
      const bytes = gzipSync(image.read(whole.offset, whole.length), { level: 1 })
      return replaceHeader(withBody(answer, [{ bytes }]), 'Content-Encoding', 'gzip')
    }
    case 'long-body':
      return withBody(answer, [whole, { bytes: new Uint8Array(fault.extra ?? 512).fill(0xee) }])
    case 'changed-etag':
      return fault.lie === true ? replaceHeader(answer, 'ETag', fault.etag ?? '"changed"') : answer
  }
  return answer.status === 206 ? bendRange(fault, answer, whole, image.size) : answer
}

function bendRange(
  fault: Fault,
  answer: Answer,
  whole: { readonly offset: number; readonly length: number },
  total: number,
): Answer {
  const { offset, length } = whole
  const claim = (start: number, count: number, size = total): string =>
    contentRange({ first: start, last: start + count - 1 }, size)
  switch (fault.kind) {
    case 'short-range': {
      const part = Math.max(1, Math.min(fault.bytes ?? length >> 1, length))
      const short = withBody(answer, [{ offset, length: part }])
      return fault.lie === true ? short : replaceHeader(short, 'Content-Range', claim(offset, part))
    }
    case 'wrong-range': {
      const shift = fault.shift ?? 512
      const places = [offset + shift, offset - shift]
      const start = places.find(place => place >= 0 && place + length <= total)
      if (start === undefined) return answer
      const moved = withBody(answer, [{ offset: start, length }])
      return fault.lie === true
        ? moved
        : replaceHeader(moved, 'Content-Range', claim(start, length))
    }
    case 'wrong-total': {
      const wrong = total + (fault.delta ?? 1)
      return replaceHeader(answer, 'Content-Range', claim(offset, length, wrong))
    }
    case 'missing-content-range':
      return replaceHeader(answer, 'Content-Range', undefined)
    case 'multipart': {
      const head = [
        '--slow-server-part',
        'Content-Type: application/octet-stream',
        `Content-Range: ${claim(offset, length)}`,
        '',
        '',
      ].join('\r\n')
      const body = [
        { bytes: Buffer.from(head) },
        whole,
        { bytes: Buffer.from('\r\n--slow-server-part--\r\n') },
      ]
      const parts = replaceHeader(withBody(answer, body), 'Content-Range', undefined)
      return replaceHeader(parts, 'Content-Type', 'multipart/byteranges; boundary=slow-server-part')
    }
    default:
      return answer
  }
}
