// The composition root: the only file that knows every part. Takes options, opens the source,
// starts the workers and the listener, and hands out the running server.

import type { Failure } from '../shared/failure.js'
import { failureOf } from '../shared/failures.js'
import { RingMemory } from '../shared/sharedarraybuffer-ring/index.js'
import { type ResolvedExport, resolveExports } from './export-options.js'
import { FetchPool } from './fetch-pool.js'
import { ImageExport } from './image-export.js'
import { Listener } from './listener.js'
import { silentLog } from './log.js'
import {
  type OpenedSource,
  openSources,
  originOf,
  type Transports,
  transportsOf,
} from './opened-sources.js'
import type { ResolvedOptions, ServerOptions } from './options.js'
import type { Timers } from './origin.js'
import { formatSize } from './parse-size.js'
import { Rehearsal } from './rehearsal/rehearsal.js'
import type { Server } from './server-handle.js'
import { serverStatistics } from './server-statistics.js'
import { SharedRing } from './shared-ring.js'
import { compressionWarning } from './source/compression.js'
import type { ProbedSource } from './source/probe.js'
import { sourceError } from './source/source-error.js'
import { openSpool } from './spool/open-spool.js'
import type { SpoolExport } from './spool-export.js'
import { ErrorLog } from './status/error-log.js'
import { FetchMeter } from './status/fetch-meter.js'
import { tellStatus } from './status-collector.js'
import { usageError } from './usage-error.js'
import { warn } from './warning.js'

/** Reply bytes one client may have under way: a share of the ring, and no more than this. */
const OWED_SHARE = 1 / 4
const MAX_OWED_BYTES = 32 * 1024 * 1024
/** Of the ring, what is taken before a client comes: what a copy needs in its first moments, bytes. */
const TOUCHED_BYTES = 128 * 1024 * 1024
/** Blocks an image may have: 128 TiB at 256 KiB. Each costs a bit or two of memory. */
const MAX_BLOCKS = 2 ** 29
const STOPPED = failureOf('cancelled', 'shutting-down')

const timers: Timers = {
  set: (ms, callback) => setTimeout(callback, ms),
  clear: timer => clearTimeout(timer as NodeJS.Timeout),
}
const clock = () => performance.now()

/**
 * Exports the image behind a URL, or several of them, over NBD. Resolves once clients can connect.
 *
 * @throws {UsageError} if an option can't be used
 * @throws {SourceError} if the image can't be opened
 * @throws {ListenError} if the address can't be listened on
 */
export async function serve(options: ServerOptions): Promise<Server> {
  const errors = new ErrorLog()
  const log = errors.listenTo(options?.log ?? silentLog)
  const exports = resolveExports(options?.status === undefined ? options : { ...options, log })
  const [{ options: resolved }] = exports as [ResolvedExport]
  const { signal } = resolved
  signal?.throwIfAborted()
  const memory = ringOf(resolved)
  const transports = transportsOf(exports)
  const all = exports.map(one => one.options.credentials)
  const origins = new Set(exports.map(one => originOf(one.options)))
  const redact = (text: string) =>
    all.reduce((masked, credentials) => credentials.redact(masked), text)
  errors.redact = redact
  const pool = new FetchPool({
    workers: resolved.workers,
    connections: resolved.connections * origins.size,
    pipelining: resolved.pipelining,
    downloads: exports.length,
    settings: { ring: memory.buffer, transports: transports.all },
    onCookies: (url, fields) => {
      for (const credentials of all) credentials.takeCookies(url, fields)
    },
    redact,
    log: resolved.log,
  })
  // Without its threads a probe that nobody answers ends at once.
  const abort = () => void pool.close()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    return await start(exports, transports, memory, pool, errors)
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
    throw usageError('ring-memory', { size: formatSize(slotCount * blockSize) })
  }
}

/** Has the threads take the memory that a copy begins with, unless none is read ahead or the images need less. */
function takeMemory(sources: readonly OpenedSource[], memory: RingMemory, pool: FetchPool): void {
  let bytes = 0
  for (const { source, options } of sources) {
    if ('request' in source && options.readahead !== 'off') bytes += source.request.totalBytes
  }
  const taken = Math.min(bytes, TOUCHED_BYTES, memory.data.length)
  pool.touch(Math.ceil(taken / memory.slotBytes), memory.slotBytes)
}

/** @throws {SourceError} for a size whose blocks are more than this program keeps books of */
function checkSize(totalBytes: number, blockSize: number, name: string): void {
  if (totalBytes / blockSize <= MAX_BLOCKS) return
  throw sourceError('blocks-many', { name, bytes: totalBytes, blockSize: formatSize(blockSize) })
}

async function start(
  exports: readonly ResolvedExport[],
  transports: Transports,
  memory: RingMemory,
  pool: FetchPool,
  errors: ErrorLog,
): Promise<Server> {
  const [first] = exports as [ResolvedExport]
  const { options } = first
  const { log, listen, signal } = options
  const startedMs = clock()
  const ring = new SharedRing(memory)
  const meter = new FetchMeter()
  // The threads are busy with their start, and then the source's server has its time to think.
  const rehearsal = options.warmUp ? new Rehearsal({ pool, clock, timers, log }) : undefined
  const opening = openSources({ exports, transports, pool, meter, clock, timers })
  const sources = await opening.catch(async error => {
    await rehearsal?.end()
    throw error
  })
  if (options.warmUp) takeMemory(sources, memory, pool)
  await rehearsal?.over
  const images: (ImageExport | SpoolExport)[] = []
  const end = async () => {
    for (const image of images) void image.close(STOPPED)
    ring.close()
    await Promise.all(sources.map(({ session }) => session.close()))
  }
  try {
    for (const source of sources) {
      images.push(await imageOf(source, { ring, pool, meter }))
    }
    const listener = await Listener.listen({
      address: listen.kind === 'unix' ? { path: listen.path, ...listen.file } : listen,
      exports: images,
      tls: options.tls,
      maxClients: options.clients.maxClients,
      // A client that reads its replies late holds at most this share of the ring.
      limits: {
        maxOwedBytes: Math.min(MAX_OWED_BYTES, memory.data.length * OWED_SHARE),
        handshakeTimeoutMs: options.clients.handshakeTimeoutMs,
        keepaliveMs: options.clients.keepaliveMs,
      },
      log,
    })
    // Not before: a start that fails says why in one line.
    for (const { source } of sources) {
      if ('request' in source) announce(source, options)
    }
    const parts = { sources, images, ring, pool, listener, meter, startedMs, clock }
    const status = await tellStatus(options, { ...parts, errors }).catch(async error => {
      await listener.close(0)
      throw error
    })
    if (signal?.aborted) {
      await status?.close()
      await listener.close(0)
      signal.throwIfAborted()
    }
    let closing: Promise<void> | undefined
    const close = async (drainMs: number) => {
      await listener.close(drainMs)
      await end()
      await pool.close()
      await Promise.all(images.map(image => image.close(STOPPED)))
      await status?.close()
    }
    const server: Server = {
      uri: listener.uri(options.exportName),
      unixSocket: listener.socketPath,
      port: listener.port,
      exportName: options.exportName,
      size: images.reduce((sum, { info }) => sum + info.size, 0),
      exports: images.map(({ info }) => ({
        name: info.name,
        uri: listener.uri(info.name),
        size: info.size,
      })),
      statusUrl: status?.url,
      statistics: () => serverStatistics(parts),
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
  } catch (error) {
    await end()
    throw error
  }
}

/** Says what was opened, and what is peculiar about it. */
function announce(source: ProbedSource, { log, spool }: ResolvedOptions): void {
  const { request, name, redirects, firstBytes } = source
  const { totalBytes, etag, weakEtag, lastModified } = request
  const pinnedBy = etag ?? lastModified ?? weakEtag ?? 'size'
  log('info', `opened ${name}`, { bytes: totalBytes, redirects, pinnedBy })
  if (spool !== undefined) log('info', 'the server answers ranges: --spool is not needed')
  const told = compressionWarning(name, firstBytes)
  if (told !== undefined) warn(log, told)
}

/** @throws {SourceError} if the image can't be served after all */
async function imageOf(
  { options, description, session, origin, source }: OpenedSource,
  { ring, pool, meter }: { ring: SharedRing; pool: FetchPool; meter: FetchMeter },
): Promise<ImageExport | SpoolExport> {
  const { exportName, attempts, log, signal } = options
  const { governor } = origin
  const common = { description, log, clock, random: Math.random, runner: pool }
  if ('settings' in source) {
    const renew = (url: string, failure: Failure) => session.renew(url, failure)
    const parts = { exportName, maxAttempts: attempts, meter, governor, signal, renew }
    return await openSpool({ ...source, ...common, ...parts })
  }
  checkSize(source.request.totalBytes, options.blockSize, source.name)
  return new ImageExport({
    ...common,
    name: exportName,
    source,
    session,
    ring,
    origin,
    maxRequestBytes: options.maxRequest,
    maxAttempts: attempts,
    maxRetryMs: options.retryTimeMs,
    readahead: options.readahead,
    formatHint: options.formatHint === 'auto',
    fetchMeter: meter,
  })
}
