// From the command line to groups of cells: what is measured, with what, and how much room it takes.

import type { Peer } from './cases/peer.js'
import { USUAL_PEERS } from './cases/peers.js'
import { apart, figureGroups, type Group, matrix } from './cases/plan.js'
import { HEADLINE, latencyGroups, sizeGroups, sweepGroups } from './cases/presets.js'
import { targetsOf } from './cases/workload.js'
import { WORKLOADS } from './cases/workloads.js'
import { URL_PROFILE } from './measure/url-source.js'
import type { BenchOptions } from './options.js'
import { isInstalled, PACKAGES } from './programs.js'

const MiB = 1024 * 1024

type Peers = Readonly<Record<string, Peer>>

/** What was asked for. For a URL one group, whose size is for its budget to say. */
export function groupsOf(options: BenchOptions, peers: Peers): Group[] {
  const { workload: workloads, figure, growth, sweep } = options
  const profiles = options.url === undefined ? options.profile : [URL_PROFILE]
  const size = options.url === undefined ? options.size : MiB
  if (figure !== undefined) return figure.flatMap(name => figureGroups(name, peers, options))
  if (options.headline) return headlineGroups(peers, options.peer ?? USUAL_PEERS, size)
  if (growth === 'size') return sizeGroups(profiles[0] as string, peers, size ?? 8 * 1024 * MiB)
  if (growth === 'latency') return latencyGroups(peers, size ?? 64 * MiB)
  if (sweep) return sweepGroups({ profiles, workloads: workloads.slice(0, 1), size }, peers)
  const groups = matrix({ profiles, workloads, peers: options.peer ?? USUAL_PEERS, size }, peers)
  return options.apart ? groups.flatMap(apart) : groups
}

function headlineGroups(peers: Peers, names: readonly string[], size: number | undefined): Group[] {
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

/** Room for the copies of one run, for the caches of some peers, and for images that are files. */
export function roomFor({ cells, size }: Group): number {
  const targets = cells.map(({ workload }) => targetsOf(WORKLOADS[workload ?? '']))
  const images = new Set(cells.map(({ workload }) => WORKLOADS[workload ?? '']?.image ?? 'raw'))
  return 2 * size * Math.max(...targets) + size * images.size + 64 * MiB
}

/** How to get the programs that were asked for and are not there; undefined if all are. */
export function installLine(groups: readonly Group[], peers: Peers): string | undefined {
  const needs = groups.flatMap(({ cells }) =>
    cells.flatMap(({ peer, workload }) => [
      ...(peers[peer]?.needs ?? []),
      ...(WORKLOADS[workload ?? '']?.needs ?? []),
    ]),
  )
  const missing = [...new Set(needs)].filter(need => !isInstalled(need))
  if (missing.length === 0) return undefined
  const packages = [...new Set(missing.map(name => PACKAGES[name] ?? name))]
  return `Not installed: ${missing.join(', ')}. For the whole table (Debian): apt-get install ${packages.join(' ')}`
}
