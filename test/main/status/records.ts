// What is counted and kept for the status page, and how it is drawn.

import t from 'tap'
import { withLevel } from '../../../dist/main/log.js'
import { Carriers } from '../../../dist/main/status/carriers.js'
import { ErrorLog } from '../../../dist/main/status/error-log.js'
import { History } from '../../../dist/main/status/history.js'
import { drawImage, RingDrawing } from '../../../dist/main/status/image-map.js'
import { LatencyHistogram } from '../../../dist/main/status/latency-histogram.js'
import { OriginRecord } from '../../../dist/main/status/origin-record.js'
import { STATUS_BOUNDS } from '../../../dist/main/status/snapshot.js'
import { fakeExport } from '../../fixtures/fake-snapshot.js'
import { fakeStatistics } from '../../fixtures/fake-statistics.js'

t.test('drawImage() shows of each cell what is most worth knowing', async t => {
  // Seven cells of two blocks, and one of one.
  const rows: [
    letter: string,
    covered: number,
    zero: number,
    waiting: number,
    coming: number,
    ahead: number,
  ][] = [
    ['f', 1, 0, 1, 1, 1],
    ['r', 1, 1, 1, 0, 1],
    ['a', 1, 0, 0, 0, 1],
    ['z', 2, 2, 0, 0, 0],
    ['s', 2, 1, 0, 0, 0],
    ['p', 1, 1, 0, 0, 0],
    ['.', 0, 1, 0, 0, 0],
  ]
  const column = (index: number) => Uint32Array.from(rows, row => row[index] as number)
  const counts = {
    covered: column(1),
    zero: column(2),
    waiting: column(3),
    inFlight: column(4),
    ahead: column(5),
  }
  t.equal(drawImage(14, counts), rows.map(([letter]) => letter).join(''))
})

t.test('RingDrawing shows the first state in its order, and counts all', async t => {
  const ring = new RingDrawing(3)
  for (const [use, cell] of [
    ['read', 0],
    ['failed', 0],
    ['unread', 1],
    ['filling', 1],
    ['free', 2],
  ] as const) {
    ring.add(use, cell)
  }
  t.equal(ring.cells, 'xf.')
  t.match(ring.counts, { read: 1, failed: 1, unread: 1, filling: 1, free: 1, pinned: 0 })
})

t.test('LatencyHistogram puts a time into the first bound that is not below it', async t => {
  const histogram = new LatencyHistogram()
  for (const ms of [0, 1, 1.1, 120_000, 120_001]) histogram.add(ms)
  const { boundsMs, counts, count, sumMs } = histogram.figures
  t.equal(counts.length, boundsMs.length + 1)
  t.strictSame([counts[0], counts[1], counts.at(-2), counts.at(-1)], [2, 1, 1, 1])
  t.strictSame([count, sumMs], [5, 240_003.1])
})

t.test('Carriers counts by thread and connection, the latest and no more than bounded', async t => {
  const carriers = new Carriers()
  const timings = { receivedBytes: 1000, connectMs: 1, firstByteMs: 20, bodyMs: 10 }
  const carrier = { worker: 1, connection: 1 }
  carriers.ended({ ...timings, newConnection: true, carrier }, false, 0)
  carriers.ended({ ...timings, newConnection: false, carrier, firstByteMs: -1 }, true, 2000)
  carriers.ended({ ...timings, newConnection: false }, true, 2000)
  t.match(carriers.workers(new Set([1, 2]), 3000), [
    {
      id: 1,
      alive: true,
      requests: 2,
      failures: 1,
      bytes: 2000,
      connectionsOpened: 1,
      idleSeconds: 1,
    },
    { id: 2, alive: true, requests: 0 },
  ])
  t.match(carriers.connections(3000), [
    { worker: 1, id: 1, requests: 2, failures: 1, firstByteMs: 20, rate: 100_000 },
  ])
  t.strictSame(carriers.connections(60_000), [], 'idle ones are closed by then')
  for (let i = 0; i < 1000; i++) {
    const other = { worker: 10 + i, connection: i }
    carriers.ended({ ...timings, newConnection: true, carrier: other }, false, 60_000)
  }
  t.equal(carriers.workers(new Set(), 60_000).length, STATUS_BOUNDS.workers)
  t.equal(carriers.connections(60_000).length, STATUS_BOUNDS.connections)
  t.equal(carriers.connections(60_000)[0]?.worker, 1009, 'the latest first')
})

t.test('OriginRecord keeps the latest decisions and counts all', async t => {
  const record = new OriginRecord()
  for (let i = 0; i < 100; i++) record.decided({ reason: 'growth', limit: i }, i * 1000)
  record.decided({ reason: 'gate', limit: 4, closedMs: 5000 }, 100_000)
  t.match(record.counts, { growth: 100, gate: 1, refused: 0 })
  const decisions = record.decisions(101_000)
  t.equal(decisions.length, STATUS_BOUNDS.decisions)
  t.strictSame(decisions.at(-1), { secondsAgo: 1, reason: 'gate', limit: 4 })
})

t.test('OriginRecord is down after failures for a while without a right answer', async t => {
  const record = new OriginRecord()
  t.equal(record.answeredSeconds(0), null)
  record.failed(0)
  record.failed(9_999)
  t.notOk(record.down)
  record.failed(10_000)
  t.ok(record.down)
  record.answered(10_001)
  t.notOk(record.down)
  t.equal(record.answeredSeconds(12_001), 2)
  record.failed(1_000_000)
  t.notOk(record.down, 'a first failure after long idleness')
})

t.test('ErrorLog keeps warnings and errors, folded, cut, bounded and without secrets', async t => {
  const errors = new ErrorLog(() => 42)
  const passed: string[] = []
  const log = errors.listenTo((level, message) => passed.push(`${level} ${message}`))
  log('warn', 'early hunter2')
  errors.redact = text => text.replaceAll('hunter2', '***')
  log('info', 'nothing')
  log('warn', 'read failed', { reason: 'said hunter2' })
  log('warn', 'read failed', { reason: 'said hunter2' })
  t.strictSame(errors.errors, [
    { timeMs: 42, level: 'warn', message: 'early ***', count: 1 },
    { timeMs: 42, level: 'warn', message: 'read failed: said ***', count: 2 },
  ])
  t.equal(passed.length, 4, 'the log itself gets all')
  // A secret at the cut is masked before.
  log('error', `${'x'.repeat(496)}hunter2`)
  t.equal(errors.errors.at(-1)?.message, `${'x'.repeat(496)}***`)
  for (let i = 0; i < 100; i++) log('error', `${i}`)
  t.equal(errors.errors.length, STATUS_BOUNDS.errors)
  t.equal(errors.errors.at(-1)?.message, '99')
})

t.test(
  'ErrorLog.listenTo() takes debug lines where the log does: status loses none of them',
  async t => {
    const errors = new ErrorLog()
    for (const level of ['debug', 'info'] as const) {
      const log = withLevel(level, () => {})
      t.equal(errors.listenTo(log).debugs, log.debugs, level)
    }
  },
)

t.test(
  'History tells rates, limits and the time left from samples, five minutes of them',
  async t => {
    const history = new History()
    const at = (second: number) =>
      fakeStatistics({
        uptimeSeconds: second,
        connectedSeconds: second,
        servedBytes: second * 100,
        fetchedBytes: second * 110,
        coveredBytes: second * 50,
        throttled: second * 2,
        limit: 8,
        inFlight: 3,
        exports: [
          {
            ...fakeExport('a'),
            ...{
              imageBytes: 100_000,
              coveredBytes: second * 50,
              reads: second,
              busySeconds: second,
              stallSeconds: second * 0.7,
            },
          },
          { ...fakeExport('b'), imageBytes: 1e9 },
        ],
      })
    history.add(at(0), 0)
    t.strictSame(history.shown.served, [])
    t.equal(history.remainingSeconds(at(0)), null)
    for (let second = 1; second <= 400; second++) history.add(at(second), second * 1000)
    const now = at(400.5)
    t.strictSame(history.rate(now), { served: 100, fetched: 110 })
    t.equal(history.limitedBy(now), 'network')
    t.equal(history.stallShare(now), 0.7)
    t.equal(history.remainingSeconds(now), Math.round((100_000 - 400.5 * 50) / 50))
    const { served, stall, limit, inFlight, throttled, endMs } = history.shown
    t.equal(endMs, 400_000)
    for (const list of [served, stall, limit, inFlight, throttled]) {
      t.equal(list.length, STATUS_BOUNDS.samples)
    }
    t.strictSame([served[0], stall[0], limit[0], inFlight[0], throttled[0]], [100, 0.7, 8, 3, 2])
  },
)
