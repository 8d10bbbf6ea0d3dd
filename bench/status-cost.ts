// `node .bench/status-cost.js`: what the status server costs a copy - none, one that nobody asks, and one
// that fifty clients ask once a second; with --hostile, one that is attacked, beside a copy that shares the machine
// with the same attack on another server. Interleaved; medians.

import { type ChildProcess, fork } from 'node:child_process'
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
const HOSTILE = new URL('./status-hostile.js', import.meta.url)

interface Run {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly answers: number
  readonly refusals: number
}

/** Clients of the status server of the copy, or of one that nothing is copied through. */
interface Crowd {
  readonly at: 'copy' | 'elsewhere'
  /** Number of those that poll. */
  readonly clients: number | 'hostile'
}

interface Case {
  readonly label: string
  /** Undefined runs without a status server. */
  readonly crowd: Crowd | undefined
  readonly runs: Run[]
}

const options = new Command('status-cost')
  .description('Measure what clients of the status server cost a copy')
  .option('--size <size>', 'size of the image', readSize, 512 * 2 ** 20)
  .option('--runs <n>', 'copies of each kind; medians are shown', readCount, 5)
  .option('--clients <n>', 'clients that ask once a second', readCount, 50)
  .option('--hostile', 'clients that mean harm, in place of those that ask')
  .option('--think <ms>', "time to the origin's first byte", readCount, 100)
  .parse()
  .opts<{ size: number; runs: number; clients: number; hostile?: true; think: number }>()

const { size, runs, clients } = options
await using origin = await startInProcess({
  image: { size },
  thinkTimeMs: options.think,
  bandwidth: 30e6,
})
const directory = mkdtempSync(join(tmpdir(), 'nbd-prefetch-status-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))

const cases: readonly [Case, ...Case[]] = options.hostile
  ? [
      { label: 'another is attacked', crowd: { at: 'elsewhere', clients: 'hostile' }, runs: [] },
      { label: 'nobody attacks', crowd: { at: 'copy', clients: 0 }, runs: [] },
      { label: 'it is attacked', crowd: { at: 'copy', clients: 'hostile' }, runs: [] },
    ]
  : [
      { label: 'no status server', crowd: undefined, runs: [] },
      { label: 'nobody asks', crowd: { at: 'copy', clients: 0 }, runs: [] },
      { label: `${clients} clients ask`, crowd: { at: 'copy', clients }, runs: [] },
    ]
// The first copy of all is for the origin to make its image.
await copy(undefined)
for (let run = 0; run < runs; run++) {
  for (const one of cases) one.runs.push(await copy(one.crowd))
}
const [bare] = cases
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

async function copy(crowd: Crowd | undefined): Promise<Run> {
  const port = crowd === undefined ? 0 : await freePort()
  const flags = crowd === undefined ? [] : ['--status', String(port)]
  await using server = await ours('', flags).serve([{ url: origin.url, directory }])
  const otherPort = await freePort()
  await using _other =
    crowd?.at === 'elsewhere'
      ? await ours('', ['--status', String(otherPort)]).serve([{ url: origin.url, directory }])
      : undefined
  const [uri = ''] = server.uris
  const pid = server.processes[0]?.pid
  const target = crowd?.at === 'elsewhere' ? otherPort : port
  const visitors = crowd === undefined ? undefined : await visit(target, crowd.clients)
  const path = new URL(uri).searchParams.get('socket') as string
  const client = await NbdClient.connect({ path }, { connections: 4 })
  const cpuBefore = cpuSecondsOf(pid) ?? 0
  const start = performance.now()
  await client.stream(() => {})
  const seconds = (performance.now() - start) / 1000
  const cpuSeconds = (cpuSecondsOf(pid) ?? 0) - cpuBefore
  await client.close()
  if (visitors === undefined) return { seconds, cpuSeconds, answers: 0, refusals: 0 }
  const told = once(visitors, 'message')
  visitors.send('stop')
  const [{ answers, refusals }] = (await told) as [Pick<Run, 'answers' | 'refusals'>]
  return { seconds, cpuSeconds, answers, refusals }
}

async function visit(port: number, clients: Crowd['clients']): Promise<ChildProcess> {
  const url = `http://127.0.0.1:${port}/`
  const visitors =
    clients === 'hostile'
      ? fork(HOSTILE, [url], { stdio: 'inherit' })
      : fork(POLLERS, [url, String(clients)], { stdio: 'inherit' })
  await once(visitors, 'spawn')
  return visitors
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
