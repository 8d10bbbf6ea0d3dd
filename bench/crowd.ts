// How much a crowd costs a copy: one copy by itself, and the same copy while a thousand connections are
// opened and given up at every point of the handshake. Run: `npm run build && npm run build:bench && node
// .bench/crowd.js [rounds]`.

import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { serve } from '../dist/main/index.js'
import { NbdClient } from './nbd-client.js'
import { GeneratedImage } from './slow-server/image.js'
import { SlowServer } from './slow-server/server.js'

const CONNECTIONS = 1000
const IMAGE_BYTES = 128 * 1024 * 1024
/** Spread over the copy, as clients of a busy server come. */
const PARALLEL = 8

/** Flags, STRUCTURED_REPLY, GO of the default export, one READ. */
const CONVERSATION = Buffer.from(
  '00000003' +
    '49484156454f50540000000800000000' +
    '49484156454f50540000000700000006000000000000' +
    '2560951300000000000000000000000100000000000000000000ffff',
  'hex',
)

const image = new GeneratedImage({ size: IMAGE_BYTES })
const origin = await SlowServer.start({ image, thinkTimeMs: 20, bandwidth: 3e6 })

/** Seconds one copy takes, and files open before and after. */
async function copy(crowd: number): Promise<{ seconds: number; files: string; rssMiB: number }> {
  await using server = await serve({ url: origin.url, unix: '-' })
  const path = server.unixSocket as string
  const before = readdirSync('/proc/self/fd').length
  const client = await NbdClient.connect({ path }, { connections: 4 })
  let next = 0
  const abandon = async () => {
    while (next < crowd) {
      const length = next++ % (CONVERSATION.length + 1)
      const socket = connect(path)
      // A full queue of connections (EAGAIN) is one given up early.
      const connected = await once(socket, 'connect').catch(() => undefined)
      socket.on('error', () => {})
      if (connected === undefined) continue
      socket.write(CONVERSATION.subarray(0, length))
      await delay(1)
      socket.destroy()
    }
  }
  const started = performance.now()
  const crowds = Array.from({ length: PARALLEL }, abandon)
  let wrong = false
  await client.stream((chunk, offset) => {
    wrong ||= image.compare(offset, chunk) >= 0
  })
  const seconds = (performance.now() - started) / 1000
  await Promise.all(crowds)
  await client.close()
  if (wrong) throw new Error('Cannot pass: the copy is not the image')
  while (server.statistics().clients > 0) await delay(5)
  const after = readdirSync('/proc/self/fd').length
  const rssMiB = Math.round(process.memoryUsage.rss() / 2 ** 20)
  return { seconds, files: `${before} -> ${after}`, rssMiB }
}

const rounds = Number(process.argv[2] ?? '5')
const times: { alone: number[]; crowded: number[] } = { alone: [], crowded: [] }
await copy(0)
for (let round = 0; round < rounds; round++) {
  for (const [what, crowd] of [
    ['alone', 0],
    ['crowded', CONNECTIONS],
  ] as const) {
    const { seconds, files, rssMiB } = await copy(crowd)
    times[what].push(seconds)
    console.log(`${what.padEnd(8)} ${seconds.toFixed(2)} s, files ${files}, ${rssMiB} MiB`)
  }
}
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] as number
const slower = median(times.crowded) / median(times.alone) - 1
console.log(
  `a crowd of ${CONNECTIONS} makes the copy ${(slower * 100).toFixed(0)} % slower (medians)`,
)
await origin.close()
