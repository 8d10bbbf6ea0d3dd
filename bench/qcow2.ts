// `npm run bench:qcow2`: what qemu-img gets out of qcow2 images behind a slow server. A compressed
// image is converted whole; of a large, nearly empty one the time is taken until the first data is
// written, which is the walk through all of its tables, too. Interleaved, medians; every whole copy
// is compared with the image by qemu-img.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command, InvalidArgumentError } from 'commander'
import { nbdkitCurl, ours, type Peer } from './peers.js'
import { isInstalled, timed, versionOf } from './programs.js'
import { compressedImage, type Qcow2Image, sparseImage } from './qcow2-images.js'
import { type SlowServerProcess, startInProcess } from './slow-server/in-process.js'
import type { SlowServerOptions } from './slow-server/options.js'

const MiB = 1024 * 1024
const GiB = 1024 * MiB
/** Longest time one run may take: nbdkit asks for each compressed cluster in turn. */
const LIMIT_MS = 900_000
/** Blocks of 512 bytes that a new raw file of qemu-img's has before any data. */
const EMPTY_BLOCKS = 8

const CASES = {
  compressed: {
    title: 'compressed image, 100 ms think time, 10 MB/s a connection: the whole conversion',
    server: { thinkTimeMs: 100, bandwidth: 10e6 },
    make: (directory: string) => compressedImage(directory, 212 * MiB),
    whole: true,
  },
  sparse: {
    title:
      'disk of 64 GiB, 1 % of it data, 60 ms latency, 1 Gbit/s: until the first data is written',
    server: { latencyMs: 60, totalBandwidth: 125e6 },
    make: (directory: string) => sparseImage(directory, 64 * GiB),
    whole: false,
  },
  'sparse-whole': {
    title: 'the same: the whole conversion',
    server: { latencyMs: 60, totalBandwidth: 125e6 },
    make: (directory: string) => sparseImage(directory, 64 * GiB),
    whole: true,
  },
} satisfies Record<
  string,
  {
    title: string
    server: Partial<SlowServerOptions>
    make: (directory: string) => Qcow2Image
    /** True if conversions run to their end, false if only until they have written something. */
    whole: boolean
  }
>
type CaseName = keyof typeof CASES

/** One run, measured. */
interface Measurement {
  readonly seconds: number
  readonly requests: number
  readonly originBytes: number
  /** How often each L2 table was fetched, on average. */
  readonly tableFetches: number
}

/** A row of the table. */
interface Row {
  readonly label: string
  /** Absent: a download by curl and a local conversion. */
  readonly peer?: Peer
  /** Takes minutes: measured once. */
  readonly slow?: boolean
  readonly runs: Measurement[]
}

const program = new Command('bench:qcow2')
  .description('Measure conversions of qcow2 images behind a slow server')
  .option('--case <name...>', `of ${Object.keys(CASES).join(', ')}`, Object.keys(CASES))
  .option('--runs <n>', 'runs of each kind; medians are shown', readCount, 3)
  .option('--only-ours', 'leave the peers out')
  .option('--flags <flags>', 'further flags for nbd-prefetch, as one word', '')
  .parse()
const options = program.opts<{
  case: string[]
  runs: number
  onlyOurs?: boolean
  flags: string
}>()
for (const name of options.case) {
  if (!(name in CASES))
    program.error(`Unknown case '${name}': take of ${Object.keys(CASES).join(', ')}`)
}
for (const needed of ['qemu-img', 'nbdkit', 'curl']) {
  if (!isInstalled(needed)) program.error(`Cannot run without ${needed}`)
}

const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bench-qcow2-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

for (const name of options.case as CaseName[]) await measureCase(name)
console.log(
  `\n${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}; ` +
    ['qemu-img', 'nbdkit', 'curl'].map(versionOf).join('; '),
)

async function measureCase(name: CaseName): Promise<void> {
  const { title, server: shape, make, whole } = CASES[name]
  const image = make(scratch)
  const fileBytes = statSync(image.file).size
  await using origin = await startInProcess({ ...shape, image: { file: image.file } })
  const flags = options.flags.split(' ').filter(flag => flag !== '')
  const rows: Row[] = [
    { label: 'nbd-prefetch', peer: ours('', flags), runs: [] },
    {
      label: 'nbd-prefetch --format-hint off',
      peer: ours('', [...flags, '--format-hint', 'off']),
      runs: [],
    },
  ]
  if (options.onlyOurs !== true) {
    rows.push({ label: 'nbdkit curl', peer: nbdkitCurl(''), slow: whole, runs: [] })
    if (whole) rows.push({ label: 'curl, then convert locally', runs: [] })
  }
  console.error(
    `\n${name}: ${title}; file of ${(fileBytes / 1e6).toFixed(0)} MB, ${image.tables.length} tables, medians of ${options.runs}`,
  )
  for (let run = 0; run < options.runs; run++) {
    for (const row of rows) {
      if (row.slow !== true || run === 0)
        row.runs.push(await measure(row, origin, image, fileBytes, whole))
    }
  }
  print(rows, fileBytes)
  rmSync(image.file)
}

async function measure(
  row: Row,
  origin: SlowServerProcess,
  image: Qcow2Image,
  fileBytes: number,
  whole: boolean,
): Promise<Measurement> {
  const target = join(scratch, 'copy')
  rmSync(target, { force: true })
  await origin.clearLog()
  const before = await origin.stats()
  let seconds: number
  if (row.peer?.serve === undefined) {
    const download = join(scratch, 'download')
    seconds = await timed('curl', ['-s', '-o', download, origin.url], LIMIT_MS)
    seconds += await timed('qemu-img', convertArguments(download, target), LIMIT_MS)
    rmSync(download)
  } else {
    await using server = await row.peer.serve(origin.url)
    seconds = whole
      ? await timed('qemu-img', convertArguments(server.uri, target), LIMIT_MS)
      : await untilFirstData(server.uri, target)
  }
  // Fails where the contents differ.
  if (whole)
    await timed('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', image.file, target], LIMIT_MS)
  rmSync(target, { force: true })
  const after = await origin.stats()
  const ranges = (await origin.log()).map(entry => rangeOf(entry.range, fileBytes))
  const fetches = image.tables.map(
    table => ranges.filter(({ from, to }) => from <= table && table < to).length,
  )
  return {
    seconds,
    requests: after.requests - before.requests,
    originBytes: after.bytesSent - before.bytesSent,
    tableFetches: fetches.reduce((sum, count) => sum + count, 0) / fetches.length,
  }
}

function convertArguments(source: string, target: string, format = 'qcow2'): string[] {
  return ['convert', '-f', 'qcow2', '-O', format, source, target]
}

/** Seconds from the start of qemu-img until it has written something. */
async function untilFirstData(uri: string, target: string): Promise<number> {
  const start = performance.now()
  const child = spawn('qemu-img', convertArguments(uri, target, 'raw'), { stdio: 'ignore' })
  const ended = once(child, 'exit')
  try {
    while ((statSync(target, { throwIfNoEntry: false })?.blocks ?? 0) <= EMPTY_BLOCKS) {
      if (child.exitCode !== null) throw new Error('Cannot see any data: qemu-img wrote none')
      await sleep(1)
    }
    return (performance.now() - start) / 1000
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

function rangeOf(range: string | undefined, fileBytes: number): { from: number; to: number } {
  const [, from, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
  return from === undefined ? { from: 0, to: fileBytes } : { from: +from, to: Number(last) + 1 }
}

function print(rows: readonly Row[], fileBytes: number): void {
  const ownSeconds = median(rows[0]?.runs.map(run => run.seconds) ?? [])
  const head = ['', 'time', 'spread', 'ours is', 'requests', 'fetched', 'tables']
  const lines = rows.map(({ label, runs }) => {
    const seconds = runs.map(run => run.seconds)
    return [
      label,
      `${median(seconds).toFixed(2)} s`,
      `${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)}`,
      `${(median(seconds) / ownSeconds).toFixed(2)} × faster`,
      `${median(runs.map(run => run.requests))}`,
      median(runs.map(run => run.originBytes / fileBytes)).toFixed(3),
      `${median(runs.map(run => run.tableFetches)).toFixed(2)} ×`,
    ]
  })
  const all = [head, ...lines]
  const widths = head.map((_, i) => Math.max(...all.map(line => (line[i] ?? '').length)))
  for (const line of all) {
    console.log(
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  '),
    )
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function readCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('a count is needed')
  return count
}
