// From names to what is run: groups of cells that are measured together, interleaved, against
// origins with one image size. Pure.

import { FIGURES, type Figure } from './figures.js'
import type { Peer } from './peer.js'
import { WORKLOADS } from './workloads.js'

/** One cell by its names; without a workload it is a download. */
export interface PlannedCell {
  readonly profile: string
  readonly peer: string
  readonly workload: string | undefined
}

/** Cells measured together. */
export interface Group {
  readonly title: string
  /** Image size, bytes. */
  readonly size: number
  readonly cells: readonly PlannedCell[]
  /** The figure it is for, by name. */
  readonly figure?: string
}

/** Names to combine. */
export interface Wish {
  readonly profiles: readonly string[]
  readonly workloads: readonly string[]
  readonly peers: readonly string[]
  /** Undefined leaves each workload its usual size. */
  readonly size: number | undefined
}

const USUAL_SIZE = 256 * 1024 * 1024

/** Every profile × workload × peer that makes sense: one group a profile and image size. */
export function matrix(wish: Wish, peers: Readonly<Record<string, Peer>>): Group[] {
  return wish.profiles.flatMap(profile =>
    bySize(wish).map(({ size, workloads }) => ({
      title: profile,
      size,
      cells: cellsOf([profile], workloads, wish.peers, peers),
    })),
  )
}

/** A group as one for each of its workloads, for long runs that may be broken off; downloads go with the first. */
export function apart(group: Group): Group[] {
  const names = [...new Set(group.cells.map(cell => cell.workload))].filter(
    name => name !== undefined,
  )
  return names.map((name, i) => ({
    ...group,
    title: `${group.title}, ${WORKLOADS[name]?.label ?? name}`,
    cells: group.cells.filter(
      ({ workload }) => workload === name || (i === 0 && workload === undefined),
    ),
  }))
}

/** The groups of a figure: all of its profiles together, one group an image size. */
export function figureGroups(
  name: string,
  peers: Readonly<Record<string, Peer>>,
  changes: { readonly peers?: readonly string[] | undefined; readonly size?: number | undefined },
): Group[] {
  const figure = FIGURES[name] as Figure
  const wish = { ...figure, size: changes.size ?? figure.size }
  return bySize(wish).map(({ size, workloads }) => ({
    title: `${name}: ${figure.title}`,
    size,
    figure: name,
    cells: cellsOf(figure.profiles, workloads, changes.peers ?? figure.peers, peers),
  }))
}

function bySize({
  workloads,
  size: wished,
}: Pick<Wish, 'workloads' | 'size'>): { size: number; workloads: readonly string[] }[] {
  const groups = new Map<number, string[]>()
  for (const name of workloads) {
    const size = wished ?? WORKLOADS[name]?.usualSize ?? USUAL_SIZE
    groups.set(size, [...(groups.get(size) ?? []), name])
  }
  return [...groups].map(([size, names]) => ({ size, workloads: names }))
}

function cellsOf(
  profiles: readonly string[],
  workloads: readonly string[],
  names: readonly string[],
  peers: Readonly<Record<string, Peer>>,
): PlannedCell[] {
  return profiles.flatMap(profile => [
    ...workloads.flatMap(workload =>
      names.flatMap(peer => {
        const { kind } = peers[peer] as Peer
        return WORKLOADS[workload]?.with.includes(kind) ? [{ profile, workload, peer }] : []
      }),
    ),
    // A download is the same whatever client is measured beside it.
    ...names.flatMap(peer =>
      peers[peer]?.kind === 'download' && workloads.some(name => WORKLOADS[name]?.copies === true)
        ? [{ profile, workload: undefined, peer }]
        : [],
    ),
  ])
}
