// The whole engine on virtual time, where a server refuses and where readers leave.

import t from 'tap'
import { SETTING } from '../../.bench/engine/cases.js'
import { Simulation, type SimulationOptions } from '../../.bench/engine/simulation.js'
import { readSequentially } from '../../.bench/engine/workloads.js'

const KiB = 1024
const MiB = 1024 * KiB
const { origin: ORIGIN } = SETTING
const USUAL: SimulationOptions = { ...SETTING, imageBytes: 1024 * MiB, probedBytes: 0 }
const QEMU = { unit: 2 * MiB, depth: 8 }

/** An answer 503 that asks for patience. */
function refusal(retryAfterMs: number) {
  return { code: 'status', status: 503, message: 'HTTP 503', retryAfterMs } as const
}

t.test('nothing is taken back while Retry-After keeps it from being sent again', async t => {
  const origin = {
    ...ORIGIN,
    // Those under way when one is refused take 2 s.
    get firstByteMs(): number {
      const { requests } = simulation.origin
      return requests >= 29 && requests < 60 ? 2000 : 100
    },
    fault: (_task: unknown, index: number) =>
      index === 32
        ? ({ kind: 'failure', afterMs: 20, failure: refusal(120_000) } as const)
        : undefined,
  }
  let inVain = 0
  const log = (_level: string, message: string) => {
    if (!message.endsWith('sent again')) return
    if (simulation.governor.gateMs > simulation.time.clock()) inVain++
  }
  const simulation: Simulation = new Simulation({ ...USUAL, connections: 8, origin, log })
  t.teardown(() => simulation[Symbol.dispose]())
  readSequentially(simulation, simulation.connect({ compareEvery: 1000, rate: 1.2e9 }), QEMU)
  const report = await simulation.run()
  t.equal(report.refusals + report.failed, 0)
  t.ok(report.endMs > 120_000, 'the server was left alone')
  t.equal(inVain, 0)
})

t.test('reads that wait behind others fail when nothing was answered for --retry-time', async t => {
  for (const maxRetryMs of [60_000, 600_000]) {
    const failure = refusal(3_600_000)
    const origin = { ...ORIGIN, fault: () => ({ kind: 'failure', failure }) as const }
    using simulation = new Simulation({ ...USUAL, maxRetryMs, origin })
    const client = simulation.connect()
    for (let index = 0; index < 64; index++) client.read(index * 10 * MiB, 4 * KiB, () => {})
    const report = await simulation.run()
    t.equal(report.failed, 64)
    t.ok(report.endMs < maxRetryMs + 1000, `${report.endMs} ms`)
    t.strictSame([...report.failures], ['status'])
  }
})

t.test('a read that waits its turn does not fail while others are answered', async t => {
  // One request at a time, each of a minute.
  const origin = { ...ORIGIN, firstByteMs: 60_000 }
  const few = { ...USUAL, connections: 1, maxRetryMs: 30_000, readahead: 'off', origin } as const
  using simulation = new Simulation(few)
  const client = simulation.connect()
  for (let index = 0; index < 5; index++) client.read(index * 10 * MiB, 4 * KiB, () => {})
  const report = await simulation.run()
  t.equal(report.whole, 5)
})

t.test('a read does not fail for what had failed before it came', async t => {
  const failure = { code: 'status', status: 404, message: 'HTTP 404' } as const
  const origin = {
    ...ORIGIN,
    firstByteMs: 20_000,
    fault: (_task: unknown, index: number) =>
      index === 0 ? ({ kind: 'failure', failure } as const) : undefined,
  }
  const few = { ...USUAL, connections: 1, maxRetryMs: 10_000, readahead: 'off', origin } as const
  using simulation = new Simulation(few)
  const client = simulation.connect()
  client.read(0, 4 * KiB, () => {})
  simulation.time.after(100_000, () => {
    for (let index = 1; index < 5; index++) client.read(index * 10 * MiB, 4 * KiB, () => {})
  })
  const report = await simulation.run()
  t.equal(report.failed, 1)
  t.equal(report.whole, 4)
})

t.test('a CACHE larger than the ring leaves other readers their prefetch', async t => {
  const copy = async (hints: 'none' | 'leaves' | 'stays') => {
    using simulation = new Simulation({ ...USUAL, imageBytes: 8192 * MiB })
    const hinter = simulation.connect()
    if (hints !== 'none') {
      simulation.time.after(0, () => hinter.cache(4096 * MiB, 2048 * MiB))
      if (hints === 'leaves') simulation.time.after(10, () => hinter.close())
    }
    const reader = simulation.connect({ compareEvery: 1000, rate: 1.2e9 })
    simulation.time.after(3000, () =>
      readSequentially(simulation, reader, { ...QEMU, to: 512 * MiB }),
    )
    const { endMs, requests } = await simulation.run()
    return { ms: endMs - 3000, requests }
  }
  const alone = await copy('none')
  for (const [hints, times] of [
    ['leaves', 1.15],
    ['stays', 1.5],
  ] as const) {
    const beside = await copy(hints)
    t.ok(beside.ms < times * alone.ms, `${beside.ms} ms, ${alone.ms} alone`)
  }
})

t.test('what failed is not sent again for a reader that has gone', async t => {
  const failure = { code: 'status', status: 500, message: 'HTTP 500' } as const
  const origin = {
    ...ORIGIN,
    fault: (_task: unknown, _index: number, nowMs: number) =>
      nowMs > 1000 && nowMs < 2500 ? ({ kind: 'failure', failure } as const) : undefined,
  }
  using simulation = new Simulation({ ...USUAL, imageBytes: 8192 * MiB, origin })
  const client = simulation.connect({ compareEvery: 1000, rate: 1.2e9 })
  readSequentially(simulation, client, QEMU)
  let waiting = 0
  let before = 0
  simulation.time.after(2000, () => {
    client.close()
    waiting = simulation.image.gauges().retries
    before = simulation.origin.requests
  })
  await simulation.run()
  t.ok(waiting > 2)
  t.equal(simulation.origin.requests, before)
})
