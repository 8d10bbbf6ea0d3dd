// The cases the engine is judged by: origins, clients and what is asked of them, as data. The same
// ones serve `npm run bench:engine`, which prints what comes of them, and the tests' bounds.

import type { Report, SimulationOptions } from './simulation.js'
import { Simulation } from './simulation.js'
import { nbdcopy, readRandomly, readSequentially, readTrace, replay } from './workloads.js'

const KiB = 1024
const MiB = 1024 * KiB

/**
 * Compares a part of all bytes: copies are checked in full by the properties. Takes what is there
 * at the rate at which qemu-img copies out of a full ring on two cores, bytes a second: what comes
 * last in one burst is not taken in no time.
 */
const CLIENT = { compareEvery: 32, rate: 1.2e9 }
/** As recorded from `qemu-img convert` on an image that begins with a run of zeroes. */
const SURVEYS = [0, 512 * KiB, 768 * KiB, 0, 512 * KiB, 768 * KiB]
const QEMU_IMG = { unit: 2 * MiB, depth: 8, surveys: SURVEYS, thinksMs: 40 }
const VCENTER = { firstByteMs: 100, connectionRate: 30e6, pieceBytes: 128 * KiB }
const WAN = { firstByteMs: 200, connectionRate: 10e6, totalRate: 200e6, pieceBytes: 64 * KiB }
const LAN = { firstByteMs: 20, connectionRate: 1e9, totalRate: 1e9, pieceBytes: 128 * KiB }

export const SETTING: SimulationOptions = {
  seed: 1,
  imageBytes: 256 * MiB,
  slotCount: 1024,
  slotBytes: 256 * KiB,
  connections: 16,
  maxRequestBytes: 24 * MiB,
  probedBytes: MiB,
  origin: VCENTER,
}

/** A recorded client reading an image that ends where its last read does. */
function recorded(name: string): Pick<EngineCase, 'setting' | 'start'> {
  const trace = readTrace(name)
  const imageBytes = Math.max(...trace.map(({ offset, length }) => offset + length))
  return { setting: { imageBytes }, start: simulation => replay(simulation, trace) }
}

/** One case. */
export interface EngineCase {
  readonly title: string
  readonly setting?: Partial<SimulationOptions>
  readonly start: (simulation: Simulation) => void
}

const copy =
  (options: { unit: number; depth: number }, client: { rate?: number } = {}) =>
  (simulation: Simulation): void =>
    readSequentially(simulation, simulation.connect({ ...CLIENT, ...client }), options)

const random = (depth: number, count: number) => (simulation: Simulation) =>
  readRandomly(simulation, simulation.connect(), {
    depth,
    count,
    maxBytes: 4 * KiB,
    exact: true,
    align: 4 * KiB,
  })

export const CASES: Readonly<Record<string, EngineCase>> = {
  'vcenter-m8': { title: '100 ms, 30 MB/s: qemu-img -m 8', start: copy(QEMU_IMG) },
  'vcenter-m1': { title: 'the same, -m 1', start: copy({ unit: 2 * MiB, depth: 1 }) },
  'vcenter-m16W': { title: 'the same, -m 16', start: copy({ unit: 2 * MiB, depth: 16 }) },
  'vcenter-64k': { title: 'the same, 64 KiB at a time', start: copy({ unit: 64 * KiB, depth: 1 }) },
  'vcenter-nbdcopy1': {
    title: 'the same, nbdcopy, 1 connection',
    start: s => nbdcopy(s, { connections: 1 }),
  },
  'vcenter-nbdcopy4': {
    title: 'the same, nbdcopy, 4 connections',
    start: s => nbdcopy(s, { connections: 4 }),
  },
  'vcenter-1g': {
    title: 'the same, 1 GiB: qemu-img -m 8',
    setting: { imageBytes: 1024 * MiB },
    start: copy(QEMU_IMG),
  },
  'vcenter-1g-nbdcopy4': {
    title: 'the same, 1 GiB: nbdcopy, 4 connections',
    setting: { imageBytes: 1024 * MiB },
    start: s => nbdcopy(s, { connections: 4 }),
  },
  'vcenter-limited': {
    title: 'the same, 1 GiB, 503 beyond 8 requests',
    setting: { imageBytes: 1024 * MiB, origin: { ...VCENTER, limit: 8 } },
    start: copy(QEMU_IMG),
  },
  'vcenter-eight': {
    title: 'the same, 1 GiB, 8 connections allowed',
    setting: { imageBytes: 1024 * MiB, connections: 8 },
    start: copy(QEMU_IMG),
  },
  'vcenter-tail': {
    title: 'the same, 1 GiB, 1 % of requests 2 s late',
    setting: { imageBytes: 1024 * MiB, origin: { ...VCENTER, tailShare: 0.01, tailMs: 2000 } },
    start: copy(QEMU_IMG),
  },
  'vcenter-small-ring': {
    title: 'the same, 512 MiB through a ring of 16 MiB',
    setting: { imageBytes: 512 * MiB, slotCount: 64 },
    start: copy(QEMU_IMG),
  },
  wan: {
    title: '200 ms, 10 MB/s, 200 MB/s in all: qemu-img -m 8',
    setting: { origin: WAN },
    start: copy(QEMU_IMG),
  },
  'wan-1g': {
    title: 'the same, 1 GiB',
    setting: { origin: WAN, imageBytes: 1024 * MiB },
    start: copy(QEMU_IMG),
  },
  lan: {
    title: '20 ms, 1 GB/s in all: qemu-img -m 8',
    setting: { origin: LAN },
    start: copy(QEMU_IMG),
  },
  'slow-client': {
    title: '20 ms, 1 GB/s: a client of 20 MB/s',
    setting: { origin: LAN },
    start: copy(QEMU_IMG, { rate: 20e6 }),
  },
  'random-1': {
    title: '20 ms: random 4 KiB, depth 1',
    setting: { origin: LAN, probedBytes: 0 },
    start: random(1, 200),
  },
  'random-16': {
    title: '20 ms: random 4 KiB, depth 16',
    setting: { origin: LAN, probedBytes: 0 },
    start: random(16, 3200),
  },
  'trace-nbdcopy': {
    title: '100 ms, 30 MB/s: recorded nbdcopy',
    ...recorded('w_nbdcopy'),
  },
  'trace-qcow2': {
    title: 'the same, recorded qcow2 conversion',
    ...recorded('w_qcow2'),
  },
}

/** Plays one case to its end. */
export async function play({ setting, start }: EngineCase, seed = 1): Promise<Report> {
  using simulation = new Simulation({ ...SETTING, ...setting, seed })
  start(simulation)
  return await simulation.run()
}
