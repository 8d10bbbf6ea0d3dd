// The sending side of one connection: replies go out in the order given, many in one system call,
// data straight from where they lie. It gives borrowed views back exactly once whatever becomes of
// the socket. Only a window of bytes is handed to the socket at a time: what a client that takes
// nothing has not been handed can be called back, so that it holds no memory others need. Where that
// memory is scarce the window is small, and what is in it is a copy.

import type { Socket } from 'node:net'

/** Bytes handed to the socket and not taken, beyond which messages wait here. */
export const WINDOW_BYTES = 2 * 1024 * 1024
/** The same while the memory of messages is scarce: one piece, so that many stuck clients cost little. */
const SCARCE_WINDOW_BYTES = 256 * 1024
/** Largest message that is copied, bytes: larger ones lie in memory of their own already. */
const COPIED_BYTES = 1024 * 1024
/** A client that takes fewer bytes than this in a period is as good as one that takes none. */
const MIN_TAKEN_BYTES = 64 * 1024
const NO_VIEWS: readonly Uint8Array[] = []

/** Told by a writer what became of its replies. Never called from within `send()`. */
export interface ReplyWriterOwner {
  /** A message has left with `bytes` of data; `last` as it was given to `send()`. */
  sent(bytes: number, last: boolean): void
  /** The client has taken next to nothing for `parkAfterMs`: `recall()` may be called. */
  slow(): void
  /** The client has taken next to nothing for `timeoutMs`, and some bytes are waiting. */
  stalled(): void
}

/** Times of a writer, milliseconds. */
export interface ReplyWriterTimes {
  readonly parkAfterMs: number
  readonly timeoutMs: number
}

/** Where the memory behind a message comes from. */
export interface Lease {
  /** The views are no longer used. */
  release(): void
  /** True while others need the memory: then the writer sends a copy, and releases this first. */
  isScarce?(): boolean
  /** The message will not be sent, as if it had never been given to `send()`. Follows `release()`. */
  recalled?(): void
}

interface Message {
  readonly head: Buffer
  readonly last: boolean
  readonly views: readonly Uint8Array[]
  /** Of the views. */
  readonly bytes: number
  readonly lease: Lease | undefined
}

/** One per connection. */
export class ReplyWriter {
  readonly #socket: Socket
  readonly #owner: ReplyWriterOwner
  readonly #tickMs: number
  readonly #timeoutMs: number
  /** Messages not handed to the socket, oldest first. */
  #queue: Message[] = []
  /** Messages handed to it and not taken by the kernel: write callbacks come in this order. */
  readonly #unsent: Message[] = []
  /** Bytes of the latter, heads included. */
  #handedBytes = 0
  #corked = false
  #closed = false
  #isSlow = false
  #timer: NodeJS.Timeout | undefined
  /** Time without progress worth the name. */
  #idleMs = 0
  /** Bytes taken since the last progress, and whether a whole message was since the last look. */
  #taken = 0
  #completed = false
  #kernelQueue = 0

  constructor(socket: Socket, owner: ReplyWriterOwner, times: ReplyWriterTimes) {
    this.#socket = socket
    this.#owner = owner
    this.#timeoutMs = times.timeoutMs
    this.#tickMs = Math.max(1, Math.min(times.parkAfterMs, times.timeoutMs))
  }

  /** Messages that have not left. */
  get unsent(): number {
    return this.#unsent.length + this.#queue.length
  }

  /** Bytes of data in messages that can't be called back any more and have not left. */
  get handedDataBytes(): number {
    let bytes = 0
    for (const message of this.#unsent) bytes += message.bytes
    return bytes
  }

  /** True from `slow()` until the client takes a message. */
  get isSlow(): boolean {
    return this.#isSlow
  }

  /**
   * Sends one message.
   * @param last true if it completes the reply to a request
   * @param views data behind the head, `bytes` in all, valid until the lease is released
   */
  send(head: Buffer, last: boolean, views = NO_VIEWS, bytes = 0, lease?: Lease): void {
    if (this.#closed) {
      lease?.release()
      return
    }
    this.#queue.push({ head, last, views, bytes, lease })
    this.#pump()
  }

  /** Calls back every message with a lease that knows of it and that was not handed to the socket. */
  recall(): void {
    const queue = this.#queue
    this.#queue = queue.filter(({ lease }) => lease?.recalled === undefined)
    for (const { lease } of queue) {
      if (lease?.recalled === undefined) continue
      lease.release()
      lease.recalled()
    }
  }

  /** The socket has closed: gives back every view. Nothing is told to the owner any more. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const { lease } of this.#unsent.splice(0)) lease?.release()
    for (const { lease } of this.#queue.splice(0)) lease?.release()
  }

  #pump(): void {
    let next = 0
    const copied: Message[] = []
    while (next < this.#queue.length) {
      const message = this.#queue[next] as Message
      const scarce = message.bytes <= COPIED_BYTES && message.lease?.isScarce?.() === true
      if (this.#handedBytes >= (scarce ? SCARCE_WINDOW_BYTES : WINDOW_BYTES)) break
      next++
      if (scarce) copied.push(message)
      this.#hand(scarce ? copyOf(message) : message)
    }
    if (next > 0) this.#queue.splice(0, next)
    // Who waits for the memory may send at once, which comes back to here.
    for (const { lease } of copied) lease?.release()
  }

  #hand(message: Message): void {
    const { head, views, bytes } = message
    this.#unsent.push(message)
    this.#handedBytes += head.length + bytes
    if (!this.#corked) {
      // Whatever else is sent before the next tick goes out in the same writev.
      this.#corked = true
      this.#socket.cork()
      process.nextTick(this.#uncork)
    }
    const final = views.length - 1
    if (final < 0) {
      this.#socket.write(head, this.#written)
    } else {
      this.#socket.write(head)
      for (let index = 0; index < final; index++) this.#socket.write(views[index] as Uint8Array)
      this.#socket.write(views[final] as Uint8Array, this.#written)
    }
    this.#watch()
  }

  readonly #uncork = (): void => {
    this.#corked = false
    this.#socket.uncork()
  }

  readonly #written = (error?: Error | null): void => {
    // A failed write is followed by the socket's end, and only then nothing reads the views.
    if (error || this.#closed) return
    const message = this.#unsent.shift()
    if (message === undefined) return
    const bytes = message.head.length + message.bytes
    this.#handedBytes -= bytes
    this.#taken += bytes
    this.#completed = true
    this.#isSlow = false
    message.lease?.release()
    this.#pump()
    this.#owner.sent(message.bytes, message.last)
  }

  #watch(): void {
    if (this.#timer !== undefined) return
    this.#idleMs = 0
    this.#taken = 0
    this.#completed = false
    this.#kernelQueue = kernelQueueOf(this.#socket)
    this.#timer = setTimeout(this.#tick, this.#tickMs).unref()
  }

  readonly #tick = (): void => {
    this.#timer = undefined
    if (this.#closed || this.#unsent.length === 0) return
    // A single write may be large and the client slow: the rest of it that waits in libuv shrinks.
    const kernelQueue = kernelQueueOf(this.#socket)
    this.#taken += Math.max(0, this.#kernelQueue - kernelQueue)
    this.#kernelQueue = kernelQueue
    // A client that asks for little at a time is not slow because a reply is under way right now.
    const nothingWaits = this.#queue.length === 0 && this.#handedBytes < WINDOW_BYTES
    const keepsUp = this.#completed && nothingWaits
    this.#completed = false
    if (keepsUp || this.#taken >= MIN_TAKEN_BYTES) {
      this.#taken = 0
      this.#idleMs = 0
    } else {
      // What was taken adds up: so little in one period may be enough in all of them.
      this.#idleMs += this.#tickMs
      if (this.#idleMs >= this.#timeoutMs) {
        this.#owner.stalled()
        return
      }
      this.#isSlow = true
      this.#owner.slow()
    }
    this.#timer = setTimeout(this.#tick, this.#tickMs).unref()
  }
}

/** The same message in memory of its own. */
function copyOf({ head, last, views, bytes }: Message): Message {
  return { head, last, views: [Buffer.concat(views, bytes)], bytes, lease: undefined }
}

/** Bytes given to libuv which the kernel has not taken; Node's own socket timeout goes by it too. */
function kernelQueueOf(socket: Socket): number {
  const handle = (socket as { _handle?: { writeQueueSize?: number } | null })._handle
  return handle?.writeQueueSize ?? 0
}
