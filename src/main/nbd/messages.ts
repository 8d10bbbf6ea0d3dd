// What the NBD state machines hand out and take in. Plain data; no sockets, no HTTP.

/** Size constraints of requests, as NBD_INFO_BLOCK_SIZE states them. */
export interface BlockSizes {
  /** Power of 2, 1 to 65536. */
  readonly minimum: number
  /** Power of 2, at least max(minimum, 512): what a client should use. */
  readonly preferred: number
  /** Largest payload of one request, bytes. */
  readonly maximum: number
}

/** What a client is told of an export. */
export interface ExportInfo {
  /** Up to 4096 bytes of UTF-8; '' is the default export. */
  readonly name: string
  /** For humans. */
  readonly description?: string
  /** Bytes. */
  readonly size: number
  readonly blockSizes: BlockSizes
}

/** What can be opened under which name. */
export interface ExportDirectory {
  /** Everything LIST tells, in that order. */
  list(): readonly ExportInfo[]
  /** The export a client means by `name`; '' asks for the default one. */
  find(name: string): ExportInfo | undefined
}

/** Head of a client's option. */
export interface OptionHeader {
  readonly option: number
  /** Bytes of option data that follow; any 32-bit number, checked by the handshake. */
  readonly length: number
}

/** Data of INFO and GO. */
export interface InfoRequest {
  readonly name: string
  /** Information types asked for, known or not. */
  readonly types: readonly number[]
}

/** Data of LIST_META_CONTEXT and SET_META_CONTEXT. */
export interface MetaContextRequest {
  readonly name: string
  readonly queries: readonly string[]
}

/** A metadata context that a client has selected. */
export interface MetaContext {
  /** Not 0; unique within the connection. */
  readonly id: number
  readonly name: string
}

/** What becomes of TLS: not offered, left to the client, or nothing else before it. */
export type TlsPolicy = 'off' | 'on' | 'require'

/** What comes out of the handshake, in the order in which it has to be acted on. */
export type HandshakeEvent =
  /** These bytes go to the client. */
  | { readonly type: 'send'; readonly bytes: Buffer }
  /**
   * STARTTLS was acknowledged: once that is sent, TLS begins and `Handshake.secured()` is called.
   * Nothing may be queued by then.
   */
  | { readonly type: 'start-tls' }
  /** The client has chosen an export: the bytes still queued belong to transmission. */
  | {
      readonly type: 'enter'
      readonly info: ExportInfo
      readonly structuredReplies: boolean
      readonly contexts: readonly MetaContext[]
    }
  /** The client has taken its leave: close once everything is sent. */
  | { readonly type: 'abort' }
  /** The client can't be served or has broken a rule: close at once. */
  | { readonly type: 'close'; readonly reason: string }

/** Head of a request as it stood on the wire, nothing checked yet. */
export interface RequestHeader {
  readonly flags: number
  readonly command: number
  /** Opaque 64 bits. */
  readonly cookie: bigint
  /** Exact up to 2^53; beyond it is only known to be larger than any export. */
  readonly offset: number
  readonly length: number
}

/** Why a request is not carried out. */
export interface Refusal {
  readonly errno: number
  /** For the client's error message, no final period. */
  readonly message: string
}

/** What comes out of transmission: each request whole and checked. */
export type Request =
  /** `length` is at least 1 and the range lies inside the export. */
  | {
      readonly type: 'read'
      readonly cookie: bigint
      readonly offset: number
      readonly length: number
      /** NBD_CMD_FLAG_DF: one data chunk, nothing else. */
      readonly dontFragment: boolean
    }
  /** `length` is at least 1. */
  | {
      readonly type: 'cache'
      readonly cookie: bigint
      readonly offset: number
      readonly length: number
    }
  /** `length` is at least 1, and at least one context was selected. */
  | {
      readonly type: 'block-status'
      readonly cookie: bigint
      readonly offset: number
      readonly length: number
      readonly oneExtent: boolean
    }
  /** There is nothing to do: FLUSH, and whatever has length 0. */
  | { readonly type: 'succeed'; readonly cookie: bigint; readonly command: number }
  | {
      readonly type: 'refuse'
      readonly cookie: bigint
      readonly command: number
      readonly refusal: Refusal
    }
  /** DISC: answer what is outstanding, then close. */
  | { readonly type: 'disconnect' }
  /** The stream can't be followed any further: close at once. */
  | { readonly type: 'close'; readonly reason: string }

/** One stretch of a block status reply. */
export interface StatusExtent {
  /** Bytes, at least 1. */
  readonly length: number
  /** For base:allocation: bit 0 hole, bit 1 reads as zeroes; 0 is always true. */
  readonly flags: number
}
