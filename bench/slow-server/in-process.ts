// Runs the slow server in a process of its own, so that it does not share processor time or the event loop with
// what is measured against it, and so that it can be killed.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { makeCertificate } from './certificate.js'
import type { Call, Remote, Reply, Started } from './ipc.js'
import type { ServingOptions, SlowServerOptions } from './options.js'
import type { LogEntry, ServerStatistics } from './request-log.js'

const CHILD = new URL('./child.js', import.meta.url)

interface Waiting {
  resolve(result: unknown): void
  reject(error: Error): void
}

/** @throws TypeError for options that cannot cross into another process */
function checkPlain(options: Partial<ServingOptions>): void {
  if (options.image !== undefined && 'read' in options.image) {
    throw new TypeError("Cannot send 'image' to a process: give its size and seed, or a file")
  }
  if (options.faults?.some(rule => typeof rule.match === 'function')) {
    throw new TypeError("Cannot send 'match' to a process: give bounds instead of a function")
  }
}

/** A slow server in a process of its own. Starts with `startInProcess()`; must be closed. */
export class SlowServerProcess implements AsyncDisposable {
  #options: SlowServerOptions
  #child: ChildProcess | undefined
  #started: Started | undefined
  #lastId = 0
  readonly #waiting = new Map<number, Waiting>()

  constructor(options: SlowServerOptions) {
    this.#options = options
  }

  get url(): string {
    return this.#where.url
  }

  get origin(): string {
    return this.#where.origin
  }

  get port(): number {
    return this.#where.port
  }

  /** PEM of the certificate authority to trust; undefined without https. */
  get caPem(): string | undefined {
    return this.#where.caPem
  }

  /** Undefined while it is not running. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  stats(): Promise<ServerStatistics> {
    return this.#call('stats')
  }

  log(): Promise<readonly LogEntry[]> {
    return this.#call('log')
  }

  clearLog(): Promise<void> {
    return this.#call('clearLog')
  }

  /** The changes also hold after `restart()`. */
  async setOptions(changes: Partial<ServingOptions>): Promise<void> {
    checkPlain(changes)
    await this.#call('setOptions', changes)
    this.#options = { ...this.#options, ...changes }
  }

  expireSessions(): Promise<void> {
    return this.#call('expireSessions')
  }

  resetConnections(): Promise<void> {
    return this.#call('resetConnections')
  }

  /** Processor time of the server's process so far, microseconds. */
  cpuUsage(): Promise<{ user: number; system: number }> {
    return this.#call('cpuUsage')
  }

  /** Kills the process at once, as a crash does; the port stays remembered for `restart()`. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** Starts the process again (killing it if it runs) on the same port; log, counters and sessions are new. */
  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** Starts the process: `startInProcess()` has done so already. @throws what `SlowServer.start()` throws */
  async start(): Promise<void> {
    checkPlain(this.#options)
    // Made here, so that it is still the same after a restart.
    if (this.#options.tls === true) {
      this.#options = { ...this.#options, tls: await makeCertificate() }
    }
    const child = fork(CHILD, [], {
      // Without the parent's loaders and inspector.
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child = child
    child.on('message', (reply: Reply) => this.#replied(reply))
    child.on('error', error => this.#ended(child, error))
    child.on('exit', (code, signal) => {
      this.#ended(child, new Error(`Cannot reach the slow server: it ended with ${signal ?? code}`))
    })
    try {
      this.#started = await this.#call('start', this.#options)
    } catch (error) {
      await this.kill()
      throw error
    }
    this.#options = { ...this.#options, port: this.#started.port }
  }

  async close(): Promise<void> {
    await this.kill()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #where(): Started {
    if (this.#started === undefined) {
      throw new Error('Cannot say where the slow server is: it is not started')
    }
    return this.#started
  }

  #call<M extends keyof Remote>(
    method: M,
    ...args: Parameters<Remote[M]>
  ): Promise<Awaited<ReturnType<Remote[M]>>> {
    const child = this.#child
    if (child === undefined) {
      return Promise.reject(new Error(`Cannot call '${method}': the slow server is not running`))
    }
    const id = ++this.#lastId
    const call: Call = { id, method, args }
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject })
      child.send(call, error => {
        if (error !== null) this.#settle(id)?.reject(error)
      })
    })
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #replied(reply: Reply): void {
    const waiting = this.#settle(reply.id)
    if (reply.ok) {
      waiting?.resolve(reply.result)
      return
    }
    const { name, message, code } = reply
    const error = name === 'RangeError' ? new RangeError(message) : new Error(message)
    waiting?.reject(code === undefined ? error : Object.assign(error, { code }))
  }

  #ended(child: ChildProcess, error: Error): void {
    if (this.#child === child) this.#child = undefined
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** Starts a slow server in a process of its own; resolves when it accepts connections. */
export async function startInProcess(options: SlowServerOptions): Promise<SlowServerProcess> {
  const server = new SlowServerProcess(options)
  await server.start()
  return server
}
