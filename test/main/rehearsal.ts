// What a rehearsal must be: a copy through the threads that clients will use, that leaves nothing behind
// and can't keep a server from starting.

import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { FetchPool } from '../../dist/main/fetch-pool.js'
import { silentLog } from '../../dist/main/log.js'
import { Rehearsal } from '../../dist/main/rehearsal/rehearsal.js'
import { failureOf } from '../../dist/shared/failures.js'
import { type FetchResult, NO_TIMINGS, type RehearsalTask } from '../../dist/shared/fetch-task.js'
import { RingMemory } from '../../dist/shared/sharedarraybuffer-ring/index.js'
import { TRANSPORT } from '../fixtures/span.js'
import { replaceTmpdir, temporaryDirectory } from '../fixtures/temporary-directory.js'

/** Threads that die of every request; their slots are taken back. */
class DeadPool {
  asked = 0

  async rehearse({ spanId }: RehearsalTask): Promise<FetchResult> {
    this.asked++
    const failure = failureOf('worker-died', 'ended', { problem: 'gone' })
    return { ok: false, spanId, timings: NO_TIMINGS, failure }
  }
}

const timers = {
  set: (ms: number, callback: () => void) => setTimeout(callback, ms),
  clear: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout),
}

function poolFor(t: Test): FetchPool {
  const pool = new FetchPool({
    workers: 2,
    connections: 4,
    pipelining: 1,
    settings: {
      ring: RingMemory.create({ slotCount: 4, slotBytes: 4096 }).buffer,
      transports: [TRANSPORT],
    },
    log: silentLog,
  })
  t.teardown(() => pool.close())
  return pool
}

/** Temporary files go into a directory of the test's own. */
function privateTmp(t: Test): string {
  const directory = temporaryDirectory(t)
  replaceTmpdir(t, directory)
  return directory
}

function rehearsalOf(pool: { rehearse(task: RehearsalTask): Promise<FetchResult> }) {
  const told: string[] = []
  const rehearsal = new Rehearsal({
    pool,
    clock: () => performance.now(),
    timers,
    log: (_level, message) => told.push(message),
  })
  return { rehearsal, told }
}

t.test('the threads fill its ring with what they answer themselves', async t => {
  privateTmp(t)
  const pool = poolFor(t)
  let bytes = 0
  const { rehearsal, told } = rehearsalOf({
    async rehearse(task) {
      const result = await pool.rehearse(task)
      // One that waits for the start of its thread is taken back and sent again.
      if (!result.ok && result.failure.code === 'cancelled') return result
      t.same(result.ok || result.failure, true)
      t.equal(result.timings.receivedBytes, task.length)
      const { data, slotBytes } = RingMemory.attach(task.ring)
      for (const slot of task.slots) t.equal(data[slot * slotBytes], 0x55)
      bytes += task.length
      return result
    },
  })
  await rehearsal.over
  t.same(told, [])
  t.ok(bytes > 0)
})

t.test('nothing is left of it', async t => {
  const directory = privateTmp(t)
  const { rehearsal } = rehearsalOf(poolFor(t))
  await rehearsal.over
  t.same(readdirSync(directory), [])
})

t.test('it is broken off', async t => {
  const directory = privateTmp(t)
  const pool = new DeadPool()
  const { rehearsal, told } = rehearsalOf(pool)
  await rehearsal.end()
  t.same(told, [])
  t.equal(pool.asked, 0)
  t.same(readdirSync(directory), [])
})

t.test('it ends with the first request that fails', async t => {
  const directory = privateTmp(t)
  const pool = new DeadPool()
  await rehearsalOf(pool).rehearsal.over
  t.ok(pool.asked >= 1 && pool.asked <= 8, `${pool.asked} requests`)
  t.same(readdirSync(directory), [])
})

t.test('it ends when the threads end', async t => {
  const directory = privateTmp(t)
  const pool = poolFor(t)
  const { rehearsal } = rehearsalOf(pool)
  await pool.close()
  await rehearsal.over
  t.same(readdirSync(directory), [])
})

t.test('without room for its socket there is none, and a debug line', async t => {
  replaceTmpdir(t, '/nonexistent')
  const { rehearsal, told } = rehearsalOf(poolFor(t))
  await rehearsal.over
  t.equal(told.length, 1)
  t.match(told[0], /^no rehearsal: .*\/nonexistent/)
})
