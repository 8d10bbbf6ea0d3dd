// Judges the statements of a figure by the cells that were measured for it. Pure.

import { type Claim, FIGURES } from '../cases/figures.js'
import { CellLookup } from '../measure/lookup.js'
import type { CellResult, ClaimResult } from '../measure/result.js'

/** What a figure's cells say about its claims. */
export function judgeFigure(name: string, cells: readonly CellResult[]): ClaimResult[] {
  const lookup = new CellLookup(cells)
  return (FIGURES[name]?.claims ?? []).map(claim => {
    const value = claim.value(lookup)
    return {
      figure: name,
      what: claim.what,
      value,
      bound: boundOf(claim),
      holds: value === undefined ? undefined : isWithin(value, claim),
    }
  })
}

/** `≥ 0.9, aim 1`. */
export function boundOf({ atLeast, atMost, aim }: Claim): string {
  return [
    ...(atLeast === undefined ? [] : [`≥ ${atLeast}`]),
    ...(atMost === undefined ? [] : [`≤ ${atMost}`]),
    ...(aim === undefined ? [] : [`aim ${aim}`]),
  ].join(', ')
}

function isWithin(value: number, { atLeast = -Infinity, atMost = Infinity }: Claim): boolean {
  return value >= atLeast && value <= atMost
}
