// The table of --stats: aligned, humane, and careful with its verdict.

import t from 'tap'
import { bottleneck, statsTable } from '../../../dist/main/status/stats-table.js'
import { showBytes, showCount, showSeconds, showShare } from '../../../dist/main/status/units.js'
import { fakeStatistics } from '../../fixtures/fake-statistics.js'

const MIB = 1024 ** 2

t.test('statsTable() shows a run', async t => {
  const table = statsTable(
    fakeStatistics({
      uptimeSeconds: 10,
      imageBytes: 1024 * MIB,
      servedBytes: 1000 * MIB,
      fetchedBytes: 1010 * MIB,
      amplification: 1.01,
      reads: 4000,
      failedReads: 1,
      hitRatio: 0.875,
      stallSeconds: 0.25,
      requests: 101,
      retries: 3,
      throttled: 2,
      failures: { reset: 1, status: 2, tls: 0 },
      workers: 2,
      workerRestarts: 1,
      connectionsOpened: 16,
      peakInFlight: 16,
      limit: 12,
      firstByteP50Ms: 101,
      firstByteP95Ms: 1250,
      clients: 1,
      totalClients: 4,
    }),
  )
  t.equal(
    table,
    `
run time         10.0 s  image of 1.00 GiB
served         1000 MiB  100 MiB/s
fetched        1010 MiB  101 MiB/s
amplification     1.010  fetched / served
hit ratio        87.5 %  served from the ring at once
stalled          250 ms  2.5 % of the run time
reads             4,000  1 failed
clients               4  1 still connected
requests            101  10.0 MiB each
retries               3  2 answers 429 or 503
failures              3  status 2, reset 1
first byte       101 ms  median; 95 % within 1.25 s
in flight            16  at most; the limit was 12 at the end
connections          16  opened; at most 16 at a time
workers               2  1 replaced
The reader was the bottleneck: it waited for the origin 2.5 % of the time.
`.slice(1),
  )
})

t.test('statsTable() of a run that served nothing has no NaN and no verdict', async t => {
  const table = statsTable(fakeStatistics())
  t.notMatch(table, /NaN|Infinity|undefined|bottleneck/)
  t.match(table, /^amplification +- {2}fetched/m)
  t.notMatch(table, / $/m, 'no space at a line end')
})

t.test('bottleneck() names a side only where the figures do', async t => {
  const run = { uptimeSeconds: 10, servedBytes: 100 * MIB }
  for (const [changes, verdict] of [
    [
      { ...run, stallSeconds: 9 },
      'The origin was the bottleneck: reads waited 90.0 % of the time.',
    ],
    [
      { ...run, stallSeconds: 9, peakInFlight: 16 },
      'The origin was the bottleneck: reads waited 90.0 % of the time, with all 16 connections in use; try more --connections.',
    ],
    [
      { ...run, stallSeconds: 9, peakInFlight: 16, throttled: 1234 },
      'The origin was the bottleneck: reads waited 90.0 % of the time, and it refused 1,234 requests as too many.',
    ],
    [
      { ...run, stallSeconds: 0 },
      'The reader was the bottleneck: it waited for the origin 0 % of the time.',
    ],
    [{ ...run, stallSeconds: 3 }, undefined],
    [{ ...run, servedBytes: MIB, stallSeconds: 9 }, undefined],
    [{ ...run, uptimeSeconds: 0 }, undefined],
  ] as const) {
    t.equal(bottleneck(fakeStatistics(changes)), verdict)
  }
})

t.test('figures are rounded to what a person reads', async t => {
  t.strictSame(
    [0, 1, 999, 1000, 1023, 1024, 1536, 10 * 1024, 999 * 1024, 1023.9 * 1024, 2 ** 60].map(
      showBytes,
    ),
    [
      '0 B',
      '1 B',
      '999 B',
      '1000 B',
      '1023 B',
      '1.00 KiB',
      '1.50 KiB',
      '10.0 KiB',
      '999 KiB',
      '1.00 MiB',
      '1024 PiB',
    ],
  )
  t.strictSame([0, 0.0004, 0.25, 0.9996, 1, 59.96, 99.96, 3599.6, 3600, 7384].map(showSeconds), [
    '0 ms',
    '0.40 ms',
    '250 ms',
    '1.00 s',
    '1.00 s',
    '60.0 s',
    '1 min 40 s',
    '1 h 00 min',
    '1 h 00 min',
    '2 h 03 min',
  ])
  t.strictSame([0, 0.00001, 0.5, 0.99999, 1].map(showShare), [
    '0 %',
    '0.1 %',
    '50.0 %',
    '99.9 %',
    '100 %',
  ])
  t.strictSame([0, 999, 1000, 1234567].map(showCount), ['0', '999', '1,000', '1,234,567'])
})
