import t from 'tap'
import { compare, comparisonLines } from '../../.bench/report/compare.js'
import { readResults, writeResults } from '../../.bench/report/results-file.js'
import { cellOf, resultsOf, runOf } from '../fixtures/bench-results.js'

t.test('compare() tells a change from noise', async t => {
  const before = resultsOf([
    cellOf('ours', [2, 2.1, 2.05, 2.02]),
    cellOf('nbdkit', [10, 11, 12, 13]),
    cellOf('curl', [3]),
  ])
  const after = resultsOf([
    cellOf('ours', [1, 1.1, 1.05, 1.02]),
    cellOf('nbdkit', [10.5, 11.5, 12.5, 13.5]),
    cellOf('curl', [6]),
  ])
  const { comparisons, remarks } = compare(before, after)
  t.match(
    comparisons.map(({ cell, verdict }) => [cell.peer, verdict]),
    [
      ['ours', 'certain'],
      ['nbdkit', 'noise'],
      ['curl', 'too few'],
    ],
  )
  t.ok(Math.abs((comparisons[0]?.gain ?? 0) - 2.035 / 1.035) < 1e-9, 'above 1 is faster')
  t.same(remarks, [])
  const lines = comparisonLines({ comparisons, remarks })
  t.match(lines[0], /label of ours: 2\.0\d → 1\.0\d s: 1\.97 × as fast/)
  t.match(lines[1], /noise$/)
})

t.test('compare() compares rates where the time is fixed', async t => {
  const random = (rates: readonly number[]) =>
    resultsOf([
      cellOf('ours', [], {
        workload: 'fio-1',
        runs: rates.map(rate => ({ ...runOf(5, 4096), extra: { rate } })),
      }),
    ])
  const { comparisons } = compare(random([40, 41, 42, 43]), random([80, 81, 82, 83]))
  t.match(comparisons, [{ verdict: 'certain' }])
  t.ok((comparisons[0]?.gain ?? 0) > 1.9)
})

t.test('compare() says what only one has, what fails now, and that machines differ', async t => {
  const before = resultsOf([cellOf('ours', [1]), cellOf('nbdkit', [1])])
  const after = resultsOf(
    [cellOf('ours', [], { failures: ['it took longer than 9 s'] }), cellOf('aria2c', [1])],
    { about: { ...before.about, machine: '64 × other' } },
  )
  const { remarks } = compare(before, after)
  t.match(remarks, [
    /^Not the same machine/,
    /Had a figure before, has none now: .*ours: it took longer than 9 s/,
    /^Only in the second: .*aria2c/,
    /^Only in the first: .*nbdkit/,
  ])
})

t.test('readResults() takes back what was written, and refuses other versions', async t => {
  const file = `${t.testdir()}/results/x.json`
  const results = resultsOf([cellOf('ours', [1, 2, 3])])
  writeResults(file, results)
  t.same(readResults(file), results)
  writeResults(file, { ...results, schema: 99 as 1 })
  t.throws(() => readResults(file), /Cannot read results from .*: it has schema 99/)
  t.throws(() => readResults('/nonexistent.json'), /Cannot read results from/)
})
