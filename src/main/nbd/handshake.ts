// The handshake phase as a state machine without a socket: option haggling of fixed newstyle, from
// the greeting to the chosen export. It takes bytes from the connection's queue and hands out one
// event at a time, so its owner can stop between two when the client does not read its answers.

import type { ChunkQueue } from './chunk-queue.js'
import {
  HandshakeFlag,
  MAX_OPTION_BYTES,
  MAX_OPTIONS,
  MAX_SKIPPED_BYTES,
  MAX_STRING_BYTES,
  OPTIONS_PER_EXPORT,
  Option,
  Rep,
} from './constants.js'
import type {
  ExportDirectory,
  ExportInfo,
  HandshakeEvent,
  MetaContext,
  MetaContextRequest,
  OptionHeader,
  TlsPolicy,
} from './messages.js'
import {
  infoReplies,
  listedContexts,
  selectedContexts,
  transmissionFlags,
} from './option-answers.js'
import {
  CLIENT_FLAGS_BYTES,
  decodeInfoRequest,
  decodeMetaContextRequest,
  decodeOptionHeader,
  encodeAck,
  encodeErrorReply,
  encodeExportNameReply,
  encodeGreeting,
  encodeMetaContextReply,
  encodeServerReply,
  OPTION_HEADER_BYTES,
} from './option-codec.js'
import { decodeString } from './protocol-string.js'
import { refusalText } from './refusals.js'

/** What a handshake works with. */
export interface HandshakeSettings {
  /** Where the owner puts the client's bytes; what follows the handshake is left in it. */
  readonly queue: ChunkQueue
  readonly directory: ExportDirectory
  /** True if block status can be told: base:allocation is then on offer. */
  readonly allocation: boolean
  /** Default 'off'. */
  readonly tls?: TlsPolicy
}

/** An answer that does not depend on the option's data. */
interface ShortAnswer {
  readonly type: number
  readonly message: string
}

/** One connection's handshake. Ends with the event `enter`, `abort` or `close`. */
export class Handshake {
  readonly #queue: ChunkQueue
  readonly #directory: ExportDirectory
  readonly #allocation: boolean
  readonly #tls: TlsPolicy
  /** What carries the bytes: they are not taken while it changes. */
  #transport: 'plain' | 'changing' | 'secure' = 'plain'
  #clientFlags: number | undefined
  /** The option whose data are awaited. */
  #option: OptionHeader | undefined
  /** Answer to an option whose data are being dropped. */
  #skipping: { answer: ShortAnswer; left: number } | undefined
  #options = 0
  #structuredReplies = false
  /** The last SET_META_CONTEXT, valid for the export it named. */
  #selection: { name: string; contexts: readonly MetaContext[] } | undefined
  #shuttingDown = false
  readonly #events: HandshakeEvent[] = []
  #ended = false

  constructor({ queue, directory, allocation, tls = 'off' }: HandshakeSettings) {
    this.#queue = queue
    this.#directory = directory
    this.#allocation = allocation
    this.#tls = tls
  }

  /** The bytes to be sent as soon as the client has connected. */
  start(): Buffer {
    return encodeGreeting()
  }

  /** From now on every option but ABORT is answered with ERR_SHUTDOWN. */
  shutDown(): void {
    this.#shuttingDown = true
  }

  /**
   * From now on the bytes come through TLS. Of what the client has agreed on or selected in the clear
   * nothing is left: somebody else may have done that for it.
   */
  secured(): void {
    this.#transport = 'secure'
    this.#structuredReplies = false
    this.#selection = undefined
  }

  /** The next event, or undefined until more bytes are queued. Nothing follows the last event. */
  next(): HandshakeEvent | undefined {
    while (this.#events.length === 0 && !this.#ended && this.#step()) {}
    return this.#events.shift()
  }

  /** @returns false if more bytes are needed */
  #step(): boolean {
    if (this.#transport === 'changing') return this.#refuseInjection()
    if (this.#clientFlags === undefined) return this.#readClientFlags()
    if (this.#option === undefined) return this.#readOptionHeader()
    if (this.#skipping !== undefined) return this.#skipData(this.#option, this.#skipping)
    if (this.#queue.length < this.#option.length) return false
    const { option, length } = this.#option
    this.#option = undefined
    this.#answer(option, this.#queue.take(length))
    return true
  }

  /**
   * A client has to wait for the answer to STARTTLS. What comes in the clear behind it was put there
   * by somebody else, to be taken for the client's own once TLS has begun.
   */
  #refuseInjection(): boolean {
    if (this.#queue.length === 0) return false
    this.#close(refusalText('bytes-behind-starttls'))
    return true
  }

  #readClientFlags(): boolean {
    if (this.#queue.length < CLIENT_FLAGS_BYTES) return false
    const flags = this.#queue.take(CLIENT_FLAGS_BYTES).readUInt32BE(0)
    this.#clientFlags = flags
    const known = HandshakeFlag.FIXED_NEWSTYLE | HandshakeFlag.NO_ZEROES
    if ((flags & ~known) !== 0) this.#close(refusalText('flags-not-offered'))
    return true
  }

  #readOptionHeader(): boolean {
    if (this.#queue.length < OPTION_HEADER_BYTES) return false
    const header = decodeOptionHeader(this.#queue.take(OPTION_HEADER_BYTES))
    if (header === undefined) {
      this.#close(refusalText('option-magic'))
      return true
    }
    const exports = this.#directory.list().length
    if (++this.#options > MAX_OPTIONS + OPTIONS_PER_EXPORT * exports) {
      this.#close(refusalText('endless-options', { count: this.#options - 1 }))
    } else if (header.length > MAX_SKIPPED_BYTES) {
      this.#close(refusalText('option-too-long', { bytes: header.length }))
    } else if (header.option === Option.EXPORT_NAME && header.length > MAX_STRING_BYTES) {
      this.#close(refusalText('name-too-long'))
    } else {
      this.#option = header
      const answer = this.#shortAnswer(header)
      if (answer !== undefined) this.#skipping = { answer, left: header.length }
    }
    return true
  }

  /** Settles by its head alone what needs no data, so that they are dropped as they come. */
  #shortAnswer({ option, length }: OptionHeader): ShortAnswer | undefined {
    if (option === Option.ABORT) return { type: Rep.ACK, message: '' }
    if (option === Option.EXPORT_NAME) return undefined
    if (this.#shuttingDown) {
      return { type: Rep.ERR_SHUTDOWN, message: refusalText('server-ends') }
    }
    if (((this.#clientFlags ?? 0) & HandshakeFlag.FIXED_NEWSTYLE) === 0) {
      return { type: Rep.ERR_INVALID, message: refusalText('old-client') }
    }
    if (option === Option.STARTTLS) return this.#startTlsAnswer(length)
    if (this.#needsTls) {
      return { type: Rep.ERR_TLS_REQD, message: refusalText('tls-only') }
    }
    switch (option) {
      case Option.LIST:
      case Option.STRUCTURED_REPLY:
        if (length === 0) return undefined
        return { type: Rep.ERR_INVALID, message: refusalText('no-data') }
      case Option.LIST_META_CONTEXT:
      case Option.SET_META_CONTEXT:
        if (this.#allocation) break
        return { type: Rep.ERR_UNSUP, message: refusalText('no-contexts') }
      case Option.INFO:
      case Option.GO:
        break
      default:
        return { type: Rep.ERR_UNSUP, message: refusalText('unknown-handshake-option') }
    }
    if (length <= MAX_OPTION_BYTES) return undefined
    // A failed selection cancels the one before it, whatever it failed for.
    if (option === Option.SET_META_CONTEXT) this.#selection = undefined
    return {
      type: Rep.ERR_TOO_BIG,
      message: refusalText('data-too-long', { bytes: MAX_OPTION_BYTES }),
    }
  }

  #startTlsAnswer(length: number): ShortAnswer | undefined {
    if (this.#tls === 'off')
      return { type: Rep.ERR_POLICY, message: refusalText('tls-not-offered') }
    if (this.#transport === 'secure') {
      return { type: Rep.ERR_INVALID, message: refusalText('tls-twice') }
    }
    if (length > 0) return { type: Rep.ERR_INVALID, message: refusalText('no-data') }
    return undefined
  }

  get #needsTls(): boolean {
    return this.#tls === 'require' && this.#transport !== 'secure'
  }

  #skipData({ option }: OptionHeader, skipping: { answer: ShortAnswer; left: number }): boolean {
    skipping.left -= this.#queue.skip(skipping.left)
    if (skipping.left > 0) return false
    this.#option = undefined
    this.#skipping = undefined
    this.#reply(option, skipping.answer.type, skipping.answer.message)
    if (option === Option.ABORT) this.#end({ type: 'abort' })
    return true
  }

  #answer(option: number, data: Buffer): void {
    switch (option) {
      case Option.EXPORT_NAME:
        this.#exportName(data)
        return
      case Option.STARTTLS:
        this.#transport = 'changing'
        this.#send(encodeAck(option))
        this.#events.push({ type: 'start-tls' })
        return
      case Option.LIST:
        this.#send(
          ...this.#directory.list().map(info => encodeServerReply(option, info)),
          encodeAck(option),
        )
        return
      case Option.STRUCTURED_REPLY:
        this.#structuredReplies = true
        this.#send(encodeAck(option))
        return
      case Option.INFO:
      case Option.GO:
        this.#info(option, data)
        return
      case Option.LIST_META_CONTEXT:
        this.#listMetaContext(data)
        return
      default:
        this.#setMetaContext(data)
    }
  }

  #exportName(data: Buffer): void {
    const name = decodeString(data)
    const info = name === undefined ? undefined : this.#directory.find(name)
    // This option knows no error reply: closing is the only way to say no.
    if (this.#shuttingDown) this.#close(refusalText('server-ends'))
    else if (this.#needsTls) this.#close(refusalText('export-without-tls'))
    else if (info === undefined || name === undefined) {
      this.#close(refusalText('unknown-export'))
    } else this.#enterByName(name, info)
  }

  #enterByName(name: string, info: ExportInfo): void {
    const zeroes = ((this.#clientFlags ?? 0) & HandshakeFlag.NO_ZEROES) === 0
    const flags = transmissionFlags(this.#structuredReplies)
    this.#send(encodeExportNameReply(info.size, flags, zeroes))
    this.#enter(name, info)
  }

  #info(option: number, data: Buffer): void {
    const request = decodeInfoRequest(data)
    if (request === undefined) {
      this.#reply(option, Rep.ERR_INVALID, refusalText('malformed'))
      return
    }
    const info = this.#directory.find(request.name)
    if (info === undefined) {
      this.#reply(option, Rep.ERR_UNKNOWN, refusalText('no-such-export'))
      return
    }
    const replies = infoReplies(option, info, request.types, this.#structuredReplies)
    this.#send(...replies, encodeAck(option))
    if (option === Option.GO) this.#enter(request.name, info)
  }

  #listMetaContext(data: Buffer): void {
    const option = Option.LIST_META_CONTEXT
    const request = this.#metaContextRequest(option, data)
    if (request === undefined) return
    const found = listedContexts(request.queries).map(name =>
      encodeMetaContextReply(option, 0, name),
    )
    this.#send(...found, encodeAck(option))
  }

  #setMetaContext(data: Buffer): void {
    const option = Option.SET_META_CONTEXT
    this.#selection = undefined
    if (!this.#structuredReplies) {
      this.#reply(option, Rep.ERR_INVALID, refusalText('structured-first'))
      return
    }
    const request = this.#metaContextRequest(option, data)
    if (request === undefined) return
    const contexts = selectedContexts(request.queries)
    this.#selection = { name: request.name, contexts }
    const replies = contexts.map(({ id, name }) => encodeMetaContextReply(option, id, name))
    this.#send(...replies, encodeAck(option))
  }

  #metaContextRequest(option: number, data: Buffer): MetaContextRequest | undefined {
    const request = decodeMetaContextRequest(data)
    if (request === undefined) {
      this.#reply(option, Rep.ERR_INVALID, refusalText('malformed'))
      return undefined
    }
    if (this.#directory.find(request.name) === undefined) {
      this.#reply(option, Rep.ERR_UNKNOWN, refusalText('no-such-export'))
      return undefined
    }
    return request
  }

  #enter(name: string, info: ExportInfo): void {
    const contexts = this.#selection?.name === name ? this.#selection.contexts : []
    this.#end({ type: 'enter', info, structuredReplies: this.#structuredReplies, contexts })
  }

  #reply(option: number, type: number, message: string): void {
    this.#send(encodeErrorReply(option, type, message))
  }

  #send(...replies: readonly Buffer[]): void {
    const [first] = replies
    const bytes = replies.length === 1 && first !== undefined ? first : Buffer.concat(replies)
    this.#events.push({ type: 'send', bytes })
  }

  #close(reason: string): void {
    this.#end({ type: 'close', reason })
  }

  #end(event: HandshakeEvent): void {
    this.#ended = true
    this.#events.push(event)
  }
}
