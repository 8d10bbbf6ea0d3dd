// `npm run bench`: measures peers against the slow server, interleaved, several times, and prints
// the medians side by side. Every copy is compared with the image byte by byte.

import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { digestOfFile, digestOfImage } from './digest.js'
import { ARIA2, CURL, nbdkitCurl, ours, type Peer, QEMU_CURL } from './peers.js'
import { PROFILES } from './profiles.js'
import { isInstalled, PACKAGES, timed, versionOf } from './programs.js'
import { GeneratedImage } from './slow-server/image.js'
import { type SlowServerProcess, startInProcess } from './slow-server/in-process.js'
import { parseSize } from './slow-server/size.js'
import { WORKLOADS, type Workload } from './workloads.js'

/** Longest time one copy may take. */
const LIMIT_MS = 300_000

/** One copy, measured. */
interface Measurement {
  readonly seconds: number
  readonly requests: number
  readonly peakConcurrency: number
  readonly originBytes: number
  readonly cpuSeconds: number | undefined
  readonly peakBytes: number | undefined
}

/** A row of the table: one peer under one workload. */
interface Case {
  readonly peer: Peer
  readonly workload: Workload | undefined
  readonly runs: Measurement[]
  failure?: string
}

const program = new Command('bench')
  .description('Measure nbd-prefetch and its peers against shaped servers')
  .option('--profile <name...>', `of ${Object.keys(PROFILES).join(', ')}`, ['vcenter'])
  .option('--workload <name...>', `of ${Object.keys(WORKLOADS).join(', ')}`, [
    'qemu-img',
    'nbdcopy',
  ])
  .option('--size <size>', 'size of the image', readSize, 256 * 1024 * 1024)
  .option('--runs <n>', 'copies of each kind; medians are shown', readCount, 3)
  .option('--only-ours', 'leave the peers out')
  .option('--flags <flags>', 'further flags for nbd-prefetch, as one word', '')
  .option('--json', 'print the measurements as JSON instead of a table')
  .parse()
const options = program.opts<{
  profile: string[]
  workload: string[]
  size: number
  runs: number
  onlyOurs?: boolean
  flags: string
  json?: boolean
}>()
for (const [kind, names, known] of [
  ['profile', options.profile, PROFILES],
  ['workload', options.workload, WORKLOADS],
] as const) {
  const wrong = names.find(name => !(name in known))
  if (wrong !== undefined) {
    program.error(`Unknown ${kind} '${wrong}': take one of ${Object.keys(known).join(', ')}`)
  }
}

const scratch = mkdtempSync(
  join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'nbd-prefetch-bench-'),
)
const target = join(scratch, 'copy.raw')
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const image = new GeneratedImage({ size: options.size })
const digest = digestOfImage(image)
const results: unknown[] = []
for (const name of options.profile) {
  const profile = PROFILES[name] as (typeof PROFILES)[string]
  await using server = await startInProcess({
    ...profile.server,
    image: { size: options.size },
  })
  const cases = casesOf()
  console.error(
    `\n${name}: ${profile.title}; ${options.size / 2 ** 20} MiB, medians of ${options.runs}`,
  )
  for (let run = 0; run < options.runs; run++) {
    for (const one of cases) {
      if (one.failure !== undefined) continue
      try {
        one.runs.push(await measure(one, server))
      } catch (error) {
        one.failure = error instanceof Error ? error.message : String(error)
      }
      if (process.stderr.isTTY) process.stderr.write('.')
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  if (!options.json) print(cases)
  results.push({ profile: name, cases: cases.map(toJson) })
}
const about = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
  node: process.version,
  versions: Object.keys(PACKAGES).map(name => versionOf(name) ?? `${name}: not installed`),
}
if (options.json) console.log(JSON.stringify({ about, results }, undefined, 2))
else
  console.log(`\n${about.date}, ${about.machine}, Node ${about.node}; ${about.versions.join('; ')}`)

function casesOf(): Case[] {
  const flags = options.flags.split(' ').filter(flag => flag !== '')
  const servers = [ours('nbd-prefetch', flags)]
  const direct: Peer[] = []
  if (options.onlyOurs !== true) {
    servers.push(ours('nbd-prefetch --readahead off', [...flags, '--readahead', 'off']))
    servers.push(nbdkitCurl('nbdkit curl'))
    direct.push(QEMU_CURL, ARIA2, CURL)
  }
  const missing = new Set<string>()
  const usable = (needs: readonly string[]) => {
    const absent = needs.filter(need => !isInstalled(need))
    for (const need of absent) missing.add(need)
    return absent.length === 0
  }
  const workloads = options.workload.map(name => WORKLOADS[name] as Workload)
  const cases: Case[] = []
  for (const workload of workloads) {
    for (const peer of servers) {
      if (usable([...workload.needs, ...peer.needs])) cases.push({ peer, workload, runs: [] })
    }
  }
  for (const peer of direct) {
    if (usable(peer.needs)) cases.push({ peer, workload: undefined, runs: [] })
  }
  for (const name of missing) {
    console.error(
      `${name} is not installed and left out (Debian: apt-get install ${PACKAGES[name] ?? name})`,
    )
  }
  return cases
}

async function measure(one: Case, origin: SlowServerProcess): Promise<Measurement> {
  // Written over from start to end, and never a copy of the last run taken for this one's.
  const file = openSync(target, 'w')
  ftruncateSync(file, options.size)
  closeSync(file)
  await origin.clearLog()
  const before = await origin.stats()
  let seconds: number
  let cpuSeconds: number | undefined
  let peakBytes: number | undefined
  if (one.peer.serve !== undefined && one.workload !== undefined) {
    await using server = await one.peer.serve(origin.url)
    const startCpu = server.process.cpuSeconds() ?? 0
    const [command, ...args] = one.workload.copy(server.uri, target)
    seconds = await timed(command, args, LIMIT_MS)
    cpuSeconds = (server.process.cpuSeconds() ?? 0) - startCpu
    peakBytes = server.process.peakBytes()
  } else {
    const [command, ...args] = (one.peer.fetch as NonNullable<Peer['fetch']>)(origin.url, target)
    seconds = await timed(command, args, LIMIT_MS)
  }
  if (digestOfFile(target, options.size) !== digest)
    throw new Error('the copy differs from the image')
  const after = await origin.stats()
  const log = await origin.log()
  return {
    seconds,
    cpuSeconds,
    peakBytes,
    requests: after.requests - before.requests,
    originBytes: after.bytesSent - before.bytesSent,
    peakConcurrency: Math.max(0, ...log.map(entry => entry.concurrency)),
  }
}

function print(cases: readonly Case[]): void {
  const floor = (workload: Workload | undefined) => {
    const reference = cases.find(c => c.peer.label === 'nbdkit curl' && c.workload === workload)
    return reference !== undefined && reference.runs.length > 0
      ? median(reference.runs.map(run => run.seconds))
      : undefined
  }
  const rows = cases.map(one => {
    const what = `${one.workload?.label ?? 'itself'}`
    if (one.failure !== undefined) return [one.peer.label, what, one.failure]
    const seconds = median(one.runs.map(run => run.seconds))
    const base = floor(one.workload ?? cases[0]?.workload)
    const cpu = one.runs.map(run => run.cpuSeconds).filter(value => value !== undefined)
    return [
      one.peer.label,
      what,
      `${(options.size / seconds / 1e6).toFixed(1)} MB/s`,
      `${seconds.toFixed(2)} s`,
      `${Math.min(...one.runs.map(run => run.seconds)).toFixed(2)}–${Math.max(...one.runs.map(run => run.seconds)).toFixed(2)}`,
      base === undefined ? '' : `${(base / seconds).toFixed(1)} ×`,
      `${median(one.runs.map(run => run.requests))}`,
      `${median(one.runs.map(run => run.peakConcurrency))}`,
      median(one.runs.map(run => run.originBytes / options.size)).toFixed(3),
      cpu.length === 0 ? '' : `${((median(cpu) / options.size) * 2 ** 30).toFixed(2)} s`,
    ]
  })
  const head = [
    '',
    'client',
    'speed',
    'time',
    'spread',
    'nbdkit',
    'requests',
    'peak',
    'fetched',
    'CPU/GiB',
  ]
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map(row => (row.length > 3 ? (row[i] ?? '').length : 0))),
  )
  for (const row of [head, ...rows]) {
    console.log(
      row
        .map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  '),
    )
  }
}

function toJson(one: Case): unknown {
  return {
    peer: one.peer.label,
    command: one.peer.command('URL'),
    workload: one.workload?.label,
    failure: one.failure,
    runs: one.runs,
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function readSize(text: string): number {
  const size = parseSize(text)
  if (!(size > 0)) throw new InvalidArgumentError('a size such as 256M is needed')
  return size
}

function readCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('a count is needed')
  return count
}
