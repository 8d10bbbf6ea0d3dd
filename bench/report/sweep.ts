// What a sweep says: per flag the value that was fastest, and whether that is more than noise. Pure.

import { OURS } from '../cases/peers.js'
import { sweptFlag } from '../cases/presets.js'
import type { CellResult } from '../measure/result.js'
import { judge } from '../measure/statistics.js'
import { isMeasured, round, speedOf } from './table.js'

/** The fastest of a sweep, our defaults among them: its flag, none if those are. */
export function bestOfSweep(
  cells: readonly CellResult[],
): { readonly flags: readonly string[]; readonly cell: CellResult } | undefined {
  const measured = cells.filter(
    cell => isMeasured(cell) && (cell.peer === OURS || sweptFlag(cell.peer) !== undefined),
  )
  if (measured.length === 0) return undefined
  const cell = measured.reduce((a, b) => (speedOf(b) > speedOf(a) ? b : a))
  const swept = sweptFlag(cell.peer)
  return { cell, flags: swept === undefined ? [] : [swept.flag, swept.value] }
}

/** One line a flag; none for cells that are no sweep. */
export function bestFlags(cells: readonly CellResult[]): string[] {
  const usual = cells.find(cell => cell.peer === OURS && isMeasured(cell))
  if (usual === undefined) return []
  const flags = new Map<string, { value: string; cell: CellResult }[]>()
  for (const cell of cells) {
    const swept = sweptFlag(cell.peer)
    if (swept === undefined || !isMeasured(cell)) continue
    flags.set(swept.flag, [...(flags.get(swept.flag) ?? []), { value: swept.value, cell }])
  }
  return [...flags].map(([flag, tried]) => {
    const best = tried.reduce((a, b) => (speedOf(b.cell) > speedOf(a.cell) ? b : a))
    const gain = speedOf(best.cell) / speedOf(usual)
    const verdict = judge(
      usual.runs.map(run => run.seconds),
      best.cell.runs.map(run => run.seconds),
    )
    const words = verdict === 'certain' || verdict === 'likely' ? verdict : `${verdict}: leave it`
    return `${flag}: best ${best.value}, ${round(gain)} × our defaults (${words})`
  })
}
