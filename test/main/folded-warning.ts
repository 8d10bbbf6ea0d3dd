import t from 'tap'
import { FoldedWarning } from '../../dist/main/folded-warning.js'
import { warning } from '../../dist/main/warning.js'

const BROKEN = warning('request-given-up', { failure: 'broken' })
const AGAIN = warning('request-given-up', { failure: 'broken again' })

const FIRST = 'warn request given up: broken request-given-up'
const FURTHER = 'debug request given up: broken request-given-up'
const summary = (count: number) => `warn ${count} requests were given up in all requests-given-up`

function folded() {
  const lines: string[] = []
  const row = new FoldedWarning(
    (level, message, fields) => lines.push(`${level} ${message} ${fields?.['code']}`),
    count => warning('requests-given-up', { count }),
  )
  return { lines, row }
}

t.test('FoldedWarning tells the first of a row and how many there were', async t => {
  const { lines, row } = folded()
  for (let count = 0; count < 3; count++) row.warn(BROKEN, {}, 1000 * count)
  row.passed(9_999)
  t.strictSame(lines, [FIRST, FURTHER, FURTHER], 'it has only just begun')
  row.passed(10_000)
  row.passed(10_001)
  t.equal(lines.at(-1), summary(3))
  row.warn(AGAIN, {}, 20_000)
  t.equal(lines.at(-1), 'warn request given up: broken again request-given-up')
  row.passed(40_000)
  row.end()
  t.equal(lines.length, 5, 'one alone needs no count')
})

t.test('FoldedWarning.end() tells of a row that has not passed', async t => {
  const { lines, row } = folded()
  row.end()
  row.warn(BROKEN, {}, 0)
  row.warn(BROKEN, {}, 1)
  row.end()
  row.end()
  t.strictSame(lines, [FIRST, FURTHER, summary(2)])
})
