// TLS that can't be set up in the middle of a copy, as while a load balancer changes its nodes: it has worked before, and
// will again. A certificate that is not accepted is another matter.

import { once } from 'node:events'
import net from 'node:net'
import t, { type Test } from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { serve } from '../../dist/main/index.js'
import { firstWrongByte, untilStatistics } from '../fixtures/served-image.js'

const MIB = 1024 * 1024
const BUSY = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'
/** handshake_failure, fatal, of TLS 1.2. */
const ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 40])

/** In front of a server of TLS: passes connections on, or answers them with `instead`. */
interface Balancer {
  readonly url: string
  instead: string | Buffer | undefined
}

async function balancerFor(t: Test, { url }: SlowServer): Promise<Balancer> {
  const { port, pathname } = new URL(url)
  const server = net.createServer(socket => {
    socket.on('error', () => {})
    if (balancer.instead !== undefined) {
      socket.end(balancer.instead)
      return
    }
    const behind = net.connect(Number(port), '127.0.0.1')
    behind.on('error', () => {}).on('close', () => socket.destroy())
    socket.on('close', () => behind.destroy())
    socket.pipe(behind).pipe(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const front = (server.address() as net.AddressInfo).port
  const balancer: Balancer = { url: `https://127.0.0.1:${front}${pathname}`, instead: undefined }
  return balancer
}

for (const [what, instead] of [
  ['plain HTTP', BUSY],
  ['an alert', ALERT],
] as const) {
  t.test(`a copy outlasts handshakes that are answered with ${what}`, async t => {
    const image = new GeneratedImage({ size: 16 * MIB })
    const origin = await SlowServer.start({ image, tls: true, totalBandwidth: 16 * MIB })
    t.teardown(() => origin.close())
    const balancer = await balancerFor(t, origin)
    const { url } = balancer
    const server = await serve({ url, unix: '-', insecure: true, ringSize: 4 * MIB })
    t.teardown(() => server.close({ drainMs: 0 }))
    const client = await NbdClient.connect({ path: server.unixSocket ?? '' })
    t.teardown(() => client.close())
    const copy = firstWrongByte(image, client)
    await untilStatistics(server, ({ servedBytes }) => servedBytes > 2 * MIB)
    balancer.instead = instead
    origin.resetConnections()
    await untilStatistics(server, ({ failures }) => (failures['tls'] ?? 0) >= 6)
    balancer.instead = undefined
    t.equal(await copy, -1, 'every byte is right')
    t.equal(server.statistics().failedReads, 0)
  })
}
