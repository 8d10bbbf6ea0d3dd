// Follows the server's events over fetch, which unlike EventSource can show a token, and comes back
// by itself: a connection that ends or falls silent is opened again, sooner at first.

import type { StatusSnapshot } from '../snapshot.js'
import { EventParser } from './event-parser.js'

/** `refused`: a token is needed, or another one. */
export type FeedState = 'connecting' | 'live' | 'lost' | 'refused'

/** Told of everything that happens. */
export interface FeedListener {
  snapshot(snapshot: StatusSnapshot): void
  state(state: FeedState): void
}

/** The server sends one a second: after so long without a byte the connection is taken for dead. */
const SILENT_MS = 5_000
/** Delays before it is opened again: the last one is repeated. */
const RETRY_MS = [500, 1000, 2000, 4000] as const

export class Feed {
  readonly #url: string
  readonly #listener: FeedListener
  #token: string | undefined
  #attempt = 0
  #connection: AbortController | undefined

  /** @param url of the events, relative to the page */
  constructor(url: string, listener: FeedListener) {
    this.#url = url
    this.#listener = listener
  }

  /** Begins, or begins anew with a token. It is kept in memory alone: a reload asks again. */
  start(token?: string): void {
    this.#token = token
    this.#attempt = 0
    this.#listener.state('connecting')
    void this.#connect()
  }

  async #connect(): Promise<void> {
    this.#connection?.abort()
    const connection = new AbortController()
    this.#connection = connection
    const refused = await this.#follow(connection).catch(() => false)
    if (this.#connection !== connection) return
    connection.abort()
    this.#listener.state(refused ? 'refused' : 'lost')
    if (refused) return
    const delay = RETRY_MS[Math.min(this.#attempt++, RETRY_MS.length - 1)]
    setTimeout(() => {
      if (this.#connection === connection) void this.#connect()
    }, delay)
  }

  /** Resolves or throws at the end of one connection: true if it was refused for want of a token. */
  async #follow(connection: AbortController): Promise<boolean> {
    let watchdog = setTimeout(() => connection.abort(), SILENT_MS)
    try {
      const response = await fetch(this.#url, {
        headers: {
          Accept: 'text/event-stream',
          ...(this.#token === undefined ? {} : { Authorization: `Bearer ${this.#token}` }),
        },
        cache: 'no-store',
        credentials: 'omit',
        signal: connection.signal,
      })
      if (!response.ok || response.body === null) {
        // Read to its end: a connection that is used again costs the server less than a new one.
        await response.text()
        return response.status === 401
      }
      const parser = new EventParser()
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return false
        clearTimeout(watchdog)
        watchdog = setTimeout(() => connection.abort(), SILENT_MS)
        // All but the latest are old already.
        const latest = parser.take(value).findLast(event => event.type === 'status')
        if (latest === undefined) continue
        this.#attempt = 0
        this.#listener.state('live')
        this.#listener.snapshot(JSON.parse(latest.data) as StatusSnapshot)
      }
    } finally {
      clearTimeout(watchdog)
    }
  }
}
