// docs/errors.md is complete: no message for people is written outside the catalogues it is made from.

import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { USAGE_MESSAGES } from '../../dist/main/usage-error.js'
import { CHAPTERS, errorsMarkdown } from '../../dist/main/words/errors-markdown.js'
import { FAILURES, failureOf, givenUp } from '../../dist/shared/failures.js'
import { fill } from '../../dist/shared/message.js'

const root = new URL('../../src/', import.meta.url)

/** Files of the catalogues themselves. */
const CATALOGUES = /^(main\/messages\/.*|main\/nbd\/refusals\.ts|shared\/failures\.ts)$/

const sources = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts') && !CATALOGUES.test(path))
    .map(path => [path, code(readFileSync(new URL(path, root), 'utf8'))]),
)
const everything = [...sources.values()].join('\n')

/** What passes on the events of others, and `warn()` itself. */
const LOGS =
  /^main\/((warning|log|status\/error-log)\.ts: log\(level, |run-cli\.ts: logFile\?\.\('error', say\(describeError\()/

/** Comments say nothing to users. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

/** Places in the sources that `pattern` finds. */
function places(pattern: RegExp): string[] {
  return [...sources].flatMap(([path, text]) =>
    [...text.matchAll(pattern)].map(([found]) => `${path}: ${found.replace(/\s+/g, ' ')}`),
  )
}

t.test('errors for people are made by their catalogues alone', async t => {
  t.ok(sources.size > 100)
  const classes = '(Usage|File|Listen|Source|NoRanges)Error'
  const made = places(new RegExp(`new ${classes}\\(\\s*(?!told\\b)[^)]*`, 'g'))
  t.strictSame(made, [])
  const makers = places(/errorMaker\(\w+, \w+\)/g)
  t.equal(makers.length, 4, 'one maker for each class')
})

t.test('the log warns of nothing that messages/warnings.ts lacks', async t => {
  // A log is called `log`, `#log` or `logger`; its level may be on the line below.
  const calls = places(/\blog\w*(\??\.)?\(\s*(?!'(debug|info)')['"`\w]+,[^)]*/gi)
  const passedOn = calls.filter(place => !LOGS.test(place))
  t.strictSame(passedOn, [], 'a level that is no literal, or a warning in words of its own')
})

t.test('failures of requests are made by failureOf() alone', async t => {
  const codes = Object.keys(FAILURES).join('|')
  t.strictSame(places(new RegExp(`\\bcode: '(${codes})'`, 'g')), [])
})

t.test("no 'Cannot …' stands elsewhere but in defects", async t => {
  const found = [...sources].flatMap(([path, text]) =>
    [...text.matchAll(/['"`]Cannot /g)]
      .map(({ index }) => text.slice(Math.max(0, index - 80), index + 8))
      // What programs do wrong with parts of this one, and names of tasks that a message begins with.
      .filter(before => !/\b(Range|Type|StaleSlot)?Error\([^)]*$/.test(before))
      .filter(before => !/\b(super\(|task = )[^)]*$/.test(before))
      .map(before => `${path}: ${before.slice(-60).replace(/\s+/g, ' ')}`),
  )
  t.strictSame(found, [])
})

t.test('clients are told nothing that nbd/refusals.ts lacks', async t => {
  const nbd = [...sources].filter(([path]) => path.startsWith('main/nbd/'))
  for (const [path, text] of nbd) {
    t.notMatch(text, /message: ['"`]\w/, path)
    t.notMatch(text, /#(close|reply)\([^)]*['"`]\w+ /, path)
  }
})

t.test('every message is used, explained and one line', async t => {
  const seen = new Set<string>()
  const page = errorsMarkdown()
  for (const { messages } of CHAPTERS) {
    for (const [reason, { text, means, fix }] of Object.entries(messages)) {
      t.notOk(seen.has(reason), `${reason} is one message`)
      seen.add(reason)
      t.match(everything, new RegExp(`['"]${reason}['"]`), `${reason} is used`)
      t.match(page, `\`${reason}\``)
      t.notMatch(text, /[\n]|\.$/, reason)
      for (const sentence of [means, fix].filter(told => told !== '')) {
        t.match(sentence, /^[A-Z'`0-9][^\n]*[.`?]$/, reason)
      }
      t.ok(means.length > 10, reason)
    }
  }
  for (const reason of Object.keys(USAGE_MESSAGES)) t.ok(seen.has(reason), reason)
  for (const [reason, { texts, means }] of Object.entries(FAILURES)) {
    t.match(means, /\.$/, reason)
    for (const [key, text] of Object.entries(texts)) {
      t.notMatch(text, /[\n]|\.$/, key)
      t.match(everything, new RegExp(`'${key}'`), `${reason}: ${key} is used`)
    }
  }
})

t.test('failureOf() fills the text of a code', async t => {
  t.strictSame(failureOf('short-body', 'missing', { missing: 5 }), {
    code: 'short-body',
    message: 'the body ended 5 bytes before its end',
  })
  const refused = failureOf('status', 'answer', { answer: '503 Busy' }, { status: 503 })
  t.strictSame(refused, { code: 'status', message: '503 Busy', status: 503 })
  t.strictSame(givenUp(refused, 'http://host/x', 1), {
    ...refused,
    message: 'GET http://host/x: 503 Busy (1 attempt)',
  })
  t.match(givenUp(refused, 'x', 2).message, '(2 attempts)')
})

t.test('fill() leaves a blank that nothing fills, and takes values as they are', async t => {
  t.equal(fill('{a} {b}', { a: '{b} $& $1', c: 1 }), '{b} $& $1 {b}')
})
