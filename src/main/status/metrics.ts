// A snapshot in the words of Prometheus, by prom-client, in a registry of its own: what else a program
// that uses this library measures stays apart.

import { Counter, Gauge, type Metric, Registry } from 'prom-client'
import { FIRST_BYTE_METRIC, METRIC_PREFIX, METRIC_TABLE } from './metric-table.js'
import type { Histogram, StatusSnapshot } from './snapshot.js'

/** What is the same in every program that Prometheus looks at. */
const PROCESS_METRICS = [
  {
    name: 'process_cpu_seconds_total',
    help: 'Processor time of all threads, user and system',
    value: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    },
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Resident memory',
    value: () => process.memoryUsage.rss(),
  },
  {
    name: 'process_start_time_seconds',
    help: 'Start of the process, seconds since 1970',
    // Not by the clock of now: one that was set since would tell of a restart.
    value: () => Math.round(performance.timeOrigin / 1000),
  },
] as const

/** Metrics of one server. */
export class StatusMetrics {
  readonly #registry = new Registry()
  #snapshot: StatusSnapshot | undefined

  constructor() {
    for (const entry of METRIC_TABLE) {
      const { help, labels: labelNames } = entry
      const settings = { name: METRIC_PREFIX + entry.name, help, labelNames, registers: [] }
      const collect = (): void => this.#fill(entry, metric)
      const metric: Counter | Gauge =
        entry.type === 'counter'
          ? new Counter({ ...settings, collect })
          : new Gauge({ ...settings, collect })
      this.#registry.registerMetric(metric)
    }
    for (const { name, help, value } of PROCESS_METRICS) {
      const settings = { name, help, registers: [] }
      const collect = (): void => setValue(metric, {}, value())
      const metric: Counter | Gauge = name.endsWith('_total')
        ? new Counter({ ...settings, collect })
        : new Gauge({ ...settings, collect })
      this.#registry.registerMetric(metric)
    }
    const histogram = countedHistogram(() => this.#snapshot?.firstByte)
    this.#registry.registerMetric(histogram as unknown as Metric)
  }

  /** `Content-Type` of the text. */
  get type(): string {
    return this.#registry.contentType
  }

  /** The snapshot as text. */
  text(snapshot: StatusSnapshot): Promise<string> {
    this.#snapshot = snapshot
    return this.#registry.metrics()
  }

  #fill(entry: (typeof METRIC_TABLE)[number], metric: Counter | Gauge): void {
    if (this.#snapshot === undefined) return
    // What is gone is told no more.
    metric.reset()
    for (const [labels, value] of entry.values(this.#snapshot)) {
      const pairs = entry.labels.map((label, i) => [label, labels[i] as string] as const)
      setValue(metric, Object.fromEntries(pairs), value)
    }
  }
}

/** Counters of prom-client can only be added to: they are told as a whole each time. */
function setValue(
  metric: Counter | Gauge,
  labels: Readonly<Record<string, string>>,
  value: number,
): void {
  if (metric instanceof Counter) {
    if (Object.keys(labels).length === 0) metric.reset()
    metric.inc(labels, value)
  } else metric.set(labels, value)
}

/** A histogram whose counts are kept elsewhere, as prom-client asks for it. */
function countedHistogram(figures: () => Histogram | undefined) {
  const name = FIRST_BYTE_METRIC
  const help = 'Time from an HTTP request to the head of its answer'
  return {
    name,
    help,
    type: 'histogram',
    async get() {
      const { boundsMs, counts, count, sumMs } = figures() ?? NOTHING
      let below = 0
      const buckets = boundsMs.map((bound, i) => {
        below += counts[i] as number
        return { metricName: `${name}_bucket`, labels: { le: bound / 1000 }, value: below }
      })
      const values = [
        ...buckets,
        { metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: count },
        { metricName: `${name}_sum`, labels: {}, value: sumMs / 1000 },
        { metricName: `${name}_count`, labels: {}, value: count },
      ]
      return { name, help, type: 'histogram', values, aggregator: 'sum' }
    },
  }
}

const NOTHING: Histogram = { boundsMs: [], counts: [], count: 0, sumMs: 0 }
