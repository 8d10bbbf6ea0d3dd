// Crowds and hogs at the whole server, from socket to origin: whatever they do, a copy beside them is
// the image, and memory and open files return.

import { readdirSync } from 'node:fs'
import t from 'tap'
import {
  clientFlags,
  exportName,
  go,
  metaContext,
  option,
  request,
} from '../fixtures/nbd-encoder.js'
import { RawClient } from '../fixtures/raw-client.js'
import { firstWrongByte, servedImage, untilStatistics } from '../fixtures/served-image.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
/** Connections to the origin, counted at both ends: they come and go as the copy needs them. */
const ORIGIN_FILES = 2 * 16
const openFiles = () => readdirSync('/proc/self/fd').length

/** A whole handshake with requests behind it, to be broken off anywhere. */
const CONVERSATIONS = [
  Buffer.concat([
    clientFlags(3),
    option(8),
    option(3),
    metaContext(10, '', ['base:allocation']),
    go(''),
    request({ command: 0, cookie: 1n, offset: 4096, length: 300_000 }),
    request({ command: 1, cookie: 2n, length: 40 }),
    Buffer.alloc(40),
    request({ command: 5, cookie: 3n, length: 65_536 }),
  ]),
  Buffer.concat([clientFlags(0), exportName(''), request({ command: 0, length: 100_000 })]),
]

t.test('a thousand connections given up at every point leave a copy whole', async t => {
  const { image, server, connect } = await servedImage(t, { size: 24 * MIB })
  const client = await connect(4)
  const files = openFiles()
  const copied = firstWrongByte(image, client)
  const place = { socketPath: server.unixSocket, port: server.port }
  let at = 0
  const opened = server.statistics().totalClients
  const worker = async () => {
    while (at < 1000) {
      const turn = at++
      const conversation = CONVERSATIONS[turn % CONVERSATIONS.length] as Buffer
      const raw = await RawClient.connect(place)
      raw.send(conversation.subarray(0, Math.floor((turn / 1000) * (conversation.length + 1))))
      // Some go at once, some behind the greeting, some close one side and wait.
      if (turn % 3 === 1) await raw.take(18)
      if (turn % 3 === 2) {
        raw.socket.end()
        await raw.ended
      }
      raw.destroy()
    }
  }
  await Promise.all(Array.from({ length: 50 }, worker))
  t.equal(await copied, -1, 'the copy is the image')
  const { pins } = await untilStatistics(server, s => s.clients === 4 && s.pins === 0)
  t.equal(pins, 0)
  t.equal(server.statistics().totalClients - opened, 1000)
  await until(() => openFiles() <= files + ORIGIN_FILES)
  t.pass('open files are back')
})

t.test('more stuck clients than the ring has room for do not hold up others', async t => {
  // 64 slots, of which replies may hold half: two stuck clients to each of these.
  const { image, server, connect } = await servedImage(t, {
    size: 32 * MIB,
    server: { ringSize: 16 * MIB, maxClients: 100 },
  })
  const place = { socketPath: server.unixSocket, port: server.port }
  const stuck: RawClient[] = []
  for (let index = 0; index < 64; index++) {
    const client = await RawClient.enter(place, { structured: index % 4 !== 0 })
    stuck.push(client)
    client.socket.pause()
    for (let read = 0; read < 32; read++) client.read(BigInt(read), read * MIB, MIB)
  }
  await untilStatistics(server, s => s.clients === 64 && s.servedBytes > 0)
  const client = await connect(4)
  t.equal(await firstWrongByte(image, client), -1, 'the copy is the image')
  t.equal(server.statistics().clients, stuck.length + 4, 'none was dropped for it')
  for (const one of stuck) one.destroy()
  await untilStatistics(server, s => s.clients === 4 && s.pins === 0)
})

t.test('clients that ask for 10 GiB and never read do not hold up others', async t => {
  const { image, server, connect } = await servedImage(t, {
    size: 32 * MIB,
    server: { ringSize: 16 * MIB },
  })
  const place = { socketPath: server.unixSocket, port: server.port }
  const hogs = await Promise.all(
    [true, true, true, false].map(structured => RawClient.enter(place, { structured })),
  )
  for (const hog of hogs) {
    hog.socket.pause()
    // 320 times the image, as much as NBD lets a client ask for at once.
    for (let index = 0; index < 320; index++) hog.read(BigInt(index), 0, 32 * MIB)
  }
  await untilStatistics(server, s => s.pins > 0)
  const client = await connect(2)
  t.equal(await firstWrongByte(image, client), -1, 'the copy is the image')
  t.equal(server.statistics().clients, hogs.length + 2, 'none was dropped for it')
  for (const hog of hogs) hog.destroy()
  await untilStatistics(server, s => s.clients === 2 && s.pins === 0)
})
