// Several images in one process: each client gets its own, whatever the others read, from one ring
// and within one budget of requests for each origin.

import t from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { type Server, serve } from '../../dist/main/index.js'
import { httpOrigin, imageBytes, serveRange } from '../fixtures/origin.js'
import { firstWrongByte } from '../fixtures/served-image.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

const MIB = 1024 * 1024

/** A client for each export. */
function clientsOf(server: Server): Promise<NbdClient[]> {
  const path = server.unixSocket ?? ''
  return Promise.all(
    server.exports.map(({ name }) => NbdClient.connect({ path }, { exportName: name })),
  )
}

t.test('serve() exports several images of two origins side by side', async t => {
  const images = [1, 2, 3].map(seed => new GeneratedImage({ size: 24 * MIB + seed, seed }))
  const origins = await Promise.all(
    images.map(image => SlowServer.start({ image, thinkTimeMs: 10, name: `disk-${image.size}` })),
  )
  t.teardown(() => Promise.all(origins.map(origin => origin.close())))
  await using server = await serve({
    unix: '-',
    exports: origins.map((origin, index) => ({ name: `disk${index}`, url: origin.url })),
    ringSize: 16 * MIB,
    connections: 4,
  })
  t.strictSame(
    server.exports.map(({ name, size }) => [name, size]),
    images.map((image, index) => [`disk${index}`, image.size]),
  )
  t.equal(
    server.size,
    images.reduce((sum, { size }) => sum + size, 0),
  )
  const clients = await clientsOf(server)
  const wrong = await Promise.all(
    clients.map((client, index) => firstWrongByte(images[index] as GeneratedImage, client)),
  )
  t.strictSame(wrong, [-1, -1, -1], 'every byte of every image is right')
  await Promise.all(clients.map(client => client.close()))
  const { exports, servedBytes, connectionLimit, peakInFlight } = server.statistics()
  t.equal(connectionLimit, 3 * 4, 'a budget for each origin')
  t.ok(peakInFlight <= connectionLimit)
  t.equal(
    servedBytes,
    exports.reduce((sum, one) => sum + one.servedBytes, 0),
  )
  for (const [index, one] of exports.entries()) {
    t.equal(one.name, `disk${index}`)
    t.ok(one.servedBytes >= (images[index] as GeneratedImage).size)
    t.equal(one.failedReads, 0)
  }
})

t.test('serve() keeps to one budget of requests for all exports of an origin', async t => {
  const image = new GeneratedImage({ size: 32 * MIB })
  await using origin = await SlowServer.start({ image, thinkTimeMs: 20, bandwidth: 20e6 })
  await using server = await serve({
    unix: '-',
    exports: ['a', 'b', 'c', 'd'].map(name => ({ name, url: origin.url })),
    connections: 6,
  })
  const clients = await clientsOf(server)
  const wrong = await Promise.all(clients.map(client => firstWrongByte(image, client)))
  t.strictSame(wrong, [-1, -1, -1, -1])
  await Promise.all(clients.map(client => client.close()))
  const { peakInFlight, connectionLimit } = server.statistics()
  t.equal(connectionLimit, 6)
  t.ok(peakInFlight <= 6)
})

t.test('serve() opens all of several images, or none', async t => {
  const image = new GeneratedImage({ size: MIB })
  await using origin = await SlowServer.start({ image })
  const exports = [
    { name: 'there', url: origin.url },
    { name: 'gone', url: new URL('/none', origin.url).href },
  ]
  await t.rejects(serve({ unix: '-', exports }), { message: /none.*404/ })
})

t.test(
  'images are read while others of the server are downloaded, over one connection',
  async t => {
    const size = 4 * MIB
    const origin = await httpOrigin(t, (request, response, index) => {
      if (!request.url?.startsWith('/whole')) return serveRange(size)(request, response, index)
      response.writeHead(200, { 'content-length': size })
      // The rest of it does not come while the test lasts.
      response.write(imageBytes(0, MIB))
    })
    const { origin: address } = new URL(origin.url)
    const exports = ['whole/a', 'whole/b', 'ranged'].map(name => ({
      name,
      url: `${address}/${name}`,
    }))
    await using server = await serve({
      exports,
      unix: '-',
      connections: 1,
      workers: 1,
      spool: temporaryDirectory(t),
    })
    const path = server.unixSocket as string
    for (const exportName of ['ranged', 'whole/a', 'whole/b']) {
      const client = await NbdClient.connect({ path }, { exportName })
      t.ok(imageBytes(4096, 4096).equals(await client.read(4096, 4096)), exportName)
      await client.close()
    }
  },
)
