// What the engine makes of an origin with 100 ms to the first byte and 30 MB/s a connection, on
// virtual time: the same figures on every machine. Bounds lie about a tenth below what was reached.

import t, { type Test } from 'tap'
import { type Report, Simulation, type SimulationOptions } from '../../.bench/engine/simulation.js'
import {
  nbdcopy,
  readRandomly,
  readSequentially,
  readTrace,
  replay,
} from '../../.bench/engine/workloads.js'

const KiB = 1024
const MiB = 1024 * KiB
const ORIGIN = { firstByteMs: 100, connectionRate: 30e6, pieceBytes: 128 * KiB }
const SETTING: SimulationOptions = {
  seed: 1,
  imageBytes: 1024 * MiB,
  slotCount: 1024,
  slotBytes: 256 * KiB,
  connections: 16,
  maxRequestBytes: 16 * MiB,
  probedBytes: MiB,
  origin: ORIGIN,
}
/** Compares a part of all bytes: copies are checked in full by the properties. */
const CLIENT = { compareEvery: 32 }
const QEMU_IMG = { unit: 2 * MiB, depth: 8 }

interface Figures extends Report {
  readonly mbPerSecond: number
  readonly amplification: number
}

async function measure(
  setting: Partial<SimulationOptions>,
  start: (simulation: Simulation) => void,
): Promise<Figures> {
  using simulation = new Simulation({ ...SETTING, ...setting })
  start(simulation)
  const report = await simulation.run()
  return {
    ...report,
    mbPerSecond: report.bytes / report.endMs / 1000,
    amplification: report.fetchedBytes / report.bytes,
  }
}

function copy(options: typeof QEMU_IMG, client: { rate?: number } = {}) {
  return (simulation: Simulation) =>
    readSequentially(simulation, simulation.connect({ ...CLIENT, ...client }), options)
}

/** A copy that reached its rate and fetched nothing twice. */
function reached(t: Test, figures: Figures, mbPerSecond: number, amplification = 1.005): void {
  t.comment(`${figures.mbPerSecond.toFixed(1)} MB/s, ${figures.requests} requests`)
  t.ok(figures.mbPerSecond >= mbPerSecond, `${figures.mbPerSecond} >= ${mbPerSecond} MB/s`)
  t.ok(figures.amplification <= amplification, `amplification ${figures.amplification}`)
  t.equal(figures.failed, 0)
  t.ok(figures.peakInFlight <= SETTING.connections)
}

t.test('qemu-img convert -m 8 is fetched by all connections', async t => {
  reached(t, await measure({}, copy(QEMU_IMG)), 300)
})

t.test('a reader that reads one piece at a time is as fast', async t => {
  reached(t, await measure({}, copy({ unit: 2 * MiB, depth: 1 })), 300)
  reached(t, await measure({}, copy({ unit: 64 * KiB, depth: 1 })), 300)
})

t.test('nbdcopy with 2 and 4 connections is fetched by all connections', async t => {
  // Long enough for many of the places that it leaves for good.
  const setting = { imageBytes: 2048 * MiB }
  reached(t, await measure(setting, s => nbdcopy(s, { connections: 2 })), 320)
  reached(t, await measure(setting, s => nbdcopy(s, { connections: 4 })), 320)
})

t.test('the first reads of a copy keep no connection free for random ones', async t => {
  const figures = await measure({ imageBytes: 256 * MiB }, s => nbdcopy(s, { connections: 4 }))
  reached(t, figures, 290)
  t.equal(figures.peakInFlight, 16)
})

t.test(
  'a client that asks about the image before it reads finds the window grown in time',
  async t => {
    const survey = { ...QEMU_IMG, surveys: [0], thinksMs: 40 }
    reached(t, await measure({ imageBytes: 256 * MiB }, copy(survey, { rate: 1.2e9 })), 295)
  },
)

t.test('a second copy is fetched ahead like the first', async t => {
  const twice = (s: Simulation) =>
    readSequentially(s, s.connect(CLIENT), {
      unit: 64 * KiB,
      depth: 1,
      finished: () => readSequentially(s, s.connect(CLIENT), { unit: 64 * KiB, depth: 1 }),
    })
  reached(t, await measure({ imageBytes: 512 * MiB }, twice), 220)
})

t.test(
  'a second copy asks no more often, though it knows by then which blocks are zero',
  async t => {
    // Blocks as small as pages: of each sixteen three are zero.
    const setting = { imageBytes: 16 * MiB, slotCount: 2048, slotBytes: 4 * KiB, probedBytes: 0 }
    const times = async (count: number) =>
      await measure(setting, s => {
        const again = (left: number) =>
          readSequentially(s, s.connect(CLIENT), {
            unit: 64 * KiB,
            depth: 8,
            finished: () => left > 1 && again(left - 1),
          })
        again(count)
      })
    const [once, twice] = [await times(1), await times(2)]
    t.comment(`${once.requests}, ${twice.requests} requests; ${once.endMs}, ${twice.endMs} ms`)
    t.ok(twice.requests <= 2.2 * once.requests, `${twice.requests} <= 2.2 * ${once.requests}`)
    t.ok(twice.fetchedBytes <= 2 * setting.imageBytes)
  },
)

t.test('what the ring can hold is fetched once, however often it is read', async t => {
  const rounds = (count: number) => (s: Simulation) => {
    const next = (left: number) => {
      const finished = () => left > 1 && next(left - 1)
      readSequentially(s, s.connect(CLIENT), { ...QEMU_IMG, finished })
    }
    next(count)
  }
  const fits = await measure({ imageBytes: 256 * MiB }, rounds(4))
  t.ok(fits.fetchedBytes <= 1.2 * 256 * MiB, `${fits.fetchedBytes} bytes fetched`)
  t.equal(fits.failed, 0)
  // Of an image that is a little larger some is fetched each time, but not all of it.
  const larger = await measure({ imageBytes: 288 * MiB }, rounds(4))
  t.ok(larger.fetchedBytes <= 2.6 * 288 * MiB, `${larger.fetchedBytes} bytes fetched`)
})

t.test('what others have read is fetched ahead of a reader who finds it gone', async t => {
  const figures = await measure({ imageBytes: 512 * MiB }, s =>
    readSequentially(s, s.connect(CLIENT), {
      ...QEMU_IMG,
      from: 384 * MiB,
      finished: () => readSequentially(s, s.connect(CLIENT), QEMU_IMG),
    }),
  )
  reached(t, figures, 280, 1)
})

t.test('a random read costs one small request and one first-byte time', async t => {
  const random = (depth: number, count: number) => (s: Simulation) =>
    readRandomly(s, s.connect(), { depth, count, maxBytes: 4 * KiB, exact: true, align: 4 * KiB })
  for (const [depth, count] of [
    [1, 100],
    [16, 1600],
  ] as const) {
    const figures = await measure({ probedBytes: 0 }, random(depth, count))
    const sorted = figures.latencies.toSorted((a, b) => a - b)
    t.ok(figures.fetchedBytes <= 16 * figures.bytes, `${figures.fetchedBytes} bytes fetched`)
    t.ok((sorted[count / 2] as number) <= 110, `median ${sorted[count / 2]} ms`)
    // The first few wait for the governor's first rounds.
    t.ok((sorted[Math.floor(count * 0.95)] as number) <= 310)
    t.ok(figures.endMs <= (count / depth) * 110 + 400, `${figures.endMs} ms in all`)
    t.equal(figures.failed, 0)
  }
})

t.test('an origin that refuses more than 8 requests is used by 8, and no read fails', async t => {
  const eight = await measure({ connections: 8 }, copy(QEMU_IMG))
  const limited = { origin: { ...ORIGIN, limit: 8 } }
  for (const start of [copy(QEMU_IMG), (s: Simulation) => nbdcopy(s, { connections: 4 })]) {
    const figures = await measure(limited, start)
    reached(t, figures, 0.85 * eight.mbPerSecond)
    t.ok(figures.refusals <= 0.02 * figures.requests, `${figures.refusals} of ${figures.requests}`)
  }
  const asked = await measure(
    { origin: { ...ORIGIN, limit: 8, retryAfterMs: 1000 } },
    copy(QEMU_IMG),
  )
  t.equal(asked.failed, 0)
  t.ok(asked.refusals <= 0.06 * asked.requests, `${asked.refusals} of ${asked.requests}`)
})

t.test('a client slower than the origin never waits once it has begun', async t => {
  const figures = await measure({ imageBytes: 256 * MiB }, copy(QEMU_IMG, { rate: 20e6 }))
  reached(t, figures, 19.5)
  // Until the first of the requests that begin together has brought all of its bytes.
  t.ok(figures.stallMs <= 600, `${figures.stallMs} ms`)
})

t.test('one request in a hundred that takes 2 s longer costs a copy little', async t => {
  let mbPerSecond = 0
  for (const seed of [1, 2, 3, 4]) {
    const tail = { seed, origin: { ...ORIGIN, tailShare: 0.01, tailMs: 2000 } }
    mbPerSecond += (await measure(tail, copy(QEMU_IMG))).mbPerSecond / 4
  }
  t.comment(`${mbPerSecond.toFixed(1)} MB/s`)
  t.ok(mbPerSecond >= 260, `${mbPerSecond} MB/s`)
})

t.test('a ring of 16 MiB is used in full', async t => {
  const small = { slotCount: 64, imageBytes: 512 * MiB }
  reached(t, await measure(small, copy(QEMU_IMG)), 74)
  reached(t, await measure(small, s => nbdcopy(s, { connections: 4 })), 95)
})

t.test('recorded clients are served without fetching twice', async t => {
  for (const [name, mbPerSecond] of [
    ['w_nbdcopy', 280],
    ['w_qcow2', 120],
  ] as const) {
    const trace = readTrace(name)
    const imageBytes = Math.max(...trace.map(({ offset, length }) => offset + length))
    reached(t, await measure({ imageBytes }, s => replay(s, trace)), mbPerSecond)
  }
})

t.test('the small reads of a compressed qcow2 file are fetched by large requests', async t => {
  // The file has 24 MiB: as much as 16 connections carry in a tenth of a second.
  const image = { imageBytes: 24 * MiB + 55_296 }
  for (const name of ['w_qcow2c', 'w_qcow2cW']) {
    const figures = await measure(image, s => replay(s, readTrace(name)))
    t.comment(`${name}: ${figures.endMs} ms, ${figures.requests} requests`)
    t.equal(figures.failed, 0)
    t.ok(figures.requests <= 32, `${figures.requests} requests for ${figures.sent} reads`)
    t.ok(figures.fetchedBytes <= image.imageBytes, `${figures.fetchedBytes} bytes fetched`)
    t.ok(figures.endMs <= 700, `${figures.endMs} ms`)
  }
})
