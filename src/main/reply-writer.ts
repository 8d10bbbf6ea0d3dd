// The sending side of one connection: replies go out in the order given, many in one system call,
// data straight from where they lie. It knows when bytes have left, gives borrowed views back
// exactly once whatever becomes of the socket, and notices a client that takes nothing any more.

import type { Socket } from 'node:net'

/** Parts of the time limit after which progress is looked for. */
const TICKS = 4
const NO_VIEWS: readonly Uint8Array[] = []

/** Told by a writer what became of its replies. Never called from within `send()`. */
export interface ReplyWriterOwner {
  /** A message has left with `bytes` of data; `last` as it was given to `send()`. */
  sent(bytes: number, last: boolean): void
  /** The client has taken no byte for the time limit, and some are waiting. */
  stalled(): void
}

interface Unsent {
  readonly bytes: number
  readonly last: boolean
  readonly release: (() => void) | undefined
}

/** One per connection. */
export class ReplyWriter {
  readonly #socket: Socket
  readonly #owner: ReplyWriterOwner
  readonly #tickMs: number
  /** Messages not yet taken by the kernel, oldest first: write callbacks come in this order. */
  readonly #unsent: Unsent[] = []
  #corked = false
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #ticks = 0
  #progress = false
  #kernelQueue = 0

  /** @param timeoutMs a client that takes nothing for so long (up to a quarter more) is stalled */
  constructor(socket: Socket, owner: ReplyWriterOwner, timeoutMs: number) {
    this.#socket = socket
    this.#owner = owner
    this.#tickMs = Math.max(1, Math.ceil(timeoutMs / TICKS))
  }

  /** Messages that have not left. */
  get unsent(): number {
    return this.#unsent.length
  }

  /**
   * Sends one message.
   * @param last true if it completes the reply to a request
   * @param views data behind the head, `bytes` in all, valid until `release` is called
   */
  send(
    head: Buffer,
    last: boolean,
    views: readonly Uint8Array[] = NO_VIEWS,
    bytes = 0,
    release?: () => void,
  ): void {
    if (this.#closed) {
      release?.()
      return
    }
    this.#unsent.push({ bytes, last, release })
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

  /** The socket has closed: gives back every view. Nothing is told to the owner any more. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const { release } of this.#unsent.splice(0)) release?.()
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
    this.#progress = true
    message.release?.()
    this.#owner.sent(message.bytes, message.last)
  }

  #watch(): void {
    if (this.#timer !== undefined) return
    this.#ticks = 0
    this.#progress = false
    this.#kernelQueue = kernelQueueOf(this.#socket)
    this.#timer = setTimeout(this.#tick, this.#tickMs).unref()
  }

  readonly #tick = (): void => {
    this.#timer = undefined
    if (this.#closed || this.#unsent.length === 0) return
    // A single write may be large and the client slow: the rest of it that waits in libuv shrinks.
    const kernelQueue = kernelQueueOf(this.#socket)
    const moved = this.#progress || kernelQueue < this.#kernelQueue
    this.#ticks = moved ? 0 : this.#ticks + 1
    this.#progress = false
    this.#kernelQueue = kernelQueue
    if (this.#ticks >= TICKS) {
      this.#owner.stalled()
      return
    }
    this.#timer = setTimeout(this.#tick, this.#tickMs).unref()
  }
}

/** Bytes given to libuv which the kernel has not taken; Node's own socket timeout goes by it too. */
function kernelQueueOf(socket: Socket): number {
  const handle = (socket as { _handle?: { writeQueueSize?: number } | null })._handle
  return handle?.writeQueueSize ?? 0
}
