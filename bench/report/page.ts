// The results as one HTML page: no script, nothing loaded from elsewhere, the data inside.

import { profileOf } from '../cases/profiles.js'
import type { CellResult, ClaimResult, Results } from '../measure/result.js'
import { aboutLine } from './about.js'
import { plotsOf } from './plots.js'
import { failureLines, isMeasured, ratioLines, round, tableOf } from './table.js'

const MiB = 1024 ** 2

const STYLE = `
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; color: #1c2733; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #dfe5ea; text-align: right; white-space: nowrap; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
.ours td { font-weight: 600; color: #0b6e4f; }
.none td:last-child { text-align: left; color: #a33; white-space: normal; }
.missed { color: #a33; font-weight: 600; }
.scroll { overflow-x: auto; }
figure { margin: 1.5rem 0; }
figcaption { font-weight: 600; }
code { font-size: 12px; }
`

/** The whole page. */
export function pageOf(results: Results): string {
  const groups = new Map<string, CellResult[]>()
  for (const cell of results.cells) {
    const name = `${cell.profile}, ${cell.size / MiB} MiB`
    groups.set(name, [...(groups.get(name) ?? []), cell])
  }
  const { about } = results
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>nbd-prefetch: measured ${escaped(about.date.slice(0, 10))}</title>
<style>${STYLE}</style>
<h1>nbd-prefetch and its peers</h1>
<p>${escaped(aboutLine(about))}</p>
<p>Load average at the start ${about.load}; <code>npm run bench -- ${escaped(about.options.join(' '))}</code></p>
${claims(results.claims)}
${[...groups].map(([name, cells]) => group(name, cells)).join('\n')}
<h2>Plots</h2>
${plotsOf(results)
  .map(
    ({ name, title, svg }) =>
      `<figure id="${escaped(name)}"><figcaption>${escaped(title)}</figcaption>${svg}</figure>`,
  )
  .join('\n')}
<script type="application/json" id="results">${JSON.stringify(results).replaceAll('<', '\\u003c')}</script>
</html>
`
}

function claims(all: readonly ClaimResult[]): string {
  if (all.length === 0) return ''
  const rows = all.map(({ figure, what, value, bound, holds }) => {
    const verdict = holds === undefined ? 'no figure' : holds ? 'holds' : 'missed'
    const shown = value === undefined ? '' : round(value)
    return `<tr><td>${escaped(figure)}<td>${escaped(what)}<td>${shown}<td>${escaped(bound)}<td class="${verdict.replace(' ', '-')}">${verdict}`
  })
  return `<h2>Statements</h2>
<table id="claims"><tr><th>figure<th>statement<th>measured<th>bound<th>
${rows.join('\n')}
</table>`
}

function group(name: string, cells: readonly CellResult[]): string {
  const { head, rows } = tableOf(cells)
  const body = rows.map((row, i) => {
    const cell = cells[i] as CellResult
    const kind = !isMeasured(cell) ? 'none' : cell.peer === 'ours' ? 'ours' : ''
    const span = head.length - row.length + 1
    const tds = row.map((text, at) =>
      at === row.length - 1 && span > 1
        ? `<td colspan="${span}">${escaped(text)}`
        : `<td>${escaped(text)}`,
    )
    return `<tr class="${kind}" data-cell="${escaped(`${cell.profile}/${cell.workload}/${cell.peer}/${cell.size}`)}">${tds.join('')}`
  })
  const title = profileOf(cells[0]?.profile ?? '')?.title ?? ''
  const words = [...failureLines(cells), ...ratioLines(cells)]
  return `<h2>${escaped(name)}</h2>
<p>${escaped(title)}</p>
<div class="scroll"><table><tr>${head.map(text => `<th>${escaped(text)}`).join('')}
${body.join('\n')}
</table></div>
${words.map(line => `<p>${escaped(line)}</p>`).join('\n')}
<details><summary>Commands and request sizes</summary>
${cells.map(details).join('\n')}
</details>`
}

function details({ labels, commands, runs, skipped }: CellResult): string {
  if (skipped !== undefined) return ''
  const origin = runs.at(-1)?.origin
  const counts = (of: Readonly<Record<string, number>> = {}) =>
    Object.entries(of)
      .map(([name, count]) => `${name}: ${count}`)
      .join(', ')
  const seen =
    origin === undefined
      ? ''
      : `<br>requests ${escaped(counts(origin.sizes))}; answers ${escaped(counts(origin.statuses))}`
  return `<p>${escaped(`${labels.peer}, ${labels.workload}`)}<br>${commands
    .map(command => `<code>${escaped(command)}</code>`)
    .join('<br>')}${seen}</p>`
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
