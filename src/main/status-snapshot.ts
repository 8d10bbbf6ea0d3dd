// The picture of a running server that the status page shows, put together from its parts.

import { drawnExport, RingPicture, requestStatuses } from './export-status.js'
import type { ImageExport } from './image-export.js'
import { originOf } from './opened-sources.js'
import type { Origin } from './origin.js'
import type { StatisticsParts } from './server-statistics.js'
import type { SpoolExport } from './spool-export.js'
import type { ErrorLog } from './status/error-log.js'
import type { History } from './status/history.js'
import {
  type HealthStatus,
  type OriginStatus,
  type SettingsStatus,
  STATUS_BOUNDS,
  STATUS_SCHEMA,
  type StatusSnapshot,
} from './status/snapshot.js'
import type { Statistics } from './status/statistics.js'
import { VERSION } from './version.js'

export interface SnapshotParts extends StatisticsParts {
  readonly images: readonly (ImageExport | SpoolExport)[]
  readonly errors: ErrorLog
  readonly history: History
}

/** The parts as of now. Walks the ring's slots; everything it lists is bounded. */
export function statusSnapshot(parts: SnapshotParts, statistics: Statistics): StatusSnapshot {
  const { sources, images, ring, pool, listener, meter, clock, errors, history } = parts
  const nowMs = clock()
  const picture = new RingPicture(ring, images)
  const origins = [...new Set(sources.map(({ origin }) => origin))]
  const listed = images.slice(0, STATUS_BOUNDS.exports)
  return {
    schema: STATUS_SCHEMA,
    program: `nbd-prefetch ${VERSION}`,
    timeMs: Date.now(),
    health: healthOf(parts),
    limitedBy: history.limitedBy(statistics),
    stallShare: history.stallShare(statistics),
    rate: history.rate(statistics),
    remainingSeconds: history.remainingSeconds(statistics),
    statistics,
    exports: listed.map((image, i) => {
      const source = sources[i] as (typeof sources)[number]
      return {
        ...(statistics.exports[i] as Statistics['exports'][number]),
        source: source.source.name,
        origin: origins.indexOf(source.origin),
        runningReads: image.meter.running,
        ...drawnExport(image, picture, nowMs),
      }
    }),
    exportCount: images.length,
    brokenCount: images.filter(image => poisonOf(image) !== undefined).length,
    ring: picture.ring,
    origins: origins.slice(0, STATUS_BOUNDS.origins).map(origin => {
      const { options } = sources.find(one => one.origin === origin) as (typeof sources)[number]
      return originStatus(origin, originOf(options), nowMs)
    }),
    workers: meter.carriers.workers(pool.threadIds, nowMs),
    connections: meter.carriers.connections(nowMs),
    requests: images
      .flatMap(image => requestStatuses(image, nowMs))
      .sort((a, b) => b.seconds - a.seconds)
      .slice(0, STATUS_BOUNDS.requests),
    firstByte: meter.firstByte.figures,
    clients: listener.clientStatuses(STATUS_BOUNDS.clients),
    errors: errors.errors,
    history: history.shown,
    settings: settingsStatus(parts),
  }
}

function settingsStatus({ sources, ring }: SnapshotParts): SettingsStatus {
  // What they say of this is the same for all of them.
  const [{ options }] = sources as [SnapshotParts['sources'][number]]
  const { connections, pipelining, workers, maxRequest, readahead } = options
  const { slotCount, slotBytes } = ring.memory
  const ringSize = slotCount * slotBytes
  return { connections, pipelining, workers, ringSize, blockSize: slotBytes, maxRequest, readahead }
}

function originStatus(
  { governor, estimator, record }: Origin,
  origin: string,
  nowMs: number,
): OriginStatus {
  const measured = estimator.measured
  return {
    origin,
    limit: governor.limit,
    ceiling: governor.ceiling,
    inFlight: governor.inFlight,
    peakInFlight: governor.peakInFlight,
    throttled: governor.throttled,
    gateSeconds: Math.max(0, governor.gateMs - nowMs) / 1000,
    goodput: Math.round(estimator.goodput),
    ratePerConnection: Math.round(estimator.ratePerConnection),
    firstByteP50Ms: measured ? estimator.firstByteP50Ms : 0,
    firstByteP95Ms: measured ? estimator.firstByteP95Ms : 0,
    answeredSeconds: record.answeredSeconds(nowMs),
    down: record.down,
    decisionCounts: { ...record.counts },
    decisions: record.decisions(nowMs),
  }
}

/** Whether all is well. Cheap. */
export function healthOf({ sources, images, listener }: SnapshotParts): HealthStatus {
  const broken = images.map(poisonOf).find(poison => poison !== undefined)
  const down = sources.find(({ origin }) => origin.record.down)
  const reasons = [
    ...(broken === undefined ? [] : [broken.message]),
    ...(down === undefined ? [] : [`${originOf(down.options)} does not answer`]),
    ...(listener.listening ? [] : ['the server is shutting down']),
  ]
  return {
    healthy: broken === undefined,
    ready: reasons.length === 0,
    reason: reasons.join('; '),
  }
}

/** Why nothing of an image is served any more. */
function poisonOf(image: ImageExport | SpoolExport) {
  return 'view' in image ? image.view.fetcher.poison : image.download.poison
}
