// How long a run will take, before it starts: a model of how many requests of which size each kind of
// peer keeps in flight for each client. Within a factor of two on a quiet machine. Pure.

import type { Group, PlannedCell } from './plan.js'
import { type Profile, profileOf } from './profiles.js'

export interface EstimateOptions {
  readonly runs: number
  readonly warmUp: boolean
  /** Seconds, as on the command line. */
  readonly limit: number
  readonly patience: number
  readonly deadline: number | undefined
}

/** Seconds. */
export interface Estimate {
  readonly likely: number
  /** If every cell takes all the time it may. */
  readonly most: number
}

const KiB = 1024
const MiB = 1024 * KiB
/** Starting and stopping a server, comparing a copy. */
const AROUND_SECONDS = 1.5
const WARM_UP_SECONDS = 3
/** What any of this carries on two cores that all share, bytes per second. */
const MACHINE_RATE = 300e6

/** What a client keeps in flight. */
interface Shape {
  readonly requests: number
  readonly bytes: number
}

const NBDCOPY: Shape = { requests: 64, bytes: 256 * KiB }
/** By workload; what is not here reads as nbdcopy does. */
const CLIENTS: Readonly<Record<string, Shape>> = {
  'qemu-img': { requests: 8, bytes: 2 * MiB },
  'qemu-img-m1': { requests: 1, bytes: 2 * MiB },
  'qemu-img-m16W': { requests: 16, bytes: 2 * MiB },
  'own-1': { requests: 1, bytes: 2 * MiB },
  qcow2: { requests: 8, bytes: 2 * MiB },
  'qcow2-compressed': { requests: 8, bytes: 24 * KiB },
  disks: { requests: 16, bytes: 2 * MiB },
}
/** Workloads that take as long as they take, seconds. */
const FIXED: Readonly<Record<string, number>> = {
  'fio-1': 6,
  'fio-16': 6,
  'first-byte': 1,
  '20MBps': 6,
}

/** The time for all groups. */
export function estimate(groups: readonly Group[], options: EstimateOptions): Estimate {
  const { runs, warmUp, limit, patience, deadline = Infinity } = options
  const warming = warmUp ? WARM_UP_SECONDS + AROUND_SECONDS : 0
  let likely = 0
  let most = 0
  for (const { cells, size } of groups) {
    for (const cell of cells) {
      const one = Math.min(limit, secondsOf(cell, size))
      const times = one > patience ? 1 : runs
      likely += warmUp ? Math.min(one, WARM_UP_SECONDS) + AROUND_SECONDS : 0
      likely += times * (one + AROUND_SECONDS)
      most += warming + Math.max(limit, runs * patience) + runs * AROUND_SECONDS
    }
  }
  return { likely: Math.min(likely, deadline), most: Math.min(most, deadline + limit) }
}

/** `40 s`, `12 min` or `3.5 h`. */
export function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

/** One run. */
function secondsOf({ profile: name, peer, workload = '' }: PlannedCell, size: number): number {
  const fixed = FIXED[workload]
  if (fixed !== undefined) return fixed
  const bytes = size * (workload === 'disks' ? 4 : 1)
  return bytes / rateOf(profileOf(name), inFlightOf(peer, CLIENTS[workload] ?? NBDCOPY))
}

function inFlightOf(peer: string, client: Shape): Shape {
  if (peer === 'curl') return { requests: 1, bytes: 64 * MiB }
  if (peer === 'aria2c') return { requests: 16, bytes: 16 * MiB }
  if (peer === 'ours-off') return { ...client, requests: Math.min(16, client.requests) }
  if (peer.startsWith('ours')) return { requests: 16, bytes: 4 * MiB }
  // Debian's nbdkit has one request in flight; with a cache it asks for 64 KiB.
  if (peer === 'nbdkit-v2v' || peer === 'nbdkit-cache') return { requests: 1, bytes: 64 * KiB }
  if (peer.startsWith('nbdkit')) return { requests: 1, bytes: client.bytes }
  return { ...client, requests: Math.min(8, client.requests) }
}

function rateOf(profile: Profile | undefined, { requests, bytes }: Shape): number {
  const { bandwidth = Infinity, totalBandwidth = Infinity, ...server } = profile?.server ?? {}
  const delay = ((server.latencyMs ?? 0) + (server.thinkTimeMs ?? 0)) / 1000
  const late = ((server.tail?.share ?? 0) * (server.tail?.ms ?? 0)) / 1000
  const redirected = server.redirect?.all === true ? 2 : 1
  const each = redirected * delay + late + bytes / Math.min(bandwidth, MACHINE_RATE)
  const parallel = Math.min(requests, server.concurrency?.max ?? requests)
  return Math.min((parallel * bytes) / each, totalBandwidth, MACHINE_RATE)
}
