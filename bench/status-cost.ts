// `node .bench/status-cost.js`: what the status server costs a copy - none, one that nobody asks, and one
// that fifty clients ask once a second. Interleaved; medians.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { ours } from './cases/ours.js'
import { freePort } from './free-port.js'
import { median } from './measure/statistics.js'
import { cpuSecondsOf } from './measure/usage.js'
import { NbdClient } from './nbd-client.js'
import { startInProcess } from './slow-server/in-process.js'
import { parseSize } from './slow-server/size.js'

const POLLERS = new URL('./status-pollers.js', import.meta.url)

interface Run {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly answers: number
  readonly refusals: number
}

interface Case {
  readonly label: string
  /** Undefined runs without a status server. */
  readonly clients: number | undefined
  readonly runs: Run[]
}

const options = new Command('status-cost')
  .description('Measure what clients of the status server cost a copy')
  .option('--size <size>', 'size of the image', readSize, 512 * 2 ** 20)
  .option('--runs <n>', 'copies of each kind; medians are shown', readCount, 5)
  .option('--clients <n>', 'clients that ask once a second', readCount, 50)
  .option('--think <ms>', "time to the origin's first byte", readCount, 100)
  .parse()
  .opts<{ size: number; runs: number; clients: number; think: number }>()

const { size, runs, clients } = options
await using origin = await startInProcess({
  image: { size },
  thinkTimeMs: options.think,
  bandwidth: 30e6,
})
const directory = mkdtempSync(join(tmpdir(), 'nbd-prefetch-status-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))

const cases: readonly Case[] = [
  { label: 'no status server', clients: undefined, runs: [] },
  { label: 'nobody asks', clients: 0, runs: [] },
  { label: `${clients} clients ask`, clients, runs: [] },
]
// The first copy of all is for the origin to make its image.
await copy(undefined)
for (let run = 0; run < runs; run++) {
  for (const one of cases) one.runs.push(await copy(one.clients))
}
const [bare] = cases as [Case]
const figure = (one: Case, pick: (run: Run) => number) => median(one.runs.map(pick))
console.log(`${size / 2 ** 20} MiB, medians of ${runs}, interleaved; Node ${process.version}`)
for (const one of cases) {
  const seconds = figure(one, run => run.seconds)
  const cpu = figure(one, run => run.cpuSeconds)
  const slower = 100 * (seconds / figure(bare, run => run.seconds) - 1)
  const dearer = 100 * (cpu / figure(bare, run => run.cpuSeconds) - 1)
  const all = one.runs.map(run => run.seconds.toFixed(2)).join(' ')
  console.log(
    `${one.label.padEnd(20)} ${seconds.toFixed(2)} s (${sign(slower)} %), processor ${cpu.toFixed(2)} s ` +
      `(${sign(dearer)} %), ${figure(one, run => run.answers)} answers, ` +
      `${figure(one, run => run.refusals)} refused; each: ${all}`,
  )
}

async function copy(asking: number | undefined): Promise<Run> {
  const port = asking === undefined ? 0 : await freePort()
  const flags = asking === undefined ? [] : ['--status', String(port)]
  await using server = await ours('', flags).serve([{ url: origin.url, directory }])
  const [uri = ''] = server.uris
  const pid = server.processes[0]?.pid
  const pollers =
    asking === undefined
      ? undefined
      : fork(POLLERS, [`http://127.0.0.1:${port}/`, String(asking)], { stdio: 'inherit' })
  if (pollers !== undefined) await once(pollers, 'spawn')
  const path = new URL(uri).searchParams.get('socket') as string
  const client = await NbdClient.connect({ path }, { connections: 4 })
  const cpuBefore = cpuSecondsOf(pid) ?? 0
  const start = performance.now()
  await client.stream(() => {})
  const seconds = (performance.now() - start) / 1000
  const cpuSeconds = (cpuSecondsOf(pid) ?? 0) - cpuBefore
  await client.close()
  if (pollers === undefined) return { seconds, cpuSeconds, answers: 0, refusals: 0 }
  const told = once(pollers, 'message')
  pollers.send('stop')
  const [{ answers, refusals }] = (await told) as [Pick<Run, 'answers' | 'refusals'>]
  return { seconds, cpuSeconds, answers, refusals }
}

function sign(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(1)}`
}

function readSize(text: string): number {
  const bytes = parseSize(text)
  if (!(bytes > 0)) throw new InvalidArgumentError('a size such as 2G is needed')
  return bytes
}

function readCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('a count is needed')
  return count
}
