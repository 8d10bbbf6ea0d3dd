// The statements this project makes about its speed, as data: what has to be run for each, and the
// bounds it must keep. `npm run bench -- --figure NAME` measures one and says whether it holds.

import type { CellLookup } from '../measure/lookup.js'
import { OURS, OURS_OFF } from './peers.js'

/** One statement. */
export interface Claim {
  readonly what: string
  /** The figure; undefined if a cell it needs has none. */
  readonly value: Value
  readonly atLeast?: number
  readonly atMost?: number
  /** To be reached in the end; shown, not judged. */
  readonly aim?: number
}

/** What is run together, interleaved, and what is said about it. */
export interface Figure {
  readonly title: string
  readonly profiles: readonly string[]
  readonly workloads: readonly string[]
  readonly peers: readonly string[]
  /** Bytes; else the workload's usual one. */
  readonly size?: number
  readonly claims: readonly Claim[]
}

const MiB = 1024 * 1024

type Value = (cells: CellLookup) => number | undefined

const speed =
  (peer: string, workload?: string, profile?: string): Value =>
  cells =>
    cells.speed({ peer, workload, profile })
const amplification =
  (workload: string, profile?: string): Value =>
  cells =>
    cells.amplification({ peer: OURS, workload, profile })
const extra =
  (name: string, workload: string, peer: string = OURS): Value =>
  cells =>
    cells.extra(name, { peer, workload })
const serverSecondsPerGiB =
  (peer: string, workload: string): Value =>
  cells =>
    cells.serverSecondsPerGiB({ peer, workload })

/** a / b of the same run. */
function ratio(a: Value, b: Value): Value {
  return cells => {
    const [above, below] = [a(cells), b(cells)]
    return above === undefined || below === undefined ? undefined : above / below
  }
}

/** How our speed under `workload` compares with a peer's (a download has none). */
function against(peer: string, workload: string, atLeast: number, aim?: number): Claim {
  const theirs = peer === 'aria2c' || peer === 'curl' ? speed(peer) : speed(peer, workload)
  return {
    what: `speed under ${workload}, × ${peer}`,
    value: ratio(speed(OURS, workload), theirs),
    atLeast,
    ...(aim === undefined ? {} : { aim }),
  }
}

function wasteless(workload: string, profile?: string): Claim {
  return {
    what: `bytes fetched / served under ${workload}`,
    value: amplification(workload, profile),
    atMost: 1.02,
  }
}

/** Loopback over http or https against nbdkit's curl plugin. */
function loopback(profile: string, least: number): Figure {
  const claims = (workload: string): Claim[] => [
    against('nbdkit', workload, least, 1),
    {
      what: `server CPU seconds per GiB under ${workload}, × nbdkit`,
      value: ratio(serverSecondsPerGiB(OURS, workload), serverSecondsPerGiB('nbdkit', workload)),
      atMost: 3,
    },
  ]
  return {
    title: `nothing shaped (${profile}): the processor is the limit`,
    profiles: [profile],
    workloads: ['qemu-img', 'nbdcopy-null'],
    peers: [OURS, 'nbdkit'],
    size: 512 * MiB,
    claims: [...claims('qemu-img'), ...claims('nbdcopy-null')],
  }
}

export const FIGURES: Readonly<Record<string, Figure>> = {
  'vcenter-convert': {
    title: '256 MiB raw from a vCenter by qemu-img convert',
    profiles: ['vcenter'],
    workloads: ['qemu-img'],
    peers: [OURS, OURS_OFF, 'nbdkit', 'qemu-curl', 'aria2c', 'curl'],
    claims: [
      against('aria2c', 'qemu-img', 0.9, 1),
      against('nbdkit', 'qemu-img', 20),
      against('qemu-curl', 'qemu-img', 3),
      wasteless('qemu-img'),
    ],
  },
  'vcenter-nbdcopy': {
    title: 'the same by nbdcopy; nbdkit takes minutes and is measured once',
    profiles: ['vcenter'],
    workloads: ['nbdcopy', 'qemu-img'],
    peers: [OURS, 'nbdkit', 'aria2c'],
    claims: [
      {
        what: 'speed under nbdcopy, × our own under qemu-img',
        value: ratio(speed(OURS, 'nbdcopy'), speed(OURS, 'qemu-img')),
        atLeast: 0.95,
      },
      against('nbdkit', 'nbdcopy', 60),
      against('aria2c', 'nbdcopy', 0.9, 1),
      wasteless('nbdcopy'),
    ],
  },
  wan: {
    title: '256 MiB raw from far away',
    profiles: ['wan'],
    workloads: ['qemu-img'],
    peers: [OURS, 'qemu-curl', 'aria2c'],
    claims: [
      against('aria2c', 'qemu-img', 0.9),
      against('qemu-curl', 'qemu-img', 1),
      wasteless('qemu-img'),
    ],
  },
  lan: {
    title: '256 MiB raw from near by',
    profiles: ['lan'],
    workloads: ['qemu-img'],
    peers: [OURS, 'nbdkit', 'qemu-curl', 'aria2c'],
    claims: [
      against('aria2c', 'qemu-img', 1),
      against('qemu-curl', 'qemu-img', 2),
      wasteless('qemu-img'),
    ],
  },
  random: {
    title: 'random 4 KiB reads at 20 ms by fio',
    profiles: ['lan'],
    workloads: ['fio-1', 'fio-16'],
    peers: [OURS, 'nbdkit', 'qemu-nbd'],
    claims: [
      {
        what: 'median latency at depth 1, × the 20 ms to the first byte',
        value: cells => divide(extra('p50Ms', 'fio-1')(cells), 20),
        atMost: 1.1,
      },
      {
        what: "median latency at depth 1, × nbdkit's",
        value: ratio(extra('p50Ms', 'fio-1'), extra('p50Ms', 'fio-1', 'nbdkit')),
        atMost: 1.1,
      },
      {
        what: 'rate at depth 16, × depth 1',
        value: ratio(extra('rate', 'fio-16'), extra('rate', 'fio-1')),
        atLeast: 14,
      },
      { what: 'bytes fetched / served at depth 1', value: amplification('fio-1'), atMost: 16 },
      { what: 'bytes fetched / served at depth 16', value: amplification('fio-16'), atMost: 16 },
    ],
  },
  serial: {
    title: 'a reader with one read in flight, from a vCenter',
    profiles: ['vcenter'],
    workloads: ['qemu-img-m1', 'qemu-img'],
    peers: [OURS, 'qemu-curl'],
    claims: [
      {
        what: 'speed under qemu-img -m 1, × our own under -m 8',
        value: ratio(speed(OURS, 'qemu-img-m1'), speed(OURS, 'qemu-img')),
        atLeast: 0.9,
      },
      against('qemu-curl', 'qemu-img-m1', 1),
      wasteless('qemu-img-m1'),
    ],
  },
  loopback: loopback('loopback', 0.8),
  'loopback-https': loopback('loopback-https', 1),
  tail: {
    title: '1 % of requests 2 s late, against none',
    profiles: ['vcenter', 'vcenter-tail'],
    workloads: ['qemu-img'],
    peers: [OURS, 'aria2c'],
    size: 512 * MiB,
    claims: [
      {
        what: 'time with stragglers / without',
        value: ratio(speed(OURS, 'qemu-img', 'vcenter'), speed(OURS, 'qemu-img', 'vcenter-tail')),
        atMost: 1.1,
      },
      wasteless('qemu-img', 'vcenter-tail'),
    ],
  },
  limited: {
    title: 'a server that takes 8 requests at a time and answers 503 beyond',
    profiles: ['vcenter-limited'],
    workloads: ['qemu-img'],
    peers: [OURS],
    size: 1024 * MiB,
    claims: [
      {
        what: 'speed / what 8 connections can give',
        value: cells => cells.limitShare({ peer: OURS, workload: 'qemu-img' }),
        atLeast: 0.9,
      },
      {
        what: 'share of requests answered 503',
        value: cells => cells.statusShare(503, { peer: OURS, workload: 'qemu-img' }),
        atMost: 0.02,
      },
    ],
  },
  'slow-reader': {
    title: 'a client that takes 20 MB/s from a fast server',
    profiles: ['lan'],
    workloads: ['20MBps'],
    peers: [OURS],
    claims: [
      {
        what: 'requests in flight, mean of the second half (20 MB/s need less than one)',
        value: cells => cells.steadyConcurrency({ peer: OURS, workload: '20MBps' }),
        atMost: 1,
      },
      {
        what: 'most requests in flight, while a first window of 96 MiB is fetched',
        value: cells => cells.peakConcurrency({ peer: OURS, workload: '20MBps' }),
        atMost: 9,
      },
      {
        what: 'peak memory of the server, MiB',
        value: cells => divide(cells.serverPeakBytes({ peer: OURS, workload: '20MBps' }), MiB),
        atMost: 256,
      },
      {
        what: 'speed / 20 MB/s',
        value: cells => divide(cells.speed({ peer: OURS, workload: '20MBps' }), 20e6),
        atLeast: 0.98,
      },
    ],
  },
  disks: {
    title: 'four exports of one origin at once, against one',
    profiles: ['vcenter'],
    workloads: ['disks', 'qemu-img'],
    peers: [OURS],
    size: 128 * MiB,
    claims: [
      {
        what: "the slowest disk's speed / a quarter of the whole",
        value: extra('slowestShare', 'disks'),
        atLeast: 0.9,
      },
      {
        what: "the fastest disk's speed / a quarter of the whole",
        value: extra('fastestShare', 'disks'),
        atMost: 1.1,
      },
      {
        what: 'peak requests in flight of all four (one budget of 16)',
        value: cells => cells.peakConcurrency({ peer: OURS, workload: 'disks' }),
        atMost: 16,
      },
      {
        what: 'speed of all / of one export alone',
        value: ratio(speed(OURS, 'disks'), speed(OURS, 'qemu-img')),
        atLeast: 0.95,
      },
      wasteless('disks'),
    ],
  },
}

function divide(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value / by
}
