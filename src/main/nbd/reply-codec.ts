// Replies of the transmission phase. Data never pass through here: for a read only the head that
// goes before them is encoded, so the bytes can be sent from where they lie.

import {
  REPLY_FLAG_DONE,
  ReplyType,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from './constants.js'
import type { StatusExtent } from './messages.js'
import { encodeString } from './protocol-string.js'

const SIMPLE_BYTES = 16
const CHUNK_BYTES = 20

/** A simple reply; the payload of a successful read follows it. `errno` 0 is success. */
export function encodeSimpleReply(cookie: bigint, errno: number): Buffer {
  const bytes = Buffer.allocUnsafe(SIMPLE_BYTES)
  bytes.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0)
  bytes.writeUInt32BE(errno, 4)
  bytes.writeBigUInt64BE(cookie, 8)
  return bytes
}

/** Head of a chunk with `fixed` bytes of room behind it; `payload` bytes are announced. */
function chunk(cookie: bigint, type: number, done: boolean, payload: number, fixed: number) {
  const bytes = Buffer.allocUnsafe(CHUNK_BYTES + fixed)
  bytes.writeUInt32BE(STRUCTURED_REPLY_MAGIC, 0)
  bytes.writeUInt16BE(done ? REPLY_FLAG_DONE : 0, 4)
  bytes.writeUInt16BE(type, 6)
  bytes.writeBigUInt64BE(cookie, 8)
  bytes.writeUInt32BE(payload, 16)
  return bytes
}

/** Offsets lie below 2^53: two halves are cheaper than a bigint. */
function writeOffset(bytes: Buffer, offset: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(offset / 2 ** 32), at)
  bytes.writeUInt32BE(offset % 2 ** 32, at + 4)
}

/** NONE: the reply is over, nothing is wrong. */
export function encodeNone(cookie: bigint): Buffer {
  return chunk(cookie, ReplyType.NONE, true, 0, 0)
}

/** Head of an OFFSET_DATA chunk; `length` bytes of data (at least 1) follow it. */
export function encodeOffsetData(
  cookie: bigint,
  offset: number,
  length: number,
  done: boolean,
): Buffer {
  const bytes = chunk(cookie, ReplyType.OFFSET_DATA, done, 8 + length, 8)
  writeOffset(bytes, offset, CHUNK_BYTES)
  return bytes
}

/** OFFSET_HOLE: `length` (at least 1) bytes of zeroes that need not be sent. */
export function encodeOffsetHole(
  cookie: bigint,
  offset: number,
  length: number,
  done: boolean,
): Buffer {
  const bytes = chunk(cookie, ReplyType.OFFSET_HOLE, done, 12, 12)
  writeOffset(bytes, offset, CHUNK_BYTES)
  bytes.writeUInt32BE(length, CHUNK_BYTES + 8)
  return bytes
}

/** BLOCK_STATUS of one context; `extents` are not empty. */
export function encodeBlockStatus(
  cookie: bigint,
  contextId: number,
  extents: readonly StatusExtent[],
  done: boolean,
): Buffer {
  const payload = 4 + 8 * extents.length
  const bytes = chunk(cookie, ReplyType.BLOCK_STATUS, done, payload, payload)
  bytes.writeUInt32BE(contextId, CHUNK_BYTES)
  let at = CHUNK_BYTES + 4
  for (const { length, flags } of extents) {
    bytes.writeUInt32BE(length, at)
    bytes.writeUInt32BE(flags, at + 4)
    at += 8
  }
  return bytes
}

/** ERROR: the whole request has failed. Always the last chunk. */
export function encodeError(cookie: bigint, errno: number, message: string): Buffer {
  const text = encodeString(message)
  const payload = 6 + text.length
  const bytes = chunk(cookie, ReplyType.ERROR, true, payload, payload)
  bytes.writeUInt32BE(errno, CHUNK_BYTES)
  bytes.writeUInt16BE(text.length, CHUNK_BYTES + 4)
  text.copy(bytes, CHUNK_BYTES + 6)
  return bytes
}

/** ERROR_OFFSET: the bytes from `offset` (inside the request) on can't be had. Always the last chunk. */
export function encodeErrorOffset(
  cookie: bigint,
  errno: number,
  message: string,
  offset: number,
): Buffer {
  const text = encodeString(message)
  const payload = 14 + text.length
  const bytes = chunk(cookie, ReplyType.ERROR_OFFSET, true, payload, payload)
  bytes.writeUInt32BE(errno, CHUNK_BYTES)
  bytes.writeUInt16BE(text.length, CHUNK_BYTES + 4)
  text.copy(bytes, CHUNK_BYTES + 6)
  writeOffset(bytes, offset, CHUNK_BYTES + 6 + text.length)
  return bytes
}
