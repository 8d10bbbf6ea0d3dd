// What the program takes of the machine: memory bounded by the ring and a constant, nothing that
// grows with what was copied or with who has been there.

import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { startInProcess } from '../../.bench/slow-server/in-process.js'
import { serve } from '../../dist/main/index.js'
import { memoryOf, openFilesOf, startProgram } from '../fixtures/program.js'
import { succeed } from '../fixtures/programs.js'
import { requires } from '../fixtures/requires.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
const RING = 64 * MIB
/** What the program may take beside its ring: Node, its threads, connections. */
const BESIDE = 150 * MIB
const COPIES = 20
/** Copies after which everything that is ever set aside has been. */
const WARM = 5
const CONNECTIONS = 4

/** Sizes that take minutes: only on request. */
const BIG = process.env['BIG_TESTS'] === '1'
if (BIG) t.setTimeout(1_200_000)

const proc = { skip: process.platform === 'linux' ? false : 'no /proc' } as const
const needed = proc.skip ? proc : requires('nbdcopy')

t.test('RSS stays under the ring and 150 MiB, whatever the size of the copy', needed, async t => {
  const size = (BIG ? 4096 : 1024) * MIB
  const origin = await startInProcess({ image: { size } })
  t.teardown(() => origin.close())
  const { pid, uri } = await startProgram(t, ['-U', '-', '--ring-size', '64M', origin.url])
  await succeed(t, 'nbdcopy', '-C', '4', uri, 'null:')
  const { peak } = memoryOf(pid)
  t.comment(`${size / MIB} MiB copied: RSS was ${Math.round(peak / MIB)} MiB at most`)
  t.ok(peak < RING + BESIDE, `${Math.round(peak / MIB)} MiB`)
})

t.test(
  '128 MiB of the ring are there before a client, unless nothing is read ahead',
  proc,
  async t => {
    const origin = await startInProcess({ image: { size: 1024 * MIB } })
    t.teardown(() => origin.close())
    const [ahead, not] = await Promise.all([
      startProgram(t, ['-U', '-', '--ring-size', '512M', origin.url]),
      startProgram(t, ['-U', '-', '--ring-size', '512M', '--readahead', 'off', origin.url]),
    ])
    const taken = (await settledMemory(ahead.pid)) - (await settledMemory(not.pid))
    // What two programs of the same kind may differ by is a third of it.
    t.ok(taken > 88 * MIB && taken < 168 * MIB, `${Math.round(taken / MIB)} MiB`)
  },
)

t.test('no more of the ring is there than the image has bytes', proc, async t => {
  const origin = await startInProcess({ image: { size: MIB } })
  t.teardown(() => origin.close())
  const { pid } = await startProgram(t, ['-U', '-', origin.url])
  const taken = await settledMemory(pid)
  t.ok(taken < BESIDE, `${Math.round(taken / MIB)} MiB`)
})

/** RSS of a process that has come to rest, bytes. */
async function settledMemory(pid: number): Promise<number> {
  let before = 0
  for (;;) {
    const { now } = memoryOf(pid)
    if (Math.abs(now - before) < MIB) return now
    before = now
    await delay(300)
  }
}

t.test('20 copies in a row leave memory and open files as they were', needed, async t => {
  const origin = await startInProcess({ image: { size: 48 * MIB } })
  t.teardown(() => origin.close())
  // In this process, where garbage can be told from what is held.
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('globalThis.gc') as () => void
  setFlagsFromString('--no-expose-gc')
  const server = await serve({
    url: origin.url,
    unix: '-',
    ringSize: 4 * MIB,
    connections: CONNECTIONS,
  })
  t.teardown(() => server.close())
  const filesAtStart = openFilesOf(process.pid)
  let held = 0
  const holding = () => {
    gc()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  for (let copy = 1; copy <= COPIES; copy++) {
    await succeed(t, 'nbdcopy', server.uri, 'null:')
    await until(() => server.statistics().clients === 0)
    if (copy === WARM) held = holding()
  }
  const grown = holding() - held
  t.comment(`holds ${(grown / MIB).toFixed(1)} MiB more than after ${WARM} copies`)
  t.ok(grown < 2 * MIB, `${grown} bytes`)
  t.match(server.statistics(), { pins: 0, failedReads: 0 })
  // Connections to the origin are kept; one may have been opened at the start.
  await until(() => openFilesOf(process.pid) <= filesAtStart + CONNECTIONS)
})
