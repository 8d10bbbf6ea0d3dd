// Where clients come in: a Unix socket or a TCP port. Accepts connections and gives each a session
// and a number; ends them in order when the server ends. Leaves no socket file behind.

import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { systemErrorText } from '../shared/system-error.js'
import type { Export } from './export.js'
import { ExportTable } from './export-table.js'
import { FoldedWarning } from './folded-warning.js'
import { pathOfSocket } from './inherited-socket.js'
import { codeOf, listenError, reasonOf } from './listen-error.js'
import { type Log, silentLog } from './log.js'
import { tcpUri, unixUri } from './nbd-uri.js'
import { Session } from './session.js'
import { SESSION_LIMITS, type SessionCounters, type SessionLimits } from './session-limits.js'
import type { ClientStatus } from './status/snapshot.js'
import { StateTimes } from './status/state-times.js'
import type { TlsAcceptor } from './tls-acceptor.js'
import {
  checkSocketPath,
  dressSocket,
  preparePath,
  privateSocketPath,
  removeDirectory,
  removeSocketFile,
  type SocketFile,
  withMode,
} from './unix-socket.js'
import { warn, warning } from './warning.js'

/** Where to listen. */
export type ListenAddress =
  /** A Unix socket; '-' makes one in a private temporary directory. */
  | ({ readonly path: string } & SocketFile)
  /** A TCP port, 0 for any free one. */
  | { readonly host: string; readonly port: number }
  /** Sockets that listen already, at least one; their files are not ours. */
  | { readonly fds: readonly number[] }

/** What a listener works with. */
export interface ListenerSettings {
  readonly address: ListenAddress
  readonly exports: Iterable<Export>
  /** Overrides of `SESSION_LIMITS`. */
  readonly limits?: Partial<SessionLimits>
  /** Connections beyond this are closed as they come. Default 1024. */
  readonly maxClients?: number
  /** Default: TLS is not offered. */
  readonly tls?: TlsAcceptor | undefined
  readonly log?: Log
}

const MAX_CLIENTS = 1024

/** Listens from `listen()` to `close()`. */
export class Listener {
  /** Counted over all clients, past and present. */
  readonly counters: SessionCounters = { servedBytes: 0, reads: 0, failedReads: 0 }
  /** One, but for sockets that were handed over. */
  readonly #servers: readonly Server[]
  readonly #exports: ExportTable
  readonly #limits: SessionLimits
  readonly #tls: TlsAcceptor | undefined
  readonly #log: Log
  readonly #turnedAway: FoldedWarning
  readonly #sessions = new Set<Session>()
  /** Directory made for a private socket. */
  readonly #directory: string | undefined
  readonly #socketPath: string | undefined
  /** True while the socket file is ours. */
  #bound = false
  #connections = 0
  readonly #occupied = new StateTimes<'connected'>()
  #closing: Promise<void> | undefined

  private constructor(settings: ListenerSettings, exports: ExportTable) {
    const { address, limits, log = silentLog, maxClients = MAX_CLIENTS } = settings
    this.#exports = exports
    this.#limits = { ...SESSION_LIMITS, ...limits }
    this.#tls = settings.tls
    this.#log = log
    this.#turnedAway = new FoldedWarning(log, count => warning('clients-turned-away', { count }))
    if ('path' in address) {
      const isPrivate = address.path === '-'
      this.#socketPath = isPrivate ? privateSocketPath() : address.path
      if (isPrivate) this.#directory = dirname(this.#socketPath)
    }
    if ('fds' in address) this.#socketPath = pathOfSocket(address.fds[0] as number)
    const count = 'fds' in address ? address.fds.length : 1
    this.#servers = Array.from({ length: count }, () =>
      // A client may close its side behind DISC and still wait for replies.
      createServer({ allowHalfOpen: true, noDelay: true }, socket => {
        if (this.#sessions.size < maxClients) this.#accept(socket)
        else this.#turnAway(socket, maxClients)
      }),
    )
  }

  /**
   * Starts to listen. A socket file nobody listens on any more is replaced.
   * @throws ListenError if the address can't be had
   * @throws RangeError if there is no export, or two have one name
   */
  static async listen(settings: ListenerSettings): Promise<Listener> {
    const listener = new Listener(settings, new ExportTable(settings.exports))
    try {
      await listener.#bind(settings.address)
    } catch (error) {
      listener.removeFiles()
      for (const server of listener.#servers) server.close()
      throw error
    }
    return listener
  }

  /** Path of the Unix socket, undefined for TCP. */
  get socketPath(): string | undefined {
    return this.#socketPath
  }

  /** Port listened on, undefined for a Unix socket and once closed. */
  get port(): number | undefined {
    const address = this.#servers[0]?.address() ?? null
    return address !== null && typeof address === 'object' ? address.port : undefined
  }

  /** Clients connected now. */
  get clients(): number {
    return this.#sessions.size
  }

  /** Those who came last, at most `most` of them, the latest last. */
  clientStatuses(most: number): ClientStatus[] {
    return [...this.#sessions].slice(-most).map(session => session.status)
  }

  /** True while clients can connect. */
  get listening(): boolean {
    return this.#closing === undefined
  }

  /** Time during which at least one client was connected, milliseconds. */
  get connectedMs(): number {
    return this.#occupied.ms('connected', performance.now())
  }

  /** Clients since the start. */
  get totalClients(): number {
    return this.#connections
  }

  /**
   * NBD URI of an export; of the kind that asks for TLS if that is required.
   * @throws RangeError once closed
   */
  uri(exportName: string): string {
    const tls = this.#tls?.required ?? false
    if (this.#socketPath !== undefined) return unixUri(this.#socketPath, exportName, tls)
    const address = this.#servers[0]?.address() ?? null
    if (address === null || typeof address === 'string') {
      throw new RangeError('Cannot tell the URI: the listener is closed')
    }
    return tcpUri(address.address, address.port, exportName, tls)
  }

  /**
   * Accepts no one any more, lets running requests finish for `deadlineMs` (0: not at all), closes
   * every connection and removes the socket file. Calling it again waits for the first call.
   */
  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#close(deadlineMs)
    return this.#closing
  }

  /** Removes the socket file at once, for a process that ends without `close()`. Never throws. */
  removeFiles(): void {
    if (this.#socketPath === undefined) return
    if (this.#bound) removeSocketFile(this.#socketPath)
    this.#bound = false
    if (this.#directory !== undefined) removeDirectory(this.#directory)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close(0)
  }

  async #bind(address: ListenAddress): Promise<void> {
    if ('fds' in address) {
      for (const [index, fd] of address.fds.entries()) {
        await this.#listen(this.#servers[index] as Server, { fd }, `descriptor ${fd}`)
      }
      return
    }
    const [server] = this.#servers as [Server]
    if ('host' in address) {
      const { host, port } = address
      const label = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
      await this.#listen(server, { host, port }, label)
      return
    }
    const path = this.#socketPath as string
    checkSocketPath(path)
    await preparePath(path)
    await withMode(address.mode, () => this.#listen(server, { path }, path))
    this.#bound = true
    dressSocket(path, address)
  }

  async #listen(
    server: Server,
    where: { path: string } | { host: string; port: number } | { fd: number },
    label: string,
  ) {
    try {
      server.listen(where)
      await once(server, 'listening')
    } catch (error) {
      const isTaken = codeOf(error) === 'EADDRINUSE' && 'path' in where
      const cause = { cause: error }
      if (isTaken) throw listenError('socket-in-use', { where: label }, cause)
      throw listenError('listen', { where: label, problem: reasonOf(error) }, cause)
    }
    // Trouble with one connection (no file descriptors left) ends neither the others nor the process.
    server.on('error', error =>
      warn(this.#log, warning('accept-failed', { problem: systemErrorText(error) })),
    )
  }

  #turnAway(socket: Socket, maxClients: number): void {
    socket.on('error', () => {})
    socket.destroy()
    this.#turnedAway.warn(warning('client-turned-away', { maxClients }), {}, performance.now())
  }

  #accept(socket: Socket): void {
    const session = new Session({
      socket,
      connection: ++this.#connections,
      exports: this.#exports,
      limits: this.#limits,
      counters: this.counters,
      tls: this.#tls,
      log: this.#log,
    })
    this.#sessions.add(session)
    this.#occupied.enter('connected', performance.now())
    void session.closed.then(() => {
      const nowMs = performance.now()
      this.#sessions.delete(session)
      if (this.#sessions.size === 0) this.#occupied.enter(undefined, nowMs)
      this.#turnedAway.passed(nowMs)
    })
  }

  async #close(deadlineMs: number): Promise<void> {
    // In one go, before anyone else can have taken the path.
    this.removeFiles()
    const stopped = Promise.all(
      this.#servers.map(server => new Promise<void>(resolve => server.close(() => resolve()))),
    )
    this.#turnedAway.end()
    const drained: Promise<void>[] = []
    for (const session of this.#sessions) {
      const closed = session.drain()
      // Who has not chosen an export has nothing to lose.
      if (session.entered) drained.push(closed)
    }
    if (deadlineMs > 0) await within(deadlineMs, Promise.all(drained))
    const closed = [...this.#sessions].map(session => {
      session.destroy('the server is shutting down')
      return session.closed
    })
    await Promise.all([stopped, ...closed])
  }
}

/** Waits for `work`, but no longer than `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, deadline])
  clearTimeout(timer)
}
