// Whole runs by one word: a quick look, everything, a sweep over our own flags, and how time grows
// with the image and with latency. Data, and the groups they come to.

import { ours } from './ours.js'
import type { Peer } from './peer.js'
import { OURS, OURS_OFF, PEER_NAMES, USUAL_PEERS } from './peers.js'
import { type Group, matrix } from './plan.js'
import { latencyProfile, PROFILES } from './profiles.js'
import { WORKLOADS } from './workloads.js'

type Peers = Readonly<Record<string, Peer>>

const MiB = 1024 * 1024
const GiB = 1024 * MiB

/** What `--quick` sets; it ends within three minutes on two cores. */
export const QUICK = {
  profile: ['vcenter', 'lan'],
  workload: ['own-1', 'qemu-img', 'first-byte'],
  peer: USUAL_PEERS,
  size: 32 * MiB,
  runs: 3,
  limit: 10,
  patience: 4,
  deadline: 140,
} as const

/** What `--full` sets: every combination there is, a minute for a slow peer's cell, twelve hours for all. */
export const FULL = {
  profile: Object.keys(PROFILES),
  workload: Object.keys(WORKLOADS),
  peer: PEER_NAMES,
  limit: 60,
  patience: 10,
  deadline: 12 * 3600,
} as const

/** What the README shows: copies of these sizes on one profile. */
export const HEADLINE = {
  profile: 'vcenter',
  columns: [
    { workload: 'qemu-img', size: 256 * MiB },
    // nbdkit takes half a minute for 64 MiB already.
    { workload: 'nbdcopy', size: 64 * MiB },
  ],
} as const

const SWEPT_CONNECTIONS = [2, 4, 8, 16, 32, 64]
/** The most connections that a sweep tries. */
export const MOST_CONNECTIONS = Math.max(...SWEPT_CONNECTIONS)

/** Flag values that a sweep tries, one flag at a time; our defaults are measured beside them. */
const SWEEP: Readonly<Record<string, readonly (number | string)[]>> = {
  '--workers': [1, 2, 4],
  '--connections': SWEPT_CONNECTIONS,
  '--pipelining': [1, 2, 4],
  '--ring-size': ['64M', '128M', '256M', '512M'],
  '--max-request': ['1M', '4M', '8M', '16M', '32M'],
}

/** Ourselves with each of the sweep's values, by name; `flags` are added to all. */
export function sweepPeers(flags: readonly string[]): Peers {
  return Object.fromEntries(
    Object.entries(SWEEP).flatMap(([flag, values]) =>
      values.map(value => [
        `${OURS}-${flag}=${value}`,
        ours(`${flag} ${value}`, [...flags, flag, `${value}`]),
      ]),
    ),
  )
}

/** A flag and value of `sweepPeers()` from a peer's name; undefined for other peers. */
export function sweptFlag(peer: string): { flag: string; value: string } | undefined {
  const [, flag, value] = /^ours-(--[a-z-]+)=(.+)$/.exec(peer) ?? []
  return flag === undefined || value === undefined ? undefined : { flag, value }
}

/** A sweep on each profile. */
export function sweepGroups(
  wish: {
    readonly profiles: readonly string[]
    readonly workloads: readonly string[]
    readonly size: number | undefined
  },
  peers: Peers,
): Group[] {
  const swept = [OURS, ...Object.keys(sweepPeers([]))]
  return matrix({ ...wish, peers: swept }, peers).map(group => ({
    ...group,
    title: `sweep on ${group.title}`,
  }))
}

const SIZES = [64 * MiB, 256 * MiB, GiB, 2 * GiB, 4 * GiB, 8 * GiB]
const LATENCIES_MS = [1, 5, 20, 50, 100, 200, 400]

/** Copies of ever larger images to nowhere, on one profile: memory and disk do not get in the way. */
export function sizeGroups(profile: string, peers: Peers, largest: number): Group[] {
  return SIZES.filter(size => size <= largest).flatMap(size =>
    matrix(
      { profiles: [profile], workloads: ['nbdcopy-null'], peers: [OURS, OURS_OFF, 'nbdkit'], size },
      peers,
    ).map(group => ({ ...group, title: `growth with size on ${profile}` })),
  )
}

/** Copies of one image over ever longer ways. */
export function latencyGroups(peers: Peers, size: number): Group[] {
  return LATENCIES_MS.flatMap(ms =>
    matrix(
      {
        profiles: [latencyProfile(ms)],
        workloads: ['qemu-img'],
        peers: [OURS, OURS_OFF, 'nbdkit', 'qemu-curl', 'aria2c'],
        size,
      },
      peers,
    ).map(group => ({ ...group, title: 'growth with latency' })),
  )
}
