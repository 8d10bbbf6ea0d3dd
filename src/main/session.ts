// One client's connection: owns the socket, drives the handshake and then transmission, starts the
// reads and lets their replies out. It bounds what a client can hold: requests in flight, and bytes
// of the ring that are asked for and not yet sent.

import type { Socket } from 'node:net'
import type { Failure } from '../shared/failure.js'
import type { Export } from './export.js'
import type { ExportTable } from './export-table.js'
import type { Log } from './log.js'
import { ChunkQueue } from './nbd/chunk-queue.js'
import { Cmd, Errno } from './nbd/constants.js'
import { Handshake } from './nbd/handshake.js'
import type { HandshakeEvent, MetaContext, Request } from './nbd/messages.js'
import { encodeBlockStatus, encodeError, encodeNone, encodeSimpleReply } from './nbd/reply-codec.js'
import { Transmission } from './nbd/transmission.js'
import { type ReadOwner, ReadReply } from './read-reply.js'
import { ReplyWriter, type ReplyWriterOwner } from './reply-writer.js'
import type { SessionCounters, SessionLimits } from './session-limits.js'

/** Answers to options that may wait for a client to read them, bytes. */
const MAX_UNSENT_ANSWERS = 1024 * 1024

/** Time a client gets to close its side after ours is closed, milliseconds. */
const LINGER_MS = 1000

/** What a session works with. */
export interface SessionSettings {
  /** Connected, with `allowHalfOpen`. The session owns it from now on. */
  readonly socket: Socket
  /** Number of the connection, unique within the server. */
  readonly connection: number
  readonly exports: ExportTable
  readonly limits: SessionLimits
  readonly counters: SessionCounters
  readonly log: Log
}

/** Lives as long as its socket. */
export class Session implements ReadOwner, ReplyWriterOwner {
  readonly connection: number
  readonly writer: ReplyWriter
  /** Fulfilled when the socket is closed and everything given back. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #exports: ExportTable
  readonly #limits: SessionLimits
  readonly #counters: SessionCounters
  readonly #log: Log
  readonly #queue = new ChunkQueue()
  readonly #handshake: Handshake
  #phase: 'handshake' | 'transmission' | 'leaving' | 'closed' = 'handshake'
  #transmission: Transmission | undefined
  #export: Export | undefined
  #structuredReplies = false
  #contexts: readonly MetaContext[] = []
  /** True once no request follows: after DISC. */
  #disconnected = false
  #draining = false
  #requests = 0
  #owedBytes = 0
  #failedReads = 0
  /** Reads that wait to be started, oldest first. */
  readonly #waiting: ReadReply[] = []
  readonly #running = new Set<ReadReply>()
  #paused = false
  #timer: NodeJS.Timeout
  #reason = 'the client has left without saying so'

  constructor({ socket, connection, exports, limits, counters, log }: SessionSettings) {
    this.connection = connection
    this.#socket = socket
    this.#exports = exports
    this.#limits = limits
    this.#counters = counters
    this.#log = log
    this.writer = new ReplyWriter(socket, this, limits.writeTimeoutMs)
    this.#handshake = new Handshake({
      queue: this.#queue,
      directory: exports,
      allocation: exports.allocation,
    })
    this.closed = new Promise(resolve => {
      socket.once('close', () => {
        this.#onClose()
        resolve()
      })
    })
    this.#timer = setTimeout(() => {
      this.destroy('the client has not chosen an export in time')
    }, limits.handshakeTimeoutMs).unref()
    // Small replies must not wait for the acknowledgement of others (proto.md, "Transport").
    socket.setNoDelay(true)
    // A host that vanished without a FIN is noticed in the end.
    socket.setKeepAlive(true, 60_000)
    socket.on('error', error => {
      this.#reason = error.message
    })
    socket.on('end', () => this.#onEnd())
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    this.writer.send(this.#handshake.start(), false)
  }

  get structuredReplies(): boolean {
    return this.#structuredReplies
  }

  /** True from the chosen export on. */
  get entered(): boolean {
    return this.#export !== undefined
  }

  /**
   * Takes no new requests: answers what is running, refuses what comes, then closes. A client that
   * has not chosen an export is told so, but is not closed until it leaves.
   * @returns `closed`
   */
  drain(): Promise<void> {
    this.#draining = true
    this.#handshake.shutDown()
    this.#transmission?.shutDown()
    this.#advance()
    return this.closed
  }

  /** Closes at once. What was handed out is given back before `closed` is fulfilled. */
  destroy(reason: string): void {
    if (this.#phase === 'closed') return
    this.#phase = 'leaving'
    this.#reason = reason
    this.#socket.destroy()
  }

  sent(bytes: number, last: boolean): void {
    this.#counters.servedBytes += bytes
    this.#owedBytes -= bytes
    if (last) this.#requests--
    this.#advance()
  }

  stalled(): void {
    this.destroy('the client takes no replies')
  }

  settled(read: ReadReply, undelivered: number, failure?: Failure): void {
    this.#running.delete(read)
    this.#owedBytes -= undelivered
    if (failure === undefined) {
      this.#counters.reads++
      return
    }
    this.#counters.failedReads++
    // One line a connection: a dead origin fails every read of a copy.
    this.#log(this.#failedReads++ === 0 ? 'warn' : 'debug', 'read failed', {
      connection: this.connection,
      offset: read.offset,
      length: read.length,
      code: failure.code,
      reason: failure.message,
    })
  }

  #onData(chunk: Buffer): void {
    if (this.#phase === 'leaving' || this.#disconnected) return
    this.#queue.push(chunk)
    this.#advance()
  }

  #onEnd(): void {
    // After DISC a client may close its side and still wait for replies.
    if (this.#phase !== 'leaving' && !this.#disconnected) this.#socket.destroy()
  }

  /** Does whatever can be done now; called when bytes have come and when replies have left. */
  #advance(): void {
    if (this.#phase === 'handshake') this.#haggle()
    if (this.#phase === 'transmission') {
      this.#takeRequests()
      this.#startReads()
      this.#leaveWhenDone()
    }
    const pause = this.#isBlocked()
    if (pause === this.#paused) return
    this.#paused = pause
    if (pause) this.#socket.pause()
    else this.#socket.resume()
  }

  #isBlocked(): boolean {
    if (this.#phase === 'handshake') return this.#socket.writableLength >= MAX_UNSENT_ANSWERS
    return this.#phase === 'transmission' && this.#requests >= this.#limits.maxRequests
  }

  #haggle(): void {
    while (this.#phase === 'handshake' && !this.#isBlocked()) {
      const event = this.#handshake.next()
      if (event === undefined) return
      this.#act(event)
    }
  }

  #act(event: HandshakeEvent): void {
    switch (event.type) {
      case 'send':
        this.writer.send(event.bytes, false)
        return
      case 'abort':
        this.#leave()
        return
      case 'close':
        this.destroy(event.reason)
        return
      case 'enter':
        this.#enter(event)
    }
  }

  #enter(event: Extract<HandshakeEvent, { type: 'enter' }>): void {
    const { info, structuredReplies, contexts } = event
    clearTimeout(this.#timer)
    this.#phase = 'transmission'
    this.#export = this.#exports.get(info)
    this.#structuredReplies = structuredReplies
    this.#contexts = contexts
    this.#transmission = new Transmission(this.#queue, {
      size: info.size,
      blockSizes: info.blockSizes,
      structuredReplies,
      contexts: contexts.length > 0,
    })
    this.#log('debug', 'client has opened an export', {
      connection: this.connection,
      export: info.name,
      structuredReplies,
    })
    this.#export.connectionOpened(this.connection)
  }

  #takeRequests(): void {
    while (this.#phase === 'transmission' && !this.#disconnected && !this.#isBlocked()) {
      const request = this.#transmission?.next()
      if (request === undefined) return
      this.#take(request)
    }
  }

  #take(request: Request): void {
    switch (request.type) {
      case 'disconnect':
        this.#disconnected = true
        return
      case 'close':
        this.destroy(request.reason)
        return
      case 'read': {
        this.#requests++
        const whole = request.dontFragment || !this.#structuredReplies
        this.#waiting.push(new ReadReply(this, request, whole))
        return
      }
      case 'cache':
        this.#export?.cache(request.offset, request.length, this.connection)
        this.#reply(encodeSimpleReply(request.cookie, Errno.OK))
        return
      case 'block-status':
        this.#requests++
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
    this.#requests++
    this.writer.send(message, true)
  }

  #tellStatus(request: Extract<Request, { type: 'block-status' }>): void {
    const { cookie, offset, length, oneExtent } = request
    const told = this.#export?.blockStatus?.(offset, length, this.connection) ?? []
    const extents =
      told.length === 0 ? [{ length, flags: 0 }] : told.slice(0, oneExtent ? 1 : undefined)
    const final = this.#contexts.length - 1
    for (const [index, { id }] of this.#contexts.entries()) {
      const last = index === final
      this.writer.send(encodeBlockStatus(cookie, id, extents, last), last)
    }
  }

  /** Starts reads in order of arrival while the client keeps up with what it is owed. */
  #startReads(): void {
    for (;;) {
      const [read] = this.#waiting
      if (read === undefined) return
      const owed = this.#owedBytes + read.length
      if (this.#owedBytes > 0 && owed > this.#limits.maxOwedBytes) return
      this.#waiting.shift()
      this.#owedBytes = owed
      this.#start(read)
    }
  }

  #start(read: ReadReply): void {
    this.#running.add(read)
    try {
      const { offset, length, whole } = read
      read.handle = this.#export?.read({ offset, length, whole, connection: this.connection }, read)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      read.fail({ code: 'internal', message }, read.offset)
    }
  }

  #leaveWhenDone(): void {
    if (this.#phase !== 'transmission' || this.#requests > 0) return
    if (this.#disconnected || this.#draining) this.#leave()
  }

  /** Closes our side behind the last reply and gives the client a moment to close its own. */
  #leave(): void {
    this.#phase = 'leaving'
    this.#reason = this.#draining ? 'the server is shutting down' : 'the client has said goodbye'
    clearTimeout(this.#timer)
    this.#socket.end(() => {
      this.#timer = setTimeout(() => this.#socket.destroy(), LINGER_MS).unref()
    })
  }

  #onClose(): void {
    this.#phase = 'closed'
    clearTimeout(this.#timer)
    this.#waiting.length = 0
    for (const read of this.#running) read.handle?.cancel()
    this.#running.clear()
    this.writer.close()
    this.#queue.clear()
    this.#export?.connectionClosed(this.connection)
    this.#log('debug', 'connection closed', { connection: this.connection, reason: this.#reason })
  }
}
