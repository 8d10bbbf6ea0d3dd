// Clients that ask for more at a time than the ring holds: what was fetched for a read that waits
// for its turn must still be there when the turn comes, or it is taken from the origin twice.

import t from 'tap'
import { servedImage } from '../fixtures/served-image.js'

const KIB = 1024
const MIB = 1024 * KIB

for (const [connections, readBytes] of [
  [1, 256 * KIB],
  [4, 256 * KIB],
  [16, 256 * KIB],
  [2, 2 * MIB],
] as const) {
  const shape = `${connections} connections and reads of ${readBytes / KIB} KiB`
  t.test(`16 MiB asked for through a ring of 4 MiB are fetched once: ${shape}`, async t => {
    const { image, server, connect } = await servedImage(t, {
      size: 24 * MIB,
      server: { ringSize: 4 * MIB },
    })
    const client = await connect(connections)
    let wrong = -1
    await client.stream(
      (chunk, offset) => {
        const index = image.compare(offset, chunk)
        if (index >= 0) wrong = offset + index
      },
      { readBytes, inFlight: (16 * MIB) / readBytes },
    )
    t.equal(wrong, -1, 'every byte is right')
    const { amplification } = server.statistics()
    t.ok(amplification <= 1.05, `took ${amplification.toFixed(3)} of the image`)
  })
}
