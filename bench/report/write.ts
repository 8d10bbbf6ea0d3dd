// Puts a results file's page and plots beside it: NAME.json, NAME.html, NAME/*.svg.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Results } from '../measure/result.js'
import { pageOf } from './page.js'
import { plotsOf } from './plots.js'

/** @returns the page's path; @param json - path of the results file, which need not exist */
export function writeReport(json: string, results: Results): string {
  const base = json.replace(/\.json$/, '')
  const page = `${base}.html`
  writeFileSync(page, pageOf(results))
  rmSync(base, { recursive: true, force: true })
  mkdirSync(base, { recursive: true })
  for (const { name, svg } of plotsOf(results)) writeFileSync(join(base, `${name}.svg`), `${svg}\n`)
  return page
}
