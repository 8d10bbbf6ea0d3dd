// The state of being admitted to an image: request headers that expire and a URL that was got by redirects. Opens the
// image with them and renews them, one renewal at a time, by clock and when the server does not take them any more.
// While a renewal runs nothing is sent to the origin; requests that failed for it are sent again.

import type { Failure, FailureCode } from '../../shared/failure.js'
import { failureOf } from '../../shared/failures.js'
import type { SourceRequest } from '../../shared/fetch-task.js'
import { unquoted } from '../../shared/quotation.js'
import type { Log } from '../log.js'
import { decideRetry } from '../prefetch/retry-policy.js'
import { warn, warning } from '../warning.js'
import type { Authorizer, GivenHeaders, RenewalReason } from './authorizer.js'
import type { Credentials } from './credentials.js'
import {
  FINAL_AT_START,
  MAX_ATTEMPTS,
  type ProbedSource,
  type ProbeOptions,
  probe,
  wayReason,
} from './probe.js'
import { RenewalPace } from './renewal-pace.js'
import type { RequestSource } from './request-source.js'
import { NoRangesError, SourceError, sourceError } from './source-error.js'
import { versionChange } from './version.js'
import { isSnapshotBase, WRONG_NAME } from './vmware-url.js'

/** Statuses that say that the headers are not good, and that a URL got by a redirect is not. */
const UNAUTHORIZED: ReadonlySet<number | undefined> = new Set([401, 403])
/** 400 is Google's for a signed URL whose time is over, and Amazon's where that of its token is. */
const MOVED: ReadonlySet<number | undefined> = new Set([400, 401, 403, 404, 410])

/** Where redirects led to something else than the image. */
const ELSEWHERE: ReadonlySet<FailureCode> = new Set(['range-ignored', 'source-changed', 'session'])

export interface OriginSessionParts
  extends Omit<
    ProbeOptions,
    'url' | 'headersFor' | 'length' | 'patient' | 'finalStatuses' | 'sleep'
  > {
  /** URLs of the image in the order in which they are tried, at least one; without user info. */
  readonly urls: readonly string[]
  readonly authorizer?: Authorizer | undefined
  readonly clock: () => number
  /** Rejects when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** What a renewal has to do. */
interface Remedy {
  readonly authorize: boolean
  readonly resolve: boolean
}

/** The session of one image. */
export class OriginSession implements RequestSource {
  onRenewed: (failure?: Failure) => void = () => {}
  /** Times headers were obtained, the first included, and times redirects were followed again. */
  logins = 0
  resolved = 0
  readonly #parts: OriginSessionParts
  readonly #credentials: Credentials
  readonly #log: Log
  readonly #closing = new AbortController()
  readonly #pace = new RenewalPace()
  /** Of the start alone: it does not end a session that is open. */
  #starting: AbortSignal | undefined
  #url: string
  #given: GivenHeaders = {}
  #request: SourceRequest | undefined
  #renewing = false

  constructor(parts: OriginSessionParts) {
    this.#parts = parts
    this.#credentials = parts.credentials
    this.#log = parts.log
    this.#url = parts.urls[0] as string
    this.#starting = parts.signal
  }

  /** Valid once the source is open. */
  get request(): SourceRequest {
    if (this.#request === undefined)
      throw new Error('Cannot make a request: the source is not open')
    return this.#request
  }

  /**
   * Logs in, if that is to be done, and opens the image.
   *
   * @throws {SourceError} if it can't be served
   */
  async open(): Promise<ProbedSource> {
    const { authorizer, urls, signal } = this.#parts
    if (authorizer !== undefined) {
      // A script would run on, and be left behind.
      const end = (): void => void authorizer.end()
      signal?.addEventListener('abort', end, { once: true })
      const failure = await this.#authorize(authorizer, 'start')
      signal?.removeEventListener('abort', end)
      signal?.throwIfAborted()
      if (failure !== undefined) throw this.#loginError(failure)
      this.#log('debug', 'logged in')
    }
    let first: SourceError | undefined
    const passing: string[] = []
    // Not repeated before all names were tried once: a session may not last as long.
    const once = urls.length > 1
    for (const url of urls) {
      const tried = await this.#tryOpen(url, once ? { finalStatuses: WRONG_NAME } : {})
      if (!(tried instanceof SourceError)) return tried
      if (once) {
        const { status } = tried.failure ?? {}
        this.#log('debug', `looked for ${this.#credentials.redact(url)}`, { status })
      }
      first ??= tried
      if (once && tried.failure?.status !== 404) passing.push(url)
    }
    for (const url of passing) {
      const tried = await this.#tryOpen(url, {})
      if (!(tried instanceof SourceError)) return tried
    }
    throw first
  }

  #loginError(failure: Failure): SourceError {
    const { message } = failure
    const reason = wayReason(failure)
    if (reason === undefined) return sourceError('session', { failure: message }, { failure })
    const name = this.#credentials.redact(this.#url)
    return sourceError(reason, { name, failure: message }, { failure })
  }

  /**
   * @returns the error if the image may have another URL
   * @throws {SourceError} if it can't be served
   */
  async #tryOpen(
    url: string,
    options: Pick<ProbeOptions, 'finalStatuses'>,
  ): Promise<ProbedSource | SourceError> {
    this.#url = url
    try {
      const source = await this.#probe(options)
      this.#request = source.request
      this.#starting = undefined
      if (isSnapshotBase(url, this.#parts.urls)) {
        warn(this.#log, warning('snapshot-base', { name: source.name }))
      }
      return source
    } catch (error) {
      if (error instanceof SourceError && WRONG_NAME.has(error.failure?.status)) return error
      throw error
    }
  }

  isReady(nowMs: number): boolean {
    if (this.#renewing) return false
    const due = this.#pace.isDue(nowMs) && this.#parts.authorizer?.isDue(nowMs) === true
    if (due) this.#begin({ authorize: true, resolve: false }, 'clock')
    return !due
  }

  objected(used: SourceRequest, failure: Failure, nowMs: number): 'again' | Failure | undefined {
    const remedy = this.#remedyFor(used, failure)
    if (remedy === undefined) return undefined
    if (used !== this.#request || this.#renewing) return 'again'
    const paused = this.#pace.refused(failure, nowMs)
    if (paused !== undefined) return paused
    this.#begin(remedy, 'refused')
    return 'again'
  }

  worked(used: SourceRequest): void {
    if (used === this.#request) this.#pace.worked()
  }

  /**
   * For an image that is downloaded as a whole, one request after the other: logs in again and follows the redirects
   * again, where that may help against the failure of a request to `url`. Never rejects.
   *
   * @param remedy what may help; by default what the failure says
   * @returns the URL to ask from now on; undefined if nothing helps
   */
  async renew(
    url: string,
    failure: Failure,
    remedy = this.#remedyFor({ url }, failure),
  ): Promise<string | undefined> {
    const { authorizer } = this.#parts
    if (remedy === undefined) return undefined
    if (remedy.authorize && authorizer !== undefined) {
      const failed = await this.#authorize(authorizer, 'refused')
      if (failed !== undefined) {
        this.#warnOf(failed.message, failed.code)
        return undefined
      }
      this.#log('info', 'logged in again', { reason: 'refused' })
    }
    if (!remedy.resolve) return url
    try {
      return (await this.#probe({ length: 1 })).request.url
    } catch (error) {
      const found = error instanceof SourceError ? error.failure : undefined
      const isLapsed = found?.webPage === true || UNAUTHORIZED.has(found?.status)
      if (found !== undefined && isLapsed && !remedy.authorize && authorizer !== undefined) {
        // The signed URL is over, and so is the session that would give another.
        return await this.renew(this.#url, found, { authorize: true, resolve: true })
      }
      if (error instanceof NoRangesError) {
        this.resolved++
        this.#log('info', 'redirects followed again')
        return error.unranged.url
      }
      this.#warnOf((error as Error).message, found?.code)
      return undefined
    }
  }

  /** Ends the session at the server, as far as that is possible soon. Never rejects. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#parts.authorizer?.end()
  }

  #warnOf(failure: string, code: Failure['code'] | undefined): void {
    warn(this.#log, warning('renewal-failed', { failure }), code === undefined ? {} : { code })
  }

  #remedyFor(used: Pick<SourceRequest, 'url'>, failure: Failure): Remedy | undefined {
    const { status, code, webPage = false } = failure
    const redirected = used.url !== this.#url
    const resolve = code === 'redirect' || (redirected && code === 'status' && MOVED.has(status))
    // Whose session is over is sent to the page of the login, or gets it at once, as often as refused.
    const authorize =
      this.#parts.authorizer !== undefined &&
      (webPage || code === 'redirect' || (code === 'status' && UNAUTHORIZED.has(status))) &&
      this.#credentials.owns(used.url)
    return authorize || resolve
      ? { authorize, resolve: resolve || (authorize && redirected) }
      : undefined
  }

  #begin(remedy: Remedy, reason: RenewalReason): void {
    this.#renewing = true
    void this.#renew(remedy, reason).then(failure => {
      this.#renewing = false
      if (this.#closing.signal.aborted) return
      if (failure === undefined) this.#pace.renewed()
      else {
        const locks = remedy.authorize && failure.status === 401
        this.#pace.failed(failure, reason, locks, this.#parts.clock())
        this.#warnOf(failure.message, failure.code)
      }
      // Headers whose time is over may still be good: then the server decides.
      this.onRenewed(reason === 'clock' ? undefined : failure)
    })
  }

  /** Never rejects. */
  async #renew(
    { authorize, resolve }: Remedy,
    reason: RenewalReason,
  ): Promise<Failure | undefined> {
    const { authorizer } = this.#parts
    if (authorize && authorizer !== undefined) {
      const failure = await this.#authorize(authorizer, reason)
      if (failure !== undefined) return failure
      this.#log('info', 'logged in again', { reason })
    }
    if (!resolve) {
      this.#request = this.#madeAnew(this.request.url)
      return undefined
    }
    const failure = await this.#resolve()
    if (authorize || authorizer === undefined || !mayBeLogin(failure)) return failure
    // The signed URL is over, and so is the session that would give another.
    return await this.#renew({ authorize: true, resolve: true }, reason)
  }

  /** Obtains headers, again and again as far as the budget goes. */
  async #authorize(authorizer: Authorizer, reason: RenewalReason): Promise<Failure | undefined> {
    const { attempts, random } = this.#parts
    const starting = reason === 'start'
    // By the clock once: nothing is sent meanwhile, and what there is may be good for a while.
    const most = { start: MAX_ATTEMPTS, clock: 1, refused: attempts }[reason]
    const maxAttempts = Math.min(most, attempts)
    for (let attempt = 1; ; attempt++) {
      const outcome = await authorizer.renew(reason)
      if (outcome.ok) {
        this.logins++
        this.#given = outcome.headers
        return undefined
      }
      const { failure } = outcome
      const final = starting && FINAL_AT_START.has(failure.code)
      const decision = decideRetry(failure, { attempts: attempt, maxAttempts }, random())
      const told = {
        task: this.#credentials.redact(authorizer.task),
        failure: this.#credentials.redact(failure.message),
      }
      if (final || decision.action !== 'retry') {
        const key = failure.code === 'status' && failure.status === 401 ? 'refused' : 'failed'
        return { ...failure, message: failureOf('session', key, told).message }
      }
      this.#log(
        'info',
        `${told.task}: ${told.failure}: again in ${Math.round(decision.delayMs)} ms`,
      )
      try {
        await this.#sleep(decision.delayMs)
      } catch {
        return failureOf('cancelled', 'unwanted', told)
      }
    }
  }

  /** Follows the redirects from the image's URL again. */
  async #resolve(): Promise<Failure | undefined> {
    const { request } = this
    try {
      const source = await this.#probe({ length: 1, patient: true })
      this.resolved++
      const change = versionChange(request, source.request)
      if (change !== undefined) {
        const mask = (text: string) => this.#credentials.redact(text)
        return { ...change, message: unquoted(change.message, mask) }
      }
      this.#request = this.#madeAnew(source.request.url)
      this.#log('info', 'redirects followed again')
      return undefined
    } catch (error) {
      const { failure, message } = error as SourceError
      if (failure === undefined) return failureOf('session', 'source', { failure: message })
      return { ...failure, message }
    }
  }

  /** Another request to take the place of the present one. The version stays that of the start, with all it was known by. */
  #madeAnew(url: string): SourceRequest {
    const headersFor = () => this.#headersFor(url)
    return {
      ...this.request,
      url,
      // Read whenever a task is sent: cookies come and go.
      get headers() {
        return headersFor()
      },
    }
  }

  #sleep(ms: number): Promise<void> {
    const closing = this.#closing.signal
    const signal =
      this.#starting === undefined ? closing : AbortSignal.any([closing, this.#starting])
    return this.#parts.sleep(ms, signal)
  }

  #probe(
    options: Pick<ProbeOptions, 'length' | 'patient' | 'finalStatuses'>,
  ): Promise<ProbedSource> {
    return probe({
      ...this.#parts,
      ...options,
      url: this.#url,
      headersFor: url => this.#headersFor(url),
      sleep: ms => this.#sleep(ms),
      signal: this.#starting,
    })
  }

  /** What the authorizer gave goes to the image's own server only. */
  #headersFor(url: string): Readonly<Record<string, string>> {
    const own = this.#credentials.headersFor(url)
    if (!this.#credentials.owns(url)) return own
    const headers: Record<string, string> = { ...own }
    for (const [name, value] of Object.entries(this.#given)) {
      if (value === undefined) delete headers[name]
      else headers[name] = name === 'cookie' ? joinCookies(own[name], value) : value
    }
    return headers
  }
}

/**
 * True if this is what comes of following redirects without a session: a refusal, or the page of a login, which is a
 * file of its own, without ranges or with, or not to be gone to.
 */
function mayBeLogin(failure: Failure | undefined): boolean {
  return failure !== undefined && (UNAUTHORIZED.has(failure.status) || ELSEWHERE.has(failure.code))
}

/** Both lists of cookies, without those of `own` that `given` has another value for. */
function joinCookies(own: string | undefined, given: string): string {
  if (own === undefined) return given
  const nameOf = (pair: string) => pair.split('=', 1)[0]?.trim()
  const names = new Set(given.split(';').map(nameOf))
  const kept = own.split(';').filter(pair => !names.has(nameOf(pair)))
  return [...kept.map(pair => pair.trim()), given].join('; ')
}
