// Every metric once: its name, unit, kind, labels, and where its value lies in a snapshot. What
// `/metrics` tells, its documentation and the tests of dashboards and alerts are made from this.
// Labels have few values: names of exports and origins (at most sixteen each), codes and kinds of ours.

import { STATUS_BOUNDS, type StatusSnapshot } from './snapshot.js'
import type { ExportStatistics } from './statistics.js'

/** A value with its labels, in the order of `labels`. */
export type Labelled = readonly [labels: readonly string[], value: number]

export interface MetricEntry {
  /** Without the prefix `nbd_prefetch_`. */
  readonly name: string
  /** A counter only grows until the process ends; a gauge goes up and down. */
  readonly type: 'counter' | 'gauge'
  /** One sentence, no final period. */
  readonly help: string
  readonly labels: readonly string[]
  readonly values: (snapshot: StatusSnapshot) => readonly Labelled[]
}

export const METRIC_PREFIX = 'nbd_prefetch_'
/** Name of the histogram, which is no entry of the table. */
export const FIRST_BYTE_METRIC = `${METRIC_PREFIX}first_byte_seconds`
/** Label of all exports beyond the first sixteen together. */
const OTHERS = '(others)'
const SIDES = ['idle', 'client', 'network', 'server limit'] as const
const SLOT_USES = ['free', 'filling', 'pinned', 'unread', 'read', 'failed'] as const

const one = (value: number): readonly Labelled[] => [[[], value]]

/** A figure of each export; those beyond the bound are added up. */
function byExport(
  { statistics }: StatusSnapshot,
  figure: (one: ExportStatistics) => number,
): Labelled[] {
  const labelled = statistics.exports
    .slice(0, STATUS_BOUNDS.exports)
    .map((one): Labelled => [[one.name], figure(one)])
  const rest = statistics.exports.slice(STATUS_BOUNDS.exports)
  if (rest.length > 0) {
    labelled.push([[OTHERS], rest.reduce((sum, other) => sum + figure(other), 0)])
  }
  return labelled
}

function byOrigin(
  { origins }: StatusSnapshot,
  figure: (origin: StatusSnapshot['origins'][number]) => number,
): Labelled[] {
  return origins.map(origin => [[origin.origin], figure(origin)])
}

/** 1 for those beyond the bound if one of them is. */
function brokenExports({ exports, exportCount, brokenCount }: StatusSnapshot): Labelled[] {
  const labelled = exports.map(({ name, broken }): Labelled => [[name], broken === '' ? 0 : 1])
  const listed = labelled.reduce((sum, [, value]) => sum + value, 0)
  if (exportCount > exports.length) labelled.push([[OTHERS], brokenCount > listed ? 1 : 0])
  return labelled
}

const EXPORTS: readonly MetricEntry[] = [
  {
    name: 'image_bytes',
    type: 'gauge',
    help: 'Size of the image',
    labels: ['export'],
    values: s => byExport(s, one => one.imageBytes),
  },
  {
    name: 'covered_bytes',
    type: 'gauge',
    help: 'Bytes of the image that were served or told to be zero at least once',
    labels: ['export'],
    values: s => byExport(s, one => one.coveredBytes),
  },
  {
    name: 'served_bytes_total',
    type: 'counter',
    help: 'Bytes handed to NBD clients',
    labels: ['export'],
    values: s => byExport(s, one => one.servedBytes),
  },
  {
    name: 'reads_total',
    type: 'counter',
    help: 'NBD reads received',
    labels: ['export'],
    values: s => byExport(s, one => one.reads),
  },
  {
    name: 'failed_reads_total',
    type: 'counter',
    help: 'NBD reads that failed',
    labels: ['export'],
    values: s => byExport(s, one => one.failedReads),
  },
  {
    name: 'read_busy_seconds_total',
    type: 'counter',
    help: 'Time during which at least one read was under way',
    labels: ['export'],
    values: s => byExport(s, one => one.busySeconds),
  },
  {
    name: 'read_stall_seconds_total',
    type: 'counter',
    help: 'Time during which at least one read waited for bytes of the origin',
    labels: ['export'],
    values: s => byExport(s, one => one.stallSeconds),
  },
  {
    name: 'zero_blocks',
    type: 'gauge',
    help: 'Blocks known to be zero, which take no memory',
    labels: ['export'],
    values: s => byExport(s, one => one.zeroBlocks),
  },
  {
    name: 'export_broken',
    type: 'gauge',
    help: '1 if nothing of the export is served any more, as its image has changed',
    labels: ['export'],
    values: brokenExports,
  },
]

const FETCHING: readonly MetricEntry[] = [
  {
    name: 'fetched_bytes_total',
    type: 'counter',
    help: 'Body bytes taken from the origins',
    labels: [],
    values: s => one(s.statistics.fetchedBytes),
  },
  {
    name: 'hit_bytes_total',
    type: 'counter',
    help: 'Served bytes that were in the ring when they were asked for',
    labels: [],
    // Exact: what was divided by the same number before, rounded.
    values: ({ statistics: s }) => one(Math.round(s.hitRatio * s.servedBytes)),
  },
  {
    name: 'http_requests_total',
    type: 'counter',
    help: 'HTTP requests sent to the origins',
    labels: [],
    values: s => one(s.statistics.requests),
  },
  {
    name: 'http_retries_total',
    type: 'counter',
    help: 'HTTP requests repeated after a failure',
    labels: [],
    values: s => one(s.statistics.retries),
  },
  {
    name: 'http_resent_total',
    type: 'counter',
    help: 'HTTP requests taken back and sent again since they were overdue',
    labels: [],
    values: s => one(s.statistics.resent),
  },
  {
    name: 'http_failures_total',
    type: 'counter',
    help: 'HTTP requests that failed, by the cause',
    labels: ['code'],
    values: s => Object.entries(s.statistics.failures).map(([code, count]) => [[code], count]),
  },
  {
    name: 'http_connections_opened_total',
    type: 'counter',
    help: 'Connections opened to the origins',
    labels: [],
    values: s => one(s.statistics.connectionsOpened),
  },
  {
    name: 'logins_total',
    type: 'counter',
    help: 'Logins at the origins and runs of scripts that give request headers',
    labels: [],
    values: s => one(s.statistics.logins),
  },
  {
    name: 'redirects_resolved_total',
    type: 'counter',
    help: 'Times redirects were followed again',
    labels: [],
    values: s => one(s.statistics.resolvedAgain),
  },
  {
    name: 'refused_seconds_total',
    type: 'counter',
    help: 'Time during which requests were held back since an origin had refused some',
    labels: [],
    values: s => one(s.statistics.refusedSeconds),
  },
  {
    name: 'ceiling_seconds_total',
    type: 'counter',
    help: 'Time during which as many requests were in flight as --connections allows',
    labels: [],
    values: s => one(s.statistics.ceilingSeconds),
  },
]

const ORIGINS: readonly MetricEntry[] = [
  {
    name: 'origin_up',
    type: 'gauge',
    help: '0 if requests to the origin have failed for a while and none was answered',
    labels: ['origin'],
    values: s => byOrigin(s, origin => (origin.down ? 0 : 1)),
  },
  {
    name: 'origin_throttled_total',
    type: 'counter',
    help: 'Answers 429 and 503 of the origin',
    labels: ['origin'],
    values: s => byOrigin(s, origin => origin.throttled),
  },
  {
    name: 'governor_limit_requests',
    type: 'gauge',
    help: 'Requests that may be in flight at the origin',
    labels: ['origin'],
    values: s => byOrigin(s, origin => origin.limit),
  },
  {
    name: 'governor_ceiling_requests',
    type: 'gauge',
    help: 'Requests that may be in flight at the origin at most, as --connections says',
    labels: ['origin'],
    values: s => byOrigin(s, origin => origin.ceiling),
  },
  {
    name: 'in_flight_requests',
    type: 'gauge',
    help: 'Requests in flight at the origin',
    labels: ['origin'],
    values: s => byOrigin(s, origin => origin.inFlight),
  },
  {
    name: 'governor_gate_seconds',
    type: 'gauge',
    help: 'Seconds until requests are sent again, as the origin asked by Retry-After',
    labels: ['origin'],
    values: s => byOrigin(s, origin => origin.gateSeconds),
  },
  {
    name: 'governor_decisions_total',
    type: 'counter',
    help: 'Changes of the number of requests that may be in flight, by the reason',
    labels: ['origin', 'decision'],
    values: s =>
      s.origins.flatMap(({ origin, decisionCounts }) =>
        Object.entries(decisionCounts).map(
          ([reason, count]): Labelled => [[origin, reason.replace(' ', '_')], count],
        ),
      ),
  },
]

const SERVER: readonly MetricEntry[] = [
  {
    name: 'clients',
    type: 'gauge',
    help: 'NBD clients connected',
    labels: [],
    values: s => one(s.statistics.clients),
  },
  {
    name: 'clients_connected_total',
    type: 'counter',
    help: 'NBD clients that have connected',
    labels: [],
    values: s => one(s.statistics.totalClients),
  },
  {
    name: 'ring_slots',
    type: 'gauge',
    help: 'Slots of the ring by what they are used for',
    labels: ['use'],
    values: ({ ring }) => SLOT_USES.map(use => [[use], ring[use]]),
  },
  {
    name: 'ring_slot_bytes',
    type: 'gauge',
    help: 'Size of a slot of the ring',
    labels: [],
    values: s => one(s.ring.slotBytes),
  },
  {
    name: 'workers',
    type: 'gauge',
    help: 'Threads that speak HTTP',
    labels: [],
    values: s => one(s.statistics.workers),
  },
  {
    name: 'worker_restarts_total',
    type: 'counter',
    help: 'Threads that ended and were replaced',
    labels: [],
    values: s => one(s.statistics.workerRestarts),
  },
  {
    name: 'limited_by',
    type: 'gauge',
    help: '1 for the side that limited during the last ten seconds, 0 for the others',
    labels: ['side'],
    values: s => SIDES.map(side => [[side.replace(' ', '_')], s.limitedBy === side ? 1 : 0]),
  },
  {
    name: 'healthy',
    type: 'gauge',
    help: '1 while /healthz says so',
    labels: [],
    values: s => one(s.health.healthy ? 1 : 0),
  },
  {
    name: 'ready',
    type: 'gauge',
    help: '1 while /readyz says so',
    labels: [],
    values: s => one(s.health.ready ? 1 : 0),
  },
  {
    name: 'uptime_seconds',
    type: 'gauge',
    help: 'Time since the start',
    labels: [],
    values: s => one(s.statistics.uptimeSeconds),
  },
  {
    name: 'build_info',
    type: 'gauge',
    help: 'Always 1; the labels tell the versions',
    labels: ['version', 'node'],
    values: s => [[[s.program.replace(/^\S+ /, ''), process.version], 1]],
  },
]

export const METRIC_TABLE: readonly MetricEntry[] = [...EXPORTS, ...FETCHING, ...ORIGINS, ...SERVER]
