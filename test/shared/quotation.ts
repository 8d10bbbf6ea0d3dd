// What becomes of a server's text between the worker that reads it and the message that quotes it.

import t from 'tap'
import { quoted, unquoted } from '../../dist/shared/quotation.js'

const SECRET = 'Long. Pass  wörd12345'
const mask = (text: string): string => text.replaceAll(SECRET, '***')

t.test('quoted() leaves text as it is that needs no tidying', async t => {
  for (const text of ['', 'Not Found', 'x'.repeat(80)]) t.equal(quoted(text), text)
})

t.test('unquoted() masks before it tidies and cuts, wherever the secret lies', async t => {
  for (let before = 0; before < 200; before++) {
    const text = `${'.'.repeat(before)}${SECRET} ${SECRET}\u0007end`
    const shown = unquoted(`403 ${quoted(text)}, and on`, mask)
    t.match(shown, /^403 [.* end]{0,80}, and on$/)
  }
  t.equal(unquoted(`403 ${quoted('a\u001b[31m\tb ')}, on`), '403 a [31m b, on')
  t.equal(unquoted(quoted('x'.repeat(300))), 'x'.repeat(80))
  t.equal(unquoted(quoted('x'.repeat(300), 200)), 'x'.repeat(200))
})

t.test('unquoted() masks what is not quoted, too', async t => {
  t.equal(unquoted(`a ${SECRET}`, mask), 'a ***')
})

t.test('quoted() carries no text that it would have to cut', async t => {
  const text = `${SECRET} `.repeat(10_000)
  t.equal(unquoted(quoted(text), mask), `(a text of ${text.length} characters)`)
})

t.test('quoted() is not led astray by marks of the server', async t => {
  const text = `${'.'.repeat(70)}\u000380 ${SECRET}\u00022 ${SECRET}`
  t.notMatch(unquoted(`403 ${quoted(text)}`, mask), /Pass|\p{Cc}/u)
})
