// The slow server: an HTTP/1.1 server for one disk image that can be as slow, limited and wrong as the servers in
// the field. Written on sockets, because node:http does not let an answer be wrong, or exactly on time.
import { createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { AccessControl } from './access.js'
import { Admission } from './admission.js'
import { type Answer, textAnswer } from './answer.js'
import { makeCertificate } from './certificate.js'
import { ChunkStore } from './chunk-store.js'
import { Connection, type ConnectionHost } from './connection.js'
import { type Delay, drawDelay } from './delays.js'
import { FaultPicker } from './faults.js'
import type { Image } from './image.js'
import { checkOptions, openImage, type ServingOptions, type SlowServerOptions } from './options.js'
import { type LogEntry, RequestLog, type ServerStatistics } from './request-log.js'
import type { RequestHead } from './request-parser.js'
import { pathOf, type Response, respond } from './responder.js'
import { SeededRandom } from './seeded-random.js'
import { TokenBucket } from './token-bucket.js'

const ACCESS_OPTIONS = ['auth', 'cookie', 'session', 'requireToken', 'tokenStatus'] as const
const FIXED_OPTIONS = ['name', 'host', 'port', 'tls', 'seed', 'logLimit', 'cacheBytes'] as const
const DEFAULT_CACHE = 256 * 1024 * 1024

/** A running server. */
export class SlowServer implements AsyncDisposable {
  /** PEM of the certificate authority to trust; undefined without https. */
  readonly caPem: string | undefined
  readonly #server: Server
  readonly #secureContext: SecureContext | undefined
  readonly #connections = new Set<Connection>()
  readonly #host: Host
  readonly #name: string
  readonly #address: string

  private constructor(options: SlowServerOptions, host: Host, certificate: TlsTexts | undefined) {
    this.#host = host
    this.#name = options.name ?? 'disk.img'
    this.#address = options.host ?? '127.0.0.1'
    this.caPem = certificate?.ca
    this.#secureContext =
      certificate && createSecureContext({ key: certificate.key, cert: certificate.cert })
    this.#server = createServer({ allowHalfOpen: true }, raw => this.#accept(raw))
  }

  /**
   * Starts a server; resolves when it accepts connections.
   * @throws RangeError or TypeError for bad options, system errors (`EADDRINUSE`, `ENOENT`, ...) otherwise
   */
  static async start(options: SlowServerOptions): Promise<SlowServer> {
    checkOptions(options)
    const { tls = false } = options
    const certificate = tls === true ? await makeCertificate() : tls || undefined
    const server = new SlowServer(options, new Host(options), certificate)
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject)
      server.#server.listen({ port: options.port ?? 0, host: server.#address }, resolve)
    })
    return server
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** `http://127.0.0.1:12345` */
  get origin(): string {
    const host = this.#address.includes(':') ? `[${this.#address}]` : this.#address
    return `${this.caPem === undefined ? 'http' : 'https'}://${host}:${this.port}`
  }

  /** Where the image is. */
  get url(): string {
    const { query } = this.#host.options
    return `${this.origin}${pathOf(this.#name)}${query === undefined ? '' : `?${query}`}`
  }

  get image(): Image {
    return this.#host.image
  }

  /** Live counters. */
  get stats(): Readonly<ServerStatistics> {
    return this.#host.log.statistics
  }

  /** The requests seen, oldest first, as many as the log keeps. */
  get log(): readonly LogEntry[] {
    return this.#host.log.entries
  }

  /** Forgets the logged requests; the counters stay. */
  clearLog(): void {
    this.#host.log.clear()
  }

  /** Changes options for requests whose turn comes from now on. @throws TypeError for options fixed at start */
  setOptions(changes: Partial<ServingOptions>): void {
    const fixed = FIXED_OPTIONS.find(name => name in changes)
    if (fixed !== undefined) throw new TypeError(`Cannot change '${fixed}': it is fixed at start`)
    this.#host.change(changes)
  }

  /** Ends all session cookies. */
  expireSessions(): void {
    this.#host.access.expireSessions()
  }

  /** Resets all connections there are; the server goes on. */
  resetConnections(): void {
    for (const connection of this.#connections) connection.reset()
  }

  /** Stops at once: connections are destroyed, whatever they are doing. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const connection of this.#connections) connection.destroy()
    await closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #accept(raw: Socket): void {
    const secureContext = this.#secureContext
    const socket =
      secureContext === undefined ? raw : new TLSSocket(raw, { isServer: true, secureContext })
    const connection = new Connection(socket, raw, this.#host)
    this.#connections.add(connection)
    socket.once('close', () => this.#connections.delete(connection))
  }
}

interface TlsTexts {
  readonly key: string
  readonly cert: string
  readonly ca: string
}

/** What connections share, and what `setOptions()` changes. */
class Host implements ConnectionHost {
  readonly log: RequestLog
  readonly admission: Admission
  readonly totalBandwidth: TokenBucket
  activeBodies = 0
  options: ServingOptions
  image: Image
  store: ChunkStore
  access: AccessControl
  faults: FaultPicker
  readonly #start = performance.now()
  readonly #name: string
  readonly #cacheBytes: number
  readonly #delayRandom: SeededRandom
  readonly #faultRandom: SeededRandom

  constructor(options: SlowServerOptions) {
    const { seed = 1 } = options
    this.options = options
    this.#name = options.name ?? 'disk.img'
    this.#cacheBytes = options.cacheBytes ?? DEFAULT_CACHE
    this.#delayRandom = new SeededRandom(seed)
    this.#faultRandom = new SeededRandom(seed + 1)
    this.log = new RequestLog(options.logLimit ?? 10_000)
    this.image = openImage(options.image)
    this.store = new ChunkStore(this.image, this.#cacheBytes)
    this.access = new AccessControl(options)
    this.faults = new FaultPicker(options.faults ?? [], this.#faultRandom)
    this.admission = new Admission(options.concurrency)
    this.totalBandwidth = new TokenBucket(options.totalBandwidth ?? Infinity)
  }

  /** Counts of faults, sessions and tokens start again only if their own options are among the changes. */
  change(changes: Partial<ServingOptions>): void {
    const options = { ...this.options, ...changes }
    checkOptions(options)
    this.options = options
    if (changes.image !== undefined) {
      this.image = openImage(changes.image)
      this.store = new ChunkStore(this.image, this.#cacheBytes)
    }
    if (ACCESS_OPTIONS.some(name => name in changes)) this.access = new AccessControl(options)
    if ('faults' in changes) {
      this.faults = new FaultPicker(options.faults ?? [], this.#faultRandom)
    }
    this.admission.limit = options.concurrency
    this.totalBandwidth.rate = options.totalBandwidth ?? Infinity
  }

  now(): number {
    return performance.now() - this.#start
  }

  drawDelay(sinceConnectMs: number): Delay {
    return drawDelay(this.options, sinceConnectMs, this.#delayRandom)
  }

  respond(request: RequestHead, entry: LogEntry): Response {
    const { options, image, access, faults } = this
    const state = { options, image, access, faults, name: this.#name }
    return respond(state, request, entry.n, Date.now())
  }

  refuse(): Answer {
    const { status = 503, retryAfter } = this.options.concurrency ?? {}
    return textAnswer(status, retryAfter === undefined ? [] : [['Retry-After', String(retryAfter)]])
  }
}
