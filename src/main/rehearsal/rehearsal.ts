// A copy of nothing, made while the source is being opened and the processor has little to do. V8 compiles
// a function when it first runs, and what it keeps of its way through one only after it has run a few
// times: without this the first client waits for both. It goes through all that a read goes through,
// sockets and threads included, in memory of its own; no server and no client hears of it.

import { failureOf } from '../../shared/failures.js'
import type { FetchResult, RehearsalTask, Transport } from '../../shared/fetch-task.js'
import { RingMemory } from '../../shared/sharedarraybuffer-ring/index.js'
import { ImageExport } from '../image-export.js'
import { Listener } from '../listener.js'
import { type Log, silentLog } from '../log.js'
import { Origin, type Timers } from '../origin.js'
import { Estimator } from '../prefetch/estimator.js'
import { Governor } from '../prefetch/governor.js'
import { SharedRing } from '../shared-ring.js'
import { FetchMeter } from '../status/fetch-meter.js'
import { visit } from './client.js'

const KIB = 1024
/** Sizes are small: what counts is how often a function runs. */
const BLOCK_BYTES = 32 * KIB
const SLOTS = 128
const READ_BYTES = 64 * KIB
const MAX_REQUEST_BYTES = 256 * KIB
const IN_FLIGHT = 8
const CONNECTIONS = 4
/** Clients that do little more than say hello, then one that copies. */
const SHORT_VISITS = 10
const SHORT_VISIT_READS = 2
const COPY_READS = 128
const IMAGE_BYTES = COPY_READS * READ_BYTES
/** Nothing new is begun after this time, milliseconds. */
const TIME_MS = 400
const TRANSPORT: Transport = {
  verify: true,
  connectTimeoutMs: TIME_MS,
  firstByteTimeoutMs: TIME_MS,
  bodyTimeoutMs: TIME_MS,
  pipelining: 1,
}

export interface RehearsalParts {
  /** The threads that will fetch for clients. */
  readonly pool: { rehearse(task: RehearsalTask): Promise<FetchResult> }
  readonly clock: () => number
  readonly timers: Timers
  readonly log: Log
}

/** One rehearsal, which begins at once. */
export class Rehearsal {
  /** Fulfilled when it is over and all given back, whatever came of it. */
  readonly over: Promise<void>
  readonly #parts: RehearsalParts
  readonly #untilMs: number
  /** Requests under way: what was fetched ahead may outlast the last client. */
  readonly #requests = new Set<Promise<FetchResult>>()
  #ended = false

  constructor(parts: RehearsalParts) {
    this.#parts = parts
    this.#untilMs = parts.clock() + TIME_MS
    // A server that can't rehearse serves its first client more slowly.
    this.over = this.#run().catch(error => parts.log('debug', `no rehearsal: ${error.message}`))
  }

  /** Breaks it off. @returns `over` */
  end(): Promise<void> {
    this.#ended = true
    return this.over
  }

  async #run(): Promise<void> {
    const memory = RingMemory.create({ slotCount: SLOTS, slotBytes: BLOCK_BYTES })
    const ring = new SharedRing(memory)
    const image = this.#imageOf(ring)
    try {
      await using listener = await Listener.listen({ address: { path: '-' }, exports: [image] })
      for (let i = 0; i < SHORT_VISITS; i++) {
        await this.#visit(listener, SHORT_VISIT_READS)
      }
      await this.#visit(listener, COPY_READS)
    } finally {
      image.close(failureOf('cancelled', 'shutting-down'))
      ring.close()
      await Promise.all(this.#requests)
    }
  }

  async #visit(listener: Listener, reads: number): Promise<void> {
    const { socketPath = '', counters } = listener
    if (this.#isOver(counters)) return
    const before = counters.reads
    await visit(socketPath, {
      statusBytes: IMAGE_BYTES,
      reads,
      readBytes: READ_BYTES,
      inFlight: IN_FLIGHT,
      answered: () => counters.reads + counters.failedReads - before,
      isOver: () => this.#isOver(counters),
    })
  }

  #isOver({ failedReads }: { readonly failedReads: number }): boolean {
    return this.#ended || failedReads > 0 || this.#parts.clock() >= this.#untilMs
  }

  #imageOf(ring: SharedRing): ImageExport {
    const { pool, clock, timers } = this.#parts
    const governor = new Governor(CONNECTIONS)
    return new ImageExport({
      name: '',
      source: {
        request: {
          url: 'http://rehearsal.invalid/',
          headers: {},
          transport: 0,
          totalBytes: IMAGE_BYTES,
        },
        name: 'rehearsal',
        firstBytes: new Uint8Array(),
        redirects: 0,
      },
      ring,
      origin: new Origin({ governor, estimator: new Estimator(), clock, timers }),
      maxRequestBytes: MAX_REQUEST_BYTES,
      maxAttempts: 1,
      maxRetryMs: TIME_MS,
      readahead: 'auto',
      runner: {
        run: task => {
          const request = pool.rehearse({ ...task, ring: ring.memory.buffer, transport: TRANSPORT })
          this.#requests.add(request)
          return request.finally(() => this.#requests.delete(request))
        },
      },
      fetchMeter: new FetchMeter(),
      log: silentLog,
      clock,
      random: Math.random,
    })
  }
}
