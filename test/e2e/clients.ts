// Clients that misbehave, or are many: what one does is not felt by the others, and nothing of it
// stays behind when it is gone.

import t from 'tap'
import { RawClient } from '../fixtures/raw-client.js'
import {
  firstWrongByte,
  type ServedImage,
  servedImage,
  untilStatistics,
} from '../fixtures/served-image.js'

const KIB = 1024
const MIB = 1024 * KIB

const enter = ({ server }: ServedImage) =>
  RawClient.enter({ socketPath: server.unixSocket, port: server.port })

t.test('a client that dies in the middle of its reads leaves nothing behind', async t => {
  const served = await servedImage(t, {
    size: 16 * MIB,
    origin: { totalBandwidth: 8 * MIB },
    server: { ringSize: 4 * MIB },
  })
  const { image, server } = served
  for (let death = 0; death < 8; death++) {
    const client = await enter(served)
    for (let cookie = 0; cookie < 16; cookie++) client.read(BigInt(cookie), cookie * MIB, MIB)
    // In the middle of a reply, at another place each time.
    await client.take(20 + death * 100_000)
    client.destroy()
  }
  await untilStatistics(server, ({ clients, pins }) => clients === 0 && pins === 0)
  t.equal(await firstWrongByte(image, await served.connect(2)), -1, 'the next one is served')
  await untilStatistics(server, ({ pins }) => pins === 0)
})

t.test('clients that never read their replies do not hold up others', async t => {
  const served = await servedImage(t, { size: 24 * MIB, server: { ringSize: 16 * MIB } })
  const { image, server } = served
  const idlers = await Promise.all(Array.from({ length: 4 }, () => enter(served)))
  for (const idler of idlers) {
    idler.socket.pause()
    for (let cookie = 0; cookie < 24; cookie++) idler.read(BigInt(cookie), cookie * MIB, MIB)
  }
  // All that they may hold is held now.
  await untilStatistics(server, ({ pins }) => pins > 0)
  t.equal(await firstWrongByte(image, await served.connect()), -1, 'another one is served')
  t.equal(server.statistics().clients, 5, 'none had to be dropped for it')
  for (const idler of idlers) idler.destroy()
  await untilStatistics(server, ({ clients, pins }) => clients === 1 && pins === 0)
})

t.test('64 clients read the same image at the same time', async t => {
  const served = await servedImage(t, { size: 4 * MIB + 9, server: { ringSize: 8 * MIB } })
  const { image, server } = served
  const clients = await Promise.all(Array.from({ length: 64 }, () => served.connect()))
  const results = await Promise.all(clients.map(client => firstWrongByte(image, client)))
  t.strictSame(results, new Array(64).fill(-1))
  const { totalClients, fetchedBytes } = server.statistics()
  t.equal(totalClients, 64)
  t.equal(fetchedBytes, image.size, 'each byte was taken from the origin once')
  await Promise.all(clients.map(client => client.close()))
  await untilStatistics(server, ({ clients, pins }) => clients === 0 && pins === 0)
})

t.test('clients come and go by the hundred', async t => {
  const served = await servedImage(t, { size: MIB })
  const { image, server } = served
  for (let round = 0; round < 20; round++) {
    const clients = await Promise.all(Array.from({ length: 10 }, () => served.connect()))
    const answers = await Promise.all(clients.map(client => client.read(round * 1000, 1000)))
    for (const answer of answers) t.equal(image.compare(round * 1000, answer), -1)
    await Promise.all(clients.map(client => client.close()))
  }
  await untilStatistics(server, ({ clients }) => clients === 0)
  t.match(server.statistics(), { totalClients: 200, pins: 0, failedReads: 0 })
})

t.test('close() lets reads in flight finish', async t => {
  const served = await servedImage(t, { size: 4 * MIB, origin: { thinkTimeMs: 300 } })
  const { image, server } = served
  const client = await served.connect(2)
  const reads = [1, 2, 3].map(index => client.read(index * MIB, 512 * KIB))
  await untilStatistics(server, ({ inFlight }) => inFlight > 0)
  const closed = server.close()
  for (const [index, read] of reads.entries()) {
    t.equal(image.compare((index + 1) * MIB, await read), -1)
  }
  await closed
  t.match(server.statistics(), { clients: 0, pins: 0, failedReads: 0 })
  t.equal(server.close(), server.close(), 'once more is no more')
})

t.test('close() with no time to drain ends reads in flight at once', async t => {
  const served = await servedImage(t, {
    size: 4 * MIB,
    origin: { faults: [{ kind: 'stall-before-headers', after: 1 }] },
  })
  const { server } = served
  const client = await served.connect()
  const read = client.read(2 * MIB, 4096)
  const failed = t.rejects(read, /closed the connection/)
  await untilStatistics(server, ({ inFlight }) => inFlight > 0)
  await server.close({ drainMs: 0 })
  await failed
  t.match(server.statistics(), { clients: 0, pins: 0 })
  await t.rejects(served.connect(), { code: 'ENOENT' }, 'its socket is gone')
})
