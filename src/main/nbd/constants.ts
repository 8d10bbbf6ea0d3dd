// The numbers of the NBD protocol document (doc/proto.md of NetworkBlockDevice/nbd) under its own
// names, without the NBD_ prefix, and the limits that this server sets where the document leaves
// them open. All integers are big-endian on the wire.

/** First 8 bytes a server sends: 'NBDMAGIC'. */
export const NBDMAGIC = 0x4e42444d41474943n
/** Next 8 bytes of a newstyle server, and head of each client option: 'IHAVEOPT'. */
export const IHAVEOPT = 0x49484156454f5054n
/** Head of each reply to an option. */
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n
export const REQUEST_MAGIC = 0x25609513
export const SIMPLE_REPLY_MAGIC = 0x67446698
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef

/** Flags of the greeting; the client's flags mirror them bit for bit. */
export const HandshakeFlag = { FIXED_NEWSTYLE: 1 << 0, NO_ZEROES: 1 << 1 } as const

export const Option = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  STARTTLS: 5,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
} as const

/** Reply types of options; errors have bit 31 set. */
export const Rep = {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  ERR_UNSUP: 0x80000001,
  ERR_POLICY: 0x80000002,
  ERR_INVALID: 0x80000003,
  ERR_TLS_REQD: 0x80000005,
  ERR_UNKNOWN: 0x80000006,
  ERR_SHUTDOWN: 0x80000007,
  ERR_TOO_BIG: 0x80000009,
} as const

/** Information types of INFO and GO. */
export const Info = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const

/** What an export can do, told with its size. */
export const TransmissionFlag = {
  HAS_FLAGS: 1 << 0,
  READ_ONLY: 1 << 1,
  SEND_FLUSH: 1 << 2,
  SEND_DF: 1 << 7,
  CAN_MULTI_CONN: 1 << 8,
  SEND_CACHE: 1 << 10,
} as const

export const Cmd = {
  READ: 0,
  WRITE: 1,
  DISC: 2,
  FLUSH: 3,
  TRIM: 4,
  CACHE: 5,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
} as const

export const CmdFlag = {
  FUA: 1 << 0,
  NO_HOLE: 1 << 1,
  DF: 1 << 2,
  REQ_ONE: 1 << 3,
  FAST_ZERO: 1 << 4,
} as const

/** Types of structured reply chunks; errors have bit 15 set. */
export const ReplyType = {
  NONE: 0,
  OFFSET_DATA: 1,
  OFFSET_HOLE: 2,
  BLOCK_STATUS: 5,
  ERROR: 0x8001,
  ERROR_OFFSET: 0x8002,
} as const

/** Set on the last chunk of a reply, and only there. */
export const REPLY_FLAG_DONE = 1

/** Error numbers of replies: the only ones the document allows. */
export const Errno = {
  OK: 0,
  EPERM: 1,
  EIO: 5,
  ENOMEM: 12,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const

/** The context that tells holes and zeroes. */
export const BASE_ALLOCATION = 'base:allocation'

/** Longest string of the protocol in bytes of UTF-8: names, descriptions, messages, queries. */
export const MAX_STRING_BYTES = 4096

/**
 * Option data held in memory. Real options stay below 5 KiB (one name and a few numbers); a larger
 * one is skipped and answered with ERR_TOO_BIG.
 */
export const MAX_OPTION_BYTES = 64 * 1024

/**
 * Longest data skipped for the sake of a client: option data and the payload of a refused WRITE.
 * It is the payload every server has to stand (defaults of NBD_INFO_BLOCK_SIZE); more is an attack.
 */
export const MAX_SKIPPED_BYTES = 32 * 1024 * 1024

/** Zero bytes behind the answer to EXPORT_NAME unless NO_ZEROES was agreed. */
export const EXPORT_NAME_ZEROES = 124

/**
 * Options one handshake may consist of, plus `OPTIONS_PER_EXPORT` for each export listed: a client
 * that lists asks INFO and LIST_META_CONTEXT of each. It only stops peers that never come to an end.
 */
export const MAX_OPTIONS = 256
export const OPTIONS_PER_EXPORT = 4
