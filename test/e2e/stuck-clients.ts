// Clients that ask and never read a reply: they keep nothing from others, with or without
// structured replies.

import t from 'tap'
import { RawClient } from '../fixtures/raw-client.js'
import { servedImage, untilStatistics } from '../fixtures/served-image.js'

const MIB = 1024 * 1024

t.test('clients that never read hold up nobody', async t => {
  const size = 64 * MIB
  const { image, server, connect } = await servedImage(t, { size, server: { ringSize: 128 * MIB } })
  const place = { socketPath: server.unixSocket, port: server.port }
  for (const structured of [false, false, true]) {
    const stuck = await RawClient.enter(place, { structured })
    t.teardown(() => stuck.destroy())
    // As a program that has stopped.
    stuck.socket.pause()
    for (let cookie = 0; cookie < 200; cookie++) {
      stuck.read(BigInt(cookie), (cookie % 63) * MIB, MIB)
    }
  }
  // The replies that are under way fill all that may wait for a client.
  await untilStatistics(server, ({ servedBytes }) => servedBytes > 0)
  const simple = await RawClient.enter(place, { structured: false })
  t.teardown(() => simple.destroy())
  const other = await connect()
  for (let round = 0; round < 5; round++) {
    const offset = ((round * 13) % 63) * MIB
    simple.read(BigInt(round), offset, MIB)
    t.equal((await simple.take(16)).readUInt32BE(4), 0)
    t.equal(image.compare(offset, await simple.take(MIB)), -1)
    t.equal(image.compare(offset, await other.read(offset, MIB)), -1)
  }
})

t.test('a client that stops and goes on is counted once, and never more than all', async t => {
  const { server } = await servedImage(t, { size: 24 * MIB })
  const place = { socketPath: server.unixSocket, port: server.port }
  const client = await RawClient.enter(place)
  t.teardown(() => client.destroy())
  client.socket.pause()
  for (let cookie = 0; cookie < 24; cookie++) client.read(BigInt(cookie), cookie * MIB, MIB)
  await untilStatistics(server, ({ pins }) => pins >= 32)
  // A second later it is taken back from the client what it does not come to take.
  await untilStatistics(server, ({ pins }) => pins < 20)
  client.socket.resume()
  let bytes = 0
  while (bytes < 24 * MIB) {
    const reply = await client.reply()
    if (reply.kind === 'hole') bytes += reply.length
    else if (reply.kind === 'data') bytes += reply.data.length
    else throw new Error(`not a piece: ${reply.kind}`)
  }
  await untilStatistics(server, ({ pins }) => pins === 0)
  const { servedBytes, coveredBytes, reads, hitRatio } = server.statistics()
  t.match(
    { servedBytes, coveredBytes, reads },
    { servedBytes: 24 * MIB, coveredBytes: 24 * MIB, reads: 24 },
  )
  t.ok(hitRatio <= 1, `hit ratio ${hitRatio}`)
})

t.test('clients beyond --max-clients are turned away, silent ones end', async t => {
  const { server, log } = await servedImage(t, {
    size: MIB,
    server: { maxClients: 1, handshakeTimeout: 0.2, ringSize: 16 * MIB },
  })
  const place = { socketPath: server.unixSocket, port: server.port }
  const silent = await RawClient.connect(place)
  t.teardown(() => silent.destroy())
  await untilStatistics(server, ({ clients }) => clients === 1)
  const turnedAway = await RawClient.connect(place)
  t.teardown(() => turnedAway.destroy())
  t.equal((await turnedAway.rest()).length, 0)
  t.match(log.join('\n'), /^warn client turned away: --max-clients allows 1/m)
  await silent.ended
  await untilStatistics(server, ({ clients }) => clients === 0)
  const next = await RawClient.enter(place)
  next.destroy()
})
