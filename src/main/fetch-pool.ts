// The worker threads, as a typed wrapper over piscina: the only file that names the worker's file.
// Cancelling goes through the ring's cancel words, never through piscina's AbortSignal, which
// kills the thread and every request on it.

import type { MessagePort, Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import {
  type CallResult,
  type CallTask,
  type ConnectTask,
  type FetchResult,
  type FetchTask,
  NO_TIMINGS,
  type ProbeResult,
  type ProbeTask,
  type RehearsalTask,
  type SourceRequest,
  type TouchTask,
  type WorkerSettings,
} from '../shared/fetch-task.js'
import { unquoted } from '../shared/quotation.js'
import type { SpoolResult, SpoolTask } from '../shared/spool-task.js'
import type { Log } from './log.js'
import { warn, warning } from './warning.js'

const WORKER = new URL('../workers/index.js', import.meta.url)
/**
 * Room for young objects in each thread, MiB. V8's own choice grows to 16 times as much, for nothing:
 * what a thread allocates is a few small objects a request, and Buffers, which lie elsewhere.
 */
const YOUNG_MIB = 3
/**
 * Has modules imported, not required: a thread that is ended while it requires one takes the whole process along (Node
 * aborts in ModuleWrap::InstantiateSync).
 */
const IMPORTING = '--no-experimental-require-module'
const THREAD_FLAGS = ['--enable-source-maps', IMPORTING].filter(flag =>
  process.allowedNodeEnvironmentFlags.has(flag),
)
/** Of the ring, what one thread touches in a row: a huge page, or a few of them. */
const STRIPE_BYTES = 4 * 1024 * 1024
/**
 * Delay of the second pool in a row whose threads do not stay, milliseconds; doubled for each further
 * one up to the longest. The first is made at once: a single thread may die for any reason.
 */
const RENEWAL_MS = 100
const LONGEST_RENEWAL_MS = 5_000

export interface FetchPoolOptions {
  /** Threads, 1 to `connections`. */
  readonly workers: number
  /** Connections over all threads. */
  readonly connections: number
  /** Requests per connection. */
  readonly pipelining: number
  /** Whole files that may be downloaded at a time, beside all that: they last. Default 1. */
  readonly downloads?: number
  readonly settings: WorkerSettings
  /** Told of the `Set-Cookie` fields of every answer that has some, and the URL it came from. */
  readonly onCookies?: (url: string, fields: readonly string[]) => void
  /** Masks secrets in what a server says. */
  readonly redact?: (text: string) => string
  readonly log: Log
}

/**
 * A fixed number of worker threads; one that dies is replaced, its tasks fail as `worker-died`. While
 * no thread can be started at all, every task does, and new threads are tried again and again.
 */
export class FetchPool implements AsyncDisposable {
  readonly #options: FetchPoolOptions
  readonly #log: Log
  readonly #onCookies: (url: string, fields: readonly string[]) => void
  /** Undefined while the next one is put off. */
  #pool: Piscina | undefined
  /** Pools made since a task was last done. */
  #renewals = 0
  #renewal: NodeJS.Timeout | undefined
  #lastDeath: Failure = failureOf('worker-died', 'not-started', { problem: 'not tried yet' })
  /** Every thread that has not ended, with the promise of its end. */
  readonly #alive = new Map<Worker, Promise<void>>()
  readonly #redact: (text: string) => string
  #restarts = 0
  /** Downloads that run, on whichever threads. */
  #downloads = 0
  #closing = false

  constructor(options: FetchPoolOptions) {
    this.#options = options
    this.#log = options.log
    this.#onCookies = options.onCookies ?? (() => {})
    this.#redact = options.redact ?? (text => text)
    this.#start()
  }

  #make(): Piscina {
    const { workers, connections, pipelining, downloads = 1, settings } = this.#options
    // Connections don't always divide evenly: the first threads take one more each.
    const quota = (rank: number) =>
      (Math.floor(connections / workers) + (rank < connections % workers ? 1 : 0)) * pipelining
    return new Piscina({
      filename: WORKER.href,
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: Math.ceil(connections / workers) * pipelining + downloads,
      workerData: settings,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
      // Would inherit the loaders of whoever runs us otherwise.
      execArgv: THREAD_FLAGS,
      // 'sync', the default, stops a worker's event loop, and its sockets, between two tasks.
      atomics: 'async',
      recordTiming: false,
      loadBalancer: (_task, threads) => {
        const open = threads
          .filter(thread => !thread.terminating && !thread.destroyed)
          .sort((a, b) => a.id - b.id)
          .map((thread, rank) => {
            return { thread, usage: thread.currentUsage, quota: quota(rank) + this.#downloads }
          })
        const free = open.filter(({ usage, quota }) => usage < quota)
        if (free.length === 0) return null
        return free.reduce((a, b) => (b.usage * a.quota < a.usage * b.quota ? b : a)).thread
      },
    })
  }

  #start(): void {
    try {
      this.#pool = this.#make()
    } catch (error) {
      // The system allows no more threads.
      const problem = (error as Error).message
      this.#lastDeath = failureOf('worker-died', 'not-started', { problem })
      this.#putOff()
      return
    }
    const pool = this.#pool
    this.#watch()
    pool.on('workerCreate', () => this.#watch())
    // A thread that dies idle has no task to report it.
    pool.on('error', ({ message }) => {
      // Answers that were on their way to a pool which has ended are an error to piscina.
      if (this.#closing || this.#pool !== pool) return
      warn(this.#log, warning('worker-failed', { problem: message }))
    })
  }

  /** Threads alive. */
  get workers(): number {
    return this.#alive.size
  }

  /** Numbers of the threads alive. */
  get threadIds(): ReadonlySet<number> {
    return new Set([...this.#alive.keys()].map(thread => thread.threadId))
  }

  /** Threads that died and were replaced. */
  get restarts(): number {
    return this.#restarts
  }

  /** The threads themselves, for tests that end one. */
  get threads(): readonly Worker[] {
    return this.#pool?.threads ?? []
  }

  /** Runs one span's request. Never rejects. */
  run(task: FetchTask): Promise<FetchResult> {
    return this.#fetch(task, 'fetchSpan')
  }

  /** Runs one request of a rehearsal. Never rejects. */
  rehearse(task: RehearsalTask): Promise<FetchResult> {
    return this.#fetch(task, 'rehearseSpan')
  }

  async #fetch(task: FetchTask | RehearsalTask, name: string): Promise<FetchResult> {
    try {
      const result = (await this.#run(task, name)) as FetchResult
      return this.#received(task.source.url, result)
    } catch (error) {
      const failure = await this.#deathOf(error)
      return { ok: false, spanId: task.spanId, failure, timings: NO_TIMINGS }
    }
  }

  /** Has connections opened for requests to come, until there are so many in all. Returns at once. */
  prepare(source: SourceRequest, connections: number): void {
    const { workers } = this.#options
    for (let rank = 0; rank < Math.min(workers, connections); rank++) {
      const task = { source, connections: Math.ceil((connections - rank) / workers) }
      // A thread that dies of it is replaced like any other.
      this.#run(task, 'openConnections').catch(() => {})
    }
  }

  /**
   * Has the ring's first slots given their memory while the threads have nothing else to do, which a copy
   * that finds it there need not wait for. Returns at once.
   *
   * @param slotBytes size of a slot
   */
  touch(slotCount: number, slotBytes: number): void {
    const { workers } = this.#options
    // In stripes: what is used first is there first, and threads seldom ask for the same huge page.
    const stripe = Math.max(1, Math.floor(STRIPE_BYTES / slotBytes))
    const shares = Array.from({ length: workers }, (): number[] => [])
    for (let slot = 0; slot < slotCount; slot++) {
      shares[Math.floor(slot / stripe) % workers]?.push(slot)
    }
    for (const slots of shares) {
      // A thread that dies of it is replaced like any other.
      if (slots.length > 0) this.#run({ slots }, 'touchSlots').catch(() => {})
    }
  }

  /** Asks about a URL. Never rejects. */
  async probe(task: ProbeTask): Promise<ProbeResult> {
    try {
      const result = (await this.#run(task, 'probeSource')) as ProbeResult
      return this.#received(task.url, result)
    } catch (error) {
      return { ok: false, failure: await this.#deathOf(error), timings: NO_TIMINGS }
    }
  }

  /** Sends a request that fetches no part of an image. What it sets as cookies is the caller's. Never rejects. */
  async call(task: CallTask): Promise<CallResult> {
    try {
      return this.#masked((await this.#run(task, 'callServer')) as CallResult)
    } catch (error) {
      return { ok: false, failure: await this.#deathOf(error), timings: NO_TIMINGS }
    }
  }

  /** Downloads a whole file. Never rejects. */
  async spool(task: SpoolTask): Promise<SpoolResult> {
    this.#downloads++
    try {
      const run = this.#run(task, 'spoolSource', [task.port])
      return this.#received(task.url, (await run) as SpoolResult)
    } catch (error) {
      const failure = await this.#deathOf(error)
      return { ok: false, failure, timings: NO_TIMINGS, bytes: 0, zeroBlocks: [] }
    } finally {
      this.#downloads--
    }
  }

  /** Ends the threads with whatever they are doing. */
  async close(): Promise<void> {
    this.#closing = true
    clearTimeout(this.#renewal)
    await this.#pool?.destroy()
    await Promise.all(this.#alive.values())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #received<Result extends FetchResult | ProbeResult | SpoolResult>(
    url: string,
    result: Result,
  ): Result {
    if (result.setCookies !== undefined) this.#onCookies(url, result.setCookies)
    return this.#masked(result)
  }

  /** Without what a server repeats to us of our own secrets, and fit to be shown. */
  #masked<Result extends FetchResult | ProbeResult | CallResult | SpoolResult>(
    result: Result,
  ): Result {
    if (result.ok) {
      if (!('message' in result)) return result
      return { ...result, message: unquoted(result.message, this.#redact) }
    }
    const message = unquoted(result.failure.message, this.#redact)
    return { ...result, failure: { ...result.failure, message } }
  }

  async #run(
    task: FetchTask | RehearsalTask | ConnectTask | TouchTask | ProbeTask | CallTask | SpoolTask,
    name: string,
    transferList: MessagePort[] = [],
  ): Promise<unknown> {
    if (this.#pool === undefined) throw new Error(this.#lastDeath.message)
    const result = await this.#pool.run(task, { name, transferList })
    this.#renewals = 0
    return result
  }

  #watch(): void {
    for (const thread of this.threads) {
      if (this.#alive.has(thread)) continue
      const ended = new Promise<void>(resolve => {
        thread.once('exit', code => {
          this.#alive.delete(thread)
          if (!this.#closing) {
            this.#restarts++
            // Told once where threads do not stay at all.
            const level = this.#renewals === 0 ? 'warn' : 'debug'
            warn(this.#log, warning('worker-replaced', { exitCode: code }), {}, level)
            this.#lastDeath = failureOf('worker-died', 'end-at-start', { code })
            // Piscina has its replacement already, which may end before it is ready.
            this.#watch()
            this.#renew()
          }
          resolve()
        })
      })
      this.#alive.set(thread, ended)
    }
  }

  /**
   * Piscina replaces no thread any more once one has ended while it started, and keeps the tasks in
   * its queue for ever: then a pool of new threads takes its place.
   */
  #renew(): void {
    const pool = this.#pool
    if (pool === undefined || pool.threads.length >= this.#options.workers) return
    this.#pool = undefined
    // Rejects its tasks, those in its queue included.
    void pool.destroy()
    if (this.#renewals++ === 0) this.#start()
    else this.#putOff()
  }

  #putOff(): void {
    const delayMs = Math.min(LONGEST_RENEWAL_MS, RENEWAL_MS * 2 ** this.#renewals++)
    this.#log('debug', `no worker thread stays: again in ${delayMs} ms`)
    this.#renewal = setTimeout(() => this.#start(), delayMs)
  }

  /**
   * Piscina rejects as soon as a thread is on its way out; its slots may be taken over only when it
   * is gone, since until then it may still write.
   */
  async #deathOf(error: unknown): Promise<Failure> {
    const current = new Set(this.threads)
    const leaving = [...this.#alive].filter(([thread]) => this.#closing || !current.has(thread))
    await Promise.all(leaving.map(([, ended]) => ended))
    if (this.#renewals > 0) return this.#lastDeath
    const problem = error instanceof Error ? error.message : String(error)
    return failureOf('worker-died', 'ended', { problem })
  }
}
