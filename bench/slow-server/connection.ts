// One connection of the slow server: requests in, answers out in the same order, at the pace that the options set.
// Requests are served one after the other; what overlaps between pipelined requests is the network latency, which
// counts from a request's arrival.
import type { Socket } from 'node:net'
import type { Admission } from './admission.js'
import { type Answer, type Cut, encodeHead, textAnswer } from './answer.js'
import type { ChunkStore } from './chunk-store.js'
import type { Delay } from './delays.js'
import type { ServingOptions } from './options.js'
import type { LogEntry, RequestLog } from './request-log.js'
import { type RequestHead, RequestParser } from './request-parser.js'
import type { Response } from './responder.js'
import { Pacer, TokenBucket } from './token-bucket.js'

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly options: ServingOptions
  readonly log: RequestLog
  readonly store: ChunkStore
  readonly admission: Admission
  readonly totalBandwidth: TokenBucket
  /** Bodies being sent over all connections; a connection keeps it up to date. */
  activeBodies: number
  /** Milliseconds since the server's start, monotonic. */
  now(): number
  drawDelay(sinceConnectMs: number): Delay
  respond(request: RequestHead, entry: LogEntry): Response
  refuse(): Answer
}

interface Pending {
  readonly request: RequestHead
  readonly entry: LogEntry
  readonly delay: Delay
}

/** Requests that may wait behind another before reading from the socket stops. */
const MAX_PIPELINED = 64

/** Bytes handed to the socket that it may still hold when more is written. */
const MAX_UNSENT = 256 * 1024

/** Serves one connection until it ends. */
export class Connection {
  readonly #socket: Socket
  readonly #raw: Socket
  readonly #host: ConnectionHost
  readonly #number: number
  readonly #parser = new RequestParser()
  readonly #queue: Pending[] = []
  readonly #bandwidth = new TokenBucket(Infinity)
  readonly #startedMs: number
  #requests = 0
  #busy = false
  #gone = false
  /** The peer has sent its last byte: it gets the answers it asked for, but no stall is kept up for it. */
  #peerEnded = false
  #stalled = false
  #closing = false
  #unsent = 0
  #wake: (() => void) | undefined
  #idleTimer: NodeJS.Timeout | undefined

  /**
   * @param socket - what is read and written
   * @param raw - the TCP socket below it (the same without TLS)
   */
  constructor(socket: Socket, raw: Socket, host: ConnectionHost) {
    this.#socket = socket
    this.#raw = raw
    this.#host = host
    this.#number = host.log.connected()
    this.#startedMs = host.now()
    raw.setNoDelay(true)
    socket.on('data', chunk => this.#received(chunk))
    socket.on('end', () => {
      this.#peerEnded = true
      if (this.#stalled) this.destroy()
      else if (!this.#busy) socket.end()
    })
    // Errors of the peer's making end the connection; 'close' follows.
    socket.on('error', () => {})
    raw.on('error', () => {})
    socket.on('close', () => {
      this.#gone = true
      clearTimeout(this.#idleTimer)
      this.#wake?.()
      host.log.disconnected()
    })
    this.#watchIdle()
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy()
    this.#raw.destroy()
  }

  /** Ends the connection with a reset (RST). */
  reset(): void {
    // Nothing orderly may go out before the RST: resetAndDestroy() would send a FIN by way of destroySoon(), and
    // destroying the TLS socket now would send a close_notify.
    this.#raw.destroySoon = () => void this.#raw.destroy()
    this.#raw.once('close', () => this.#socket.destroy())
    this.#raw.resetAndDestroy()
  }

  #received(chunk: Buffer): void {
    let requests: RequestHead[]
    try {
      requests = this.#parser.push(chunk)
    } catch {
      this.#closing = true
      this.#socket.end(
        encodeHead({ ...textAnswer(400), contentLength: 0, close: 'announced' }, new Date()),
      )
      return
    }
    for (const request of requests) {
      const entry = this.#host.log.arrived(this.#number, request, this.#host.now())
      const delay = this.#host.drawDelay(entry.startMs - this.#startedMs)
      this.#requests++
      this.#queue.push({ request, entry, delay })
    }
    if (this.#queue.length > MAX_PIPELINED) this.#socket.pause()
    if (!this.#busy) void this.#run()
  }

  async #run(): Promise<void> {
    this.#busy = true
    clearTimeout(this.#idleTimer)
    let served = this.#requests - this.#queue.length
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (this.#closing || this.#gone) break
      this.#socket.resume()
      const last = ++served >= (this.#host.options.requestsPerConnection ?? Infinity)
      await this.#serve(next, last || !next.request.persistent)
    }
    this.#busy = false
    if (this.#gone) return
    if (this.#closing || this.#peerEnded) this.#socket.end()
    else this.#watchIdle()
  }

  async #serve({ request, entry, delay }: Pending, last: boolean): Promise<void> {
    const { log, admission } = this.#host
    log.begun(entry)
    const admitted = await admission.enter()
    try {
      await this.#sleepUntil(entry.startMs + delay.latency)
      if (admitted) await this.#sleepUntil(this.#host.now() + delay.think)
      if (this.#gone) return
      const { answer, fault } = admitted
        ? this.#host.respond(request, entry)
        : { answer: this.#host.refuse(), fault: undefined }
      if (fault !== undefined) log.struck(entry, fault.kind)
      if (last) answer.close ??= 'announced'
      await this.#answer(answer, entry)
      if (answer.close !== undefined) this.#closing = true
    } finally {
      if (admitted) admission.leave()
      log.ended(entry, this.#host.now())
    }
  }

  async #answer(answer: Answer, entry: LogEntry): Promise<void> {
    const { prelude } = answer
    if (prelude?.how === 'reset') return this.reset()
    if (prelude?.how === 'garbage') {
      this.#closing = true
      this.#write(Buffer.from('\x16\x03\x01 this is not HTTP\r\n\r\n'))
      return this.#flushed()
    }
    if (prelude?.how === 'stall') await this.#stall(prelude.ms)
    if (this.#gone) return

    // Held together with the first body bytes: one packet less, and one system call.
    this.#socket.cork()
    this.#write(encodeHead(answer, new Date()))
    this.#host.log.answered(entry, answer.status, this.#host.now())
    if (!answer.headOnly) {
      this.#host.activeBodies++
      try {
        await this.#sendBody(answer, entry)
      } finally {
        this.#host.activeBodies--
      }
    }
    await this.#flushed()
  }

  async #sendBody(answer: Answer, entry: LogEntry): Promise<void> {
    const host = this.#host
    this.#bandwidth.rate = host.options.bandwidth ?? Infinity
    const own = [this.#bandwidth]
    if (answer.bytesPerSecond !== undefined) own.push(new TokenBucket(answer.bytesPerSecond))
    const pacer = new Pacer(own, host.totalBandwidth, () => host.activeBodies)
    pacer.begin(host.now())

    let sent = 0
    let cut = answer.cut
    /** Takes up to `left` bytes further; 0 when the body ends here. */
    const allowance = async (left: number): Promise<number> => {
      if (cut !== undefined && sent >= cut.afterBytes) {
        const { how } = cut
        await this.#cut(cut)
        cut = undefined
        if (how !== 'stall') return 0
      }
      const slice = Math.min(left, pacer.slice(), (cut?.afterBytes ?? Infinity) - sent)
      // Early by a millisecond at most; the schedule itself does not drift.
      await this.#sleepUntil(pacer.reserve(slice, host.now()), 1)
      while (this.#unsent > MAX_UNSENT && !this.#gone) await this.#woken()
      return this.#gone ? 0 : slice
    }
    for (const segment of answer.body) {
      const end = 'bytes' in segment ? segment.bytes.length : segment.offset + segment.length
      let at = 'bytes' in segment ? 0 : segment.offset
      while (at < end) {
        const view =
          'bytes' in segment
            ? { bytes: segment.bytes.subarray(at), release: () => {} }
            : host.store.view(at, end)
        for (let done = 0; done < view.bytes.length; ) {
          const slice = await allowance(view.bytes.length - done)
          if (slice === 0) {
            // Nothing of the view is with the socket any more: it is flushed, or gone.
            view.release()
            return
          }
          const bytes = view.bytes.subarray(done, done + slice)
          done += slice
          sent += slice
          this.#writeBody(
            bytes,
            answer,
            entry,
            done === view.bytes.length ? view.release : undefined,
          )
        }
        at += view.bytes.length
      }
    }
    if (cut !== undefined && sent >= cut.afterBytes) await this.#cut(cut)
    if (answer.chunked && !this.#gone) this.#write(Buffer.from('0\r\n\r\n'))
  }

  #writeBody(bytes: Uint8Array, answer: Answer, entry: LogEntry, release?: () => void): void {
    if (answer.chunked) this.#write(Buffer.from(`${bytes.length.toString(16)}\r\n`))
    this.#write(bytes, failed => {
      release?.()
      if (!failed) this.#host.log.sent(entry, bytes.length)
    })
    if (answer.chunked) this.#write(Buffer.from('\r\n'))
    this.#uncork()
  }

  async #cut({ how, ms }: Cut): Promise<void> {
    await this.#flushed()
    if (how === 'stall') return this.#stall(ms)
    if (how === 'reset') return this.reset()
    this.#closing = true
  }

  /** Stays silent for `ms`, or until the peer gives up. */
  async #stall(ms: number | undefined): Promise<void> {
    this.#uncork()
    if (this.#peerEnded) return this.destroy()
    this.#stalled = true
    if (ms !== undefined) await this.#sleepUntil(this.#host.now() + ms)
    else while (!this.#gone) await this.#woken()
    this.#stalled = false
  }

  #write(bytes: Uint8Array, done?: (failed: boolean) => void): void {
    this.#unsent += bytes.length
    this.#socket.write(bytes, error => {
      this.#unsent -= bytes.length
      done?.(error != null)
      this.#wake?.()
    })
  }

  #uncork(): void {
    while (this.#socket.writableCorked > 0) this.#socket.uncork()
  }

  /** Resolves when the network has taken everything written, or the connection is gone. */
  async #flushed(): Promise<void> {
    this.#uncork()
    while (this.#unsent > 0 && !this.#gone) await this.#woken()
  }

  /** Resolves at the next write that completes, or when the connection is gone. */
  #woken(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
    })
  }

  /**
   * Resolves at `timeMs`, or up to `earlyMs` before it, or when the connection is gone. Never earlier: timers are
   * rounded up to whole milliseconds.
   */
  async #sleepUntil(timeMs: number, earlyMs = 0): Promise<void> {
    for (;;) {
      const left = timeMs - this.#host.now()
      if (left <= earlyMs || this.#gone) return
      this.#uncork()
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, Math.ceil(left))
        this.#onceGone(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  #onceGone(action: () => void): void {
    this.#wake = () => {
      if (this.#gone) action()
    }
  }

  #watchIdle(): void {
    const { idleTimeoutMs } = this.#host.options
    if (idleTimeoutMs !== undefined) {
      this.#idleTimer = setTimeout(() => this.#socket.end(), idleTimeoutMs)
    }
  }
}
