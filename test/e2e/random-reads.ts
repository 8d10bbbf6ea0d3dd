// Random reads of every length by many clients through a ring that holds a fraction of the image:
// every byte right, nothing stuck, nothing left pinned.

import t from 'tap'
import type { NbdClient } from '../../.bench/nbd-client.js'
import { SeededRandom } from '../../.bench/slow-server/seeded-random.js'
import { servedImage, untilStatistics } from '../fixtures/served-image.js'

const KIB = 1024
const MIB = 1024 * KIB
const READS = 10_000
const CONNECTIONS = 8
const DEPTH = 8
/** Longest read there is, and how many there are that may be longer than most. */
const LONGEST = 4 * MIB
const MOST = 64 * KIB
const LONG_SHARE = 0.05

t.test('10,000 random reads by 8 connections through a ring of 16 MiB', async t => {
  const size = 64 * MIB + 77
  const { image, server, connect } = await servedImage(t, {
    size,
    server: { ringSize: 16 * MIB, maxRequest: 4 * MIB },
  })
  // Rendering the image anew for every read would cost more than all the rest.
  const bytes = Buffer.from(image.read(0, size).buffer)
  const random = new SeededRandom(20_260)
  let left = READS
  let wrong = 0
  const reader = async (client: NbdClient) => {
    while (left-- > 0) {
      const longest = random.next() < LONG_SHARE ? LONGEST : MOST
      // As many between 1 and 2 bytes as between 1 and 2 MiB.
      const length = Math.floor(longest ** random.next())
      const offset = Math.floor(random.next() * (size - length + 1))
      const answer = await client.read(offset, length)
      if (!answer.equals(bytes.subarray(offset, offset + length))) wrong++
    }
  }
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect()))
  await Promise.all(clients.flatMap(client => Array.from({ length: DEPTH }, () => reader(client))))
  t.equal(wrong, 0, 'every byte is right')
  const statistics = await untilStatistics(server, ({ pins }) => pins === 0)
  t.match(statistics, { reads: READS, failedReads: 0, clients: CONNECTIONS })
  t.strictSame(statistics.failures, {}, 'and none was in doubt')
})

t.test('reads larger than the smallest ring, by 16 connections', async t => {
  const size = 8 * MIB + 5
  const { image, server, connect } = await servedImage(t, {
    size,
    // 16 slots for clients that each ask for the double of them.
    server: { ringSize: MIB, blockSize: 64 * KIB, pipelining: 4 },
  })
  const random = new SeededRandom(7)
  const clients = await Promise.all(Array.from({ length: 16 }, () => connect()))
  let wrong = 0
  await Promise.all(
    clients.map(async client => {
      for (let count = 0; count < 12; count++) {
        const length = 1 + Math.floor(random.next() * 2 * MIB)
        const offset = Math.floor(random.next() * (size - length + 1))
        if (image.compare(offset, await client.read(offset, length)) >= 0) wrong++
      }
    }),
  )
  t.equal(wrong, 0, 'every byte is right')
  await untilStatistics(server, ({ pins }) => pins === 0)
})
