// What a long copy meets on its way: sessions that expire, a server that is killed and comes back, a server that refuses
// all beyond eight requests. Prints what it cost. `node .bench/lapses.js [session|restart|limit ...] [--size 1G]`.

import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { type ServerOptions, serve } from '../dist/main/index.js'
import { type CheckedCopy, checkedCopy } from './checked-copy.js'
import { NbdClient } from './nbd-client.js'
import { GeneratedImage } from './slow-server/image.js'
import { type SlowServerProcess, startInProcess } from './slow-server/in-process.js'
import type { SlowServerOptions } from './slow-server/options.js'
import { parseSize } from './slow-server/size.js'

const MIB = 1024 * 1024
/** As a vCenter behaves: see profiles.ts. */
const VCENTER = { thinkTimeMs: 100, bandwidth: 30e6 }
const LOGIN = { user: 'me', password: 'secret' }

const SCENARIOS: Readonly<Record<string, () => Promise<void>>> = { session, restart, limit }
const program = new Command('lapses')
  .description('Copy an image from a server that lapses')
  .argument('[scenario...]', `of ${Object.keys(SCENARIOS).join(', ')}`, Object.keys(SCENARIOS))
  .option('--size <size>', 'size of the image', parseSize, 1024 * MIB)
  .option('--ttl <ms>', 'life of a session', Number, 2000)
  .option('--runs <n>', 'of limit, interleaved', Number, 3)
  .parse()
const { size, ttl, runs } = program.opts<{ size: number; ttl: number; runs: number }>()
const image = new GeneratedImage({ size })

for (const name of program.processedArgs[0] as string[]) {
  const scenario = SCENARIOS[name]
  if (scenario === undefined) program.error(`Unknown scenario '${name}'`)
  else await scenario()
}

function outcome({ wrongAt, failure, seconds, statistics }: CheckedCopy): string {
  const how = wrongAt >= 0 ? `WRONG at ${wrongAt}` : failure === undefined ? 'exact' : failure
  if (how !== 'exact') process.exitCode = 1
  const rate = (size / seconds / 1e6).toFixed(1)
  const { requests, retries, failedReads, logins, throttled, failures } = statistics
  const counts = { requests, retries, failedReads, logins, throttled, failures }
  return `${how}, ${seconds.toFixed(2)} s, ${rate} MB/s, ${JSON.stringify(counts)}`
}

/** Without and with sessions that end; the rate is bounded so that the copy takes several lives. */
async function session(): Promise<void> {
  for (const ttlMs of [undefined, ttl]) {
    await using origin = await startInProcess({
      image: { size },
      ...VCENTER,
      totalBandwidth: 60e6,
      auth: LOGIN,
      session: { ttlMs },
      logLimit: 100_000,
    })
    const copy = await checkedCopy(image, { url: origin.url, ...LOGIN, session: 'vmware' })
    const log = await origin.log()
    const refused = log.filter(({ status }) => status === 401)
    const logins = log.filter(({ headers }) => headers['authorization'] !== undefined)
    console.log(
      `session ${ttlMs === undefined ? 'without end' : `of ${ttlMs} ms`}: ${outcome(copy)}`,
    )
    console.log(
      `  the server saw ${logins.length} logins and ${refused.length} refused requests in ${(copy.seconds / ((ttlMs ?? Infinity) / 1000)).toFixed(1)} lives`,
    )
  }
}

/** Killed at a third of the copy, started again 5 seconds later. */
async function restart(): Promise<void> {
  await using origin = await startInProcess({ image: { size }, ...VCENTER, totalBandwidth: 100e6 })
  await using server = await serve({ url: origin.url, unix: '-' })
  const client = await NbdClient.connect({ path: server.unixSocket ?? '' }, { connections: 4 })
  let wrongAt = -1
  let taken = 0
  let outage: Promise<number> | undefined
  let lastMs = performance.now()
  let longestMs = 0
  const start = lastMs
  const breakDown = async (): Promise<number> => {
    await origin.kill()
    await sleep(5000)
    await origin.restart()
    return performance.now()
  }
  let backMs = 0
  await client.stream((chunk, offset) => {
    const now = performance.now()
    longestMs = Math.max(longestMs, now - lastMs)
    if (backMs === 0 && longestMs > 4000) backMs = now
    lastMs = now
    taken += chunk.length
    if (taken > size / 3) outage ??= breakDown()
    const index = image.compare(offset, chunk)
    if (index >= 0) wrongAt = offset + index
  })
  const seconds = (performance.now() - start) / 1000
  const resumedMs = backMs - ((await outage) ?? 0)
  await client.close()
  const statistics = server.statistics()
  console.log(`restart: ${outcome({ wrongAt, failure: undefined, seconds, statistics })}`)
  console.log(
    `  longest time without a byte ${(longestMs / 1000).toFixed(2)} s, the first one ${(resumedMs / 1000).toFixed(2)} s after the server was back`,
  )
}

/** Eight requests allowed and 503 beyond, against eight connections to a server that allows any number. */
async function limit(): Promise<void> {
  const limited = { ...VCENTER, concurrency: { max: 8 } }
  const shares: number[] = []
  for (let run = 0; run < runs; run++) {
    const steady = await measured(VCENTER, { connections: 8 })
    const copy = await measured(limited, {})
    const { requests, throttled } = copy.statistics
    shares.push(steady.seconds / copy.seconds)
    console.log(`limit, 8 steady connections: ${outcome(steady)}`)
    console.log(`limit, 503 beyond 8: ${outcome(copy)}`)
    console.log(
      `  ${((100 * steady.seconds) / copy.seconds).toFixed(1)} % of the rate; ${((100 * throttled) / requests).toFixed(2)} % of the requests answered 503`,
    )
  }
  shares.sort((a, b) => a - b)
  console.log(
    `limit: median ${(100 * (shares[Math.floor(runs / 2)] ?? 0)).toFixed(1)} % of the rate`,
  )
}

async function measured(
  shape: Omit<SlowServerOptions, 'image'>,
  options: Partial<ServerOptions>,
): Promise<CheckedCopy> {
  await using origin: SlowServerProcess = await startInProcess({ image: { size }, ...shape })
  return await checkedCopy(image, { url: origin.url, ...options })
}
