// Finds cells of a run by name and gives the medians that statements are made of. Pure.

import { limitOf, profileOf } from '../cases/profiles.js'
import type { CellResult, Run } from './result.js'
import { median } from './statistics.js'

/** Which cell. What is left out may be anything, but the workload: without one it is a download. */
export interface CellName {
  readonly peer: string
  readonly workload?: string | undefined
  readonly profile?: string | undefined
}

/** The workload of downloads. */
export const DOWNLOAD = 'download'

const GiB = 1024 ** 3

/** All values are medians over a cell's runs; undefined if it has none. */
export class CellLookup {
  readonly #cells: readonly CellResult[]

  constructor(cells: readonly CellResult[]) {
    this.#cells = cells
  }

  /** The first that fits and has runs. */
  find({ peer, workload = DOWNLOAD, profile }: CellName): CellResult | undefined {
    return this.#cells.find(
      cell =>
        cell.peer === peer &&
        cell.workload === workload &&
        (profile === undefined || cell.profile === profile) &&
        cell.runs.length > 0,
    )
  }

  /** Bytes per second. */
  speed(name: CellName): number | undefined {
    return this.#median(name, run => run.bytes / run.seconds)
  }

  amplification(name: CellName): number | undefined {
    return this.#median(name, amplificationOf)
  }

  extra(what: string, name: CellName): number | undefined {
    return this.#median(name, run => run.extra[what])
  }

  serverSecondsPerGiB(name: CellName): number | undefined {
    return this.#median(name, serverSecondsPerGiB)
  }

  peakConcurrency(name: CellName): number | undefined {
    return this.#median(name, run => run.origin?.peakConcurrency)
  }

  /** Mean number of requests at the origin in the second half of the last run, when a start is long over. */
  steadyConcurrency(name: CellName): number | undefined {
    const points = this.find(name)?.timeline ?? []
    const later = points.slice(Math.floor(points.length / 2))
    if (later.length === 0) return undefined
    return later.reduce((sum, { concurrency }) => sum + concurrency, 0) / later.length
  }

  serverPeakBytes(name: CellName): number | undefined {
    return this.#median(name, run => run.server?.peakBytes)
  }

  /** Share of requests that were answered with a status. */
  statusShare(status: number, name: CellName): number | undefined {
    return this.#median(name, ({ origin }) =>
      origin === undefined ? undefined : (origin.statuses[status] ?? 0) / origin.requests,
    )
  }

  /** Speed over what the profile allows to anybody. */
  limitShare(name: CellName): number | undefined {
    const cell = this.find(name)
    const profile = profileOf(cell?.profile ?? '')
    const speed = this.speed(name)
    if (cell === undefined || profile === undefined || speed === undefined) return undefined
    const limit = limitOf(profile, medianOf(cell.runs, run => run.bytes) ?? cell.size)
    return limit === undefined ? undefined : speed / limit
  }

  #median(name: CellName, of: (run: Run) => number | undefined): number | undefined {
    return medianOf(this.find(name)?.runs ?? [], of)
  }
}

/** The median of what the runs have of it; undefined if none has. */
export function medianOf(
  runs: readonly Run[],
  of: (run: Run) => number | undefined,
): number | undefined {
  const values = runs.map(of).filter(value => value !== undefined)
  return values.length === 0 ? undefined : median(values)
}

/** Bytes the origin sent over bytes the client received. */
export function amplificationOf({ origin, bytes }: Run): number | undefined {
  return origin === undefined ? undefined : origin.bytes / bytes
}

export function serverSecondsPerGiB({ server, bytes }: Run): number | undefined {
  return server?.cpuSeconds === undefined ? undefined : (server.cpuSeconds / bytes) * GiB
}
