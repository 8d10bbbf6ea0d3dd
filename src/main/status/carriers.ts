// What the requests that have ended say of the threads and connections that carried them. Connections are
// known by their requests alone: one that none has ended on for a while counts as closed.

import type { FetchTimings } from '../../shared/fetch-task.js'
import { type ConnectionStatus, STATUS_BOUNDS, type WorkerStatus } from './snapshot.js'

/** Workers close a connection that is idle for so long, milliseconds. */
const CLOSED_AFTER_MS = 30_000

interface Counts {
  requests: number
  failures: number
  bytes: number
  usedMs: number
}

interface WorkerCounts extends Counts {
  readonly id: number
  connectionsOpened: number
}

interface ConnectionCounts extends Counts {
  readonly worker: number
  readonly id: number
  firstByteMs: number
  rate: number
}

/** Counters by thread and connection, those used last last. Times are monotonic milliseconds. */
export class Carriers {
  readonly #workers = new Map<number, WorkerCounts>()
  readonly #connections = new Map<string, ConnectionCounts>()

  /** A request has ended; one that never came to a connection is not counted. */
  ended(timings: FetchTimings, failed: boolean, nowMs: number): void {
    const { carrier } = timings
    if (carrier === undefined) return
    const worker = this.#workers.get(carrier.worker) ?? {
      ...{ id: carrier.worker, connectionsOpened: 0 },
      ...{ requests: 0, failures: 0, bytes: 0, usedMs: nowMs },
    }
    if (timings.newConnection) worker.connectionsOpened++
    count(worker, timings, failed, nowMs)
    keepLatest(this.#workers, carrier.worker, worker, STATUS_BOUNDS.workers)
    const key = `${carrier.worker} ${carrier.connection}`
    const connection = this.#connections.get(key) ?? {
      ...{ worker: carrier.worker, id: carrier.connection, firstByteMs: 0, rate: 0 },
      ...{ requests: 0, failures: 0, bytes: 0, usedMs: nowMs },
    }
    const { firstByteMs, bodyMs, receivedBytes } = timings
    if (firstByteMs >= 0) connection.firstByteMs = firstByteMs
    if (bodyMs > 0) connection.rate = (receivedBytes / bodyMs) * 1000
    count(connection, timings, failed, nowMs)
    keepLatest(this.#connections, key, connection, STATUS_BOUNDS.connections)
  }

  /** @param alive numbers of the threads that have not ended */
  workers(alive: ReadonlySet<number>, nowMs: number): WorkerStatus[] {
    for (const id of alive) {
      if (this.#workers.has(id)) continue
      const fresh = { id, connectionsOpened: 0, requests: 0, failures: 0, bytes: 0, usedMs: nowMs }
      keepLatest(this.#workers, id, fresh, STATUS_BOUNDS.workers)
    }
    return [...this.#workers.values()]
      .sort((a, b) => a.id - b.id)
      .map(({ usedMs, ...worker }) => ({
        ...worker,
        alive: alive.has(worker.id),
        idleSeconds: (nowMs - usedMs) / 1000,
      }))
  }

  /** Connections that were used lately, the latest first. */
  connections(nowMs: number): ConnectionStatus[] {
    return [...this.#connections.values()]
      .filter(({ usedMs }) => nowMs - usedMs < CLOSED_AFTER_MS)
      .reverse()
      .map(({ usedMs, ...connection }) => ({
        ...connection,
        idleSeconds: (nowMs - usedMs) / 1000,
      }))
  }
}

function count(counts: Counts, timings: FetchTimings, failed: boolean, nowMs: number): void {
  counts.requests++
  if (failed) counts.failures++
  counts.bytes += timings.receivedBytes
  counts.usedMs = nowMs
}

/** Puts an entry last, and drops the first beyond the bound. */
function keepLatest<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, most: number): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= most) break
    map.delete(oldest)
  }
}
