// What a client asks of the export that it has entered: takes its requests as they come, bounds how many
// are under way, and answers them; reads by way of their queue.

import type { Export } from './export.js'
import type { Log } from './log.js'
import type { ChunkQueue } from './nbd/chunk-queue.js'
import { Cmd, Errno } from './nbd/constants.js'
import type { HandshakeEvent, MetaContext, Request } from './nbd/messages.js'
import { encodeBlockStatus, encodeError, encodeNone, encodeSimpleReply } from './nbd/reply-codec.js'
import { statusExtents } from './nbd/status-extents.js'
import { Transmission } from './nbd/transmission.js'
import { ReadQueue } from './read-queue.js'
import { ReadReply } from './read-reply.js'
import type { ReplyWriter } from './reply-writer.js'
import type { SessionCounters, SessionLimits } from './session-limits.js'

export interface ClientRequestsParts {
  /** Number of the connection. */
  readonly connection: number
  /** What was agreed on. */
  readonly entered: Extract<HandshakeEvent, { type: 'enter' }>
  readonly export: Export
  /** Where requests come from. */
  readonly queue: ChunkQueue
  readonly writer: ReplyWriter
  readonly limits: SessionLimits
  readonly counters: SessionCounters
  readonly log: Log
  /** The client has broken the protocol: the connection is to end. */
  readonly broken: (reason: string) => void
}

/** The requests of one client, from the chosen export on. */
export class ClientRequests {
  readonly export: Export
  readonly #connection: number
  readonly #structuredReplies: boolean
  readonly #contexts: readonly MetaContext[]
  readonly #writer: ReplyWriter
  readonly #maxRequests: number
  readonly #broken: (reason: string) => void
  readonly #transmission: Transmission
  readonly #reads: ReadQueue
  #pending = 0
  #disconnected = false
  /** True once no further request may be taken, as the connection is about to end. */
  #stopped = false

  constructor(parts: ClientRequestsParts) {
    const { connection, entered, queue, writer, limits } = parts
    const { info, structuredReplies, contexts } = entered
    this.export = parts.export
    this.#connection = connection
    this.#structuredReplies = structuredReplies
    this.#contexts = contexts
    this.#writer = writer
    this.#maxRequests = limits.maxRequests
    this.#broken = parts.broken
    this.#transmission = new Transmission(queue, {
      size: info.size,
      blockSizes: info.blockSizes,
      structuredReplies,
      contexts: contexts.length > 0,
    })
    this.#reads = new ReadQueue({ ...parts, structuredReplies, maxOwedBytes: limits.maxOwedBytes })
  }

  /** Requests whose replies have not left. */
  get pending(): number {
    return this.#pending
  }

  /** True while no further request is taken. */
  get isFull(): boolean {
    return this.#pending >= this.#maxRequests
  }

  /** True once no request follows: after DISC. */
  get disconnected(): boolean {
    return this.#disconnected
  }

  /** Reads answered, and bytes of them that have left. */
  get answeredReads(): number {
    return this.#reads.answeredReads
  }

  get sentBytes(): number {
    return this.#reads.sentBytes
  }

  /** Takes what has come, and starts the reads there is room for. */
  advance(): void {
    while (!this.#stopped && !this.#disconnected && !this.isFull) {
      const request = this.#transmission.next()
      if (request === undefined) break
      this.#take(request)
    }
    if (!this.#stopped) this.#reads.start()
  }

  /** Bytes of replies have left. @param last true with the last of a reply */
  sent(bytes: number, last: boolean): void {
    this.#reads.sent(bytes)
    if (last) this.#pending--
  }

  /** The client is slow to take replies. */
  park(): void {
    this.#reads.park()
  }

  /** Refuses what comes from now on. */
  shutDown(): void {
    this.#transmission.shutDown()
  }

  /** Takes nothing any more: our side is closed, or about to be. */
  stop(): void {
    this.#stopped = true
  }

  /** The connection is closed: gives back what reads hold. */
  cancel(): void {
    this.#reads.cancel()
  }

  #take(request: Request): void {
    switch (request.type) {
      case 'disconnect':
        this.#disconnected = true
        return
      case 'close':
        this.#broken(request.reason)
        return
      case 'read': {
        this.#pending++
        const whole = request.dontFragment || !this.#structuredReplies
        this.#reads.add(new ReadReply(this.#reads, request, whole))
        return
      }
      case 'cache':
        this.export.cache(request.offset, request.length, this.#connection)
        this.#reply(encodeSimpleReply(request.cookie, Errno.OK))
        return
      case 'block-status':
        this.#pending++
        this.#tellStatus(request)
        return
      case 'succeed': {
        const { cookie, command } = request
        // A read is never answered simply once structured replies were agreed.
        const structured = command === Cmd.READ && this.#structuredReplies
        this.#reply(structured ? encodeNone(cookie) : encodeSimpleReply(cookie, Errno.OK))
        return
      }
      case 'refuse': {
        const { cookie, refusal } = request
        this.#reply(
          this.#structuredReplies
            ? encodeError(cookie, refusal.errno, refusal.message)
            : encodeSimpleReply(cookie, refusal.errno),
        )
      }
    }
  }

  /** Sends a reply that is one message. */
  #reply(message: Buffer): void {
    this.#pending++
    this.#writer.send(message, true)
  }

  #tellStatus(request: Extract<Request, { type: 'block-status' }>): void {
    const { cookie, offset, length, oneExtent } = request
    const told = this.export.blockStatus?.(offset, length, this.#connection) ?? []
    const extents = statusExtents(told, length, oneExtent)
    const final = this.#contexts.length - 1
    for (const [index, { id }] of this.#contexts.entries()) {
      const last = index === final
      this.#writer.send(encodeBlockStatus(cookie, id, extents, last), last)
    }
  }
}
