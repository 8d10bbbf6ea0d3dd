// The status server: a page, its data, metrics and health over HTTP, for reading alone. It runs beside a
// copy that must not notice it, and answers whoever reaches it: every size, time and count is bounded, a
// path is looked up and never opened, and what is not understood is refused.

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { hostname } from 'node:os'
import { systemErrorText } from '../../shared/system-error.js'
import { listenError, reasonOf } from '../listen-error.js'
import type { Log } from '../log.js'
import { warn, warning } from '../warning.js'
import { Budget } from './budget.js'
import { EventStream } from './event-stream.js'
import { CONTENT_SECURITY_POLICY, PAGE_ASSETS } from './page-assets.js'
import type { HealthStatus } from './snapshot.js'
import { StatusAccess } from './status-access.js'
import { isLoopback, type StatusSettings } from './status-options.js'

/** What is told. Cheap to ask again and again: an answer may be a second old. */
export interface StatusSource {
  /** `StatusSnapshot` as one line of JSON. */
  json(): Buffer
  metrics(): Promise<{ readonly type: string; readonly text: Buffer }>
  health(): HealthStatus
  /** Nobody asks any more. */
  close(): void
}

/** A browser sends less than 2 KiB. */
const MAX_HEADER_BYTES = 8 * 1024
/** Time for the head of a request, for all of it, and between two on one connection, milliseconds. */
const HEAD_MS = 5_000
const REQUEST_MS = 10_000
const IDLE_MS = 5_000
/** Time without a byte moving in either direction, milliseconds. */
const SILENT_MS = 20_000
const CHECK_MS = 2_000
/** Dashboards, scrapers and pages of a team; each costs some KiB. */
const MAX_CONNECTIONS = 128
const MAX_REQUESTS_PER_SOCKET = 1000
/**
 * Connections taken, requests answered, and requests of one connection: a second, and at once. A hundred that ask
 * once a second find room; whoever sends more is cut off, since each costs the copy some of its time.
 */
const CONNECTIONS = [100, 150] as const
const REQUESTS = [200, 300] as const
const OWN_REQUESTS = [20, 40] as const
/** What being cut off costs, in connections: a flood of requests comes in one piece and was read as a whole. */
const FINE = 20
/** Time in which no connection is taken after one that was too many, milliseconds. */
const SHUT_MS = 200

/** Sent with everything. */
const COMMON_HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const

const TEXT = 'text/plain; charset=utf-8'

interface Body {
  readonly type: string
  readonly bytes: Buffer
}

/** Listens from `listen()` to `close()`. */
export class StatusServer {
  readonly #server: Server
  readonly #source: StatusSource
  readonly #access: StatusAccess
  readonly #events: EventStream
  readonly #assets: ReadonlyMap<string, Body>
  readonly #log: Log
  readonly #host: string
  readonly #connections = new Budget(...CONNECTIONS, performance.now())
  readonly #requests = new Budget(...REQUESTS, performance.now())
  #shutTimer: NodeJS.Timeout | undefined
  /** Requests that each connection may send. */
  readonly #own = new WeakMap<Socket, Budget>()

  private constructor(
    settings: StatusSettings,
    source: StatusSource,
    assets: ReadonlyMap<string, Body>,
    log: Log,
  ) {
    this.#source = source
    this.#access = new StatusAccess([settings.host, hostname()], settings.token)
    this.#events = new EventStream(source)
    this.#assets = assets
    this.#log = log
    this.#host = settings.host
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEAD_MS,
        requestTimeout: REQUEST_MS,
        keepAliveTimeout: IDLE_MS,
        connectionsCheckingInterval: CHECK_MS,
        insecureHTTPParser: false,
      },
      (request, response) => this.#receive(request, response),
    )
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET
    this.#server.setTimeout(SILENT_MS)
    this.#server.on('connection', socket => {
      const nowMs = performance.now()
      if (this.#connections.take(nowMs)) this.#own.set(socket, new Budget(...OWN_REQUESTS, nowMs))
      else {
        socket.destroy()
        this.#shut()
      }
    })
  }

  /** Takes no connection for a moment: the system's are turned away at a tenth of what a socket costs. */
  #shut(): void {
    if (this.#shutTimer !== undefined) return
    this.#server.maxConnections = 1
    this.#shutTimer = setTimeout(() => {
      this.#shutTimer = undefined
      this.#server.maxConnections = MAX_CONNECTIONS
    }, SHUT_MS).unref()
  }

  /**
   * Starts to listen.
   *
   * @throws {ListenError} if the address can't be had
   */
  static async listen(
    settings: StatusSettings,
    source: StatusSource,
    log: Log,
  ): Promise<StatusServer> {
    const assets = new Map<string, Body>()
    for (const [path, { file, type }] of PAGE_ASSETS) {
      assets.set(path, { type, bytes: await readFile(file) })
    }
    const status = new StatusServer(settings, source, assets, log)
    const { host, port, token } = settings
    try {
      status.#server.listen(port, host)
      await once(status.#server, 'listening')
    } catch (error) {
      const where = `${shownHost(host)}:${port}`
      throw listenError('listen', { where, problem: reasonOf(error) }, { cause: error })
    }
    // Trouble with one connection (no file descriptors left) ends neither the others nor the process.
    status.#server.on('error', error =>
      warn(log, warning('status-accept-failed', { problem: systemErrorText(error) })),
    )
    log('info', `status at ${status.url}`)
    if (!isLoopback(host) && token === undefined) {
      warn(log, warning('status-open', { url: status.url }))
    }
    return status
  }

  /** 'http://127.0.0.1:9808/'. Valid while it listens. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://${shownHost(this.#host)}:${port}/`
  }

  /** Ends at once, with every connection. */
  async close(): Promise<void> {
    this.#events.close()
    this.#source.close()
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    // What was read in one piece with requests that were too many.
    if (socket.destroyed) return
    const nowMs = performance.now()
    const own = this.#own.get(socket)?.take(nowMs) === true
    if (!own) this.#connections.fine(FINE)
    if (!own || !this.#requests.take(nowMs)) {
      socket.destroy()
      return
    }
    // A client that is gone is no defect of ours.
    request.on('error', () => {})
    response.on('error', () => {})
    this.#answer(request, response).catch((error: Error) => {
      warn(this.#log, warning('status-failed', { problem: error.message }))
      if (response.headersSent) response.destroy()
      else refuse(response, 500, 'the status can not be told')
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers, method, url = '' } = request
    if (method !== 'GET' && method !== 'HEAD') {
      refuse(response, 405, 'only GET and HEAD are answered', { Allow: 'GET, HEAD' })
      return
    }
    if (hasBody(request) || countOf('host', request.rawHeaders) > 1) {
      refuse(response, 400, 'a request without a body and with one Host is expected')
      return
    }
    const authorized = this.#access.isAuthorized(headers)
    // Who shows the token is no page of another site: that has none.
    const known = authorized && this.#access.asksForToken
    if (!known && this.#access.isForeign(headers)) {
      refuse(response, 403, 'Host or Origin is not of this server')
      return
    }
    const path = url.split('?', 1)[0] as string
    const asset = this.#assets.get(path)
    if (asset !== undefined) {
      send(request, response, 200, asset)
      return
    }
    if (path === '/healthz' || path === '/readyz') {
      const { healthy, ready, reason } = this.#source.health()
      const good = path === '/healthz' ? healthy : ready
      const why = authorized ? `: ${reason}` : ''
      const bytes = Buffer.from(good ? 'ok\n' : `failing${why}\n`)
      send(request, response, good ? 200 : 503, { type: TEXT, bytes })
      return
    }
    if (!DATA_PATHS.has(path)) {
      refuse(response, 404, 'there is no such page')
      return
    }
    if (!authorized) {
      const realm = { 'WWW-Authenticate': 'Bearer realm="nbd-prefetch"' }
      refuse(response, 401, 'a bearer token is needed', realm)
      return
    }
    await this.#tell(path, request, response)
  }

  async #tell(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (path === '/status.json') {
      const bytes = this.#source.json()
      send(request, response, 200, { type: 'application/json; charset=utf-8', bytes })
    } else if (path === '/metrics') {
      const { type, text } = await this.#source.metrics()
      send(request, response, 200, { type, bytes: text })
    } else if (request.method === 'HEAD') {
      send(request, response, 200, { type: 'text/event-stream; charset=utf-8', bytes: NOTHING })
    } else if (!this.#events.add(response, COMMON_HEADERS)) {
      refuse(response, 503, 'too many follow the events', { 'Retry-After': '10' })
    }
  }
}

const DATA_PATHS: ReadonlySet<string> = new Set(['/status.json', '/metrics', '/events'])
const NOTHING = Buffer.alloc(0)

function shownHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

function countOf(name: string, rawHeaders: readonly string[]): number {
  return rawHeaders.filter((field, i) => i % 2 === 0 && field.toLowerCase() === name).length
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  { type, bytes }: Body,
): void {
  // In one call: each by itself would take as long as all of them so.
  response.writeHead(status, {
    ...COMMON_HEADERS,
    'Content-Type': type,
    'Content-Length': bytes.length,
  })
  if (request.method === 'HEAD') response.end()
  else response.end(bytes)
}

/** Says no, and ends the connection: what follows on it may be anything. */
function refuse(
  response: ServerResponse,
  status: number,
  why: string,
  further: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    ...COMMON_HEADERS,
    ...further,
    Connection: 'close',
    'Content-Type': TEXT,
  })
  response.end(`${why}\n`)
}
