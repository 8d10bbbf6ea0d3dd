// Connections to the origin are opened while a client says hello, over TLS, too: its first reads wait
// for answers, not for round trips of TCP and TLS.

import t from 'tap'
import { firstWrongByte, servedImage } from '../fixtures/served-image.js'

const MIB = 1024 * 1024
/** What the governor starts with once the probe was answered. */
const AT_FIRST = 8

for (const tls of [false, true]) {
  t.test(`connections stand when a client has come, ${tls ? 'https' : 'http'}`, async t => {
    const origin = { tls, thinkTimeMs: 5 }
    const {
      image,
      origin: slow,
      ...served
    } = await servedImage(t, {
      size: 32 * MIB,
      origin,
      server: { connections: AT_FIRST, insecure: tls },
    })
    const probing = { ...slow.stats }
    const client = await served.connect()
    while (slow.stats.openConnections < AT_FIRST) await new Promise(setImmediate)
    t.equal(slow.stats.requests, probing.requests, 'nothing was asked for')
    // A second client finds them.
    await served.connect()
    t.equal(await firstWrongByte(image, client), -1)
    t.equal(slow.stats.connectionsAccepted, probing.connectionsAccepted + AT_FIRST - 1)
  })
}
