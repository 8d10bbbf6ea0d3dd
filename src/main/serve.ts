// The composition root: the only file that knows every part. Takes options, opens the source,
// starts the workers and the listener, and hands out the running server.

import type { Failure } from '../shared/failure.js'
import type { ProbeResult } from '../shared/fetch-task.js'
import { RingMemory } from '../shared/sharedarraybuffer-ring/index.js'
import { FetchPool } from './fetch-pool.js'
import { ImageExport } from './image-export.js'
import { Listener } from './listener.js'
import type { Log } from './log.js'
import { type ResolvedOptions, resolveOptions, type ServerOptions } from './options.js'
import { Origin, type Timers } from './origin.js'
import { formatSize } from './parse-size.js'
import { Estimator } from './prefetch/estimator.js'
import { Governor, type GovernorDecision } from './prefetch/governor.js'
import type { Server } from './server-handle.js'
import { sessionOf } from './session-of.js'
import { SharedRing } from './shared-ring.js'
import type { OriginSession } from './source/origin-session.js'
import { SourceError } from './source/source-error.js'
import { FetchMeter } from './status/fetch-meter.js'
import type { Statistics } from './status/statistics.js'
import { transportOf } from './transport-of.js'
import { UsageError } from './usage-error.js'

/** Reply bytes one client may have under way: a share of the ring, and no more than this. */
const OWED_SHARE = 1 / 4
const MAX_OWED_BYTES = 32 * 1024 * 1024
/** Blocks an image may have: 128 TiB at 256 KiB. Each costs a bit or two of memory. */
const MAX_BLOCKS = 2 ** 29
const STOPPED: Failure = { code: 'cancelled', message: 'the server is shutting down' }

const timers: Timers = {
  set: (ms, callback) => setTimeout(callback, ms),
  clear: timer => clearTimeout(timer as NodeJS.Timeout),
}
const clock = () => performance.now()

/**
 * Exports the image behind a URL over NBD. Resolves once clients can connect.
 *
 * @throws {UsageError} if an option can't be used
 * @throws {SourceError} if the image can't be opened
 * @throws {ListenError} if the address can't be listened on
 */
export async function serve(options: ServerOptions): Promise<Server> {
  const resolved = resolveOptions(options)
  resolved.signal?.throwIfAborted()
  const memory = ringOf(resolved)
  const pool = new FetchPool({
    workers: resolved.workers,
    connections: resolved.connections,
    pipelining: resolved.pipelining,
    settings: { ring: memory.buffer, transports: [transportOf(resolved)] },
    onCookies: (url, fields) => resolved.credentials.takeCookies(url, fields),
    redact: text => resolved.credentials.redact(text),
    log: resolved.log,
  })
  const { signal } = resolved
  // Without its threads a probe that nobody answers ends at once.
  const abort = () => void pool.close()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    return await start(resolved, memory, pool)
  } catch (error) {
    await pool.close()
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

function ringOf({ slotCount, blockSize }: ResolvedOptions): RingMemory {
  try {
    return RingMemory.create({ slotCount, slotBytes: blockSize })
  } catch {
    throw new UsageError(
      `Cannot use '${formatSize(slotCount * blockSize)}' for --ring-size: this machine can't set that much memory aside`,
    )
  }
}

/** @throws {SourceError} for a size whose blocks are more than this program keeps books of */
function checkSize(totalBytes: number, blockSize: number, name: string): void {
  if (totalBytes / blockSize <= MAX_BLOCKS) return
  throw new SourceError(
    `Cannot open ${name}: ${totalBytes} bytes are too many for blocks of ${formatSize(blockSize)}; take a larger --block-size`,
  )
}

/** Every decision of a governor as a line of the debug log. */
function decisionLog(log: Log): (decision: GovernorDecision) => void {
  return ({ reason, ...fields }) => log('debug', `requests in flight: ${reason}`, fields)
}

async function start(
  options: ResolvedOptions,
  memory: RingMemory,
  pool: FetchPool,
): Promise<Server> {
  const { log } = options
  const startedMs = clock()
  const estimator = new Estimator()
  const governor = new Governor(options.connections * options.pipelining, decisionLog(log))
  const origin = new Origin({ governor, estimator, clock, timers })
  const ring = new SharedRing(memory)
  const fetchMeter = new FetchMeter()
  const session = sessionOf(options, {
    pool,
    transport: 0,
    clock,
    onResult: (result: ProbeResult) => {
      fetchMeter.requests++
      fetchMeter.fetched(result.timings)
      if (result.timings.firstByteMs >= 0) estimator.firstByte(result.timings.firstByteMs)
    },
  })
  try {
    return await open(options, { memory, pool, startedMs, origin, ring, fetchMeter, session })
  } catch (error) {
    await session.close()
    throw error
  }
}

/** What there is before the image is known. */
interface Engine {
  readonly memory: RingMemory
  readonly pool: FetchPool
  readonly startedMs: number
  readonly origin: Origin
  readonly ring: SharedRing
  readonly fetchMeter: FetchMeter
  readonly session: OriginSession
}

async function open(options: ResolvedOptions, engine: Engine): Promise<Server> {
  const { memory, pool, startedMs, origin, ring, fetchMeter, session } = engine
  const { governor, estimator } = origin
  const { log } = options
  const source = await session.open()
  options.signal?.throwIfAborted()
  checkSize(source.request.totalBytes, options.blockSize, source.name)
  governor.probed()
  const image = new ImageExport({
    name: options.exportName,
    source,
    session,
    ring,
    origin,
    maxRequestBytes: options.maxRequest,
    maxAttempts: options.attempts,
    maxRetryMs: options.retryTimeMs,
    readahead: options.readahead,
    formatHint: options.formatHint === 'auto',
    runner: pool,
    fetchMeter,
    log,
    clock,
    random: Math.random,
  })
  const end = () => {
    image.close(STOPPED)
    ring.close()
  }
  const { listen } = options
  const listener = await Listener.listen({
    address: listen.kind === 'unix' ? { path: listen.path, ...listen.file } : listen,
    exports: [image],
    tls: options.tls,
    maxClients: options.clients.maxClients,
    // A client that reads its replies late holds at most this share of the ring.
    limits: {
      maxOwedBytes: Math.min(MAX_OWED_BYTES, memory.data.length * OWED_SHARE),
      handshakeTimeoutMs: options.clients.handshakeTimeoutMs,
    },
    log,
  }).catch((error: unknown) => {
    end()
    throw error
  })
  // Not before: a start that fails says why in one line.
  log('info', `opened ${source.name}`, {
    bytes: source.request.totalBytes,
    redirects: source.redirects,
    pinnedBy: source.request.etag ?? source.request.lastModified ?? 'size',
  })
  if (options.signal?.aborted) {
    await listener.close(0)
    end()
    options.signal.throwIfAborted()
  }

  const statistics = (): Statistics => {
    const nowMs = clock()
    const { meter } = image
    const { ready, filling } = ring.table.census()
    return {
      uptimeSeconds: (nowMs - startedMs) / 1000,
      imageBytes: image.info.size,
      servedBytes: meter.servedBytes,
      fetchedBytes: fetchMeter.fetchedBytes,
      amplification: meter.servedBytes === 0 ? 0 : fetchMeter.fetchedBytes / meter.servedBytes,
      reads: meter.reads,
      failedReads: meter.failedReads,
      hitRatio: meter.servedBytes === 0 ? 0 : meter.hitBytes / meter.servedBytes,
      stallSeconds: meter.stallMs(nowMs) / 1000,
      requests: fetchMeter.requests,
      retries: fetchMeter.retries,
      resent: fetchMeter.resent,
      throttled: governor.throttled,
      logins: session.logins,
      resolvedAgain: session.resolved,
      failures: { ...fetchMeter.failures },
      workers: pool.workers,
      workerRestarts: pool.restarts,
      connectionsOpened: fetchMeter.connectionsOpened,
      inFlight: governor.inFlight,
      peakInFlight: governor.peakInFlight,
      limit: governor.limit,
      connectionLimit: governor.ceiling,
      firstByteP50Ms: estimator.measured ? estimator.firstByteP50Ms : 0,
      firstByteP95Ms: estimator.measured ? estimator.firstByteP95Ms : 0,
      clients: listener.clients,
      totalClients: listener.totalClients,
      slots: memory.slotCount,
      readySlots: ready,
      fillingSlots: filling,
      pins: ring.owner.pinned,
    }
  }

  let closing: Promise<void> | undefined
  const close = async (drainMs: number) => {
    await listener.close(drainMs)
    end()
    await session.close()
    await pool.close()
  }
  const server: Server = {
    uri: listener.uri(options.exportName),
    unixSocket: listener.socketPath,
    port: listener.port,
    exportName: options.exportName,
    size: image.info.size,
    statistics,
    cookieFile: () => options.credentials.cookieFile(),
    close(closeOptions) {
      closing ??= close(closeOptions?.drainMs ?? options.clients.drainMs)
      return closing
    },
    async [Symbol.asyncDispose]() {
      await server.close()
    },
  }
  return server
}
