import t from 'tap'
import { Simulation } from '../../.bench/engine/simulation.js'
import { readSequentially } from '../../.bench/engine/workloads.js'
import type { ReadSink } from '../../dist/main/export.js'

const MiB = 1024 * 1024

t.test('BlockReader fails however many whole reads wait for memory', async t => {
  using simulation = new Simulation({
    seed: 1,
    imageBytes: 64 * MiB,
    slotCount: 16,
    slotBytes: 64 * 1024,
    connections: 4,
    maxRequestBytes: MiB,
    origin: { firstByteMs: 100, connectionRate: 25e6, pieceBytes: 64 * 1024 },
  })
  let failed = 0
  const sink: ReadSink = {
    data: (_offset, _views, release) => release(),
    hole: () => {},
    end: () => {},
    fail: () => failed++,
  }
  const read = (length: number) =>
    simulation.image.read({ offset: 0, length, connection: 1, whole: true }, sink)
  read(32 * MiB)
  const waits = 10_000
  for (let i = 0; i < waits; i++) read(64 * 1024)
  simulation.image.close({ code: 'cancelled', message: 'the server is shutting down' })
  t.equal(failed, waits + 1)
  t.equal(simulation.image.meter.running, 0)
})

t.test('BlockReader counts as hits only what it hands out', async t => {
  const block = 64 * 1024
  using simulation = new Simulation({
    seed: 1,
    imageBytes: 64 * MiB,
    slotCount: 16,
    slotBytes: block,
    connections: 4,
    maxRequestBytes: MiB,
    readahead: 'off',
    origin: {
      firstByteMs: 100,
      connectionRate: 25e6,
      pieceBytes: block,
      fault: task =>
        task.offset === 0
          ? { kind: 'failure', failure: { code: 'status', status: 404, message: '404' } }
          : undefined,
    },
  })
  const answers: string[] = []
  const sink: ReadSink = {
    data: (_offset, _views, release) => release(),
    hole: () => {},
    end: () => answers.push('end'),
    fail: () => answers.push('fail'),
  }
  for (const [offset, length] of [
    [block, block],
    [0, 2 * block],
  ] as const) {
    simulation.image.read({ offset, length, connection: 1, whole: false }, sink)
    await simulation.run()
  }
  t.strictSame(answers, ['end', 'fail'])
  const { servedBytes, hitBytes } = simulation.image.meter
  t.strictSame({ servedBytes, hitBytes }, { servedBytes: block, hitBytes: 0 })
})

t.test('BlockReader takes a block for served when more than its end was read', async t => {
  const block = 256 * 1024
  const requestsOf = async (lookAt: (blockNumber: number) => number | undefined) => {
    using simulation = new Simulation({
      seed: 1,
      imageBytes: 64 * MiB,
      slotCount: 64,
      slotBytes: block,
      connections: 4,
      maxRequestBytes: MiB,
      origin: { firstByteMs: 100, connectionRate: 25e6, pieceBytes: 64 * 1024 },
    })
    const sink: ReadSink = {
      data: (_offset, _views, release) => release(),
      hole: () => {},
      end: () => {},
      fail: () => {},
    }
    let looks = 0
    for (let number = 0; number < 256; number++) {
      const at = lookAt(number)
      if (at === undefined) continue
      looks++
      const offset = number * block + at
      simulation.image.read({ offset, length: block / 4, connection: 1, whole: false }, sink)
      await simulation.run()
    }
    readSequentially(simulation, simulation.connect(), { unit: block, depth: 4 })
    const { requests, failed } = await simulation.run()
    t.equal(failed, 0)
    return requests - looks
  }
  const untouched = await requestsOf(() => undefined)
  const ends = await requestsOf(number => (number % 8 === 7 ? (block * 3) / 4 : undefined))
  t.ok(ends <= untouched + 2, `${ends} requests after reads at ends, ${untouched} without`)
})
