// `/metrics` as Prometheus reads it, and what docs/monitoring makes of it: names that exist, rules that
// fire. promtool is the judge of both.

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  FIRST_BYTE_METRIC,
  METRIC_PREFIX,
  METRIC_TABLE,
} from '../../../dist/main/status/metric-table.js'
import { StatusMetrics } from '../../../dist/main/status/metrics.js'
import { STATUS_BOUNDS } from '../../../dist/main/status/snapshot.js'
import { fakeExport, fakeExportStatus, fakeSnapshot } from '../../fixtures/fake-snapshot.js'
import { fakeStatistics } from '../../fixtures/fake-statistics.js'
import { run, succeed } from '../../fixtures/programs.js'
import { requires } from '../../fixtures/requires.js'

const docs = new URL('../../../docs/', import.meta.url)
const monitoring = fileURLToPath(new URL('monitoring/', docs))

/** Values by name and labels, as they stand in the text. */
function valuesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(lines.map(line => [line.replace(/ \S+$/, ''), Number(/\S+$/.exec(line)?.[0])]))
}

const busy = fakeSnapshot({
  limitedBy: 'server limit',
  firstByte: { boundsMs: [1, 10], counts: [2, 3, 4], count: 9, sumMs: 500 },
  statistics: fakeStatistics({
    servedBytes: 3000,
    hitRatio: 1 / 3,
    fetchedBytes: 4000,
    failures: { reset: 2, 'short-body': 1 },
    exports: [{ ...fakeExport('disk "1"\\\n'), servedBytes: 3000, stallSeconds: 1.5 }],
  }),
})

t.test('StatusMetrics tells a snapshot, labels escaped, each time anew', async t => {
  const metrics = new StatusMetrics()
  t.match(metrics.type, /^text\/plain; version=0\.0\.4/)
  const values = valuesOf(await metrics.text(busy))
  for (const [name, value] of [
    ['nbd_prefetch_served_bytes_total{export="disk \\"1\\"\\\\\\n"}', 3000],
    ['nbd_prefetch_read_stall_seconds_total{export="disk \\"1\\"\\\\\\n"}', 1.5],
    ['nbd_prefetch_fetched_bytes_total', 4000],
    ['nbd_prefetch_hit_bytes_total', 1000],
    ['nbd_prefetch_http_failures_total{code="short-body"}', 1],
    ['nbd_prefetch_limited_by{side="server_limit"}', 1],
    ['nbd_prefetch_limited_by{side="idle"}', 0],
    ['nbd_prefetch_governor_decisions_total{origin="http://origin",decision="no_plateau"}', 0],
    ['nbd_prefetch_first_byte_seconds_bucket{le="0.001"}', 2],
    ['nbd_prefetch_first_byte_seconds_bucket{le="0.01"}', 5],
    ['nbd_prefetch_first_byte_seconds_bucket{le="+Inf"}', 9],
    ['nbd_prefetch_first_byte_seconds_sum', 0.5],
    ['nbd_prefetch_first_byte_seconds_count', 9],
    [`nbd_prefetch_build_info{version="1.2.3",node="${process.version}"}`, 1],
  ] as const) {
    t.equal(values.get(name), value, name)
  }
  const again = valuesOf(await metrics.text(fakeSnapshot()))
  t.equal(again.get('nbd_prefetch_fetched_bytes_total'), 0)
  t.notOk(
    [...again.keys()].some(name => /disk|short-body/.test(name)),
    'what is gone is not told',
  )
})

t.test('StatusMetrics stays small however many exports there are', async t => {
  const exports = Array.from({ length: 1000 }, (_, i) => ({
    ...fakeExport(`${i}`),
    servedBytes: 1,
  }))
  const values = valuesOf(
    await new StatusMetrics().text(fakeSnapshot({ statistics: fakeStatistics({ exports }) })),
  )
  const served = [...values].filter(([name]) => name.startsWith('nbd_prefetch_served_bytes_total'))
  t.equal(served.length, STATUS_BOUNDS.exports + 1)
  t.equal(
    served.reduce((sum, [, value]) => sum + value, 0),
    1000,
    'none is left out',
  )
  t.ok(values.size < 400)
})

t.test('StatusMetrics tells of a broken export that is not listed', async t => {
  const metrics = new StatusMetrics()
  const others = 'nbd_prefetch_export_broken{export="(others)"}'
  const broken = { ...fakeExportStatus('disk'), broken: 'it has changed' }
  for (const [changes, value] of [
    [{}, undefined],
    [{ exportCount: 2 }, 0],
    [{ exportCount: 2, brokenCount: 1 }, 1],
    [{ exportCount: 2, brokenCount: 1, exports: [broken] }, 0],
  ] as const) {
    t.equal(valuesOf(await metrics.text(fakeSnapshot(changes))).get(others), value)
  }
})

t.test('StatusMetrics tells one start, whatever becomes of the clock', async t => {
  const metrics = new StatusMetrics()
  const start = async () => valuesOf(await metrics.text(busy)).get('process_start_time_seconds')
  const before = await start()
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 3_600_000
  t.equal(await start(), before)
  t.ok(Math.abs((before ?? 0) - (now() / 1000 - process.uptime())) < 2)
})

t.test('two servers in one process have metrics of their own', async t => {
  const first = new StatusMetrics()
  t.match(await new StatusMetrics().text(busy), /served_bytes_total\{.*\} 3000/)
  t.match(await first.text(fakeSnapshot()), /served_bytes_total\{.*\} 0/)
})

t.test('promtool finds nothing to improve in /metrics', requires('promtool'), async t => {
  const text = await new StatusMetrics().text(busy)
  const { status, stdout, stderr } = await run(t, 'promtool', ['check', 'metrics'], { input: text })
  t.strictSame({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
})

t.test('the alert rules are right, and fire when they should', requires('promtool'), async t => {
  t.match(
    await succeed(t, 'promtool', 'check', 'rules', `${monitoring}alerts.yml`),
    /SUCCESS: 7 rules/,
  )
  t.match(await succeed(t, 'promtool', 'test', 'rules', `${monitoring}alerts-test.yml`), /SUCCESS/)
})

t.test(
  'dashboard and rules name metrics and labels that exist, the document all of them',
  async t => {
    const names = new Set([
      ...METRIC_TABLE.map(({ name }) => METRIC_PREFIX + name),
      ...['bucket', 'sum', 'count'].map(part => `${FIRST_BYTE_METRIC}_${part}`),
      ...[
        'process_cpu_seconds_total',
        'process_resident_memory_bytes',
        'process_start_time_seconds',
      ],
    ])
    for (const file of readdirSync(monitoring)) {
      const text = readFileSync(`${monitoring}${file}`, 'utf8')
      const named = new Set(text.match(/\b(nbd_prefetch|process)_[a-z_]+\b/g))
      t.ok(named.size >= 9, file)
      for (const name of named) t.ok(names.has(name), `${file}: ${name}`)
    }
    const document = readFileSync(new URL('monitoring.md', docs), 'utf8')
    for (const { name, labels } of METRIC_TABLE) {
      const shown = labels.length === 0 ? '' : `{${labels.join(', ')}}`
      t.ok(document.includes(`\`${METRIC_PREFIX}${name}${shown}\``), name)
    }
    const rules = readFileSync(`${monitoring}alerts.yml`, 'utf8')
    for (const [, alert = ''] of rules.matchAll(/alert: (\S+)/g)) {
      t.ok(document.includes(`\`${alert}\``), alert)
      t.ok(
        readFileSync(`${monitoring}alerts-test.yml`, 'utf8').includes(`alertname: ${alert}\n`),
        alert,
      )
    }
  },
)

t.test('the dashboard is of a form that Grafana takes', async t => {
  const text = readFileSync(`${monitoring}grafana-dashboard.json`, 'utf8')
  const { panels, templating, uid } = JSON.parse(text)
  t.equal(uid, 'nbd-prefetch')
  t.strictSame(
    templating.list.map(({ name }: { name: string }) => name),
    ['datasource', 'instance'],
  )
  t.equal(new Set(panels.map(({ id }: { id: number }) => id)).size, panels.length)
  for (const { title, targets, gridPos } of panels) {
    t.ok(targets.length > 0 && gridPos.x + gridPos.w <= 24, title)
    for (const { expr } of targets) t.match(expr, /\{instance=~"\$instance"\}/, title)
  }
})

t.test('promtool reads every expression of the dashboard', requires('promtool'), async t => {
  const text = readFileSync(`${monitoring}grafana-dashboard.json`, 'utf8')
  const expressions: string[] = JSON.parse(text)
    .panels.flatMap(({ targets }: { targets: { expr: string }[] }) => targets)
    .map(({ expr }: { expr: string }) => expr.replaceAll('$__rate_interval', '1m'))
  const rules = expressions.map((expr, i) => ({ record: `panel:${i}`, expr }))
  const directory = t.testdir({ 'rules.yml': JSON.stringify({ groups: [{ name: 'a', rules }] }) })
  t.match(
    await succeed(t, 'promtool', 'check', 'rules', `${directory}/rules.yml`),
    new RegExp(`SUCCESS: ${expressions.length} rules`),
  )
})
