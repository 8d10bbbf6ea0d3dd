// One line on a terminal, and what is printed beside it.

import t from 'tap'
import { ProgressLine, type ProgressTarget } from '../../dist/main/progress-line.js'

const CLEAR = '\r\u001b[K'

function target(changes: Partial<ProgressTarget> = {}) {
  const written: string[] = []
  return { written, isTTY: true, write: (text: string) => written.push(text), ...changes }
}

t.test('ProgressLine shows one line and leaves none', async t => {
  const terminal = target()
  {
    using line = new ProgressLine(terminal)
    line.show('one')
    line.show('one')
    line.show('two')
  }
  const { written } = terminal
  t.strictSame(written.slice(0, 2), [`${CLEAR}one`, `${CLEAR}two`])
  t.equal(written.at(-1), CLEAR)
  const escapes = written.join('').split('\u001b').slice(1)
  t.ok(
    escapes.every(text => text.startsWith('[K')),
    'nothing else of the terminal is changed',
  )
})

t.test('ProgressLine makes room for what is printed', async t => {
  const terminal = target()
  using line = new ProgressLine(terminal)
  line.print('before\n')
  line.show('one')
  line.print('beside\n')
  t.strictSame(terminal.written, ['before\n', `${CLEAR}one`, `${CLEAR}beside\n`, `${CLEAR}one`])
})

t.test('ProgressLine draws a bar where there is room, and fits the terminal', async t => {
  for (const [columns, drawn] of [
    [5, '1234'],
    [40, '123456'],
    [80, '[=======------] 123456'],
    [300, `[${'='.repeat(15)}${'-'.repeat(14)}] 123456`],
  ] as const) {
    const terminal = target({ columns })
    using line = new ProgressLine(terminal)
    line.show('123456', 0.5)
    t.strictSame(terminal.written, [`${CLEAR}${drawn}`], `${columns} columns`)
    const most = 'x'.repeat(line.columns)
    line.show(most, 0.5)
    t.match(terminal.written.at(-1), new RegExp(`[\\] K]${most}$`), 'columns are what fits')
  }
})

t.test('ProgressLine shows no control character', async t => {
  const terminal = target()
  using line = new ProgressLine(terminal)
  line.show('a\u001b[2J\u009bb\u202ec\n')
  t.strictSame(terminal.written, [`${CLEAR}a [2J b c `])
})

t.test('ProgressLine shows nothing where there is no terminal, but prints', async t => {
  for (const isTTY of [false, undefined]) {
    const file = { ...target(), isTTY } as ReturnType<typeof target>
    using line = new ProgressLine(file)
    line.show('one')
    line.print('beside\n')
    t.strictSame(file.written, ['beside\n'])
  }
})
