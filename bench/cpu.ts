// `node .bench/cpu.js`: processor time that a copy from the loopback into nowhere costs, by kind of
// thread, beside nbdkit's curl plugin, over http and https. Interleaved; medians.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { startFileServer } from './file-server.js'
import { nbdkitCurl, ours, type Peer } from './peers.js'
import { isInstalled, timed } from './programs.js'
import { parseSize } from './slow-server/size.js'
import { threadTimes, timesBetween } from './thread-times.js'

/** Longest time one copy may take. */
const LIMIT_MS = 300_000
const GIB = 2 ** 30

const CLIENTS: Readonly<
  Record<string, (uri: string, size: number) => readonly [string, ...string[]]>
> = {
  'qemu-img': (uri, size) => {
    const socket = new URL(uri).searchParams.get('socket')
    const source = `driver=raw,file.driver=nbd,file.path=${socket}`
    const target = `driver=null-co,size=${size}`
    return ['qemu-img', 'convert', '-n', '--image-opts', '--target-image-opts', source, target]
  },
  nbdcopy: uri => ['nbdcopy', uri, 'null:'],
}

interface Case {
  readonly scheme: 'http' | 'https'
  readonly client: string
  readonly peer: Peer
  readonly isOurs: boolean
  /** Each: start, then seconds and processor seconds of the copy, in all and by thread. */
  readonly runs: { start: number; wall: number; cpu: number; parts: number[] }[]
}

const options = new Command('cpu')
  .description('Measure processor seconds per GiB from the loopback into nowhere')
  .option('--size <size>', 'size of the image', readSize, 2 * GIB)
  .option('--runs <n>', 'copies of each kind; medians are shown', readCount, 3)
  .option('--flags <flags>', 'further flags for nbd-prefetch, as one word', '')
  .parse()
  .opts<{ size: number; runs: number; flags: string }>()

const missing = ['nginx', 'qemu-img', 'nbdcopy'].filter(name => !isInstalled(name))
if (missing.length > 0 || !existsSync('/proc/self/task')) {
  console.error(`Cannot measure: needs Linux, nginx, qemu-img and nbdcopy; missing: ${missing}`)
  process.exit(1)
}

const scratch = mkdtempSync(
  join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'nbd-prefetch-cpu-'),
)
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

await using origin = await startFileServer(scratch, options.size)
const cases = casesOf()
for (let run = 0; run < options.runs; run++) {
  for (const one of cases) one.runs.push(await measure(one))
}
print()

function casesOf(): Case[] {
  const flags = options.flags.split(' ').filter(flag => flag !== '')
  const cases: Case[] = []
  for (const scheme of ['http', 'https'] as const) {
    const secure = scheme === 'https'
    const peers = [ours('nbd-prefetch', [...flags, ...(secure ? ['--insecure'] : [])])]
    if (isInstalled('nbdkit')) {
      peers.push(nbdkitCurl('nbdkit curl', [], secure ? ['sslverify=false'] : []))
    }
    for (const client of Object.keys(CLIENTS)) {
      for (const [index, peer] of peers.entries()) {
        cases.push({ scheme, client, peer, isOurs: index === 0, runs: [] })
      }
    }
  }
  return cases
}

async function measure(one: Case): Promise<Case['runs'][number]> {
  const { scheme, client, peer, isOurs } = one
  await using server = await (peer.serve as NonNullable<Peer['serve']>)(origin[scheme])
  const pid = server.process.pid as number
  const before = threadTimes(pid)
  const start = server.process.cpuSeconds() ?? Number.NaN
  const [command, ...args] = (CLIENTS[client] as (typeof CLIENTS)[string])(server.uri, options.size)
  const wall = await timed(command, args, LIMIT_MS)
  const { main, workers, helpers } = timesBetween(before, threadTimes(pid))
  return {
    start,
    wall,
    // Of the process, not summed up: nbdkit's threads end with their connection.
    cpu: (server.process.cpuSeconds() ?? Number.NaN) - start,
    parts: isOurs ? [main, workers, helpers] : [],
  }
}

function print(): void {
  const perGib = (seconds: number) => ((seconds / options.size) * GIB).toFixed(2)
  const rows = cases.map(({ scheme, client, peer, runs }) => {
    const of = (pick: (run: Case['runs'][number]) => number) => median(runs.map(pick))
    const rival = cases.find(
      other => other.scheme === scheme && other.client === client && !other.isOurs,
    )
    const wall = of(run => run.wall)
    const rivalWall = median(rival?.runs.map(run => run.wall) ?? [])
    const part = (index: number) => {
      const seconds = of(run => run.parts[index] ?? Number.NaN)
      return Number.isNaN(seconds) ? '' : perGib(seconds)
    }
    return {
      '': peer.label,
      origin: scheme,
      client,
      'MB/s': (options.size / wall / 1e6).toFixed(0),
      '× nbdkit': (rivalWall / wall).toFixed(2),
      'CPU s/GiB': perGib(of(run => run.cpu)),
      main: part(0),
      workers: part(1),
      'V8 helpers': part(2),
      'CPU s at start': of(run => run.start).toFixed(2),
    }
  })
  console.table(rows)
  console.log(
    `${options.size / 2 ** 20} MiB, medians of ${options.runs}; ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`,
  )
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function readSize(text: string): number {
  const size = parseSize(text)
  if (!(size > 0)) throw new InvalidArgumentError('a size such as 2G is needed')
  return size
}

function readCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('a count is needed')
  return count
}
