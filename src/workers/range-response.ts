// Accepts or refuses a response by its head alone, before any byte of the body is taken. Pure: the
// rules of RFC 9110 (ranges, validators, Retry-After) as far as an image needs them, stricter where
// a lenient reading could put wrong bytes into a slot.

import { STATUS_CODES } from 'node:http'
import type { Failure } from '../shared/failure.js'
import { failureOf, validatorChanged } from '../shared/failures.js'
import type { AnswerNotes, ProbeTask, SourceRequest } from '../shared/fetch-task.js'
import { quoted } from '../shared/quotation.js'

/** Of answers that hold a part. */
const PARTIAL = { status: 206 } as const

/** Header fields, names in lower case; a field sent more than once is an array. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

/** Status line and header fields of a final (not 1xx) response. */
export interface ResponseHead {
  readonly status: number
  /** Reason phrase as sent, may be empty. */
  readonly statusText: string
  readonly headers: ResponseHeaders
}

/** What the head of a probe's answer tells. */
export interface ProbedSource {
  readonly totalBytes: number
  /** Body bytes that must follow; 0 if the body (if any) is of no interest. */
  readonly bodyBytes: number
  readonly etag?: string
  readonly lastModified?: string
}

/** Longest delay taken from a server, milliseconds: a day. */
const MAX_RETRY_AFTER_MS = 86_400_000

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** A header field as one string; repeated fields are joined as RFC 9110 has it. */
export function fieldValue(headers: ResponseHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** The `Set-Cookie` fields of a response, for its result; nothing if it has none. */
export function answerNotes(headers: ResponseHeaders): AnswerNotes {
  const fields = headers['set-cookie']
  if (fields === undefined) return {}
  return { setCookies: Array.isArray(fields) ? fields : [fields] }
}

/** True if `etag` is a well-formed strong entity tag, the only kind `If-Match` accepts. */
export function isStrongEtag(etag: string): boolean {
  return /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag)
}

/**
 * Judges the answer to a range request for `[offset, offset + length)` of a pinned source.
 *
 * @param nowMs wall clock, for `Retry-After` in its date form
 * @returns undefined if the body is exactly the bytes asked for, else why it is refused
 */
export function checkRangeResponse(
  head: ResponseHead,
  source: Pick<SourceRequest, 'totalBytes' | 'etag' | 'weakEtag' | 'lastModified'>,
  offset: number,
  length: number,
  nowMs: number,
): Failure | undefined {
  const { status, headers } = head
  if (status === 416) {
    const range = parseContentRange(fieldValue(headers, 'content-range'))
    if (range?.total !== undefined && range.total !== source.totalBytes) {
      return sizeChanged(status, source.totalBytes, range.total)
    }
  }
  if (status !== 206) return refuseStatus(head, nowMs)
  const refused = refuseForm(headers)
  if (refused !== undefined) return refused

  const range = parseContentRange(fieldValue(headers, 'content-range'))
  if (range === undefined) return noContentRange(headers)
  // Before the bounds: a source that shrank may answer with other bounds as well.
  if (range.total !== undefined && range.total !== source.totalBytes) {
    return sizeChanged(status, source.totalBytes, range.total)
  }
  const end = offset + length - 1
  if (range.total === undefined || range.start !== offset || range.end !== end) {
    return otherRange(range, `bytes ${offset}-${end}`)
  }
  return (
    refuseLength(headers, length) ??
    refuseVersion(headers, source) ??
    refuseUnknownVersion(headers, source)
  )
}

/**
 * Reads the answer to a probe, a request for the first `task.length` bytes.
 *
 * @param nowMs wall clock, for `Retry-After` in its date form
 */
export function readProbeResponse(
  head: ResponseHead,
  task: Pick<ProbeTask, 'length'>,
  nowMs: number,
): ProbedSource | Failure {
  const { status, headers } = head
  if (status === 416) {
    const range = parseContentRange(fieldValue(headers, 'content-range'))
    if (range?.total === 0) return probed(headers, 0, 0)
  }
  // No range of an empty file can be satisfied: servers that ignore it then are right to.
  if (status === 200 && fieldValue(headers, 'content-length') === '0') return probed(headers, 0, 0)
  if (status !== 206) return refuseStatus(head, nowMs)
  const refused = refuseForm(headers)
  if (refused !== undefined) return refused

  const range = parseContentRange(fieldValue(headers, 'content-range'))
  if (range === undefined) return noContentRange(headers)
  if (range.total === undefined) {
    return failureOf('wrong-range', 'no-total', {}, PARTIAL)
  }
  const bodyBytes = Math.min(task.length, range.total)
  if (range.start !== 0 || range.end !== bodyBytes - 1) {
    return otherRange(range, `bytes 0-${task.length - 1}`)
  }
  return refuseLength(headers, bodyBytes) ?? probed(headers, range.total, bodyBytes)
}

/** A parsed `Content-Range: bytes …`; start and end are missing in the form of a 416. */
export interface ContentRange {
  readonly start?: number
  /** Inclusive, as on the wire. */
  readonly end?: number
  /** Missing if the server sent `*`. */
  readonly total?: number
}

/** Parses `bytes a-b/n`, `bytes a-b/*` and `bytes *\/n`; undefined if it is none of them. */
export function parseContentRange(value: string | undefined): ContentRange | undefined {
  const match = /^bytes[ \t]+(?:(\d{1,16})-(\d{1,16})|\*)\/(?:(\d{1,16})|\*)$/i.exec(
    value?.trim() ?? '',
  )
  if (match === null) return undefined
  const [start, end, total] = match.slice(1).map(digits => (digits ? Number(digits) : undefined))
  for (const number of [start, end, total]) {
    if (number !== undefined && !Number.isSafeInteger(number)) return undefined
  }
  if (start === undefined || end === undefined) return total === undefined ? undefined : { total }
  if (end < start || (total !== undefined && end >= total)) return undefined
  return total === undefined ? { start, end } : { start, end, total }
}

/**
 * `Retry-After` in both of its forms, as milliseconds from `nowMs`, 0 to a day.
 *
 * @returns undefined if there is none, or it is neither seconds nor an HTTP date
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? ''
  let delay: number
  if (/^\d+$/.test(text)) delay = Number(text) * 1000
  // Date.parse() takes almost anything for a date; all three HTTP forms begin with a day's name.
  else if (/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) delay = Date.parse(text) - nowMs
  else return undefined
  return Number.isNaN(delay) ? undefined : Math.min(Math.max(0, delay), MAX_RETRY_AFTER_MS)
}

/** Why a status other than the one needed is refused. */
export function refuseStatus(head: ResponseHead, nowMs: number): Failure {
  const { status, headers } = head
  const answer = statusLine(head)
  if (status === 200) {
    const isPage = /^\s*text\/html\b/i.test(fieldValue(headers, 'content-type') ?? '')
    return isPage
      ? failureOf('range-ignored', 'page', { answer }, { status, webPage: true })
      : failureOf('range-ignored', 'whole', { answer }, { status })
  }
  if (status === 412) {
    return failureOf('source-changed', 'etag-answer', { answer }, { status })
  }
  if (status === 407) return failureOf('proxy', 'answer', { answer }, { status })
  const location = fieldValue(headers, 'location')
  if (REDIRECTS.has(status)) {
    if (location) return failureOf('redirect', 'answer', { answer }, { status, location })
    return failureOf('status', 'no-address', { answer }, { status })
  }
  const retryAfterMs = parseRetryAfter(fieldValue(headers, 'retry-after'), nowMs)
  const delay = retryAfterMs === undefined ? {} : { retryAfterMs }
  return failureOf('status', 'answer', { answer }, { status, ...delay })
}

/** `503 Service Unavailable`, in the server's words where it has any, which are quoted. */
export function statusLine({ status, statusText }: Omit<ResponseHead, 'headers'>): string {
  const said = /[\x21-\x7e]/.test(statusText)
  const text = said ? quoted(statusText) : STATUS_CODES[status]
  return text ? `${status} ${text}` : `${status}`
}

/** Bodies whose bytes are not simply the image's. */
export function refuseForm(headers: ResponseHeaders, status = 206): Failure | undefined {
  const type = fieldValue(headers, 'content-type') ?? ''
  if (/^\s*multipart\/byteranges/i.test(type)) {
    return failureOf('wrong-range', 'multipart', {}, PARTIAL)
  }
  const coding = fieldValue(headers, 'content-encoding')?.trim()
  if (coding && !/^identity$/i.test(coding)) {
    return failureOf('encoded', 'coding', { coding: quoted(coding) }, { status })
  }
  // A transfer coding besides chunked would be handed through undecoded.
  const transfer = fieldValue(headers, 'transfer-encoding')?.trim()
  if (transfer && !/^(?:chunked|identity)$/i.test(transfer)) {
    return failureOf('encoded', 'coding', { coding: quoted(transfer) }, { status })
  }
  return undefined
}

function refuseLength(headers: ResponseHeaders, length: number): Failure | undefined {
  const announced = fieldValue(headers, 'content-length')?.trim()
  if (announced === undefined || (/^\d+$/.test(announced) && Number(announced) === length)) {
    return undefined
  }
  const told = { announced: quoted(announced), asked: length }
  return failureOf('wrong-range', 'length', told, PARTIAL)
}

/** Compares the validators; whichever side lacks one has nothing to say. */
export function refuseVersion(
  headers: ResponseHeaders,
  source: Pick<SourceRequest, 'etag' | 'weakEtag' | 'lastModified'>,
): Failure | undefined {
  const etag = fieldValue(headers, 'etag')?.trim()
  const pinned = source.etag ?? source.weakEtag
  if (etag !== undefined && pinned !== undefined) {
    // Equal strong tags mean equal bytes: a mirror or a touched file may still differ in its date.
    if (etag === pinned && isStrongEtag(etag)) return undefined
    // A weak tag can only show a difference; the date has to tell about the rest.
    if (opaqueTag(etag) !== opaqueTag(pinned))
      return validatorChanged('etag', etag, pinned, PARTIAL)
  }
  const modified = fieldValue(headers, 'last-modified')
  if (modified !== undefined && source.lastModified !== undefined) {
    if (!sameDate(modified, source.lastModified)) {
      return validatorChanged('date', modified, source.lastModified, PARTIAL)
    }
  }
  return undefined
}

/**
 * An answer without any validator that the source had: RFC 9110 (15.3.7) lets a part leave out none that
 * the whole would have, so what answers is something else - a cache, or a node that may hold another version.
 */
function refuseUnknownVersion(
  headers: ResponseHeaders,
  { etag, weakEtag, lastModified }: Pick<SourceRequest, 'etag' | 'weakEtag' | 'lastModified'>,
): Failure | undefined {
  const tagged = etag ?? weakEtag
  if (tagged === undefined && lastModified === undefined) return undefined
  if (tagged !== undefined && fieldValue(headers, 'etag') !== undefined) return undefined
  if (lastModified !== undefined && fieldValue(headers, 'last-modified') !== undefined) {
    return undefined
  }
  return failureOf('wrong-range', 'no-validator', {}, PARTIAL)
}

function opaqueTag(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag
}

/** The same text, or the same moment in another of the three HTTP date forms. */
function sameDate(a: string, b: string): boolean {
  return a.trim() === b.trim() || Date.parse(a) === Date.parse(b)
}

function probed(headers: ResponseHeaders, totalBytes: number, bodyBytes: number): ProbedSource {
  const etag = fieldValue(headers, 'etag')
  const lastModified = fieldValue(headers, 'last-modified')
  return {
    totalBytes,
    bodyBytes,
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { lastModified }),
  }
}

export function sizeChanged(status: number, expected: number, found: number): Failure {
  return failureOf('source-changed', 'size', { found, expected }, { status })
}

function noContentRange(headers: ResponseHeaders): Failure {
  const value = fieldValue(headers, 'content-range')
  if (value === undefined) return failureOf('wrong-range', 'no-content-range', {}, PARTIAL)
  return failureOf('wrong-range', 'bad-content-range', { value: quoted(value) }, PARTIAL)
}

function otherRange(range: ContentRange, asked: string): Failure {
  return failureOf('wrong-range', 'other', { range: describe(range), asked }, PARTIAL)
}

function describe(range: ContentRange): string {
  const { start, end, total } = range
  return `bytes ${start === undefined ? '*' : `${start}-${end}`}/${total ?? '*'}`
}
