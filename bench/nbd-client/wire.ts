// The protocol's numbers that the client needs, and what it sends, as bytes. Pure.

export const NBDMAGIC = 0x4e42444d41474943n
export const IHAVEOPT = 0x49484156454f5054n
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n
export const OPT_GO = 7
export const OPT_STRUCTURED_REPLY = 8
export const REP_ACK = 1
export const REP_INFO = 3
export const REP_ERROR = 0x80000000
export const INFO_EXPORT = 0
export const INFO_BLOCK_SIZE = 3
export const CMD_READ = 0
export const CMD_DISC = 2
export const SIMPLE_MAGIC = 0x67446698
export const STRUCTURED_MAGIC = 0x668e33ef
export const CHUNK_DATA = 1
export const CHUNK_HOLE = 2
export const CHUNK_ERROR = 0x8000
const REQUEST_MAGIC = 0x25609513

/** What a client says first: which of the greeting's flags it goes along with. */
export function encodeClientFlags(handshakeFlags: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(handshakeFlags & 3)
  return bytes
}

export function encodeOption(option: number, data: Buffer): Buffer {
  const head = Buffer.alloc(16)
  head.writeBigUInt64BE(IHAVEOPT, 0)
  head.writeUInt32BE(option, 8)
  head.writeUInt32BE(data.length, 12)
  return Buffer.concat([head, data])
}

/** `NBD_OPT_GO`, which also asks for block sizes. */
export function encodeGo(exportName: string): Buffer {
  const name = Buffer.from(exportName)
  const data = Buffer.alloc(8 + name.length)
  data.writeUInt32BE(name.length)
  name.copy(data, 4)
  data.writeUInt16BE(1, 4 + name.length)
  data.writeUInt16BE(INFO_BLOCK_SIZE, 6 + name.length)
  return encodeOption(OPT_GO, data)
}

export function encodeRequest(
  command: number,
  cookie: bigint,
  offset: number,
  length: number,
): Buffer {
  const bytes = Buffer.alloc(28)
  bytes.writeUInt32BE(REQUEST_MAGIC, 0)
  bytes.writeUInt16BE(command, 6)
  bytes.writeBigUInt64BE(cookie, 8)
  bytes.writeBigUInt64BE(BigInt(offset), 16)
  bytes.writeUInt32BE(length, 24)
  return bytes
}
