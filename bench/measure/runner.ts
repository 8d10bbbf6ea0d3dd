// Runs the cells of a group: a warm-up, then so many rounds, in each of which every cell has its
// turn, so that whatever else the machine does hits all of them alike. A cell that fails or hangs
// says so and has one more chance; wrong bytes have none.

import type { Peer } from '../cases/peer.js'
import type { Group, PlannedCell } from '../cases/plan.js'
import { profileOf } from '../cases/profiles.js'
import { type Workload, WrongBytes } from '../cases/workload.js'
import { WORKLOADS } from '../cases/workloads.js'
import { digestOfImage } from '../digest.js'
import { isInstalled, PACKAGES } from '../programs.js'
import { GeneratedImage, type Image } from '../slow-server/image.js'
import { type Cell, measure } from './cell.js'
import { DOWNLOAD } from './lookup.js'
import { type Origin, startOrigin } from './origin.js'
import type { CellResult, Run, TimelinePoint } from './result.js'

export interface RunnerOptions {
  readonly peers: Readonly<Record<string, Peer>>
  /** Measured rounds. */
  readonly rounds: number
  readonly warmUp: boolean
  /** Longest time of one run. */
  readonly limitMs: number
  /** A cell whose first run takes longer is not repeated. */
  readonly patienceMs: number
  /** No run is started after this time of `performance.now()`. */
  readonly deadline: number
  readonly directory: string
  /** An origin that is up, in place of one for each profile; stays up. */
  readonly source?: { readonly origin: Origin; readonly image: Image } | undefined
  /** Called before each run and at the end of each. */
  readonly progress: (event: Progress) => void
}

export interface Progress {
  readonly done: number
  readonly total: number
  readonly what: string
}

/** A warm-up need not be complete: pages, certificates and compilers are warm well before. */
const WARM_UP_MS = 3000
/** Runs of a cell that may fail before it is left out. */
const MOST_FAILURES = 1

interface Running {
  readonly planned: PlannedCell
  readonly cell: Cell
  readonly runs: Run[]
  timeline?: TimelinePoint[]
  readonly failures: string[]
  /** It will not be run again, for a reason that is no failure. */
  enough?: boolean
  skipped?: string
}

/** Measures a group. Failures are in the results; it throws only if an origin can't be started. */
export async function runGroup(group: Group, options: RunnerOptions): Promise<CellResult[]> {
  if (options.source !== undefined) {
    const { origin, image } = options.source
    const origins = new Map(group.cells.map(cell => [cell.profile, origin]))
    return await runCells(group, origins, image, options)
  }
  const origins = new Map<string, Origin>()
  try {
    for (const name of new Set(group.cells.map(cell => cell.profile))) {
      const profile = profileOf(name)
      if (profile === undefined) throw new Error(`Cannot measure on '${name}': no such profile`)
      origins.set(name, await startOrigin(name, profile, group.size, options.directory))
    }
    return await runCells(group, origins, new GeneratedImage({ size: group.size }), options)
  } finally {
    await Promise.all([...origins.values()].map(origin => origin[Symbol.asyncDispose]()))
  }
}

async function runCells(
  group: Group,
  origins: ReadonlyMap<string, Origin>,
  image: Image,
  options: RunnerOptions,
): Promise<CellResult[]> {
  let digest: string | undefined
  const cells = group.cells.map((planned): Running => {
    const peer = options.peers[planned.peer] as Peer
    const workload = planned.workload === undefined ? undefined : WORKLOADS[planned.workload]
    const missing = [...peer.needs, ...(workload?.needs ?? [])].filter(need => !isInstalled(need))
    const cell = {
      profile: planned.profile,
      peer,
      workload,
      origin: origins.get(planned.profile) as Origin,
      image,
      digest: () => (digest ??= digestOfImage(image)),
      directory: options.directory,
    }
    return missing.length === 0
      ? { planned, cell, runs: [], failures: [] }
      : { planned, cell, runs: [], failures: [], skipped: whatIsMissing(missing) }
  })
  const rounds = options.rounds + (options.warmUp ? 1 : 0)
  const total = rounds * cells.filter(cell => cell.skipped === undefined).length
  let done = 0
  for (let round = 0; round < rounds; round++) {
    const isWarmUp = options.warmUp && round === 0
    // There and back, so that no cell always runs behind the same neighbour; the first measured
    // round there, so that ours has been run if time is short.
    const there = round % 2 === (options.warmUp ? 1 : 0)
    for (const running of there ? cells : cells.toReversed()) {
      if (running.skipped !== undefined) continue
      const what = `${running.planned.profile}, ${running.cell.workload?.label ?? DOWNLOAD}, ${running.cell.peer.label}`
      options.progress({ done: done++, total, what: isWarmUp ? `warm-up: ${what}` : what })
      if (running.enough === true) continue
      if (performance.now() > options.deadline) {
        if (running.runs.length === 0 && !isWarmUp) running.skipped = 'no time was left'
        continue
      }
      await runOnce(running, isWarmUp, options)
    }
  }
  options.progress({ done: total, total, what: '' })
  return cells.map(one => toResult(one, group.size))
}

async function runOnce(running: Running, isWarmUp: boolean, options: RunnerOptions): Promise<void> {
  try {
    const limit = isWarmUp ? Math.min(WARM_UP_MS, options.limitMs) : options.limitMs
    const { run, timeline } = await measure(running.cell, limit)
    if (isWarmUp) return
    running.runs.push(run)
    running.timeline = timeline
    if (run.seconds * 1000 > options.patienceMs) running.enough = true
  } catch (error) {
    // What is wrong shows again in the first round, with all the time it wants.
    if (isWarmUp) return
    const isWrong = error instanceof WrongBytes
    running.failures.push(error instanceof Error ? error.message : String(error))
    // Speed with wrong bytes is none.
    if (isWrong) running.runs.length = 0
    if (isWrong || running.failures.length > MOST_FAILURES) running.enough = true
  }
}

function whatIsMissing(programs: readonly string[]): string {
  const packages = programs.map(name => PACKAGES[name] ?? name)
  return `${programs.join(', ')} not installed (Debian: apt-get install ${packages.join(' ')})`
}

function toResult({ planned, cell, ...running }: Running, size: number): CellResult {
  const { peer, workload } = cell
  return {
    profile: planned.profile,
    workload: planned.workload ?? DOWNLOAD,
    peer: planned.peer,
    labels: { peer: peer.label, workload: workloadLabel(workload) },
    size,
    commands: [
      peer.command('URL'),
      ...(workload === undefined || peer.kind === 'driver' ? [] : [workload.command('URI')]),
    ],
    runs: running.runs,
    failures: running.failures,
    skipped: running.skipped,
    timeline: running.timeline,
  }
}

function workloadLabel(workload: Workload | undefined): string {
  return workload?.label ?? 'itself'
}
