// Puts a probe together, as serve.ts does a server: the same options, workers and first look at the
// image, and measurements in place of an export.

import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionSecurity, ProbeResult } from '../../shared/fetch-task.js'
import { RingMemory } from '../../shared/sharedarraybuffer-ring/index.js'
import { FetchPool } from '../fetch-pool.js'
import { type ResolvedOptions, resolveOptions, type ServerOptions } from '../options.js'
import { sessionOf } from '../session-of.js'
import type { ProbedSource } from '../source/probe.js'
import { showBytes } from '../status/units.js'
import { transportOf } from '../transport-of.js'
import { measure } from './measure.js'
import { MOST_TOGETHER, PIPELINED, planMeasurements } from './measurement-plan.js'
import type { ServerFacts } from './measurements.js'
import { RangeRequests } from './range-requests.js'
import { recommend } from './recommendation.js'
import { type ProbeReport, SCHEMA } from './report.js'

/** What a probe takes: what a server does, as far as it is about the origin, and a few of its own. */
export interface ProbeOptions extends ServerOptions {
  /** Most bytes of the image that may be read, at least LEAST_BUDGET. */
  readonly budget: number
  /** Told what is measured now, and how many bytes of the image were read so far. */
  readonly onProgress?: ((what: string, readBytes: number) => void) | undefined
}

/** What came of it. */
export interface Probed {
  readonly report: ProbeReport
  /** As of a server: undefined if no cookies are kept. Secret: never log. */
  readonly cookieFile: string | undefined
}

/** Measures a server; what the command line calls. */
export type ProbeServer = (options: ProbeOptions) => Promise<Probed>

const SLOT_BYTES = 256 * 1024

/** How many requests go at once, and on what. */
type PoolShape = Pick<ResolvedOptions, 'workers' | 'connections' | 'pipelining'>

/**
 * Measures the server behind a URL, and does nothing else: reads at most `budget` bytes of the image.
 *
 * @throws {UsageError} if an option can't be used
 * @throws {SourceError} if the image can't be served, or the server fails midway
 */
export const probeServer: ProbeServer = async ({ budget, onProgress, ...options }) => {
  const resolved = resolveOptions(options)
  const { signal } = resolved
  signal?.throwIfAborted()
  const together = Math.min(budget, MOST_TOGETHER)
  // The most that a plan sends at once; memory that nothing is written to costs nothing.
  const slotCount = Math.ceil(together / SLOT_BYTES) + resolved.connections
  const memory = RingMemory.create({ slotCount, slotBytes: SLOT_BYTES })
  const pools: FetchPool[] = []
  const openPool = (shape: PoolShape): FetchPool => {
    const pool = newPool({ ...resolved, ...shape }, memory)
    pools.push(pool)
    return pool
  }
  const close = async () => void (await Promise.all(pools.map(pool => pool.close())))
  const abort = () => void close()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    const report = await probeWith({ budget, onProgress }, resolved, memory, openPool)
    return { report, cookieFile: resolved.credentials.cookieFile() }
  } catch (error) {
    // Whoever gave up has ended the workers, too: that is no failure of the server.
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
    await close()
  }
}

function newPool(options: ResolvedOptions, memory: RingMemory): FetchPool {
  const { workers, connections, pipelining, credentials, log } = options
  return new FetchPool({
    workers,
    connections,
    pipelining,
    settings: { ring: memory.buffer, transports: [transportOf(options)] },
    onCookies: (url, fields) => credentials.takeCookies(url, fields),
    redact: text => credentials.redact(text),
    log,
  })
}

async function probeWith(
  options: Pick<ProbeOptions, 'budget' | 'onProgress'>,
  resolved: ResolvedOptions,
  memory: RingMemory,
  openPool: (shape: PoolShape) => FetchPool,
): Promise<ProbeReport> {
  const { budget, onProgress = () => {} } = options
  const { url, credentials, log, signal, connections, workers } = resolved
  log('info', `measuring ${credentials.redact(url)}: at most ${showBytes(budget)} of it are read`)
  // Pipelining is measured on a connection by itself: everything else is to be without.
  const pool = openPool({ workers, connections, pipelining: 1 })
  const clock = () => performance.now()
  const wait = (ms: number) => sleep(ms, undefined, { ...(signal && { signal }) })
  const startedMs = clock()
  let readBytes = 0
  let last: ProbeResult | undefined
  onProgress('opening the image', 0)
  const session = sessionOf(resolved, {
    pool,
    transport: 0,
    clock,
    onResult: result => {
      last = result
      readBytes += result.timings.receivedBytes
    },
  })
  await using _session = { [Symbol.asyncDispose]: () => session.close() }
  const source = await session.open()
  const { totalBytes } = source.request
  const plan = planMeasurements({ budgetBytes: budget, imageBytes: totalBytes, connections })
  log('info', `opened ${source.name}; measuring takes ${showBytes(plan.totalBytes)} of it`, {
    bytes: totalBytes,
  })
  const security = last?.ok === true ? last.security : undefined
  const measurements = await measure({
    plan,
    requests: new RangeRequests({
      memory,
      runner: pool,
      source: session,
      clock,
      left: () => budget - readBytes,
      onBytes: bytes => {
        readBytes += bytes
      },
    }),
    pipelined: () => openPool({ workers: 1, connections: 1, pipelining: PIPELINED }),
    http2: security?.http2 ?? false,
    name: source.name,
    clock,
    sleep: wait,
    onStep: what => onProgress(what, readBytes),
    left: () => budget - readBytes,
  })
  return {
    schema: SCHEMA,
    server: factsOf(source, security, last?.setCookies ?? []),
    cost: { budgetBytes: budget, readBytes, seconds: (clock() - startedMs) / 1000 },
    plan,
    measurements,
    recommendation: recommend({
      measurements,
      imageBytes: totalBytes,
      connections,
      firstByteTimeout: resolved.firstByteTimeoutMs / 1000,
    }),
  }
}

function factsOf(
  { request, name, redirects }: ProbedSource,
  security: ConnectionSecurity | undefined,
  setCookies: readonly string[],
): ServerFacts {
  const { totalBytes, etag = null, lastModified = null } = request
  return {
    url: name,
    sizeBytes: totalBytes,
    ranges: true,
    pinnedBy: etag !== null ? 'etag' : lastModified !== null ? 'last-modified' : 'size',
    etag,
    lastModified,
    redirects,
    httpVersion: security?.http2 === true ? '2' : '1.1',
    tls: security === undefined ? null : { version: security.version, cipher: security.cipher },
    cookies: setCookies.map(field => field.split('=')[0]?.trim() ?? ''),
  }
}
