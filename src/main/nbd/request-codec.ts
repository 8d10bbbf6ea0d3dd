// Requests of the transmission phase: the head from the wire, and the one function that decides
// whether a request may be carried out. Nothing acts on a request that has not passed it.

import { Cmd, CmdFlag, Errno, REQUEST_MAGIC } from './constants.js'
import type { BlockSizes, Refusal, RequestHeader } from './messages.js'
import { refusalText } from './refusals.js'

export const REQUEST_BYTES = 28

/** @returns undefined if the magic is wrong: the stream is lost */
export function decodeRequest(bytes: Buffer): RequestHeader | undefined {
  if (bytes.readUInt32BE(0) !== REQUEST_MAGIC) return undefined
  return {
    flags: bytes.readUInt16BE(4),
    command: bytes.readUInt16BE(6),
    cookie: bytes.readBigUInt64BE(8),
    // Rounding begins at 2^53, where no export reaches: the range check refuses it either way.
    offset: bytes.readUInt32BE(16) * 2 ** 32 + bytes.readUInt32BE(20),
    length: bytes.readUInt32BE(24),
  }
}

/** What requests of a connection are measured by. */
export interface RequestRules {
  /** Of the export, bytes. */
  readonly size: number
  readonly blockSizes: BlockSizes
  readonly structuredReplies: boolean
  /** True if the client has selected a metadata context. */
  readonly contexts: boolean
}

/** Flags each command may carry. FUA is not offered, so it fits none. */
const FLAGS: Readonly<Record<number, number>> = {
  [Cmd.READ]: CmdFlag.DF,
  [Cmd.WRITE]: 0,
  [Cmd.FLUSH]: 0,
  [Cmd.TRIM]: 0,
  [Cmd.CACHE]: 0,
  [Cmd.WRITE_ZEROES]: CmdFlag.NO_HOLE,
  [Cmd.BLOCK_STATUS]: CmdFlag.REQ_ONE,
}

const UNKNOWN_COMMAND: Refusal = { errno: Errno.EINVAL, message: refusalText('unknown-command') }
const UNKNOWN_FLAG: Refusal = {
  errno: Errno.EINVAL,
  message: refusalText('unknown-flag'),
}
const READ_ONLY: Refusal = { errno: Errno.EPERM, message: refusalText('read-only') }
const NO_CONTEXT: Refusal = { errno: Errno.EINVAL, message: refusalText('no-context') }
const NO_LENGTH: Refusal = { errno: Errno.EINVAL, message: refusalText('no-length') }

/** Checks a request other than DISC whole. @returns undefined if it may be carried out */
export function refusalOf(request: RequestHeader, rules: RequestRules): Refusal | undefined {
  const { flags, command, offset, length } = request
  const allowed = FLAGS[command]
  if (allowed === undefined) return UNKNOWN_COMMAND
  if ((flags & ~allowed) !== 0) return UNKNOWN_FLAG
  if ((flags & CmdFlag.DF) !== 0 && !rules.structuredReplies) return UNKNOWN_FLAG
  switch (command) {
    case Cmd.WRITE:
    case Cmd.TRIM:
    case Cmd.WRITE_ZEROES:
      return READ_ONLY
    case Cmd.FLUSH:
      // Offset and length are reserved here; what some client leaves in them does no harm.
      return undefined
    case Cmd.BLOCK_STATUS:
      if (!rules.contexts) return NO_CONTEXT
      if (length === 0) return NO_LENGTH
      break
  }
  const { minimum, maximum } = rules.blockSizes
  if (offset > rules.size || length > rules.size - offset) {
    return {
      errno: Errno.EINVAL,
      message: refusalText('beyond-the-end', { size: rules.size }),
    }
  }
  if (offset % minimum !== 0 || length % minimum !== 0) {
    return { errno: Errno.EINVAL, message: refusalText('not-aligned', { bytes: minimum }) }
  }
  if (command === Cmd.READ && length > maximum) {
    return { errno: Errno.EOVERFLOW, message: refusalText('read-too-long', { bytes: maximum }) }
  }
  return undefined
}
