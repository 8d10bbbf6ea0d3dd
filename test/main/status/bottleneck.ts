// Who limits: on figures made by hand, and on runs of the engine on virtual time.

import t from 'tap'
import { Simulation, type SimulationOptions } from '../../../.bench/engine/simulation.js'
import { readRandomly, readSequentially } from '../../../.bench/engine/workloads.js'
import {
  type Bottleneck,
  type BottleneckFigures,
  bottleneck,
  waitedShare,
} from '../../../dist/main/status/bottleneck.js'

const KiB = 1024
const MiB = 1024 * KiB

function figures(
  connectedSeconds: number,
  refusedSeconds: number,
  ...exports: [reads: number, busySeconds: number, stallSeconds: number][]
): BottleneckFigures {
  return {
    connectedSeconds,
    refusedSeconds,
    exports: exports.map(([reads, busySeconds, stallSeconds]) => ({
      reads,
      busySeconds,
      stallSeconds,
    })),
  }
}

t.test('bottleneck() looks at what happened between two moments', async t => {
  const before = figures(100, 20, [1000, 60, 50])
  for (const [after, verdict] of [
    [figures(110, 20, [1000, 60, 50]), 'idle'],
    [figures(110, 20, [1001, 60, 50]), 'client'],
    [figures(110, 20, [1100, 70, 54]), 'client'],
    [figures(110, 20, [1100, 70, 56]), 'network'],
    [figures(110, 22, [1100, 70, 60]), 'network'],
    [figures(110, 25, [1100, 70, 60]), 'server limit'],
    [figures(110, 25, [1100, 70, 52]), 'client'],
  ] as const) {
    t.equal(bottleneck(before, after), verdict, JSON.stringify(after))
  }
  t.equal(bottleneck(before, before), 'idle', 'no time has passed')
  t.equal(bottleneck(undefined, before), 'network', 'since the start')
})

t.test('bottleneck() counts a read that began earlier and lasts', async t => {
  t.equal(bottleneck(figures(10, 0, [1, 9, 9]), figures(20, 0, [1, 19, 19])), 'network')
})

t.test('bottleneck() takes the mean of the exports that are read', async t => {
  const before = figures(0, 0, [0, 0, 0], [0, 0, 0], [0, 0, 0])
  const after = figures(10, 0, [5, 10, 10], [5, 10, 4], [0, 0, 0])
  t.equal(waitedShare(before, after), 0.7)
  t.equal(bottleneck(before, after), 'network')
})

/** The figures of a simulation as serverStatistics() makes them. */
function figuresOf({ image, time, requests }: Simulation): BottleneckFigures {
  const { meter } = image
  const now = time.nowMs
  return figures(now / 1000, requests.heldBackMs('refused', now) / 1000, [
    meter.reads,
    meter.busyMs(now) / 1000,
    meter.stallMs(now) / 1000,
  ])
}

const VCENTER = { firstByteMs: 100, connectionRate: 30e6, pieceBytes: 128 * KiB }
const LAN = { firstByteMs: 20, connectionRate: 1e9, totalRate: 1e9, pieceBytes: 128 * KiB }
const SETTING: SimulationOptions = {
  seed: 1,
  imageBytes: 96 * MiB,
  slotCount: 1024,
  slotBytes: 256 * KiB,
  connections: 16,
  maxRequestBytes: 16 * MiB,
  probedBytes: MiB,
  origin: VCENTER,
}

interface Run {
  readonly title: string
  readonly setting: Partial<SimulationOptions>
  /** Bytes per second that the client takes. */
  readonly rate?: number
  /** Reads at random instead of all in order. */
  readonly random?: boolean
  readonly verdict: Bottleneck
}

const RUNS: readonly Run[] = [
  { title: 'a copy from a vCenter', setting: {}, verdict: 'network' },
  {
    title: 'a copy from a server that refuses more than 4 requests',
    setting: { origin: { ...VCENTER, limit: 4 } },
    verdict: 'server limit',
  },
  {
    title: 'the same with as few connections as it allows',
    setting: { origin: { ...VCENTER, limit: 4 }, connections: 4 },
    verdict: 'network',
  },
  {
    title: 'a client of 20 MB/s near a quick server',
    setting: { origin: LAN },
    rate: 20e6,
    verdict: 'client',
  },
  {
    title: 'a client of 20 MB/s, and a server that refuses more than 4 requests',
    setting: { origin: { ...VCENTER, limit: 4 } },
    rate: 20e6,
    verdict: 'client',
  },
  {
    title: 'random reads one after the other',
    setting: { origin: LAN, probedBytes: 0 },
    random: true,
    verdict: 'network',
  },
]

for (const { title, setting, rate, random, verdict } of RUNS) {
  t.test(`bottleneck() of ${title} is ${verdict}`, async t => {
    using simulation = new Simulation({ ...SETTING, ...setting })
    const client = simulation.connect({ compareEvery: 64, ...(rate !== undefined && { rate }) })
    if (random) {
      readRandomly(simulation, client, { depth: 1, count: 100, maxBytes: 4 * KiB })
    } else readSequentially(simulation, client, { unit: 2 * MiB, depth: 8 })
    await simulation.run()
    const { image } = simulation
    const end = figuresOf(simulation)
    t.equal(bottleneck(undefined, end), verdict, `waited ${waitedShare(undefined, end)}`)
    if (random !== true) t.equal(image.meter.coveredBytes, image.info.size)
    else t.ok(image.meter.coveredBytes < image.info.size / 10)
  })
}
