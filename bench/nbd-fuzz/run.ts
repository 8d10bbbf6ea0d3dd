// `npm run fuzz`: many streams from a seed of one's own, `npm run fuzz -- [streams] [seed]`. Prints the seed,
// so that what breaks can be repeated, and ends with status 1 if something does.

import { fuzzMachines, fuzzServer } from './fuzz.js'

/** Streams before the server is looked at: what is held then is held for good. */
const ROUND = 5000

const [streams = '100000', given] = process.argv.slice(2)
const total = Number(streams)
const seed = given === undefined ? Date.now() % 2 ** 31 : Number(given)
if (!(total >= 1) || !(seed >= 0)) {
  console.error('Cannot fuzz: usage is npm run fuzz -- [streams] [seed]')
  process.exit(2)
}
console.log(`${total} streams from seed ${seed}`)
const started = performance.now()
console.log(`machines: ${fuzzMachines(seed, total)} requests let through, each inside the export`)
for (let done = 0; done < total; done += ROUND) {
  const count = Math.min(ROUND, total - done)
  const report = await fuzzServer(seed + done, count)
  const { entered, healthyReads, pins, open } = report
  console.log(
    `server: ${done + count} streams, of these ${entered} entered; ${healthyReads} reads beside them sound; ` +
      `${pins} pins and ${open} exports open in the end; ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`,
  )
  if (pins !== 0 || open !== 0) {
    console.error(`Cannot pass: something is still held after the seeds from ${seed + done} on`)
    process.exit(1)
  }
}
console.log(`done in ${((performance.now() - started) / 1000).toFixed(1)} s`)
