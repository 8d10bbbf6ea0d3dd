// Accepts or refuses the answer to a plain GET by its head alone: the whole file and nothing else, with
// an end that can be told from a broken connection, of the version that was begun with. Pure.

import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import type { SpooledVersion } from '../shared/spool-task.js'
import {
  fieldValue,
  type ResponseHead,
  type ResponseHeaders,
  refuseForm,
  refuseStatus,
  refuseVersion,
  sizeChanged,
} from './range-response.js'

/** Of answers that hold the whole file. */
const WHOLE = { status: 200 } as const

/**
 * Reads the head of an answer that is to hold a whole file.
 *
 * @param pinned the version begun with: whatever validators it has, one at least must be confirmed
 * @param nowMs wall clock, for `Retry-After` in its date form
 * @returns the version of the answer, or why it is refused
 */
export function readWholeResponse(
  head: ResponseHead,
  pinned: SpooledVersion | undefined,
  nowMs: number,
): SpooledVersion | Failure {
  const { status, headers } = head
  if (status === 206) {
    return failureOf('wrong-range', 'part-for-whole', {}, { status })
  }
  if (status !== 200) return refuseStatus(head, nowMs)
  const refused = refuseForm(headers, status)
  if (refused !== undefined) return refused
  const totalBytes = lengthOf(headers)
  if (totalBytes !== undefined && typeof totalBytes !== 'number') return totalBytes
  if (pinned !== undefined) {
    const changed = refuseOther(headers, totalBytes, pinned)
    if (changed !== undefined) return { ...changed, status }
  }
  const etag = fieldValue(headers, 'etag')?.trim()
  const lastModified = fieldValue(headers, 'last-modified')
  return {
    ...(totalBytes !== undefined && { totalBytes }),
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { lastModified }),
  }
}

/** Bytes of the body; undefined if its last chunk ends it. */
function lengthOf(headers: ResponseHeaders): number | Failure | undefined {
  const transfer = fieldValue(headers, 'transfer-encoding')?.trim().toLowerCase()
  // RFC 9112 §6.3: the transfer coding counts, whatever length is told beside it.
  if (transfer === 'chunked') return undefined
  const length = fieldValue(headers, 'content-length')?.trim()
  if (length !== undefined && /^\d{1,16}$/.test(length) && Number.isSafeInteger(Number(length))) {
    return Number(length)
  }
  // The end of such a body is that of its connection: what was cut off would pass for the whole.
  return failureOf('spool', 'no-end', {}, WHOLE)
}

function refuseOther(
  headers: ResponseHeaders,
  totalBytes: number | undefined,
  pinned: SpooledVersion,
): Failure | undefined {
  if (pinned.totalBytes !== undefined && pinned.totalBytes !== totalBytes) {
    return totalBytes === undefined
      ? failureOf('source-changed', 'no-length', {}, WHOLE)
      : sizeChanged(200, pinned.totalBytes, totalBytes)
  }
  const other = refuseVersion(headers, pinned)
  if (other !== undefined) return other
  const { etag, lastModified } = pinned
  const confirmed =
    (etag !== undefined && headers['etag'] !== undefined) ||
    (lastModified !== undefined && headers['last-modified'] !== undefined)
  if (confirmed || (etag === undefined && lastModified === undefined)) return undefined
  return failureOf('source-changed', 'no-validator', {}, WHOLE)
}
