// Between the running server and whoever looks at it: takes a sample a second for the history, and makes
// a picture when somebody asks, for all who ask within a second the same one.

import type { ResolvedOptions } from './options.js'
import { serverStatistics } from './server-statistics.js'
import { History } from './status/history.js'
import { StatusMetrics } from './status/metrics.js'
import type { HealthStatus, StatusSnapshot } from './status/snapshot.js'
import { StatusServer, type StatusSource } from './status/status-server.js'
import { healthOf, type SnapshotParts, statusSnapshot } from './status-snapshot.js'

const SAMPLE_MS = 1000
/** For which a picture is good enough for the next one who asks, milliseconds. */
const FRESH_MS = 900

/** What is looked at. */
export type CollectedParts = Omit<SnapshotParts, 'history'>

/**
 * Tells over HTTP how a server does, if its options ask for that.
 *
 * @throws {ListenError} if the address can't be had
 */
export async function tellStatus(
  { status, log }: ResolvedOptions,
  parts: CollectedParts,
): Promise<StatusServer | undefined> {
  if (status === undefined) return undefined
  const collector = new StatusCollector(parts)
  try {
    return await StatusServer.listen(status, collector, log)
  } catch (error) {
    collector.close()
    throw error
  }
}

/** Takes samples from its making to `close()`. */
export class StatusCollector implements StatusSource {
  readonly #parts: SnapshotParts
  readonly #metrics = new StatusMetrics()
  readonly #timer: NodeJS.Timeout
  #takenMs = Number.NEGATIVE_INFINITY
  #snapshot: StatusSnapshot | undefined
  #json: Buffer | undefined
  #text: Promise<Buffer> | undefined

  constructor(parts: CollectedParts) {
    const history = new History()
    this.#parts = { ...parts, history }
    const sample = () => history.add(serverStatistics(this.#parts), Date.now())
    sample()
    this.#timer = setInterval(sample, SAMPLE_MS)
    this.#timer.unref()
  }

  /** The picture as of now, or of less than a second ago. */
  snapshot(): StatusSnapshot {
    const nowMs = this.#parts.clock()
    if (this.#snapshot === undefined || nowMs - this.#takenMs >= FRESH_MS) {
      this.#snapshot = statusSnapshot(this.#parts, serverStatistics(this.#parts))
      this.#takenMs = nowMs
      this.#json = undefined
      this.#text = undefined
    }
    return this.#snapshot
  }

  json(): Buffer {
    const snapshot = this.snapshot()
    this.#json ??= Buffer.from(JSON.stringify(snapshot))
    return this.#json
  }

  async metrics(): Promise<{ type: string; text: Buffer }> {
    const snapshot = this.snapshot()
    this.#text ??= this.#metrics.text(snapshot).then(text => Buffer.from(text))
    return { type: this.#metrics.type, text: await this.#text }
  }

  health(): HealthStatus {
    return healthOf(this.#parts)
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
