// Measures what was asked for, group by group, and shows and keeps the results.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { againstProbe } from './against-probe.js'
import { durationText, estimate } from './cases/estimate.js'
import { isOurs, peersWith } from './cases/peers.js'
import type { Group } from './cases/plan.js'
import { sweepPeers } from './cases/presets.js'
import { profileOf } from './cases/profiles.js'
import { groupsOf, installLine, roomFor } from './groups.js'
import { Images } from './measure/images.js'
import {
  type CellResult,
  type ClaimResult,
  type ProbeResult,
  type Results,
  SCHEMA,
} from './measure/result.js'
import { cellsOf, leftOf, merged, mustContinue } from './measure/resume.js'
import { type RunnerOptions, runGroup } from './measure/runner.js'
import { endOnSignals, makeScratch } from './measure/scratch.js'
import { openUrl, planLines, planUrl } from './measure/url-source.js'
import type { BenchOptions } from './options.js'
import { aboutLine, aboutThis } from './report/about.js'
import { judgeFigure } from './report/claims.js'
import { ProgressBar } from './report/progress.js'
import { readResults, writeResults } from './report/results-file.js'
import { bestFlags } from './report/sweep.js'
import { claimTable, commandLines, failureLines, ratioLines, resultTable } from './report/table.js'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const RESULTS = `${ROOT}bench/results`
const MiB = 1024 * 1024

/** @returns the exit status */
export async function runBench(options: BenchOptions, words: readonly string[]): Promise<number> {
  const peers = { ...peersWith(options.flags), ...sweepPeers(options.flags) }
  const about = aboutThis(words, new Date())
  const earlier = options.resume === undefined ? undefined : readResults(options.resume)
  if (earlier !== undefined) mustContinue(earlier, about)
  const planned = groupsOf(options, peers)
  const plan =
    options.url === undefined
      ? undefined
      : await planUrl(options.url, options.budget, options.runs * (planned[0]?.cells.length ?? 0))
  const all = plan === undefined ? planned : urlGroups(planned[0], plan.size)
  const groups = leftOf(all, earlier?.cells ?? [])
  for (const line of plan === undefined ? [] : planLines(plan)) console.log(line)
  if (plan === undefined) console.log(estimateLine(groups, options))
  endOnSignals()
  const directory = makeScratch(Math.max(0, ...groups.map(roomFor)))
  const source = plan === undefined ? undefined : await openUrl(plan, directory)
  using images = new Images(directory)
  let cells: readonly CellResult[] = earlier?.cells ?? []
  const claims: ClaimResult[] = [...(earlier?.claims ?? [])]
  const probes: ProbeResult[] = [...(earlier?.probes ?? [])]
  const results = (): Results => ({
    schema: SCHEMA,
    about,
    profiles: Object.fromEntries(
      [...new Set(cells.map(cell => cell.profile))].map(name => [
        name,
        profileOf(name)?.title ?? '',
      ]),
    ),
    cells,
    claims,
    ...(probes.length === 0 ? {} : { probes }),
  })
  const kept = options.resume ?? newFile(options.results ?? RESULTS, about.date)
  const end = performance.now() + (options.deadline ?? Infinity) * 1000
  try {
    for (const [i, group] of groups.entries()) {
      announce(group, options)
      using bar = new ProgressBar()
      const running: RunnerOptions = {
        peers,
        images,
        rounds: options.runs,
        // On somebody's own server every byte counts.
        warmUp: options.warmUp && source === undefined,
        source,
        limitMs: options.limit * 1000,
        patienceMs: options.patience * 1000,
        // What is left is shared by the groups that are left.
        deadline: performance.now() + (end - performance.now()) / (groups.length - i),
        directory,
        progress: event => bar.show(event),
      }
      const measured = await runGroup(group, running)
      bar[Symbol.dispose]()
      cells = merged(cells, measured)
      show(measured)
      if (options.againstProbe) {
        console.log('\nwhat probe recommends, and the best of the sweep once more')
        const found = await againstProbe(group, measured, options.flags, running)
        cells = merged(cells, found.cells)
        probes.push(found.probe)
        claims.push(found.claim)
        show(found.cells)
        console.log(`\n${claimTable([found.claim])}`)
      }
      if (group.figure !== undefined) {
        const whole = all.find(one => one.figure === group.figure && one.size === group.size)
        const judged = judgeFigure(group.figure, cellsOf(whole ?? group, cells))
        claims.push(...judged)
        console.log(`\n${claimTable(judged)}`)
      }
      // After each group, so that what is broken off is not lost.
      writeResults(kept, results())
    }
  } finally {
    await source?.origin[Symbol.asyncDispose]()
  }
  console.log(`\n${aboutLine(about)}`)
  const install = installLine(all, peers)
  if (install !== undefined) console.log(install)
  if (options.headline) {
    writeResults(`${RESULTS}/headline.json`, results())
    await writeHeadline(results())
  }
  // Loaded only now: the plots' library is large.
  const { writeReport } = await import('./report/write.js')
  console.log(`Results: ${kept}\nPage:    ${writeReport(kept, results())}`)
  // That a peer fails is a result; that we do is a failure.
  return cells.some(cell => isOurs(cell.peer) && cell.failures.length > 0) ? 1 : 0
}

/** Puts the table into the README and the plot beside it. */
export async function writeHeadline(results: Results): Promise<void> {
  const { HEADLINE_PLOT, headlinePlot, withHeadline } = await import('./report/headline.js')
  const readme = `${ROOT}README.md`
  writeFileSync(`${ROOT}${HEADLINE_PLOT}`, headlinePlot(results))
  writeFileSync(readme, withHeadline(readFileSync(readme, 'utf8'), results))
}

/** The group of a plan for somebody's own server, with the size that its budget allows. */
function urlGroups(group: Group | undefined, size: number): Group[] {
  return group === undefined ? [] : [{ ...group, size }]
}

function newFile(directory: string, date: string): string {
  return `${directory}/${date.replaceAll(':', '').replace(/\..*/, '')}.json`
}

function estimateLine(groups: readonly Group[], options: BenchOptions): string {
  const { likely, most } = estimate(groups, options)
  const count = groups.reduce((sum, { cells }) => sum + cells.length, 0)
  return `${count} cells, about ${durationText(likely)} (at most ${durationText(most)})`
}

function announce({ title, size, cells }: Group, { runs }: BenchOptions): void {
  console.log(`\n${title}; ${(size / MiB).toFixed(0)} MiB, medians of ${runs}`)
  for (const name of new Set(cells.map(cell => cell.profile))) {
    const profile = profileOf(name)
    if (profile !== undefined) console.log(`  ${name}: ${profile.title}`)
  }
}

function show(cells: readonly CellResult[]): void {
  console.log(resultTable(cells))
  for (const line of [...failureLines(cells), ...ratioLines(cells)]) console.log(line)
  for (const line of [...bestFlags(cells), ...commandLines(cells)]) console.log(line)
}
