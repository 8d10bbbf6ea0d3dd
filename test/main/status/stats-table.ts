// The table of --stats, aligned and humane, and the sentence at the end of a run, careful with its verdict.

import t from 'tap'
import { runSummary } from '../../../dist/main/status/run-summary.js'
import type { Statistics } from '../../../dist/main/status/statistics.js'
import { statsTable } from '../../../dist/main/status/stats-table.js'
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
    'limited by the client: it is slow',
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
connections          16  opened; 16 allowed at a time
workers               2  1 replaced
Limited by the client: it is slow.
`.slice(1),
  )
})

t.test('statsTable() of a run that served nothing has no NaN and no verdict', async t => {
  const table = statsTable(fakeStatistics())
  t.notMatch(table, /NaN|Infinity|undefined|imited/)
  t.equal(runSummary(fakeStatistics()), undefined)
  t.match(table, /^amplification +- {2}fetched/m)
  t.notMatch(table, / $/m, 'no space at a line end')
})

/** A run of ten seconds whose reads waited so long. */
function run(stallSeconds: number, changes: Partial<Statistics> = {}): Statistics {
  return fakeStatistics({
    uptimeSeconds: 10,
    connectedSeconds: 10,
    imageBytes: 100 * MIB,
    servedBytes: 100 * MIB,
    fetchedBytes: 100 * MIB,
    amplification: 1,
    requests: 50,
    firstByteP50Ms: 100,
    exports: [
      {
        name: '',
        imageBytes: 100 * MIB,
        servedBytes: 100 * MIB,
        coveredBytes: 100 * MIB,
        reads: 50,
        failedReads: 0,
        busySeconds: 10,
        stallSeconds,
        zeroBlocks: 0,
      },
    ],
    ...changes,
  })
}

t.test('runSummary() says which side was the bottleneck and what would help', async t => {
  const NETWORK = 'limited by the network or the server: reads waited 90.0 % of the time'
  for (const [statistics, settings, said] of [
    [
      run(1),
      {},
      'limited by the client: reads waited 10.0 % of the time; one that asks for more at a time may be quicker (qemu-img convert -W -m 16, nbdcopy --connections 4)',
    ],
    [
      run(9, { refusedSeconds: 8, throttled: 14, acceptedRequests: 8 }),
      {},
      'limited by the server: it refused 14 requests as too many while it served 8; --connections 8 would avoid the refusals',
    ],
    [
      run(9, { throttled: 1, acceptedRequests: 15 }),
      {},
      `${NETWORK}, 100 ms for the first byte of an answer; more connections brought no more bytes`,
    ],
    [
      run(9, { ceilingSeconds: 8 }),
      {},
      `${NETWORK}, with all 16 connections in use; --connections 32 may be quicker`,
    ],
    [
      run(9, { ceilingSeconds: 8, connectionLimit: 400 }),
      { connections: 200 },
      `${NETWORK}, 100 ms for the first byte of an answer; more connections brought no more bytes`,
    ],
    [
      run(9, { retries: 5, failures: { reset: 4, status: 1 } }),
      {},
      `${NETWORK}, and 5 requests of 50 had to be repeated, most of them for 'reset'`,
    ],
    [
      run(9, { ceilingSeconds: 8 }),
      { readahead: 'off' },
      `${NETWORK}, with nothing fetched ahead; --readahead auto would wait less for readers in order`,
    ],
    [
      run(9, { fetchedBytes: 200 * MIB, amplification: 2 }),
      {},
      `${NETWORK}, and 200 MiB were fetched for 100 MiB; --readahead 8M would fetch less that nobody reads`,
    ],
    [run(9, { servedBytes: MIB }), {}, undefined],
    [run(9, { connectedSeconds: 0 }), {}, undefined],
  ] as const) {
    t.equal(runSummary(statistics, settings), said)
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
