// The pool of worker threads at its end.

import t from 'tap'
import { FetchPool } from '../../dist/main/fetch-pool.js'
import { RingMemory } from '../../dist/shared/sharedarraybuffer-ring/index.js'
import { rawOrigin } from '../fixtures/origin.js'
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

t.test('FetchPool masks a secret that a server repeats, wherever its text is cut', async t => {
  const secret = 'LongPassword12345'
  const dots = '.'.repeat(70)
  const lines = [
    `403 ${dots}${secret}`,
    `206 X\r\nContent-Encoding: ${dots}${secret}`,
    `206 X\r\nContent-Encoding: ${secret}`,
    `206 X\r\nContent-Range: ${dots}${secret}`,
    `407 ${dots}${secret}`,
  ]
  const origin = await rawOrigin(t, (socket, _head, index) => {
    socket.end(`HTTP/1.1 ${lines[index % lines.length]}\r\nContent-Length: 0\r\n\r\n`)
  })
  const { buffer } = RingMemory.create({ slotCount: 1, slotBytes: 4096 })
  await using pool = new FetchPool({
    ...{ workers: 1, connections: 1, pipelining: 1 },
    log: () => {},
    settings: { ring: buffer, transports: [TRANSPORT] },
    redact: text => text.replaceAll(secret, '***'),
  })
  const task = { url: origin.url, headers: {}, transport: 0 }
  for (const line of lines) {
    const result = await pool.probe({ ...task, length: 1 })
    t.match(result, { ok: false, failure: { message: /\*\*\*$/ } }, line)
    t.notMatch(JSON.stringify(result), /long/i)
  }
  const told = await pool.call({ ...task, method: 'GET' })
  t.match(told, { ok: true, message: `403 ${dots}***` })
})
