// The README says what the program does: its tables are the option table's.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { PROBING } from '../dist/main/option-table/probing.js'
import { optionsMarkdown } from '../dist/main/options-markdown.js'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

t.test('README.md lists the options as optionsMarkdown() prints them', async t => {
  const tables = /<!-- options:start -->\n([\s\S]*)\n<!-- options:end -->/.exec(readme)?.[1]
  t.equal(tables, optionsMarkdown())
})

t.test('README.md names no flag that does not exist', async t => {
  const known = new Set(optionsMarkdown().match(/--[a-z-]+/g))
  for (const flag of ['--help', '--version', ...PROBING.map(({ long }) => long)]) known.add(flag)
  // Of qemu-img's, nbdcopy's and npm's flags none looks like these of ours.
  const named = readme.match(/`(--[a-z-]+)/g)?.map(text => text.slice(1)) ?? []
  t.ok(named.length > 20)
  for (const flag of named) t.ok(known.has(flag), flag)
})
