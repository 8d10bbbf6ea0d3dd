// The figures of a running server, put together from the parts that count them.

import type { FetchPool } from './fetch-pool.js'
import type { ImageExport } from './image-export.js'
import type { Listener } from './listener.js'
import type { OpenedSource } from './opened-sources.js'
import type { HeldBack } from './prefetch/governor.js'
import type { SharedRing } from './shared-ring.js'
import type { FetchMeter } from './status/fetch-meter.js'
import type { ExportStatistics, Statistics } from './status/statistics.js'

/** What is counted of an image, however it is fetched. */
type CountedImage = Pick<ImageExport, 'info' | 'meter' | 'zeroBlocks'>

export interface StatisticsParts {
  readonly sources: readonly OpenedSource[]
  /** One an export, in the same order. */
  readonly images: readonly CountedImage[]
  readonly ring: SharedRing
  readonly pool: FetchPool
  readonly listener: Listener
  readonly meter: FetchMeter
  /** When the server was started, and now; monotonic milliseconds. */
  readonly startedMs: number
  readonly clock: () => number
}

/** Counters and gauges as of now. */
export function serverStatistics(parts: StatisticsParts): Statistics {
  const { sources, images, ring, pool, listener, meter, startedMs, clock } = parts
  const nowMs = clock()
  const exports = images.map(image => exportStatistics(image, nowMs))
  const sum = (figure: (one: ExportStatistics) => number) =>
    exports.reduce((total, one) => total + figure(one), 0)
  const origins = [...new Set(sources.map(({ origin }) => origin))]
  const total = (figure: (origin: (typeof origins)[number]) => number) =>
    origins.reduce((all, origin) => all + figure(origin), 0)
  const heldBack = (why: HeldBack) =>
    total(origin => origin.heldBackMs(why, nowMs)) / origins.length / 1000
  const slowest = (figure: 'firstByteP50Ms' | 'firstByteP95Ms') =>
    Math.max(...origins.map(({ estimator }) => (estimator.measured ? estimator[figure] : 0)))
  const accepted = origins.flatMap(({ governor }) => governor.accepted ?? [])
  const servedBytes = sum(one => one.servedBytes)
  const hitBytes = images.reduce((all, image) => all + image.meter.hitBytes, 0)
  const { ready, filling } = ring.table.census()
  return {
    uptimeSeconds: (nowMs - startedMs) / 1000,
    imageBytes: sum(one => one.imageBytes),
    servedBytes,
    coveredBytes: sum(one => one.coveredBytes),
    fetchedBytes: meter.fetchedBytes,
    amplification: servedBytes === 0 ? 0 : meter.fetchedBytes / servedBytes,
    reads: sum(one => one.reads),
    failedReads: sum(one => one.failedReads),
    hitRatio: servedBytes === 0 ? 0 : hitBytes / servedBytes,
    stallSeconds: sum(one => one.stallSeconds) / exports.length,
    requests: meter.requests,
    retries: meter.retries,
    resent: meter.resent,
    throttled: total(({ governor }) => governor.throttled),
    logins: sources.reduce((all, { session }) => all + session.logins, 0),
    resolvedAgain: sources.reduce((all, { session }) => all + session.resolved, 0),
    failures: { ...meter.failures },
    workers: pool.workers,
    workerRestarts: pool.restarts,
    connectionsOpened: meter.connectionsOpened,
    inFlight: total(({ governor }) => governor.inFlight),
    peakInFlight: total(({ governor }) => governor.peakInFlight),
    limit: total(({ governor }) => governor.limit),
    connectionLimit: total(({ governor }) => governor.ceiling),
    acceptedRequests: accepted.length === 0 ? 0 : Math.min(...accepted),
    refusedSeconds: heldBack('refused'),
    ceilingSeconds: heldBack('ceiling'),
    firstByteP50Ms: slowest('firstByteP50Ms'),
    firstByteP95Ms: slowest('firstByteP95Ms'),
    clients: listener.clients,
    totalClients: listener.totalClients,
    connectedSeconds: listener.connectedMs / 1000,
    slots: ring.memory.slotCount,
    readySlots: ready,
    fillingSlots: filling,
    pins: ring.owner.pinned,
    exports,
  }
}

function exportStatistics(
  { info, meter, zeroBlocks }: CountedImage,
  nowMs: number,
): ExportStatistics {
  return {
    name: info.name,
    imageBytes: info.size,
    servedBytes: meter.servedBytes,
    coveredBytes: meter.coveredBytes,
    reads: meter.reads,
    failedReads: meter.failedReads,
    busySeconds: meter.busyMs(nowMs) / 1000,
    stallSeconds: meter.stallMs(nowMs) / 1000,
    zeroBlocks,
  }
}
