// An origin that is up: a shaped slow server in a process of its own, its certificate in a file for
// those who want one, and what it saw of a run.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OriginAddress } from '../cases/peer.js'
import type { Profile } from '../cases/profiles.js'
import { type SlowServerProcess, startInProcess } from '../slow-server/in-process.js'
import type { LogEntry } from '../slow-server/request-log.js'
import type { Content } from './images.js'
import { sizesOf, statusesOf } from './origin-log.js'
import type { OriginUse } from './result.js'

/** Requests of one run that are kept: fio at loopback makes the most. */
const LOG_LIMIT = 200_000

/** How long requests of an earlier run may take to end. */
const SETTLE_MS = 3000

/** Where a run gets its bytes from. */
export interface Origin extends AsyncDisposable {
  /** One address a disk. */
  addresses(disks: number): readonly OriginAddress[]
  /** Bytes and requests since ever: a number that stands still when nothing happens. */
  sentSoFar(): Promise<number>
  /** Forgets what it saw. */
  begin(): Promise<void>
  /** What it saw since. */
  end(): Promise<{ readonly use: OriginUse; readonly log: readonly LogEntry[] }>
}

/** A slow server shaped as the profile says. */
export async function startOrigin(
  name: string,
  profile: Profile,
  image: Content['served'],
  directory: string,
): Promise<Origin> {
  const server = await startInProcess({ logLimit: LOG_LIMIT, ...profile.server, image })
  let caFile: string | undefined
  if (server.caPem !== undefined) {
    caFile = join(directory, `${name}.pem`)
    writeFileSync(caFile, server.caPem)
  }
  return new SlowOrigin(server, directory, caFile)
}

/** What an origin's counters and its log come to. */
export function useOf(before: Counters, after: Counters, log: readonly LogEntry[]): OriginUse {
  return {
    requests: after.requests - before.requests,
    bytes: after.bytes - before.bytes,
    connections: after.connections - before.connections,
    peakConcurrency: log.reduce((most, entry) => Math.max(most, entry.concurrency), 0),
    sizes: sizesOf(log),
    statuses: statusesOf(log),
    cpuSeconds:
      after.cpu === undefined || before.cpu === undefined ? undefined : after.cpu - before.cpu,
  }
}

/** Since the start; processor seconds only of a process of its own. */
export interface Counters {
  readonly bytes: number
  readonly requests: number
  readonly connections: number
  readonly cpu?: number | undefined
}

class SlowOrigin implements Origin {
  readonly #server: SlowServerProcess
  readonly #directory: string
  readonly #caFile: string | undefined
  #before: Counters = { bytes: 0, requests: 0, connections: 0 }

  constructor(server: SlowServerProcess, directory: string, caFile: string | undefined) {
    this.#server = server
    this.#directory = directory
    this.#caFile = caFile
  }

  addresses(disks: number): readonly OriginAddress[] {
    const one = { caFile: this.#caFile, directory: this.#directory }
    // The same image under several URLs.
    return Array.from({ length: disks }, (_, i) => ({
      ...one,
      url: i === 0 ? this.#server.url : `${this.#server.url}?disk=${i}`,
    }))
  }

  async sentSoFar(): Promise<number> {
    const { bytesSent, requests } = await this.#server.stats()
    return bytesSent + requests
  }

  async begin(): Promise<void> {
    // What a killed client left behind is not the next one's.
    const latest = performance.now() + SETTLE_MS
    while ((await this.#server.stats()).concurrent > 0 && performance.now() < latest) {
      await sleep(10)
    }
    await this.#server.clearLog()
    this.#before = await this.#counters()
  }

  async end(): Promise<{ use: OriginUse; log: readonly LogEntry[] }> {
    const after = await this.#counters()
    const log = await this.#server.log()
    return { use: useOf(this.#before, after, log), log }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.close()
  }

  async #counters(): Promise<Counters> {
    const { bytesSent, requests, connectionsAccepted } = await this.#server.stats()
    const { user, system } = await this.#server.cpuUsage()
    return {
      bytes: bytesSent,
      requests,
      connections: connectionsAccepted,
      cpu: (user + system) / 1e6,
    }
  }
}
