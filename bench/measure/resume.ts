// Taking up a run that was broken off: which cells its file has already, and which are left. Pure.

import type { Group, PlannedCell } from '../cases/plan.js'
import { DOWNLOAD } from './lookup.js'
import type { CellResult, Results } from './result.js'

/** One cell's name, the same for what is planned and what was measured. */
function nameOf(cell: PlannedCell | CellResult, size: number): string {
  return `${cell.profile}/${cell.workload ?? DOWNLOAD}/${cell.peer}/${size}`
}

/** The groups without what was measured, or has failed. What was skipped is tried again. */
export function leftOf(groups: readonly Group[], earlier: readonly CellResult[]): Group[] {
  const done = new Set(
    earlier
      .filter(({ runs, failures }) => runs.length > 0 || failures.length > 0)
      .map(cell => nameOf(cell, cell.size)),
  )
  return groups
    .map(group => ({
      ...group,
      cells: group.cells.filter(cell => !done.has(nameOf(cell, group.size))),
    }))
    .filter(group => group.cells.length > 0)
}

/** Both, each cell once: as it is in `later`. */
export function merged(earlier: readonly CellResult[], later: readonly CellResult[]): CellResult[] {
  const names = new Set(later.map(cell => nameOf(cell, cell.size)))
  return [...earlier.filter(cell => !names.has(nameOf(cell, cell.size))), ...later]
}

/** The cells of a group among results. */
export function cellsOf(group: Group, cells: readonly CellResult[]): CellResult[] {
  const names = new Set(group.cells.map(cell => nameOf(cell, group.size)))
  return cells.filter(cell => names.has(nameOf(cell, cell.size)))
}

/** @throws Error if what the file has was measured elsewhere, or otherwise: it does not compare */
export function mustContinue(earlier: Results, now: Results['about']): void {
  for (const what of ['machine', 'node'] as const) {
    if (earlier.about[what] !== now[what]) {
      throw new Error(
        `Cannot resume: it was measured with another ${what}, ${earlier.about[what]}, not ${now[what]}`,
      )
    }
  }
}
