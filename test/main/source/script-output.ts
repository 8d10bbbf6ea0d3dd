// What scripts print, read as nbdkit's curl plugin reads it.

import t from 'tap'
import { cookieOfOutput, headersOfOutput } from '../../../dist/main/source/script-output.js'
import { UsageError } from '../../../dist/main/usage-error.js'

t.test('cookieOfOutput() takes the line, and joins what a server has set in several', async t => {
  t.equal(cookieOfOutput('a="1"\n'), 'a="1"')
  t.equal(cookieOfOutput('\r\na=1; b=2;\r\n'), 'a=1; b=2')
  t.equal(cookieOfOutput('a=1\nb=2\n'), 'a=1; b=2')
  t.throws(() => cookieOfOutput('\n'), { message: 'it printed no cookie' })
  t.throws(() => cookieOfOutput('a=\u0001secret'), UsageError)
})

t.test('headersOfOutput() adds, removes and empties headers', async t => {
  t.strictSame(headersOfOutput('Authorization: Bearer a:b;c\r\nX-Empty;\n\nUser-Agent:\n'), {
    'user-agent': undefined,
    authorization: 'Bearer a:b;c',
    'x-empty': '',
  })
  t.strictSame(headersOfOutput(''), {})
  t.strictSame(headersOfOutput('X-A: 1\nx-a: 2'), { 'x-a': '1, 2' })
  t.throws(() => headersOfOutput('X-A: 1\nsecret'), { message: /^line 2 .* 'Name: value'$/ })
  t.throws(() => headersOfOutput('Range: bytes=0-1'), UsageError)
})
