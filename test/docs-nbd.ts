// docs/nbd.md names the test that shows each requirement: the names must be those of tests.

import { readFileSync } from 'node:fs'
import t from 'tap'

const root = new URL('../', import.meta.url)
const text = readFileSync(new URL('docs/nbd.md', root), 'utf8')

t.test('docs/nbd.md names tests that exist', async t => {
  const files = new Map(
    [...text.matchAll(/\| (\w{1,2}) +\| (test\/[\w/-]+\.ts) +/g)].map(([, short, path]) => [
      short as string,
      readFileSync(new URL(path as string, root), 'utf8'),
    ]),
  )
  t.ok(files.size >= 15)
  const named = [...text.matchAll(/\b([A-Z]{1,2}) "([^"]+)"/g)]
  t.ok(named.length > 100)
  for (const [, short = '', name = ''] of named) {
    const file = files.get(short)
    t.ok(file?.includes(`'${name}'`) || file?.includes(`"${name}"`), `${short}: ${name}`)
  }
})

t.test('docs/nbd.md has a line for each requirement', async t => {
  const numbers = [...text.matchAll(/^\| (\d+)\.(\d+) /gm)].map(([, a, b]) => `${a}.${b}`)
  const counts = [7, 9, 19, 10, 13, 12, 9, 18, 23, 4, 4, 5]
  const due = counts.flatMap((count, section) =>
    Array.from({ length: count }, (_, index) => `${section + 1}.${index + 1}`),
  )
  t.strictSame(numbers, due)
})
