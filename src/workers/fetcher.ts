// The worker's whole work as one object: takes tasks, runs them over this thread's connections,
// listens for cancellations. Each task is one HTTP attempt; whether and when to try again is
// decided on the main thread.

import {
  type CallResult,
  type CallTask,
  type ConnectTask,
  type FetchResult,
  type FetchTask,
  NO_TIMINGS,
  type ProbeResult,
  type ProbeTask,
  type TouchTask,
  type Transport,
  type WorkerSettings,
} from '../shared/fetch-task.js'
import { BellListener, RingMemory } from '../shared/sharedarraybuffer-ring/index.js'
import type { SpoolResult, SpoolTask } from '../shared/spool-task.js'
import { FirstTouch } from './first-touch.js'
import { OriginClient } from './origin-client.js'
import { cancelledFailure, failureOfDefect } from './origin-error.js'
import { PlainCall } from './plain-call.js'
import { ProbeFetch } from './probe-fetch.js'
import { Router } from './route.js'
import { SlotWriter, StagingPool } from './slot-writer.js'
import {
  rangeHeaders,
  SpanFetch,
  type SpanFetchOwner,
  wholeHeaders,
  writeFailure,
} from './span-fetch.js'
import { SpoolFetch } from './spool-fetch.js'

/** Origins whose connections are kept; beyond, those without any are forgotten. */
const KEPT_ORIGINS = 16

/** Runs the tasks of one worker thread. */
export interface Fetcher extends Disposable {
  /**
   * Makes one HTTP range request and fills the task's slots from its body. Never rejects, and when
   * it resolves no slot of the task is in state FILLING any more.
   */
  fetchSpan(task: FetchTask): Promise<FetchResult>
  /** Makes one ranged GET and tells what it says about the file. Never rejects. */
  probeSource(task: ProbeTask): Promise<ProbeResult>
  /** Sends one request that fetches no part of an image. Never rejects. */
  callServer(task: CallTask): Promise<CallResult>
  /** Makes one plain GET and writes its body into the task's file. Never rejects. */
  spoolSource(task: SpoolTask): Promise<SpoolResult>
  /** Opens connections for requests to come. Never throws: what is wrong shows when they are needed. */
  openConnections(task: ConnectTask): void
  /** Has the system give slots their memory while this thread has time. */
  touchSlots(task: TouchTask): void
  /** Tasks being worked on, and open connections, those being set up included. */
  readonly running: number
  readonly connections: number
  /** Cancels what runs and closes all connections. */
  close(): void
}

/** Makes what finds the way to each origin of a transport. */
export type RouterOf = (transport: Transport) => Pick<Router, 'to'>

/** @throws {TypeError} if the settings hold no ring */
export function createFetcher(
  settings: WorkerSettings,
  routerOf: RouterOf = transport => new Router(transport),
): Fetcher {
  return new ThreadFetcher(settings, routerOf)
}

class ThreadFetcher implements Fetcher, SpanFetchOwner {
  readonly staging = new StagingPool()
  readonly #memory: RingMemory
  readonly #transports: readonly Transport[]
  readonly #routerOf: RouterOf
  readonly #routers = new Map<number, ReturnType<RouterOf>>()
  readonly #origins = new Map<string, OriginClient>()
  readonly #running = new Map<SpanFetch, (result: FetchResult) => void>()
  readonly #firstTouch: FirstTouch
  readonly #cancelBell: BellListener
  /** Fetches with staged bytes that wait for the end of this turn of the event loop. */
  #unpublished: SpanFetch[] = []

  constructor(settings: WorkerSettings, routerOf: RouterOf) {
    this.#routerOf = routerOf
    this.#memory = RingMemory.attach(settings.ring)
    this.#firstTouch = new FirstTouch(this.#memory)
    this.#transports = settings.transports
    this.#cancelBell = new BellListener(this.#memory, 'cancel', () => this.#checkCancelled())
  }

  get running(): number {
    return this.#running.size
  }

  get connections(): number {
    let count = 0
    for (const origin of this.#origins.values()) count += origin.size
    return count
  }

  fetchSpan(task: FetchTask): Promise<FetchResult> {
    return new Promise(resolve => {
      let writer: SlotWriter | undefined
      let fetch: SpanFetch | undefined
      try {
        // First, so that whatever else is wrong the slots are let go of.
        writer = new SlotWriter(this.#memory, task.slots, task.epochs, task.length)
        const { source, offset, length } = task
        if (!isRange(offset, length) || offset + length > source.totalBytes) {
          throw new RangeError(
            `Cannot fetch ${length} bytes at ${offset}: the file has ${source.totalBytes}`,
          )
        }
        const url = new URL(source.url)
        const origin = this.#origin(url, source.transport)
        const headers = rangeHeaders(source.headers, offset, length, source.etag)
        // The bell may have rung while the task was on its way here.
        if (writer.anyCancelled) {
          writer.letGo()
          const failure = cancelledFailure()
          resolve({ ok: false, spanId: task.spanId, timings: NO_TIMINGS, failure })
          return
        }
        fetch = new SpanFetch(task, writer, this)
        this.#running.set(fetch, resolve)
        const { bulk, patience = 1 } = task
        const request = { path: url.pathname + url.search, headers, bulk, patience }
        fetch.exchange = origin.send(request, fetch)
        this.#firstTouch.add(task.slots)
      } catch (error) {
        writer?.letGo()
        if (fetch !== undefined) this.#running.delete(fetch)
        const failure = writeFailure(error)
        resolve({ ok: false, spanId: task.spanId, timings: NO_TIMINGS, failure })
      }
    })
  }

  probeSource(task: ProbeTask): Promise<ProbeResult> {
    return new Promise(resolve => {
      try {
        if (!isRange(0, task.length)) {
          throw new RangeError(`Cannot probe for the first ${task.length} bytes`)
        }
        const url = new URL(task.url)
        const origin = this.#origin(url, task.transport)
        const headers = rangeHeaders(task.headers, 0, task.length)
        const request = { path: url.pathname + url.search, headers, bulk: false }
        const fetch = new ProbeFetch(task, resolve)
        fetch.exchange = origin.send(request, fetch)
      } catch (error) {
        resolve({ ok: false, timings: NO_TIMINGS, failure: failureOfDefect(error) })
      }
    })
  }

  callServer(task: CallTask): Promise<CallResult> {
    return new Promise(resolve => {
      try {
        const { method, body } = task
        const url = new URL(task.url)
        const origin = this.#origin(url, task.transport)
        const headers = Object.entries(task.headers).flat()
        const path = url.pathname + url.search
        origin.send({ method, body, path, headers, bulk: false }, new PlainCall(resolve))
      } catch (error) {
        resolve({ ok: false, timings: NO_TIMINGS, failure: failureOfDefect(error) })
      }
    })
  }

  spoolSource(task: SpoolTask): Promise<SpoolResult> {
    return new Promise(resolve => {
      const fetch = new SpoolFetch(task, resolve)
      try {
        const url = new URL(task.url)
        const origin = this.#origin(url, task.transport)
        const headers = wholeHeaders(task.headers, task.version?.etag)
        fetch.sent(origin.send({ path: url.pathname + url.search, headers, bulk: false }, fetch))
      } catch (error) {
        fetch.settled(failureOfDefect(error), NO_TIMINGS)
      }
    })
  }

  openConnections({ source, connections }: ConnectTask): void {
    // A Host field of one's own decides what TLS asks for, too: left to the request.
    if (source.headers['host'] !== undefined) return
    try {
      this.#origin(new URL(source.url), source.transport).prepare(connections)
    } catch {
      // The request that needs one says it.
    }
  }

  touchSlots({ slots }: TouchTask): void {
    this.#firstTouch.add(slots)
  }

  close(): void {
    this.#cancelBell.close()
    this.#firstTouch.close()
    for (const origin of this.#origins.values()) origin.close()
    this.#origins.clear()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  arrived(): void {
    this.#firstTouch.arrived()
  }

  publishSoon(fetch: SpanFetch): void {
    if (fetch.publishing) return
    fetch.publishing = true
    // After the sockets that are readable now were read: a fast body fills its buffer meanwhile, a
    // slow one does not make its reader wait for the next piece.
    if (this.#unpublished.push(fetch) === 1) setImmediate(this.#publish)
  }

  ended(fetch: SpanFetch, result: FetchResult): void {
    const resolve = this.#running.get(fetch)
    this.#running.delete(fetch)
    resolve?.(result)
  }

  readonly #publish = (): void => {
    const fetches = this.#unpublished
    this.#unpublished = []
    for (const fetch of fetches) {
      fetch.publishing = false
      fetch.publish()
    }
  }

  #checkCancelled(): void {
    for (const fetch of [...this.#running.keys()]) fetch.checkCancelled()
  }

  #origin(url: URL, index: number): OriginClient {
    const transport = this.#transports[index]
    if (transport === undefined) throw new RangeError(`Cannot use transport ${index}: not given`)
    const key = `${index} ${url.origin}`
    let origin = this.#origins.get(key)
    if (origin === undefined) {
      if (this.#origins.size >= KEPT_ORIGINS) this.#forgetUnused()
      let router = this.#routers.get(index)
      if (router === undefined) {
        router = this.#routerOf(transport)
        this.#routers.set(index, router)
      }
      origin = new OriginClient(url.origin, transport, router.to(url.origin))
      this.#origins.set(key, origin)
    }
    return origin
  }

  #forgetUnused(): void {
    for (const [key, origin] of this.#origins) {
      if (origin.size === 0) this.#origins.delete(key)
    }
  }
}

function isRange(offset: number, length: number): boolean {
  return Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length >= 1
}
