// Opens a source: one ranged GET tells size, validators, range support and the effective URL, and
// brings the image's first bytes. Never HEAD, never Accept-Ranges: field servers answer 403 or 405
// to the one and leave the other out.

import type { Failure, FailureCode } from '../../shared/failure.js'
import type { ProbeResult, ProbeTask, SourceRequest } from '../../shared/fetch-task.js'
import type { Log } from '../log.js'
import { decideRetry } from '../prefetch/retry-policy.js'
import type { Credentials } from './credentials.js'
import { NoRangesError, SourceError } from './source-error.js'

/** Bytes asked for by the probe: the headers of every disk format, and a first block or two. */
export const PROBE_BYTES = 1024 * 1024
/** Attempts at start, where a user waits for the word that it does not work. */
export const MAX_ATTEMPTS = 4
/** Delays from here on are told at once, milliseconds. */
const LONG_WAIT_MS = 5_000
/** Failures that are told at once at the start, though later on a request is repeated for them. */
export const FINAL_AT_START: ReadonlySet<FailureCode> = new Set([
  'session',
  'connect',
  'connect-timeout',
  'range-ignored',
  'wrong-range',
  'encoded',
])

/** Answers of servers that have the file and can't, or can't rightly, send a part of it. */
const NO_RANGES: ReadonlySet<FailureCode> = new Set(['range-ignored', 'wrong-range'])

/** Sends a probe to a worker. Never rejects. */
export interface Prober {
  probe(task: ProbeTask): Promise<ProbeResult>
}

export interface ProbeOptions {
  /** Without user info. */
  readonly url: string
  readonly credentials: Credentials
  /** Index into the workers' transports. */
  readonly transport: number
  readonly prober: Prober
  readonly attempts: number
  /** Redirects followed; 0 takes none. */
  readonly maxRedirects: number
  /** As in `URL.protocol`: what a redirect may lead to. */
  readonly protocols: ReadonlySet<string>
  /** Headers of a request to `url`, asked for anew with each. Default: what the credentials say. */
  readonly headersFor?: (url: string) => Readonly<Record<string, string>>
  /** Bytes asked for. Default 1 MiB. */
  readonly length?: number
  /** True in the middle of a run: what passes is waited out, where at the start it would be told. */
  readonly patient?: boolean
  readonly log: Log
  readonly random: () => number
  readonly sleep: (ms: number) => Promise<void>
  /** Told of every request and its outcome. */
  readonly onResult: (result: ProbeResult) => void
  readonly signal?: AbortSignal | undefined
}

/** A source that answers ranges. */
export interface ProbedSource {
  readonly request: SourceRequest
  /** The effective URL without secrets. */
  readonly name: string
  readonly firstBytes: Uint8Array
  readonly redirects: number
}

/**
 * Finds out what stands behind a URL.
 *
 * @throws {SourceError} if it can't be served, with the reason and what to do
 */
export async function probe(options: ProbeOptions): Promise<ProbedSource> {
  const { credentials, log } = options
  const headersFor = options.headersFor ?? ((url: string) => credentials.headersFor(url))
  let url = options.url
  for (let redirects = 0; redirects <= options.maxRedirects; redirects++) {
    const result = await ask(options, url, headersFor)
    const name = credentials.redact(redirects === 0 ? url : withoutQuery(url))
    if (result.ok) {
      const { totalBytes, etag, lastModified, firstBytes } = result
      // A weak tag does not promise equal bytes: it can't pin a version.
      const strong = etag !== undefined && !etag.startsWith('W/')
      return {
        request: {
          url,
          // Read whenever a task is sent: cookies come and go.
          get headers() {
            return headersFor(url)
          },
          transport: options.transport,
          totalBytes,
          ...(strong && { etag }),
          ...(lastModified !== undefined && { lastModified }),
        },
        name,
        firstBytes,
        redirects,
      }
    }
    const { failure } = result
    if (failure.code !== 'redirect' || failure.location === undefined) {
      const message = credentials.redact(explain(name, failure, options))
      if (NO_RANGES.has(failure.code)) {
        throw new NoRangesError(message, { url, name, headersFor, failure })
      }
      throw new SourceError(message, { failure })
    }
    if (options.maxRedirects === 0) {
      throw new SourceError(
        credentials.redact(`Cannot open ${name}: it redirects, and --max-redirects 0 allows none`),
      )
    }
    url = follow(url, failure.location, name, options.protocols)
    log('debug', `redirected to ${credentials.redact(withoutQuery(url))}`)
  }
  throw new SourceError(
    `Cannot open ${credentials.redact(options.url)}: more than ${options.maxRedirects} redirects`,
  )
}

/** One probe, repeated while it fails in passing. */
async function ask(
  options: ProbeOptions,
  url: string,
  headersFor: (url: string) => Readonly<Record<string, string>>,
): Promise<ProbeResult> {
  options.signal?.throwIfAborted()
  for (let attempt = 1; ; attempt++) {
    const result = await options.prober.probe({
      url,
      headers: headersFor(url),
      transport: options.transport,
      length: options.length ?? PROBE_BYTES,
    })
    // Whoever gave up has ended the workers, too: that is no failure of the source.
    options.signal?.throwIfAborted()
    options.onResult(result)
    // A host that is not there at the start is a mistake more often than an outage, and what the
    // first answer gets wrong is the server's habit.
    const { patient = false } = options
    if (result.ok || (!patient && FINAL_AT_START.has(result.failure.code))) return result
    const maxAttempts = patient ? options.attempts : Math.min(MAX_ATTEMPTS, options.attempts)
    const trial = { attempts: attempt, maxAttempts }
    const decision = decideRetry(result.failure, trial, options.random())
    if (decision.action !== 'retry') return result
    // A start that fails says so in one line; who waits for long is told why.
    const level = decision.delayMs < LONG_WAIT_MS ? 'debug' : 'info'
    options.log(level, `${result.failure.message}: again in ${Math.round(decision.delayMs)} ms`)
    await options.sleep(decision.delayMs)
  }
}

/** The address a redirect points to, with the fragment dropped and user info refused. */
function follow(
  from: string,
  location: string,
  name: string,
  protocols: ReadonlySet<string>,
): string {
  let to: URL
  try {
    to = new URL(location, from)
  } catch {
    throw new SourceError(`Cannot open ${name}: it redirects to an address that is none`)
  }
  if (to.protocol !== 'http:' && to.protocol !== 'https:') {
    throw new SourceError(`Cannot open ${name}: it redirects to ${to.protocol}, which is not HTTP`)
  }
  if (to.protocol === 'http:' && from.startsWith('https:')) {
    throw new SourceError(`Cannot open ${name}: it redirects from https to http`)
  }
  if (!protocols.has(to.protocol)) {
    throw new SourceError(
      `Cannot open ${name}: it redirects to ${to.protocol.slice(0, -1)}, which --protocols does not allow`,
    )
  }
  to.hash = ''
  to.username = ''
  to.password = ''
  return to.href
}

/** A redirect's query is the server's own, often a signature under a name nobody knows: never shown. */
function withoutQuery(url: string): string {
  return url.replace(/\?.*$/, '?***')
}

function explain(name: string, failure: Failure, options: ProbeOptions): string {
  const what = `Cannot open ${name}: ${failure.message}`
  switch (failure.code) {
    case 'range-ignored':
      return `${what}; the server does not support range requests, so this image can't be read at random: give --spool DIR to download all of it into a temporary file there while it is read, or use a server that does`
    case 'wrong-range':
      return `${what}; give --spool DIR to download the whole file instead of ranges`
    case 'tls':
      // No certificate makes a server speak TLS that doesn't.
      if (!failure.message.includes('certificate')) return what
      if (failure.message.includes('with the proxy')) {
        return `${what}; give the proxy's CA with --proxy-cacert FILE, or --proxy-insecure to trust any`
      }
      return `${what}; give the server's CA with --cacert FILE, or --insecure to trust any`
    case 'proxy':
      return failure.status === 407 ? `${what}; give --proxy-user and --proxy-password-file` : what
    case 'status':
      if (failure.status === 401) {
        return options.credentials.user === undefined
          ? `${what}; give --user and --password-file, --bearer-token-file, or --cookie`
          : `${what}; the user name or password is not accepted`
      }
      if (failure.status === 403) return `${what}; the server refuses access to this file`
      return what
    case 'reset':
    case 'protocol':
      // What a server of TLS makes of a request in the clear.
      return options.url.startsWith('http:') ? `${what}; is https:// meant?` : what
    case 'encoded':
      return `${what}; the server compresses what it sends, although asked not to`
    default:
      return what
  }
}
