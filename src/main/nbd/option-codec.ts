// The messages of the handshake phase: decodes what a client sends, encodes what it is answered.
// Decoders return undefined for whatever breaks the layout (proto.md, "Option types"); what that
// means for the connection is decided in handshake.ts.

import {
  EXPORT_NAME_ZEROES,
  HandshakeFlag,
  IHAVEOPT,
  Info,
  NBDMAGIC,
  OPTION_REPLY_MAGIC,
  Rep,
} from './constants.js'
import type { ExportInfo, InfoRequest, MetaContextRequest, OptionHeader } from './messages.js'
import { decodeString, encodeString } from './protocol-string.js'

export const CLIENT_FLAGS_BYTES = 4
export const OPTION_HEADER_BYTES = 16
const REPLY_HEADER_BYTES = 20
const NO_DATA = Buffer.alloc(0)

/** What the server sends before anything else: fixed newstyle, zeroes on request. */
export function encodeGreeting(): Buffer {
  const bytes = Buffer.allocUnsafe(18)
  bytes.writeBigUInt64BE(NBDMAGIC, 0)
  bytes.writeBigUInt64BE(IHAVEOPT, 8)
  bytes.writeUInt16BE(HandshakeFlag.FIXED_NEWSTYLE | HandshakeFlag.NO_ZEROES, 16)
  return bytes
}

/** @returns undefined if the magic is wrong: the stream is lost */
export function decodeOptionHeader(bytes: Buffer): OptionHeader | undefined {
  if (bytes.readBigUInt64BE(0) !== IHAVEOPT) return undefined
  return { option: bytes.readUInt32BE(8), length: bytes.readUInt32BE(12) }
}

/** Data of INFO and GO: length and name, count and information types, and nothing behind. */
export function decodeInfoRequest(data: Buffer): InfoRequest | undefined {
  if (data.length < 6) return undefined
  const nameLength = data.readUInt32BE(0)
  if (nameLength > data.length - 6) return undefined
  const name = decodeString(data.subarray(4, 4 + nameLength))
  if (name === undefined) return undefined
  const count = data.readUInt16BE(4 + nameLength)
  if (data.length !== 6 + nameLength + 2 * count) return undefined
  const types: number[] = []
  for (let at = 6 + nameLength; at < data.length; at += 2) types.push(data.readUInt16BE(at))
  return { name, types }
}

/** Data of LIST_ and SET_META_CONTEXT: name, count, queries, and nothing behind. */
export function decodeMetaContextRequest(data: Buffer): MetaContextRequest | undefined {
  let at = 0
  const number = (): number | undefined => {
    if (data.length - at < 4) return undefined
    at += 4
    return data.readUInt32BE(at - 4)
  }
  const string = (): string | undefined => {
    const length = number()
    if (length === undefined || length > data.length - at) return undefined
    at += length
    return decodeString(data.subarray(at - length, at))
  }
  const name = string()
  if (name === undefined) return undefined
  const count = number()
  // Each query takes 4 bytes at least: a count beyond that is refused before the loop.
  if (count === undefined || count > (data.length - at) / 4) return undefined
  const queries: string[] = []
  for (let index = 0; index < count; index++) {
    const query = string()
    if (query === undefined) return undefined
    queries.push(query)
  }
  return at === data.length ? { name, queries } : undefined
}

/** Any reply to an option. */
export function encodeOptionReply(option: number, type: number, data: Buffer = NO_DATA): Buffer {
  const head = Buffer.allocUnsafe(REPLY_HEADER_BYTES)
  head.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0)
  head.writeUInt32BE(option, 8)
  head.writeUInt32BE(type, 12)
  head.writeUInt32BE(data.length, 16)
  return Buffer.concat([head, data])
}

/** REP_ACK: done, no data. */
export function encodeAck(option: number): Buffer {
  return encodeOptionReply(option, Rep.ACK)
}

/** One of REP_ERR_…, with a message for humans. */
export function encodeErrorReply(option: number, type: number, message: string): Buffer {
  return encodeOptionReply(option, type, encodeString(message))
}

/** REP_SERVER: one line of LIST. */
export function encodeServerReply(option: number, info: ExportInfo): Buffer {
  const name = encodeString(info.name)
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(name.length, 0)
  const data = [length, name, encodeString(info.description ?? '')]
  return encodeOptionReply(option, Rep.SERVER, Buffer.concat(data))
}

/** REP_META_CONTEXT. `id` is 0 in answers to LIST_META_CONTEXT. */
export function encodeMetaContextReply(option: number, id: number, name: string): Buffer {
  const head = Buffer.allocUnsafe(4)
  head.writeUInt32BE(id, 0)
  return encodeOptionReply(option, Rep.META_CONTEXT, Buffer.concat([head, encodeString(name)]))
}

/** NBD_INFO_EXPORT: size and transmission flags. */
export function encodeInfoExport(option: number, size: number, flags: number): Buffer {
  const data = Buffer.allocUnsafe(12)
  data.writeUInt16BE(Info.EXPORT, 0)
  data.writeBigUInt64BE(BigInt(size), 2)
  data.writeUInt16BE(flags, 10)
  return encodeOptionReply(option, Rep.INFO, data)
}

/** NBD_INFO_BLOCK_SIZE: minimum, preferred, maximum. */
export function encodeInfoBlockSize(option: number, { blockSizes }: ExportInfo): Buffer {
  const data = Buffer.allocUnsafe(14)
  data.writeUInt16BE(Info.BLOCK_SIZE, 0)
  data.writeUInt32BE(blockSizes.minimum, 2)
  data.writeUInt32BE(blockSizes.preferred, 6)
  data.writeUInt32BE(blockSizes.maximum, 10)
  return encodeOptionReply(option, Rep.INFO, data)
}

/** NBD_INFO_NAME or NBD_INFO_DESCRIPTION. */
export function encodeInfoText(option: number, type: number, text: string): Buffer {
  const head = Buffer.allocUnsafe(2)
  head.writeUInt16BE(type, 0)
  return encodeOptionReply(option, Rep.INFO, Buffer.concat([head, encodeString(text)]))
}

/** The answer to EXPORT_NAME, the one option whose reply has no header. */
export function encodeExportNameReply(size: number, flags: number, zeroes: boolean): Buffer {
  const bytes = Buffer.alloc(10 + (zeroes ? EXPORT_NAME_ZEROES : 0))
  bytes.writeBigUInt64BE(BigInt(size), 0)
  bytes.writeUInt16BE(flags, 8)
  return bytes
}
