// Runs the cells of a group: a warm-up, then so many rounds, in each of which every cell has its
// turn, so that whatever else the machine does hits all of them alike. A cell that fails or hangs
// says so and has one more chance; wrong bytes and one that took all its time have none.

import type { Peer } from '../cases/peer.js'
import type { Group, PlannedCell } from '../cases/plan.js'
import { profileOf } from '../cases/profiles.js'
import { type Workload, WrongBytes } from '../cases/workload.js'
import { WORKLOADS } from '../cases/workloads.js'
import { isInstalled, PACKAGES } from '../programs.js'
import { type Cell, formatOf, measure } from './cell.js'
import type { Content, ImageKind, Images } from './images.js'
import { DOWNLOAD } from './lookup.js'
import { type Origin, startOrigin } from './origin.js'
import { OutOfTime } from './out-of-time.js'
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
  readonly images: Images
  /** An origin that is up, in place of one for each profile; stays up. */
  readonly source?: Source | undefined
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
  readonly peer: Peer
  readonly workload: Workload | undefined
  /** Undefined if it can't be run. */
  readonly cell?: Cell
  readonly runs: Run[]
  timeline?: TimelinePoint[]
  readonly failures: string[]
  /** It will not be run again, for a reason that is no failure. */
  enough?: boolean
  skipped?: string
}

/** Where the cells of a profile get an image from. */
type Sources = (profile: string, kind: ImageKind) => Promise<Source>

interface Source {
  readonly origin: Origin
  readonly content: Content
}

/** Measures a group. Failures are in the results; it throws only if an origin can't be started. */
export async function runGroup(group: Group, options: RunnerOptions): Promise<CellResult[]> {
  const { source, images, directory } = options
  if (source !== undefined) return await runCells(group, () => Promise.resolve(source), options)
  const started = new Map<string, Source>()
  const sources: Sources = async (profile, kind) => {
    const name = `${profile}-${kind}`
    const known = started.get(name)
    if (known !== undefined) return known
    const shape = profileOf(profile)
    if (shape === undefined) throw new Error(`Cannot measure on '${profile}': no such profile`)
    const content = images.get(kind, group.size)
    const origin = await startOrigin(name, shape, content.served, directory)
    const fresh = { origin, content }
    started.set(name, fresh)
    return fresh
  }
  try {
    return await runCells(group, sources, options)
  } finally {
    await Promise.all([...started.values()].map(({ origin }) => origin[Symbol.asyncDispose]()))
  }
}

async function prepare(
  planned: PlannedCell,
  sources: Sources,
  options: RunnerOptions,
): Promise<Running> {
  const { profile } = planned
  const peer = options.peers[planned.peer] as Peer
  const workload = planned.workload === undefined ? undefined : WORKLOADS[planned.workload]
  const running = { planned, peer, workload, runs: [], failures: [] }
  const missing = missingFor(peer, workload)
  if (missing.length > 0) return { ...running, skipped: whatIsMissing(missing) }
  const kind = workload?.image ?? 'raw'
  let source: Source
  try {
    source = await sources(profile, kind)
  } catch (error) {
    // A raw image needs nobody's program: without it nothing can be measured.
    if (kind === 'raw') throw error
    return { ...running, skipped: (error as Error).message }
  }
  const { directory } = options
  return { ...running, cell: { profile, peer, workload, directory, ...source } }
}

async function runCells(
  group: Group,
  sources: Sources,
  options: RunnerOptions,
): Promise<CellResult[]> {
  const cells: Running[] = []
  for (const planned of group.cells) cells.push(await prepare(planned, sources, options))
  const rounds = options.rounds + (options.warmUp ? 1 : 0)
  const total = rounds * cells.filter(cell => cell.skipped === undefined).length
  let done = 0
  for (let round = 0; round < rounds; round++) {
    const isWarmUp = options.warmUp && round === 0
    // There and back, so that no cell always runs behind the same neighbour; the first measured
    // round there, so that ours has been run if time is short.
    const there = round % 2 === (options.warmUp ? 1 : 0)
    for (const running of there ? cells : cells.toReversed()) {
      if (running.skipped !== undefined || running.cell === undefined) continue
      const what = `${running.planned.profile}, ${running.workload?.label ?? DOWNLOAD}, ${running.peer.label}`
      options.progress({ done: done++, total, what: isWarmUp ? `warm-up: ${what}` : what })
      if (running.enough === true) continue
      if (performance.now() > options.deadline) {
        if (running.runs.length === 0 && !isWarmUp) running.skipped = 'no time was left'
        continue
      }
      await runOnce(running, running.cell, isWarmUp, options)
    }
  }
  options.progress({ done: total, total, what: '' })
  return cells.map(one => toResult(one, group.size))
}

async function runOnce(
  running: Running,
  cell: Cell,
  isWarmUp: boolean,
  options: RunnerOptions,
): Promise<void> {
  try {
    const limit = isWarmUp ? Math.min(WARM_UP_MS, options.limitMs) : options.limitMs
    const { run, timeline } = await measure(cell, limit)
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
    if (isWrong || error instanceof OutOfTime || running.failures.length > MOST_FAILURES) {
      running.enough = true
    }
  }
}

/** Programs that are not installed. */
function missingFor(peer: Peer, workload: Workload | undefined): string[] {
  const needs = new Set([...peer.needs, ...(workload?.needs ?? [])])
  return [...needs].filter(need => !isInstalled(need))
}

function whatIsMissing(programs: readonly string[]): string {
  const packages = programs.map(name => PACKAGES[name] ?? name)
  return `${programs.join(', ')} not installed (Debian: apt-get install ${packages.join(' ')})`
}

function toResult(
  { planned, peer, workload, cell, ...running }: Running,
  size: number,
): CellResult {
  const fileBytes = cell?.content.image.size ?? size
  return {
    profile: planned.profile,
    workload: planned.workload ?? DOWNLOAD,
    peer: planned.peer,
    labels: { peer: peer.label, workload: workloadLabel(workload) },
    size,
    ...(fileBytes === size ? {} : { fileBytes }),
    commands: commandsOf(peer, workload),
    runs: running.runs,
    failures: running.failures,
    skipped: running.skipped,
    timeline: running.timeline,
  }
}

function commandsOf(peer: Peer, workload: Workload | undefined): string[] {
  const own = peer.command('URL', formatOf(workload))
  if (workload === undefined) return [own]
  if (peer.kind === 'driver') return [workload.command(own)]
  return [own, workload.command(peer.kind === 'download' ? 'DOWNLOADED' : 'URI')]
}

function workloadLabel(workload: Workload | undefined): string {
  return workload?.label ?? 'itself'
}
