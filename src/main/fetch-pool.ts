// The worker threads, as a typed wrapper over piscina: the only file that names the worker's file.
// Cancelling goes through the ring's cancel words, never through piscina's AbortSignal, which
// kills the thread and every request on it.

import type { Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Failure } from '../shared/failure.js'
import {
  type CallResult,
  type CallTask,
  type FetchResult,
  type FetchTask,
  NO_TIMINGS,
  type ProbeResult,
  type ProbeTask,
  type WorkerSettings,
} from '../shared/fetch-task.js'
import type { Log } from './log.js'

const WORKER = new URL('../workers/index.js', import.meta.url)
/**
 * Room for young objects in each thread, MiB. V8's own choice grows to 16 times as much, for nothing:
 * what a thread allocates is a few small objects a request, and Buffers, which lie elsewhere.
 */
const YOUNG_MIB = 3

export interface FetchPoolOptions {
  /** Threads, 1 to `connections`. */
  readonly workers: number
  /** Connections over all threads. */
  readonly connections: number
  /** Requests per connection. */
  readonly pipelining: number
  readonly settings: WorkerSettings
  /** Told of the `Set-Cookie` fields of every answer that has some, and the URL it came from. */
  readonly onCookies?: (url: string, fields: readonly string[]) => void
  /** Masks secrets in what a server says. */
  readonly redact?: (text: string) => string
  readonly log: Log
}

/** A fixed number of worker threads; one that dies is replaced, its tasks fail as `worker-died`. */
export class FetchPool implements AsyncDisposable {
  readonly #pool: Piscina
  readonly #log: Log
  readonly #onCookies: (url: string, fields: readonly string[]) => void
  /** Every thread that has not ended, with the promise of its end. */
  readonly #alive = new Map<Worker, Promise<void>>()
  readonly #redact: (text: string) => string
  #restarts = 0
  #closing = false

  constructor(options: FetchPoolOptions) {
    const { workers, connections, pipelining } = options
    this.#log = options.log
    this.#onCookies = options.onCookies ?? (() => {})
    this.#redact = options.redact ?? (text => text)
    // Connections don't always divide evenly: the first threads take one more each.
    const quota = (rank: number) =>
      (Math.floor(connections / workers) + (rank < connections % workers ? 1 : 0)) * pipelining
    this.#pool = new Piscina({
      filename: WORKER.href,
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: Math.ceil(connections / workers) * pipelining + 1,
      workerData: options.settings,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
      // Would inherit the loaders of whoever runs us otherwise.
      execArgv: ['--enable-source-maps'],
      // 'sync', the default, stops a worker's event loop, and its sockets, between two tasks.
      atomics: 'async',
      recordTiming: false,
      loadBalancer: (_task, threads) => {
        const open = threads
          .filter(thread => !thread.terminating && !thread.destroyed)
          .sort((a, b) => a.id - b.id)
          .map((thread, rank) => ({ thread, usage: thread.currentUsage, quota: quota(rank) }))
        const free = open.filter(({ usage, quota }) => usage < quota)
        if (free.length === 0) return null
        return free.reduce((a, b) => (b.usage * a.quota < a.usage * b.quota ? b : a)).thread
      },
    })
    this.#watch()
    this.#pool.on('workerCreate', () => this.#watch())
    // A thread that dies idle has no task to report it.
    this.#pool.on('error', error => this.#log('warn', `worker thread: ${error.message}`))
  }

  /** Threads alive. */
  get workers(): number {
    return this.#alive.size
  }

  /** Threads that died and were replaced. */
  get restarts(): number {
    return this.#restarts
  }

  /** The threads themselves, for tests that end one. */
  get threads(): readonly Worker[] {
    return this.#pool.threads
  }

  /** Runs one span's request. Never rejects. */
  async run(task: FetchTask): Promise<FetchResult> {
    try {
      const result = (await this.#pool.run(task, { name: 'fetchSpan' })) as FetchResult
      return this.#received(task.source.url, result)
    } catch (error) {
      const failure = await this.#deathOf(error)
      return { ok: false, spanId: task.spanId, failure, timings: NO_TIMINGS }
    }
  }

  /** Asks about a URL. Never rejects. */
  async probe(task: ProbeTask): Promise<ProbeResult> {
    try {
      const result = (await this.#pool.run(task, { name: 'probeSource' })) as ProbeResult
      return this.#received(task.url, result)
    } catch (error) {
      return { ok: false, failure: await this.#deathOf(error), timings: NO_TIMINGS }
    }
  }

  /** Sends a request that fetches no part of an image. What it sets as cookies is the caller's. Never rejects. */
  async call(task: CallTask): Promise<CallResult> {
    try {
      return this.#masked((await this.#pool.run(task, { name: 'callServer' })) as CallResult)
    } catch (error) {
      return { ok: false, failure: await this.#deathOf(error), timings: NO_TIMINGS }
    }
  }

  /** Ends the threads with whatever they are doing. */
  async close(): Promise<void> {
    this.#closing = true
    await this.#pool.destroy()
    await Promise.all(this.#alive.values())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #received<Result extends FetchResult | ProbeResult>(url: string, result: Result): Result {
    if (result.setCookies !== undefined) this.#onCookies(url, result.setCookies)
    return this.#masked(result)
  }

  /** Without what a server repeats to us of our own secrets. */
  #masked<Result extends FetchResult | ProbeResult | CallResult>(result: Result): Result {
    if (result.ok) return result
    const message = this.#redact(result.failure.message)
    return { ...result, failure: { ...result.failure, message } }
  }

  #watch(): void {
    for (const thread of this.#pool.threads) {
      if (this.#alive.has(thread)) continue
      const ended = new Promise<void>(resolve => {
        thread.once('exit', code => {
          this.#alive.delete(thread)
          if (!this.#closing) {
            this.#restarts++
            this.#log('warn', 'a worker thread ended and is replaced', { exitCode: code })
          }
          resolve()
        })
      })
      this.#alive.set(thread, ended)
    }
  }

  /**
   * Piscina rejects as soon as a thread is on its way out; its slots may be taken over only when it
   * is gone, since until then it may still write.
   */
  async #deathOf(error: unknown): Promise<Failure> {
    const current = new Set(this.#pool.threads)
    const leaving = [...this.#alive].filter(([thread]) => this.#closing || !current.has(thread))
    await Promise.all(leaving.map(([, ended]) => ended))
    const message = error instanceof Error ? error.message : String(error)
    return { code: 'worker-died', message: `worker thread ended: ${message}` }
  }
}
