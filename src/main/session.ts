// One client's connection: owns the socket, drives the handshake, TLS and then transmission, and lets
// replies out. It bounds what a client can hold: requests in flight, answers it does not read, time
// without progress.

import type { Socket } from 'node:net'
import { ClientRequests } from './client-requests.js'
import type { ExportTable } from './export-table.js'
import type { Log } from './log.js'
import { ChunkQueue } from './nbd/chunk-queue.js'
import { Handshake } from './nbd/handshake.js'
import type { HandshakeEvent } from './nbd/messages.js'
import { ReplyWriter, type ReplyWriterOwner, type ReplyWriterTimes } from './reply-writer.js'
import type { SessionCounters, SessionLimits } from './session-limits.js'
import type { ClientStatus } from './status/snapshot.js'
import type { TlsAcceptor } from './tls-acceptor.js'

/** Answers to options that may wait for a client to read them, bytes. */
const MAX_UNSENT_ANSWERS = 1024 * 1024

/** Time a client gets to close its side after ours is closed, milliseconds. */
const LINGER_MS = 1000

/** `starting-tls` ends what was in the clear, in `tls-handshake` the bytes are not ours. */
type Phase = 'handshake' | 'starting-tls' | 'tls-handshake' | 'transmission' | 'leaving' | 'closed'

/** What a session works with. */
export interface SessionSettings {
  /** Connected, with `allowHalfOpen`. The session owns it from now on. */
  readonly socket: Socket
  /** Number of the connection, unique within the server. */
  readonly connection: number
  readonly exports: ExportTable
  readonly limits: SessionLimits
  readonly counters: SessionCounters
  /** Undefined does not offer TLS. */
  readonly tls: TlsAcceptor | undefined
  readonly log: Log
}

/** Lives as long as its socket. */
export class Session implements ReplyWriterOwner {
  readonly connection: number
  /** Fulfilled when the socket is closed and everything given back. */
  readonly closed: Promise<void>
  readonly #tls: TlsAcceptor | undefined
  /** The socket clients' bytes come from: the TLS one once that has begun. */
  #socket: Socket
  #writer: ReplyWriter
  readonly #exports: ExportTable
  readonly #limits: SessionLimits
  readonly #counters: SessionCounters
  readonly #log: Log
  readonly #queue = new ChunkQueue()
  readonly #handshake: Handshake
  #phase: Phase = 'handshake'
  /** From the chosen export on. */
  #requests: ClientRequests | undefined
  #draining = false
  /** True if it is we who end the connection, for what the client did. */
  #dropped = false
  #paused = false
  #timer: NodeJS.Timeout
  #reason = 'the client has left without saying so'
  readonly #address: string
  /** Version of TLS, '' in the clear. */
  #protocol = ''
  readonly #sinceMs = performance.now()

  constructor({ socket, connection, exports, limits, counters, tls, log }: SessionSettings) {
    this.connection = connection
    this.#socket = socket
    this.#address = addressOf(socket)
    this.#exports = exports
    this.#limits = limits
    this.#counters = counters
    this.#tls = tls
    this.#log = log
    this.#writer = new ReplyWriter(socket, this, this.#writerTimes)
    this.#handshake = new Handshake({
      queue: this.#queue,
      directory: exports,
      allocation: exports.allocation,
      tls: tls === undefined ? 'off' : tls.required ? 'require' : 'on',
    })
    this.closed = new Promise(resolve => {
      // Of the plain socket also under TLS: with it the descriptor is given back.
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
    socket.setKeepAlive(limits.keepaliveMs > 0, limits.keepaliveMs)
    socket.on('error', this.#onError)
    this.#listen()
    this.#writer.send(this.#handshake.start(), false)
  }

  /** True from the chosen export on. */
  get entered(): boolean {
    return this.#requests !== undefined
  }

  /** Who it is and what it does, for people. */
  get status(): ClientStatus {
    return {
      connection: this.connection,
      address: this.#address,
      export: this.#requests?.export.info.name ?? null,
      tls: this.#protocol,
      inFlight: this.#requests?.pending ?? 0,
      reads: this.#requests?.answeredReads ?? 0,
      bytes: this.#requests?.sentBytes ?? 0,
      connectedSeconds: (performance.now() - this.#sinceMs) / 1000,
    }
  }

  /**
   * Takes no new requests: answers what is running, refuses what comes, then closes. A client that
   * has not chosen an export is told so, but is not closed until it leaves.
   * @returns `closed`
   */
  drain(): Promise<void> {
    this.#draining = true
    this.#handshake.shutDown()
    this.#requests?.shutDown()
    this.#advance()
    return this.closed
  }

  /** Closes at once. What was handed out is given back before `closed` is fulfilled. */
  destroy(reason: string): void {
    if (this.#phase === 'closed') return
    this.#phase = 'leaving'
    this.#reason = reason
    this.#dropped = !this.#draining
    this.#requests?.stop()
    this.#socket.destroy()
  }

  sent(bytes: number, last: boolean): void {
    this.#requests?.sent(bytes, last)
    this.#advance()
  }

  slow(): void {
    this.#requests?.park()
  }

  stalled(): void {
    this.destroy('the client takes no replies')
  }

  get #writerTimes(): ReplyWriterTimes {
    const { parkAfterMs, writeTimeoutMs } = this.#limits
    return { parkAfterMs, timeoutMs: writeTimeoutMs }
  }

  #listen(): void {
    this.#socket.on('data', this.#onData)
    this.#socket.on('end', this.#onEnd)
  }

  readonly #onError = (error: Error): void => {
    this.#reason = error.message
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#phase === 'leaving' || this.#disconnected) return
    this.#queue.push(chunk)
    this.#advance()
  }

  readonly #onEnd = (): void => {
    // After DISC a client may close its side and still wait for replies.
    if (this.#phase !== 'leaving' && !this.#disconnected) this.#socket.destroy()
  }

  /** Does whatever can be done now; called when bytes have come and when replies have left. */
  #advance(): void {
    if (this.#phase === 'handshake') this.#haggle()
    if (this.#phase === 'starting-tls') this.#startTls()
    if (this.#phase === 'transmission') {
      this.#requests?.advance()
      this.#leaveWhenDone()
    }
    if (this.#phase === 'starting-tls' || this.#phase === 'tls-handshake') return
    const pause = this.#isBlocked()
    if (pause === this.#paused) return
    this.#paused = pause
    if (pause) this.#socket.pause()
    else this.#socket.resume()
  }

  /** True once no request follows. */
  get #disconnected(): boolean {
    return this.#requests?.disconnected === true
  }

  #isBlocked(): boolean {
    if (this.#phase === 'handshake') return this.#socket.writableLength >= MAX_UNSENT_ANSWERS
    return this.#phase === 'transmission' && this.#requests?.isFull === true
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
        this.#writer.send(event.bytes, false)
        return
      case 'start-tls':
        this.#phase = 'starting-tls'
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

  /** Hands the plain socket to TLS once the acknowledgement has left, and goes on in there. */
  #startTls(): void {
    const plain = this.#socket
    // What comes from now on stays in the socket, for TLS to take it from there.
    plain.pause()
    if (this.#writer.unsent > 0 || this.#tls === undefined) return
    // There may be bytes of a chunk that had STARTTLS in it.
    const event = this.#handshake.next()
    if (event !== undefined) {
      this.#act(event)
      return
    }
    this.#phase = 'tls-handshake'
    plain.off('data', this.#onData)
    plain.off('end', this.#onEnd)
    this.#writer.close()
    this.#tls.accept(plain).then(
      secure => {
        if (this.#phase !== 'tls-handshake') {
          secure.destroy()
          return
        }
        this.#socket = secure
        this.#protocol = secure.getProtocol() ?? ''
        secure.on('error', this.#onError)
        this.#writer = new ReplyWriter(secure, this, this.#writerTimes)
        this.#handshake.secured()
        this.#phase = 'handshake'
        this.#paused = false
        this.#listen()
        this.#log('debug', 'TLS has begun', {
          connection: this.connection,
          protocol: this.#protocol,
          cipher: secure.getCipher().name,
        })
      },
      error => this.destroy(`TLS can't begin: ${error.message}`),
    )
  }

  #enter(event: Extract<HandshakeEvent, { type: 'enter' }>): void {
    const { info, structuredReplies } = event
    clearTimeout(this.#timer)
    this.#phase = 'transmission'
    this.#log('debug', 'client has opened an export', {
      connection: this.connection,
      export: info.name,
      structuredReplies,
    })
    this.#requests = new ClientRequests({
      connection: this.connection,
      entered: event,
      export: this.#exports.get(info),
      queue: this.#queue,
      writer: this.#writer,
      limits: this.#limits,
      counters: this.#counters,
      log: this.#log,
      broken: reason => this.destroy(reason),
    })
    this.#requests.export.connectionOpened(this.connection)
  }

  #leaveWhenDone(): void {
    if (this.#phase !== 'transmission' || this.#requests?.pending !== 0) return
    if (this.#disconnected || this.#draining) this.#leave()
  }

  /** Closes our side behind the last reply and gives the client a moment to close its own. */
  #leave(): void {
    this.#phase = 'leaving'
    this.#requests?.stop()
    this.#reason = this.#draining ? 'the server is shutting down' : 'the client has said goodbye'
    clearTimeout(this.#timer)
    this.#socket.end(() => {
      this.#timer = setTimeout(() => this.#socket.destroy(), LINGER_MS).unref()
    })
  }

  #onClose(): void {
    this.#phase = 'closed'
    clearTimeout(this.#timer)
    this.#requests?.cancel()
    this.#writer.close()
    this.#queue.clear()
    this.#requests?.export.connectionClosed(this.connection)
    const fields = { connection: this.connection, reason: this.#reason }
    if (this.#dropped) this.#log('info', 'client dropped', fields)
    else this.#log('debug', 'connection closed', fields)
  }
}

/** The other side's address, for people. */
function addressOf({ remoteAddress, remotePort }: Socket): string {
  if (remoteAddress === undefined) return 'unix'
  return remoteAddress.includes(':')
    ? `[${remoteAddress}]:${remotePort}`
    : `${remoteAddress}:${remotePort}`
}
