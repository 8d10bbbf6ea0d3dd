// A gate before somebody's own server: it shows the first bytes of a URL as a whole image on
// loopback, so that every peer copies just that much, logs each request as the slow server does,
// and stops when a budget of bytes is spent. Redirects are followed once, at the start.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { Agent, request } from 'undici'
import { RequestLog } from '../slow-server/request-log.js'

/** The server behind the gate, as found out once. */
export interface Remote {
  /** Where redirects led to, without credentials. */
  readonly url: string
  /** Bytes. */
  readonly size: number
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Asks for one byte, follows redirects, learns the size.
 * @throws Error if the URL does not answer ranges
 */
export async function probe(address: string): Promise<Remote> {
  const url = new URL(address)
  const headers: Record<string, string> = {}
  if (url.username !== '') {
    const words = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    headers['authorization'] = `Basic ${Buffer.from(words).toString('base64')}`
    url.username = ''
    url.password = ''
  }
  const response = await fetch(url, { headers: { ...headers, range: 'bytes=0-0' } })
  await response.body?.cancel()
  const total = /^bytes 0-0\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
  if (response.status !== 206 || total === undefined) {
    throw new Error(
      `Cannot measure ${url.origin}${url.pathname}: it answers a range with ${response.status}`,
    )
  }
  // Credentials are for the server they were given for.
  const isSame = new URL(response.url).origin === url.origin
  return { url: response.url, size: Number(total), headers: isSame ? headers : {} }
}

/** Serves the first `size` bytes of a remote file on loopback. Must be closed. */
export class UrlGate implements AsyncDisposable {
  readonly log = new RequestLog(100_000)
  readonly #remote: Remote
  readonly #size: number
  readonly #budget: number
  readonly #agent = new Agent({ pipelining: 1 })
  readonly #server: Server
  readonly #numbers = new WeakMap<Socket, number>()
  readonly #start = performance.now()
  #spent = 0
  /** Of requests under way. */
  #reserved = 0

  private constructor(remote: Remote, size: number, budget: number) {
    this.#remote = remote
    this.#size = size
    this.#budget = budget
    this.#server = createServer((incoming, outgoing) => void this.#answer(incoming, outgoing))
    this.#server.on('connection', socket => {
      this.#numbers.set(socket, this.log.connected())
      socket.once('close', () => this.log.disconnected())
    })
  }

  /** @param budget - body bytes that may be taken from the remote in all */
  static async open(remote: Remote, size: number, budget: number): Promise<UrlGate> {
    const gate = new UrlGate(remote, Math.min(size, remote.size), budget)
    gate.#server.listen(0, '127.0.0.1')
    await once(gate.#server, 'listening')
    return gate
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/image`
  }

  /** Body bytes taken from the remote so far. */
  get spent(): number {
    return this.#spent
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await this.#agent.destroy()
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url = '', headers, socket } = incoming
    const entry = this.log.arrived(
      this.#numbers.get(socket) ?? 0,
      { method, path: url, query: '', headers: headers as Record<string, string | undefined> },
      this.#now(),
    )
    this.log.begun(entry)
    const head = (status: number, fields: Record<string, string | number>) => {
      outgoing.writeHead(status, { 'Accept-Ranges': 'bytes', ...fields })
      this.log.answered(entry, status, this.#now())
    }
    let reserved = 0
    const given = new AbortController()
    outgoing.once('close', () => given.abort())
    try {
      if (method === 'HEAD') {
        head(200, { 'Content-Length': this.#size })
        return
      }
      const range = this.#range(headers.range)
      if (range === undefined) {
        head(416, { 'Content-Range': `bytes */${this.#size}`, 'Content-Length': 0 })
        return
      }
      const [first, last] = range
      if (this.#spent + this.#reserved + (last - first + 1) > this.#budget) {
        head(403, { 'Content-Length': 0, 'X-Reason': 'the byte budget is spent' })
        return
      }
      reserved = last - first + 1
      this.#reserved += reserved
      const answer = await request(this.#remote.url, {
        dispatcher: this.#agent,
        headers: { ...this.#remote.headers, range: `bytes=${first}-${last}` },
        signal: given.signal,
      })
      const expected = `bytes ${first}-${last}/${this.#remote.size}`
      if (answer.statusCode === 206 && answer.headers['content-range'] === expected) {
        const length = { 'Content-Length': last - first + 1 }
        if (headers.range === undefined) head(200, length)
        else head(206, { ...length, 'Content-Range': `bytes ${first}-${last}/${this.#size}` })
        for await (const chunk of answer.body as AsyncIterable<Buffer>) {
          this.#spent += chunk.length
          this.#reserved -= chunk.length
          reserved -= chunk.length
          this.log.sent(entry, chunk.length)
          if (!outgoing.write(chunk)) await once(outgoing, 'drain', { signal: given.signal })
        }
        return
      }
      answer.body.on('error', () => {}).destroy()
      const after = answer.headers['retry-after']
      const status = answer.statusCode >= 400 ? answer.statusCode : 502
      head(status, {
        'Content-Length': 0,
        ...(after === undefined ? {} : { 'Retry-After': `${after}` }),
      })
    } catch {
      // What the client sees of it is a connection that ends early, as it would without the gate.
      outgoing.destroy()
    } finally {
      this.#reserved -= reserved
      outgoing.end()
      this.log.ended(entry, this.#now())
    }
  }

  /** First and last byte; the whole image without a header; undefined if it can't be had. */
  #range(header: string | undefined): readonly [number, number] | undefined {
    if (header === undefined) return [0, this.#size - 1]
    const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? []
    if (from === '' && to === '') return undefined
    if (from === '') return [Math.max(0, this.#size - Number(to)), this.#size - 1]
    const last = Math.min(to === '' ? Infinity : Number(to), this.#size - 1)
    return Number(from) <= last ? [Number(from), last] : undefined
  }

  #now(): number {
    return performance.now() - this.#start
  }
}

/** The bytes that the gate shows, read once in order. */
export function wholeOf(gate: UrlGate): Promise<Readable> {
  return fetch(gate.url).then(({ ok, status, body }) => {
    if (!ok || body === null) throw new Error(`Cannot read the image: the server answers ${status}`)
    return Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])
  })
}
