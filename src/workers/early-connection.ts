// A connection that is set up before there is a request for it, while a client of ours is still saying
// hello: TCP and TLS to a server that is far away take two or three of its round trips.

import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'

/** Errors of a connection that nobody waits for are nobody's: who wants one opens another. */
export class EarlyConnection {
  readonly #lost: () => void
  readonly #timer: NodeJS.Timeout
  #taker: buildConnector.Callback | undefined
  #socket: Socket | undefined
  #isOver = false

  /**
   * Begins to connect.
   *
   * @param idleMs for so long it is kept for a request that does not come, milliseconds
   * @param lost it has failed, was closed by the server or was not wanted for too long; never called once it was taken
   */
  constructor(
    connect: (callback: buildConnector.Callback) => void,
    idleMs: number,
    lost: () => void,
  ) {
    this.#lost = lost
    this.#timer = setTimeout(this.#giveUp, idleMs).unref()
    connect((...result) => {
      if (this.#taker !== undefined) {
        this.#taker(...result)
        return
      }
      const [error, socket] = result
      if (this.#isOver) socket?.destroy()
      else if (error !== null || socket === null) this.#giveUp()
      else this.#keep(socket)
    })
  }

  /**
   * Hands the connection over, now or when it stands.
   *
   * @returns false if it is of no use any more: the callback is not called then
   */
  take(callback: buildConnector.Callback): boolean {
    if (this.#isOver) return false
    const socket = this.#socket
    this.#letGo()
    this.#taker = callback
    // Not at once: undici is in the middle of asking for it.
    if (socket !== undefined) queueMicrotask(() => callback(null, socket))
    return true
  }

  /** It is not needed. */
  end(): void {
    if (this.#taker !== undefined) return
    this.#isOver = true
    this.#letGo()
    this.#socket?.destroy()
  }

  #keep(socket: Socket): void {
    this.#socket = socket
    // Its end is readable, too, and so is what was not asked for, such as a 408.
    socket.on('readable', this.#giveUp)
    socket.on('close', this.#giveUp)
  }

  #letGo(): void {
    clearTimeout(this.#timer)
    this.#socket?.off('readable', this.#giveUp)
    this.#socket?.off('close', this.#giveUp)
  }

  readonly #giveUp = (): void => {
    if (this.#isOver || this.#taker !== undefined) return
    this.end()
    this.#lost()
  }
}
