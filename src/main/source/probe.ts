// Opens a source: one ranged GET tells size, validators, range support and the effective URL, and
// brings the image's first bytes. Never HEAD, never Accept-Ranges: field servers answer 403 or 405
// to the one and leave the other out.

import type { Failure, FailureCode } from '../../shared/failure.js'
import type { ProbeResult, ProbeTask, SourceRequest } from '../../shared/fetch-task.js'
import { shownText } from '../../shared/unsafe-text.js'
import type { Log } from '../log.js'
import { classify, decideRetry, withPause } from '../prefetch/retry-policy.js'
import { warn, warning } from '../warning.js'
import type { Credentials } from './credentials.js'
import { NoRangesError, SourceError, sourceError, sourceMessage } from './source-error.js'
import { isWebPage } from './web-page.js'

/** Bytes asked for by the probe: the headers of every disk format, and a first block or two. */
export const PROBE_BYTES = 1024 * 1024
/** Attempts at start, where a user waits for the word that it does not work. */
export const MAX_ATTEMPTS = 4
/** Delays from here on are told at once, milliseconds. */
const LONG_WAIT_MS = 5_000
/** Failures that are told at once at the start, though later on a request is repeated for them. */
export const FINAL_AT_START: ReadonlySet<FailureCode> = new Set([
  'session',
  'tls',
  'connect',
  'connect-timeout',
  'range-ignored',
])

/**
 * Attempts at start for a part that is not the one that was asked for, or encoded. It may be that of one bad node among
 * many. The whole file in place of a part is told at once: a server without ranges is downloaded from, where that is allowed.
 */
const SUSPECT_ATTEMPTS = 3

/** Answers of servers that have the file and can't, or can't rightly, send a part of it. */
const NO_RANGES: ReadonlySet<FailureCode> = new Set(['range-ignored', 'wrong-range'])

/** What servers of TLS say of a certificate of ours, or of its absence; it is not about theirs. */
const CLIENT_ALERT = /\balert\b.*\b(?:certificate|ca)\b/

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
  /** Statuses that are told at once: the image may be elsewhere. */
  readonly finalStatuses?: ReadonlySet<number | undefined>
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
  let { url } = options
  let name = credentials.redact(url)
  /** Origins that have answered in HTTP. */
  const spoken = new Set<string>()
  for (let redirects = 0; redirects <= options.maxRedirects; redirects++) {
    const result = await ask(options, url, headersFor, spoken)
    // The answer may have brought a cookie, which is secret from now on.
    name = credentials.redact(name)
    if (result.ok) {
      const { totalBytes, etag, lastModified, firstBytes } = result
      if (isWebPage(firstBytes)) throw sourceError('web-page', { name })
      // A weak tag does not promise equal bytes: it can't pin a version, but its change shows that of the file.
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
          ...(etag !== undefined && !strong && { weakEtag: etag }),
          ...(lastModified !== undefined && { lastModified }),
        },
        name,
        firstBytes,
        redirects,
      }
    }
    const { failure } = result
    if (failure.code !== 'redirect' || failure.location === undefined) {
      const told = sourceMessage(reasonOf(failure, url, spoken, options), {
        name,
        failure: credentials.redact(failure.message),
      })
      if (NO_RANGES.has(failure.code)) {
        throw new NoRangesError(told, { url, name, headersFor, failure })
      }
      throw new SourceError(told, { failure })
    }
    if (options.maxRedirects === 0) {
      throw sourceError('redirect-refused', { name })
    }
    url = follow(url, failure.location, name, options)
    name = shownAddress(name, failure.location, credentials)
    log('debug', `redirected to ${name}`)
  }
  throw sourceError('redirects-many', {
    name: credentials.redact(options.url),
    most: options.maxRedirects,
  })
}

/** One probe, repeated while it fails in passing. */
async function ask(
  options: ProbeOptions,
  url: string,
  headersFor: (url: string) => Readonly<Record<string, string>>,
  spoken: Set<string>,
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
    if (result.timings.firstByteMs >= 0) spoken.add(new URL(url).origin)
    // A host that is not there at the start is a mistake more often than an outage.
    const { patient = false } = options
    if (result.ok || (!patient && FINAL_AT_START.has(result.failure.code))) return result
    if (options.finalStatuses?.has(result.failure.status) === true) return result
    const most = classify(result.failure) === 'suspect' ? SUSPECT_ATTEMPTS : MAX_ATTEMPTS
    const maxAttempts = patient ? options.attempts : Math.min(most, options.attempts)
    const trial = { attempts: attempt, maxAttempts }
    const decision = decideRetry(result.failure, trial, options.random())
    if (decision.action !== 'retry') return result
    // A start that fails says so in one line; who waits for long is told why.
    const level = decision.delayMs < LONG_WAIT_MS ? 'debug' : 'info'
    const { code, message } = withPause(result.failure, decision)
    const delay = Math.round(decision.delayMs)
    warn(options.log, warning('request-repeated', { delay, failure: message }), { code }, level)
    await options.sleep(decision.delayMs)
  }
}

/** The address a redirect points to, with the fragment dropped and user info refused. */
function follow(
  from: string,
  location: string,
  name: string,
  { protocols, credentials }: Pick<ProbeOptions, 'protocols' | 'credentials'>,
): string {
  let to: URL
  try {
    to = new URL(location, from)
  } catch {
    throw sourceError('redirect-form', { name })
  }
  if (to.protocol !== 'http:' && to.protocol !== 'https:') {
    // As it was sent: a URL has its scheme in lower case, and a secret would not be found in that.
    const [scheme = ''] = credentials.redact(location.trim()).split(':', 1)
    throw sourceError('redirect-not-http', { name, scheme: shownText(`${scheme}:`) })
  }
  if (to.protocol === 'http:' && from.startsWith('https:')) {
    throw sourceError('redirect-to-clear', { name })
  }
  if (!protocols.has(to.protocol)) {
    throw sourceError('redirect-protocol', { name, scheme: to.protocol.slice(0, -1) })
  }
  to.hash = ''
  to.username = ''
  to.password = ''
  return to.href
}

/**
 * The address a redirect points to, as it may be shown. Its query is the server's own, often a signature under a name
 * nobody knows: it is left out. What is secret is looked for in the text as it was sent, where it is still in one piece.
 *
 * @param from as it may be shown
 */
function shownAddress(from: string, location: string, credentials: Credentials): string {
  // Percent signs are another way to write a secret, and may stand for any of its characters.
  const plain = decoded(location)
  const masked = credentials.redact(plain)
  try {
    const to = new URL(masked === plain ? location : masked, from)
    to.hash = ''
    to.username = ''
    to.password = ''
    return credentials.redact(to.href.replace(/\?.*$/, '?***'))
  } catch {
    return '***'
  }
}

/** With percent signs resolved, as far as they stand for characters at all. */
function decoded(url: string): string {
  return url.replace(/(?:%[0-9a-f]{2})+/gi, coded => {
    try {
      return decodeURIComponent(coded)
    } catch {
      return coded
    }
  })
}

/** Which message says why the image can't be opened. */
function reasonOf(
  failure: Failure,
  url: string,
  spoken: ReadonlySet<string>,
  options: ProbeOptions,
) {
  if (failure.maybeTls === true && url.startsWith('http:')) return 'https-meant'
  switch (failure.code) {
    case 'range-ignored':
      return failure.webPage === true ? 'page-in-place' : 'no-ranges'
    case 'wrong-range':
      return 'wrong-ranges'
    case 'tls':
    case 'proxy':
      return wayReason(failure) ?? 'open'
    case 'status':
      if (failure.status === 401) return unauthorized(url, options)
      return failure.status === 403 ? 'access-refused' : 'open'
    case 'reset':
      // What most servers of TLS make of a request in the clear: they close the connection without a word.
      return url.startsWith('http:') && !spoken.has(new URL(url).origin) ? 'https-meant' : 'open'
    case 'encoded':
      return 'compressed-answer'
    default:
      return 'open'
  }
}

/** Which message says what is wrong with the way to a server; undefined where the failure says it all. */
export function wayReason({ code, message, status }: Failure) {
  // tinyproxy answers 401 where others have 407.
  if (code === 'proxy') return status === 407 || status === 401 ? 'proxy-login' : undefined
  if (code !== 'tls') return undefined
  const isProxy = message.includes('with the proxy')
  if (CLIENT_ALERT.test(message)) return isProxy ? undefined : 'client-certificate'
  // No certificate makes a server speak TLS that doesn't.
  if (!message.includes('certificate')) return undefined
  return isProxy ? 'proxy-certificate-not-trusted' : 'certificate-not-trusted'
}

/** Why a server asks who we are: it was not told, it was told something wrong, or it must not be told. */
function unauthorized(url: string, { url: first, credentials, headersFor }: ProbeOptions) {
  const { authorization, cookie } = (headersFor ?? (to => credentials.headersFor(to)))(first)
  const known = authorization !== undefined || cookie !== undefined
  if (known && !credentials.owns(url)) return 'credentials-kept'
  if (credentials.user !== undefined) return 'login-refused'
  return known ? 'credentials-refused' : 'login-needed'
}
