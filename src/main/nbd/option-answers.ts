// What a client is told of an export in the handshake, and what its queries for metadata contexts find.
// No state: which option may be answered when is decided in handshake.ts.

import { BASE_ALLOCATION, Info, TransmissionFlag } from './constants.js'
import type { ExportInfo, MetaContext } from './messages.js'
import { encodeInfoBlockSize, encodeInfoExport, encodeInfoText } from './option-codec.js'

/** Transmission flags of a read-only export that nobody changes while it is served. */
export function transmissionFlags(structuredReplies: boolean): number {
  return (
    TransmissionFlag.HAS_FLAGS |
    TransmissionFlag.READ_ONLY |
    // Nothing is ever written: every write is stable, on every connection.
    TransmissionFlag.SEND_FLUSH |
    TransmissionFlag.CAN_MULTI_CONN |
    TransmissionFlag.SEND_CACHE |
    // "Don't fragment" means nothing where replies have one piece anyway, and must not be offered.
    (structuredReplies ? TransmissionFlag.SEND_DF : 0)
  )
}

/**
 * Answers to INFO and GO ahead of their acknowledgement: size and block sizes always, texts on request.
 *
 * @param types information types asked for, known or not
 */
export function infoReplies(
  option: number,
  info: ExportInfo,
  types: readonly number[],
  structuredReplies: boolean,
): Buffer[] {
  const replies = [
    encodeInfoExport(option, info.size, transmissionFlags(structuredReplies)),
    encodeInfoBlockSize(option, info),
  ]
  if (types.includes(Info.NAME)) replies.push(encodeInfoText(option, Info.NAME, info.name))
  if (types.includes(Info.DESCRIPTION) && info.description !== undefined) {
    replies.push(encodeInfoText(option, Info.DESCRIPTION, info.description))
  }
  return replies
}

/** Contexts that queries of LIST_META_CONTEXT find; no query finds all. */
export function listedContexts(queries: readonly string[]): readonly string[] {
  const wanted =
    queries.length === 0 || queries.includes('base:') || queries.includes(BASE_ALLOCATION)
  return wanted ? [BASE_ALLOCATION] : []
}

/** Contexts that queries of SET_META_CONTEXT select. */
export function selectedContexts(queries: readonly string[]): readonly MetaContext[] {
  // 'base:' lists but does not select; a query given twice selects once.
  return queries.includes(BASE_ALLOCATION) ? [{ id: 1, name: BASE_ALLOCATION }] : []
}
