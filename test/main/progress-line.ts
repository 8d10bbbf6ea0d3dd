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
  t.strictSame(terminal.written, [`${CLEAR}one`, `${CLEAR}two`, CLEAR])
})

t.test('ProgressLine makes room for what is printed', async t => {
  const terminal = target()
  const line = new ProgressLine(terminal)
  line.print('before\n')
  line.show('one')
  line.print('beside\n')
  t.strictSame(terminal.written, ['before\n', `${CLEAR}one`, CLEAR, 'beside\n', `${CLEAR}one`])
})

t.test('ProgressLine fits the terminal', async t => {
  const terminal = target({ columns: 5 })
  new ProgressLine(terminal).show('123456')
  t.strictSame(terminal.written, [`${CLEAR}1234`])
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
