// One run of one cell: the server started, the client timed, the content compared, and what both
// and the origin used for it.

import { closeSync, ftruncateSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sample } from '../cases/own-clients.js'
import type { Peer, RunningServer } from '../cases/peer.js'
import {
  type Measured,
  targetsOf,
  type Workload,
  type WorkloadContext,
  WrongBytes,
} from '../cases/workload.js'
import { digestOfFile } from '../digest.js'
import { finish } from '../programs.js'
import type { Content } from './images.js'
import type { Origin } from './origin.js'
import { timelineOf } from './origin-log.js'
import { OutOfTime } from './out-of-time.js'
import type { Run, ServerUsage, TimelinePoint } from './result.js'
import { endedChildrenSeconds } from './usage.js'
import { Watch } from './watch.js'

/** What is measured, and against what. */
export interface Cell {
  readonly profile: string
  readonly peer: Peer
  /** Undefined for a download. */
  readonly workload: Workload | undefined
  readonly origin: Origin
  readonly content: Content
  readonly directory: string
}

/** @throws Error saying what went wrong: a program failed, took longer than `limitMs`, or gave wrong bytes */
export async function measure(
  cell: Cell,
  limitMs: number,
): Promise<{ run: Run; timeline: TimelinePoint[] }> {
  const { peer, workload, origin, content } = cell
  const disks = workload?.disks ?? 1
  const targets = Array.from({ length: targetsOf(workload) }, (_, i) =>
    join(cell.directory, `copy-${i}.raw`),
  )
  const addresses = origin.addresses(disks)
  const address = addresses[0] as (typeof addresses)[0]
  await origin.begin()
  const servingSince = performance.now()
  let server: RunningServer | undefined
  using watch = new Watch(origin, limitMs)
  try {
    if (peer.kind === 'server') server = await within(limitMs, peer.serve(addresses), peer.label)
    for (const target of targets) empty(target, content.size)
    const context: WorkloadContext = {
      sources:
        server?.uris ??
        (peer.kind === 'driver'
          ? addresses.map(address => peer.source(address, formatOf(workload)))
          : []),
      image: content.image,
      size: content.size,
      targets,
      download: peer.kind === 'download' ? target => peer.fetch(address, target) : undefined,
      servingSince,
      finish: command => finish(command, limitMs, watch.given),
      given: watch.given,
    }
    const before = usageNow(server)
    const measured = await (workload === undefined
      ? justDownload(context)
      : workload.measure(context))
    const after = usageNow(server)
    watch[Symbol.dispose]()
    const { use, log } = await origin.end()
    const checked = await check(cell, measured, context)
    const clientSeconds = workload?.own === true ? after.self - before.self : undefined
    return {
      run: {
        seconds: measured.seconds,
        bytes: measured.bytes,
        checked,
        client: {
          cpuSeconds: clientSeconds ?? difference(after.children, before.children),
          peakBytes: measured.peakBytes,
        },
        server: server === undefined ? undefined : serverUsage(before, after),
        origin: use,
        extra: measured.extra ?? {},
      },
      timeline: timelineOf(log),
    }
  } finally {
    await server?.[Symbol.asyncDispose]()
    for (const target of targets) rmSync(target, { force: true })
  }
}

async function justDownload({
  targets: [target = ''],
  size,
  finish,
  download,
}: WorkloadContext): Promise<Measured> {
  if (download === undefined) throw new Error('Cannot download: the peer is no download')
  const { seconds, peakBytes } = await finish(download(target))
  return { seconds, peakBytes, bytes: size, content: 'targets' }
}

/** What qemu is told of the image behind the URL. */
export function formatOf(workload: Workload | undefined): 'raw' | 'qcow2' {
  return workload?.image === undefined || workload.image === 'raw' ? 'raw' : 'qcow2'
}

async function check(
  { content: { size, digest } }: Cell,
  { content }: Measured,
  context: WorkloadContext,
): Promise<Run['checked']> {
  if (content === 'unseen') {
    await sample(context)
    return 'samples'
  }
  if (content === 'targets') {
    for (const target of context.targets) {
      if (digestOfFile(target, size) !== digest()) {
        throw new WrongBytes('the copy differs from the image')
      }
    }
  }
  return 'whole'
}

/** Written over from start to end, and never a copy of the last run taken for this one's. */
function empty(path: string, size: number): void {
  const file = openSync(path, 'w')
  ftruncateSync(file, size)
  closeSync(file)
}

interface UsageNow {
  readonly children: number | undefined
  readonly self: number
  readonly server: readonly (number | undefined)[]
  readonly main: readonly (number | undefined)[]
  readonly peaks: readonly (number | undefined)[]
}

function usageNow(server: RunningServer | undefined): UsageNow {
  const { user, system } = process.cpuUsage()
  const processes = server?.processes ?? []
  return {
    children: endedChildrenSeconds(),
    self: (user + system) / 1e6,
    server: processes.map(process => process.cpuSeconds()),
    main: processes.map(process => process.threadSeconds()?.main),
    peaks: processes.map(process => process.peakBytes()),
  }
}

function serverUsage(before: UsageNow, after: UsageNow): ServerUsage {
  const cpuSeconds = difference(sum(after.server), sum(before.server))
  const mainSeconds = difference(sum(after.main), sum(before.main))
  return {
    cpuSeconds,
    mainSeconds,
    otherSeconds: difference(cpuSeconds, mainSeconds),
    peakBytes: sum(after.peaks),
  }
}

function difference(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a - b
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce<number | undefined>(
    (total, value) => (total === undefined || value === undefined ? undefined : total + value),
    0,
  )
}

async function within<T extends AsyncDisposable>(
  limitMs: number,
  promise: Promise<T>,
  what: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new OutOfTime(`${what} was not ready within ${limitMs / 1000} s`)),
      limitMs,
    )
  })
  try {
    return await Promise.race([promise, late])
  } catch (error) {
    // It may still come up; its process ends with the bench at the latest.
    promise.then(server => server[Symbol.asyncDispose]()).catch(() => {})
    throw error
  } finally {
    clearTimeout(timer)
  }
}
