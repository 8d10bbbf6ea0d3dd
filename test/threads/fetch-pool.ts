// The pool of worker threads at its end.

import t from 'tap'
import { FetchPool } from '../../dist/main/fetch-pool.js'
import { RingMemory } from '../../dist/shared/sharedarraybuffer-ring/index.js'
import { TRANSPORT } from '../fixtures/span.js'

t.test('a pool that is closed says nothing of tasks that end at that moment', async t => {
  const { buffer } = RingMemory.create({ slotCount: 64, slotBytes: 4096 })
  for (let round = 0; round < 5; round++) {
    const log: string[] = []
    const pool = new FetchPool({
      ...{ workers: 2, connections: 2, pipelining: 1 },
      log: (level, line) => void log.push(`${level} ${line}`),
      settings: { ring: buffer, transports: [TRANSPORT] },
    })
    // Its threads have started once one has answered.
    await pool.call({ url: 'none:', transport: 9, method: 'GET', headers: {} })
    pool.touch(64, 4096)
    // The threads' answers come while nobody looks.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    await pool.close()
    t.strictSame(log, [])
  }
})
