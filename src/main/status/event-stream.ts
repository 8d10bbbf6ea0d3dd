// Server-sent events: one picture a second to everybody who listens, made once for all of them. Who does
// not take what was sent gets nothing more, and is dropped before long: nothing piles up.

import type { ServerResponse } from 'node:http'

/** A page in each of a few browsers; more would only cost the copy. */
const MAX_SUBSCRIBERS = 32
const INTERVAL_MS = 1000
/** Pictures in a row that a subscriber may leave lying before it is dropped. */
const MAX_MISSED = 10

/** What is sent. */
export interface EventSource {
  /** One line of JSON. */
  json(): Buffer
}

/** Everybody who listens. */
export class EventStream {
  readonly #source: EventSource
  /** With the pictures each has missed in a row. */
  readonly #subscribers = new Map<ServerResponse, number>()
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined

  /** @param intervalMs between two pictures; a second */
  constructor(source: EventSource, intervalMs = INTERVAL_MS) {
    this.#source = source
    this.#intervalMs = intervalMs
  }

  /** Listening now. */
  get size(): number {
    return this.#subscribers.size
  }

  /**
   * Sends the first picture at once and goes on until the other side leaves.
   *
   * @param headers sent beside those of an event stream
   * @returns false if there are too many, or the response waits behind another of its connection, which would take the
   *   place for ever: nothing tells it of its end; nothing was sent then
   */
  add(response: ServerResponse, headers: Readonly<Record<string, string>> = {}): boolean {
    if (this.#subscribers.size >= MAX_SUBSCRIBERS || response.socket === null) return false
    response.writeHead(200, {
      ...headers,
      'Content-Type': 'text/event-stream; charset=utf-8',
      // Proxies hold back what they take for a page.
      'X-Accel-Buffering': 'no',
    })
    response.write('retry: 2000\n\n')
    response.write(this.#frame())
    this.#subscribers.set(response, 0)
    response.once('close', () => this.#remove(response))
    this.#timer ??= setInterval(() => this.#send(), this.#intervalMs)
    return true
  }

  /** Ends all of them. */
  close(): void {
    for (const response of [...this.#subscribers.keys()]) {
      response.end()
      this.#remove(response)
    }
  }

  #remove(response: ServerResponse): void {
    this.#subscribers.delete(response)
    if (this.#subscribers.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #send(): void {
    const frame = this.#frame()
    for (const [response, missed] of this.#subscribers) {
      if (response.writableLength === 0) {
        response.write(frame)
        this.#subscribers.set(response, 0)
      } else if (missed < MAX_MISSED) this.#subscribers.set(response, missed + 1)
      else response.destroy()
    }
  }

  #frame(): Buffer {
    return Buffer.concat([Buffer.from('event: status\ndata: '), this.#source.json(), END])
  }
}

const END = Buffer.from('\n\n')
