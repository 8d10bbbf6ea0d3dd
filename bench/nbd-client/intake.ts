// What a socket receives, in portions of known length: each goes straight to where it belongs, and
// what follows is decided only then. Between portions that somebody awaits, the socket is paused.

import type { Socket } from 'node:net'

/** The receiving side of one socket. Nothing is read from it until somebody asks. */
export class Intake {
  readonly #socket: Socket
  readonly #broken: (error: Error) => void
  // What is being received: `#missing` bytes for `#target` at `#at`, and what follows then.
  #target: Buffer = Buffer.alloc(0)
  #at = 0
  #missing = 0
  #then: (() => void) | undefined
  #failure: Error | undefined
  #fail: ((error: Error) => void) | undefined

  /** @param broken - called when what follows a portion has thrown; the socket is destroyed then */
  constructor(socket: Socket, broken: (error: Error) => void) {
    this.#socket = socket
    this.#broken = broken
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.pause()
  }

  /** The next `count` bytes; at most one such promise at a time. */
  take(count: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      const bytes = Buffer.alloc(count)
      this.#fail = reject
      this.expect(bytes, 0, count, () => {
        // Whoever awaits this asks for more only later: what has come stays with the socket.
        this.#socket.pause()
        resolve(bytes)
      })
      if (count > 0) this.#socket.resume()
    })
  }

  /** Calls `then` once `count` bytes lie in `target` from `at` on; `then` may throw. */
  expect(target: Buffer, at: number, count: number, then: () => void): void {
    this.#target = target
    this.#at = at
    this.#missing = count
    this.#then = then
    if (count === 0) then()
  }

  /** Whoever awaits bytes, now or later, gets this error. */
  end(error: Error): void {
    this.#failure ??= error
    this.#fail?.(this.#failure)
  }

  #onData(chunk: Buffer): void {
    let at = 0
    try {
      while (at < chunk.length) {
        if (this.#missing === 0) {
          this.#socket.unshift(chunk.subarray(at))
          return
        }
        const count = Math.min(this.#missing, chunk.length - at)
        chunk.copy(this.#target, this.#at, at, at + count)
        this.#at += count
        this.#missing -= count
        at += count
        if (this.#missing === 0) this.#then?.()
      }
    } catch (error) {
      this.#broken(error as Error)
      this.#socket.destroy()
    }
  }
}
