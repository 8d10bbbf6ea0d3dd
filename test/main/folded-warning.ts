import t from 'tap'
import { FoldedWarning } from '../../dist/main/folded-warning.js'

function folded() {
  const lines: string[] = []
  const warning = new FoldedWarning(
    (level, message) => lines.push(`${level} ${message}`),
    count => `${count} in all`,
  )
  return { lines, warning }
}

t.test('FoldedWarning tells the first of a row and how many there were', async t => {
  const { lines, warning } = folded()
  for (let count = 0; count < 3; count++) warning.warn('broken', {}, 1000 * count)
  warning.passed(9_999)
  t.strictSame(lines, ['warn broken', 'debug broken', 'debug broken'], 'it has only just begun')
  warning.passed(10_000)
  warning.passed(10_001)
  t.equal(lines.at(-1), 'warn 3 in all')
  warning.warn('broken again', {}, 20_000)
  t.equal(lines.at(-1), 'warn broken again')
  warning.passed(40_000)
  warning.end()
  t.equal(lines.length, 5, 'one alone needs no count')
})

t.test('FoldedWarning.end() tells of a row that has not passed', async t => {
  const { lines, warning } = folded()
  warning.end()
  warning.warn('broken', {}, 0)
  warning.warn('broken', {}, 1)
  warning.end()
  warning.end()
  t.strictSame(lines, ['warn broken', 'debug broken', 'warn 2 in all'])
})
