// docs/probe.md names every field of the JSON and every option, with its default and bounds.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { PROBING } from '../../dist/main/option-table/probing.js'
import { type OptionEntry, optionBounds } from '../../dist/main/option-table.js'
import { planMeasurements } from '../../dist/main/probing/measurement-plan.js'
import { SCHEMA } from '../../dist/main/probing/report.js'

const page = readFileSync(new URL('../../docs/probe.md', import.meta.url), 'utf8')

t.test('docs/probe.md has the options as they are', async t => {
  for (const entry of PROBING as readonly OptionEntry[]) {
    const row = page.split('\n').find(line => line.startsWith(`| \`${entry.long}`))
    t.ok(row?.includes(`| ${entry.default ?? ''}`), entry.long)
    t.ok(row?.includes(optionBounds(entry)), entry.long)
  }
})

t.test('docs/probe.md states the schema and the plan by default', async t => {
  t.match(page, `| \`schema\` | number | ${SCHEMA} |`)
  const MIB = 1024 * 1024
  const plan = planMeasurements({
    budgetBytes: 64 * MIB,
    imageBytes: 8 * 1024 * MIB,
    connections: 16,
  })
  t.match(page, `up to ${Math.floor(plan.totalBytes / MIB)} MiB`)
  for (const field of Object.keys(plan)) t.match(page, `\`plan.${field}\``)
})
