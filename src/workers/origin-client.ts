// The connections of one worker to one origin. Each is an undici Client, so that this file and not
// a pool decides which request goes where: a request somebody waits for must never queue behind a
// bulk one.

import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { buildConnector, Client } from 'undici'
import type { ConnectionSecurity, Transport } from '../shared/fetch-task.js'
import { EarlyConnection } from './early-connection.js'
import { type Carrier, Exchange, type ResponseReader } from './exchange.js'
import { http } from './http-client.js'
import { CERTIFICATE_REFUSED } from './origin-error.js'
import type { Route } from './route.js'
import { type BodyGauge, readShared } from './socket-reads.js'

/** Connections of one worker to one origin beyond which something is wrong in the planning. */
const MAX_CONNECTIONS = 256
/** Idle connections are closed after this time, or earlier if the server says it will. */
const IDLE_MS = 30_000
/** A server's keep-alive hint is cut by this, so that a request does not meet the closing. */
const IDLE_MARGIN_MS = 1_000

/** One request, a GET unless it says otherwise. */
export interface OriginRequest {
  readonly method?: 'GET' | 'POST'
  readonly body?: string | undefined
  /** Path and query, as they stand in the URL. */
  readonly path: string
  /** Names and values in turn. */
  readonly headers: string[]
  /** How many times the limit the first byte may take; 1 if absent. */
  readonly patience?: number
  /** May queue behind other bulk requests. */
  readonly bulk: boolean
}

/** Sends requests to one origin. */
export class OriginClient {
  readonly #origin: string
  readonly #transport: Transport
  readonly #route: Route
  readonly #connections = new Set<Connection>()
  /** Open and without a request, least recently used first. */
  readonly #idle: Connection[] = []

  /** @param origin scheme, host and port of an http or https URL */
  constructor(origin: string, transport: Transport, route: Route) {
    this.#origin = origin
    this.#transport = transport
    this.#route = route
  }

  /** Connections, those being set up included. */
  get size(): number {
    return this.#connections.size
  }

  /**
   * Sends one request. The reader may be settled before this returns.
   *
   * @throws {RangeError} if there are far more connections than can be meant
   */
  send(request: OriginRequest, reader: ResponseReader): Exchange {
    const connection =
      this.#idle.pop() ?? (request.bulk ? this.#leastQueued() : undefined) ?? this.#connect()
    const { firstByteTimeoutMs, bodyTimeoutMs } = this.#transport
    const patientMs = firstByteTimeoutMs * (request.patience ?? 1)
    const exchange = new Exchange(reader, connection, {
      firstByteTimeoutMs: patientMs,
      bodyTimeoutMs,
    })
    connection.dispatch(request, exchange, patientMs)
    return exchange
  }

  /**
   * Opens connections for requests to come until there are so many, those in use included. None where HTTP/2 may be
   * spoken: its server speaks first, which an unused connection of HTTP/1.1 takes for its end.
   */
  prepare(count: number): void {
    if (this.#transport.http2 === true) return
    while (this.#connections.size < Math.min(count, MAX_CONNECTIONS)) {
      const connection = this.#connect()
      connection.prepare(new URL(this.#origin))
      // Those that stand already are used first.
      this.#idle.unshift(connection)
    }
  }

  /** Ends all connections at once; requests in progress fail as cancelled. */
  close(): void {
    for (const connection of [...this.#connections]) this.#retire(connection)
  }

  /** Where a bulk request may queue, once the connections meant for pipelining are open. */
  #leastQueued(): Connection | undefined {
    const { pipelining, connectionsPerWorker = MAX_CONNECTIONS } = this.#transport
    if (pipelining <= 1 || this.#connections.size < connectionsPerWorker) return undefined
    let least: Connection | undefined
    for (const connection of this.#connections) {
      if (!connection.bulk || connection.pending >= pipelining) continue
      if (least === undefined || connection.pending < least.pending) least = connection
    }
    return least
  }

  #connect(): Connection {
    // In its place: a server whose refusals do not end would be given ever more connections.
    for (const connection of this.#connections) if (connection.stopDraining()) break
    if (this.#connections.size >= MAX_CONNECTIONS) {
      throw new RangeError(`Cannot open more than ${MAX_CONNECTIONS} connections`)
    }
    const connection = new Connection(this.#origin, this.#transport, this.#route, {
      idle: () => this.#idle.push(connection),
      lost: () => this.#retire(connection),
    })
    this.#connections.add(connection)
    return connection
  }

  #retire(connection: Connection): void {
    this.#connections.delete(connection)
    const index = this.#idle.indexOf(connection)
    if (index !== -1) this.#idle.splice(index, 1)
    connection.destroy()
  }
}

interface ConnectionEvents {
  /** No request is on it any more and it may be used again. */
  idle(): void
  /** No request is on it any more and it is of no further use. */
  lost(): void
}

/** Number of the latest connection of this thread. */
let lastConnection = 0

/** One undici Client, which is one TCP connection at a time. */
class Connection implements Carrier, BodyGauge {
  id = 0
  connectMs = 0
  open = false
  security: ConnectionSecurity | undefined
  refusal: Error | undefined
  readonly #client: Client
  readonly #route: Route
  readonly #events: ConnectionEvents
  /** On the wire or waiting for it, in order. */
  readonly #exchanges: Exchange[] = []
  #bulk = true
  /** Requests written since the connection was opened. */
  #carried = 0
  #socket: Socket | undefined
  #early: EarlyConnection | undefined

  constructor(origin: string, transport: Transport, route: Route, events: ConnectionEvents) {
    this.#route = route
    this.#events = events
    this.#client = new http.Client(origin, {
      // One request a connection with HTTP/2, too: servers limit the rate of each connection.
      allowH2: transport.http2 ?? false,
      pipelining: Math.max(1, transport.pipelining),
      headersTimeout: Math.ceil(transport.firstByteTimeoutMs),
      bodyTimeout: Math.ceil(transport.bodyTimeoutMs),
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      keepAliveTimeoutThreshold: IDLE_MARGIN_MS,
      connect: (options, callback) => this.#connect(options, callback),
    })
    this.#client.on('connect', () => {
      this.open = true
      this.id = ++lastConnection
      this.#carried = 0
    })
    this.#client.on('disconnect', () => {
      this.open = false
      // With requests left, undici connects again and repeats those that had no answer yet.
      if (this.#exchanges.length === 0) this.#events.lost()
    })
    // undici reports exceptions of handlers here; without a listener they would end the thread.
    // Exchange catches its own, so that nothing is left to do.
    ;(this.#client as EventEmitter).on('error', () => {})
  }

  /** Requests on the wire or waiting for it. */
  get pending(): number {
    return this.#exchanges.length
  }

  /** True if all of them are bulk requests. */
  get bulk(): boolean {
    return this.#bulk
  }

  /** Ends it if it does nothing but read the rest of an answer that nobody wants. */
  stopDraining(): boolean {
    return this.#exchanges.length === 1 && this.#exchanges[0]?.stopDraining() === true
  }

  get bodyAhead(): number {
    return this.#exchanges[0]?.bodyAhead ?? 0
  }

  get alignment(): number {
    return this.#exchanges[0]?.alignment ?? 0
  }

  /** Connects now, for the request to come. To be called before any. */
  prepare({ host, hostname, protocol, port }: URL): void {
    const options = { host, hostname: hostname.replace(/^\[(.*)\]$/, '$1'), protocol, port }
    this.#early = new EarlyConnection(
      callback => this.#setUp(options, callback),
      IDLE_MS,
      () => this.#events.lost(),
    )
  }

  dispatch(request: OriginRequest, exchange: Exchange, firstByteTimeoutMs: number): void {
    this.#bulk = request.bulk
    this.#exchanges.push(exchange)
    this.#client.dispatch(
      {
        method: request.method ?? 'GET',
        ...(request.body !== undefined && { body: request.body }),
        path: this.#route.prefix + request.path,
        headers: [...request.headers, ...this.#route.headers],
        // Lets the next request of the pipeline go out before this one's answer has begun.
        blocking: false,
        headersTimeout: Math.ceil(firstByteTimeoutMs),
      },
      exchange,
    )
  }

  destroy(): void {
    this.#client.destroy(null, () => {})
    this.#early?.end()
    // The client does not know its socket while that is being set up.
    if (!this.open) this.#socket?.destroy(new Error('the connection is not needed'))
    this.#socket = undefined
  }

  carry(): boolean {
    return this.#carried++ === 0
  }

  isNext(exchange: Exchange): boolean {
    return this.#exchanges[0] === exchange
  }

  release(exchange: Exchange, reusable: boolean): void {
    const index = this.#exchanges.indexOf(exchange)
    if (index !== -1) this.#exchanges.splice(index, 1)
    if (this.#exchanges.length > 0) return
    if (reusable && this.open) this.#events.idle()
    else this.#events.lost()
  }

  #connect(options: buildConnector.Options, callback: buildConnector.Callback): void {
    const early = this.#early
    this.#early = undefined
    if (early?.take(callback) !== true) this.#setUp(options, callback)
  }

  #setUp(options: buildConnector.Options, callback: buildConnector.Callback): void {
    const startedAt = performance.now()
    const connect = (): unknown =>
      this.#route.connect(options, (...result) => {
        this.connectMs = performance.now() - startedAt
        this.security = securityOf(result[1])
        this.refusal = undefined
        // With TLS 1.3 it comes when the connection stands, and undici forgets it for the end behind it.
        result[1]?.once('error', (error: NodeJS.ErrnoException) => {
          if (CERTIFICATE_REFUSED.test(error.code ?? '')) this.refusal = error
        })
        callback(...result)
      })
    // Declared to return nothing, but it does return the socket: the only way to end its setup.
    const socket = this.#route.sharedReads ? readShared(connect, this) : connect()
    this.#socket = socket as Socket | undefined
  }
}

/** What is known of a connection's protection without asking. */
function securityOf(socket: Socket | null): ConnectionSecurity | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const version = socket.getProtocol() ?? 'unknown'
  return { version, cipher: socket.getCipher().name, http2: socket.alpnProtocol === 'h2' }
}
