import fc from 'fast-check'
import t from 'tap'
import { chanceOfNoDifference, judge, median, summarize } from '../../.bench/measure/statistics.js'

t.test('median() takes the middle, or the mean of the middle two, whatever the order', async t => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.equal(median([7]), 7)
  t.throws(() => median([]), RangeError)
})

t.test('median() has as many values above as below', async t => {
  const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(values, list => {
      const middle = median(list)
      const above = list.filter(value => value > middle).length
      const below = list.filter(value => value < middle).length
      return above <= list.length / 2 && below <= list.length / 2
    }),
  )
  t.pass()
})

t.test('summarize() gives the range beside the median', async t => {
  t.same(summarize([5, 1, 3]), { median: 3, min: 1, max: 5, count: 3 })
  t.equal(summarize([]), undefined)
})

t.test('chanceOfNoDifference() is the exact rank test', async t => {
  // Wholly apart: two of the arrangements are as extreme, C(6,3) = 20, C(8,4) = 70.
  t.equal(chanceOfNoDifference([1, 2, 3], [4, 5, 6]), 2 / 20)
  t.equal(chanceOfNoDifference([1, 2, 3, 4], [5, 6, 7, 8]), 2 / 70)
  t.equal(chanceOfNoDifference([1, 3, 5], [2, 4, 6]), 14 / 20)
  t.equal(chanceOfNoDifference([1, 1, 1], [1, 1, 1]), 1, 'all tied')
  t.equal(chanceOfNoDifference([], [1]), 1)
})

t.test('chanceOfNoDifference() does not care which series is first', async t => {
  const series = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(series, series, (a, b) => {
      const [there, back] = [chanceOfNoDifference(a, b), chanceOfNoDifference(b, a)]
      return there === back && there > 0 && there <= 1
    }),
  )
  t.pass()
})

t.test('judge() calls a change certain only with enough runs and no overlap', async t => {
  t.equal(judge([1, 1.1, 1.2], [2, 2.1, 2.2]), 'likely', 'three against three')
  t.equal(judge([1, 1.1, 1.2, 1.3], [2, 2.1, 2.2, 2.3]), 'certain')
  t.equal(judge([1, 2, 3, 4], [2, 3, 4, 5]), 'noise', 'overlapping')
  t.equal(
    judge([1, 1.001, 1.002, 1.003], [1.01, 1.011, 1.012, 1.013]),
    'noise',
    'too small to matter',
  )
  t.equal(judge([1, 1], [2, 2, 2]), 'too few')
})
