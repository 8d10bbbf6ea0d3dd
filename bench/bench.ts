// Measures what was asked for, group by group, and shows and keeps the results.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Peer } from './cases/peer.js'
import { isOurs, peersWith, USUAL_PEERS } from './cases/peers.js'
import { figureGroups, type Group, matrix } from './cases/plan.js'
import { HEADLINE, latencyGroups, sizeGroups, sweepGroups, sweepPeers } from './cases/presets.js'
import { profileOf } from './cases/profiles.js'
import { WORKLOADS } from './cases/workloads.js'
import { type CellResult, type ClaimResult, type Results, SCHEMA } from './measure/result.js'
import { runGroup } from './measure/runner.js'
import { endOnSignals, makeScratch } from './measure/scratch.js'
import { openUrl, planLines, planUrl, URL_PROFILE } from './measure/url-source.js'
import type { BenchOptions } from './options.js'
import { aboutLine, aboutThis } from './report/about.js'
import { judgeFigure } from './report/claims.js'
import { ProgressBar } from './report/progress.js'
import { writeResults } from './report/results-file.js'
import { bestFlags } from './report/sweep.js'
import { claimTable, commandLines, failureLines, ratioLines, resultTable } from './report/table.js'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const RESULTS = `${ROOT}bench/results`
const MiB = 1024 * 1024

/** @returns the exit status */
export async function runBench(options: BenchOptions, words: readonly string[]): Promise<number> {
  const peers = { ...peersWith(options.flags), ...sweepPeers(options.flags) }
  const [planned] = options.url === undefined ? [] : groupsOf(options, peers)
  const plan =
    options.url === undefined
      ? undefined
      : await planUrl(options.url, options.budget, options.runs * (planned?.cells.length ?? 0))
  const groups = plan === undefined ? groupsOf(options, peers) : urlGroups(planned, plan.size)
  for (const line of plan === undefined ? [] : planLines(plan)) console.log(line)
  endOnSignals()
  const directory = makeScratch(Math.max(...groups.map(bytesOfCopies)))
  const source = plan === undefined ? undefined : await openUrl(plan, directory)
  const about = aboutThis(words, new Date())
  const cells: CellResult[] = []
  const claims: ClaimResult[] = []
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
  })
  const kept = `${options.results ?? RESULTS}/${about.date.replaceAll(':', '').replace(/\..*/, '')}.json`
  const end = performance.now() + (options.deadline ?? Infinity) * 1000
  try {
    for (const [i, group] of groups.entries()) {
      // What is left is shared by the groups that are left.
      const deadline = performance.now() + (end - performance.now()) / (groups.length - i)
      announce(group, options)
      using bar = new ProgressBar()
      const measured = await runGroup(group, {
        peers,
        rounds: options.runs,
        // On somebody's own server every byte counts.
        warmUp: options.warmUp && source === undefined,
        source,
        limitMs: options.limit * 1000,
        patienceMs: options.patience * 1000,
        deadline,
        directory,
        progress: event => bar.show(event),
      })
      bar[Symbol.dispose]()
      cells.push(...measured)
      console.log(resultTable(measured))
      for (const line of [...failureLines(measured), ...ratioLines(measured)]) console.log(line)
      for (const line of bestFlags(measured)) console.log(line)
      for (const line of commandLines(measured)) console.log(line)
      if (group.figure !== undefined) {
        const judged = judgeFigure(group.figure, measured)
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

function headlineGroups(
  peers: Readonly<Record<string, Peer>>,
  names: readonly string[],
  size: number | undefined,
): Group[] {
  const { profile, columns } = HEADLINE
  return columns.flatMap(column =>
    matrix(
      {
        profiles: [profile],
        workloads: [column.workload],
        peers: names,
        size: size ?? column.size,
      },
      peers,
    ),
  )
}

function groupsOf(options: BenchOptions, peers: Readonly<Record<string, Peer>>): Group[] {
  const { workload: workloads, figure, growth, sweep } = options
  const profiles = options.url === undefined ? options.profile : [URL_PROFILE]
  // One group: what its size will be is for the budget to say.
  const size = options.url === undefined ? options.size : MiB
  if (figure !== undefined) return figure.flatMap(name => figureGroups(name, peers, options))
  if (options.headline) return headlineGroups(peers, options.peer ?? USUAL_PEERS, size)
  if (growth === 'size') return sizeGroups(profiles[0] as string, peers, size ?? 8 * 1024 * MiB)
  if (growth === 'latency') return latencyGroups(peers, size ?? 64 * MiB)
  if (sweep) return sweepGroups({ profiles, workloads: workloads.slice(0, 1), size }, peers)
  return matrix({ profiles, workloads, peers: options.peer ?? USUAL_PEERS, size }, peers)
}

function announce({ title, size, cells }: Group, { runs }: BenchOptions): void {
  console.log(`\n${title}; ${(size / MiB).toFixed(0)} MiB, medians of ${runs}`)
  for (const name of new Set(cells.map(cell => cell.profile))) {
    const profile = profileOf(name)
    if (profile !== undefined) console.log(`  ${name}: ${profile.title}`)
  }
}

/** Room for the copies of one run, and for the caches of some peers beside them. */
function bytesOfCopies({ cells, size }: Group): number {
  const disks = cells.map(({ workload }) => {
    const { copies = true, disks = copies ? 1 : 0 } = WORKLOADS[workload ?? ''] ?? {}
    return disks
  })
  return 2 * size * Math.max(...disks) + 64 * MiB
}
