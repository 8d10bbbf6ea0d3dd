// Random reads of 4 KiB by fio's nbd engine, for a fixed time: latency and rate.

import type { Workload } from './workload.js'

const SECONDS = 5
const GiB = 1024 ** 3

/** The parts of fio's JSON that are used. Latencies are nanoseconds. */
interface FioOutput {
  readonly jobs: readonly {
    readonly error: number
    readonly read: {
      readonly iops: number
      readonly io_bytes: number
      readonly total_ios: number
      readonly runtime: number
      readonly clat_ns: { readonly percentile: Readonly<Record<string, number>> }
    }
  }[]
}

/** What fio's output says. @throws Error if it is not fio's, or fio met an error */
export function readFio(stdout: string): {
  seconds: number
  bytes: number
  extra: Record<string, number>
} {
  // fio may print warnings first.
  const [job] = (JSON.parse(stdout.slice(stdout.indexOf('{'))) as FioOutput).jobs
  if (job === undefined || job.error !== 0) {
    throw new Error(`Cannot use fio's output: error ${job?.error ?? 'without a job'}`)
  }
  const { read } = job
  return {
    seconds: read.runtime / 1000,
    bytes: read.io_bytes,
    extra: {
      p50Ms: (read.clat_ns.percentile['50.000000'] ?? Number.NaN) / 1e6,
      p99Ms: (read.clat_ns.percentile['99.000000'] ?? Number.NaN) / 1e6,
      rate: read.iops,
    },
  }
}

/** @param depth - reads in flight */
export function randomReads(depth: number): Workload {
  const command = (source: string, size: string) =>
    [
      'fio',
      '--name=random',
      '--ioengine=nbd',
      // Its job else runs in a process that leaves the process group.
      '--thread',
      `--uri=${source}`,
      '--rw=randread',
      '--bs=4k',
      `--iodepth=${depth}`,
      '--time_based',
      `--runtime=${SECONDS}`,
      `--size=${size}`,
      '--output-format=json',
    ] as const
  return {
    label: `random 4 KiB, depth ${depth} (fio)`,
    needs: ['fio'],
    command: source => command(source, 'SIZE').join(' '),
    with: ['server'],
    copies: false,
    // So large that hardly any read falls where an earlier one has been.
    usualSize: 8 * GiB,
    async measure({ sources: [source = ''], size, finish }) {
      const { stdout, peakBytes } = await finish(command(source, `${size}`))
      return { ...readFio(stdout), peakBytes, content: 'unseen' }
    },
  }
}
