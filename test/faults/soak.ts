// Faults in plenty: each way a server can go wrong for every other request, and all of them together. The copy ends
// byte-exact. survives.ts has them at a tenth, refuses.ts at all requests, bench/faults.ts the whole matrix.

import t, { type Test } from 'tap'
import { FAULT_CASES, type FaultCase } from '../../.bench/fault-kinds.js'
import type { FaultRule } from '../../.bench/slow-server/faults.js'
import type { ServerOptions } from '../../dist/main/index.js'
import { firstWrongByte, servedImage } from '../fixtures/served-image.js'

const KIB = 1024
const MIB = 1024 * KIB
/** Requests of 64 KiB and more: some hundreds of them. */
const SMALL = {
  ringSize: 8 * MIB,
  blockSize: 64 * KIB,
  maxRequest: MIB,
  readahead: 256 * KIB,
} as const

/** The probe is spared: what it meets is told at the start. */
function rule({ fault }: FaultCase, probability: number): FaultRule {
  return { ...fault, probability, after: 1 }
}

async function survives(
  t: Test,
  faults: readonly FaultRule[],
  server: Partial<ServerOptions>,
  size: number,
  tls = false,
): Promise<void> {
  const { image, origin, ...served } = await servedImage(t, {
    size: size + 1,
    // Of a seed of its own each time: what holds for one sequence of faults only is worth little.
    origin: { faults, seed: Math.ceil(Math.random() * 1e9), tls },
    server: { ...SMALL, ...server },
  })
  const client = await served.connect(2)
  t.equal(await firstWrongByte(image, client), -1, 'every byte is right')
  const { failedReads, failures, requests } = served.server.statistics()
  t.equal(failedReads, 0, 'no read fails')
  t.comment(`${requests} requests, ${JSON.stringify(failures)}`)
}

// They spend their time waiting for a next attempt: side by side.
t.jobs = 6
for (const [name, one] of Object.entries(FAULT_CASES)) {
  t.test(`${name}, every other request`, t => survives(t, [rule(one, 0.5)], limits(one), 2 * MIB))
}

const CASES = Object.values(FAULT_CASES)
for (const [share, each] of [
  ['1 % of requests each', 0.01],
  ['5 % of requests each', 0.05],
  ['5 % of requests in all', 0.05 / CASES.length],
] as const) {
  t.test(`all of them together, ${share}`, async t => {
    const faults = CASES.map(one => rule(one, each))
    await survives(t, faults, { firstByteTimeout: 0.2, bodyTimeout: 0.2 }, 8 * MIB)
  })
}

// Records of TLS are gathered before they are parsed, most of them where nothing slows the server down.
t.test('all of them together over TLS, 20 % of requests in all', async t => {
  const faults = CASES.map(one => rule(one, 0.2 / CASES.length))
  const limits = {
    firstByteTimeout: 0.3,
    bodyTimeout: 0.3,
    readahead: 4 * MIB,
    maxRequest: 4 * MIB,
  }
  await survives(t, faults, { ...limits, insecure: true }, 24 * MIB, true)
})

/** Long waits cost a test's time, and tell no more. */
function limits({ server }: FaultCase): Partial<ServerOptions> {
  return {
    ...(server?.firstByteTimeout !== undefined && { firstByteTimeout: 0.2 }),
    ...(server?.bodyTimeout !== undefined && { bodyTimeout: 0.2 }),
  }
}
