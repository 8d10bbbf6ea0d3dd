// From a request to its answer: which path, who may, redirects, the fault that strikes, the image. No sockets, no
// waiting; the wall clock is an argument.
import { type AccessControl, signedQuery } from './access.js'
import {
  type Answer,
  type AnswerOptions,
  answerImage,
  type Representation,
  requestedRange,
  textAnswer,
} from './answer.js'
import { bendAnswer, bendOptions, bendRepresentation } from './fault-effects.js'
import type { Fault, FaultPicker } from './faults.js'
import type { Image } from './image.js'
import { etagOf, lastModifiedOf, type ServingOptions } from './options.js'
import type { RequestHead } from './request-parser.js'

/** What an answer depends on; all of it may change between requests. */
export interface ServedState {
  readonly options: ServingOptions
  readonly image: Image
  /** Where the image is, without the leading slash, not encoded. */
  readonly name: string
  readonly access: AccessControl
  readonly faults: FaultPicker
}

/** An answer and the fault it suffers from. */
export interface Response {
  readonly answer: Answer
  readonly fault: Fault | undefined
}

/** The name as a URL path. */
export function pathOf(name: string): string {
  return `/${name.split('/').map(encodeURIComponent).join('/')}`
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

const plain = (answer: Answer): Response => ({ answer, fault: undefined })

/**
 * The answer to request number `n`. Paths: the image is at `/<name>` and `/direct/<name>` (never redirected);
 * `/redirect/<name>` sends there, `/redirect/<k>/<name>` over k hops, `/redirect-loop/...` to itself.
 * @param epochMs - now, milliseconds since 1970
 */
export function respond(
  state: ServedState,
  request: RequestHead,
  n: number,
  epochMs: number,
): Response {
  const { options, name } = state
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return plain(textAnswer(405, [['Allow', 'GET, HEAD']]))
  }
  const headOnly = request.method === 'HEAD'
  const target = redirectTarget(state, request, epochMs)
  const path = decodePath(request.path)?.replace(/^\/direct\//, '/')
  if (target === undefined && path !== `/${name}`) return plain({ ...textAnswer(404), headOnly })

  const access = state.access.check(request, epochMs, target === undefined)
  if ('refusal' in access) return plain({ ...access.refusal, headOnly })
  if (target !== undefined) {
    const status = options.redirect?.status ?? 302
    return plain({ ...textAnswer(status, [['Location', target], ...access.headers]), headOnly })
  }
  const direct = request.path.startsWith('/direct/')
  if (options.query !== undefined && !direct && request.query !== options.query) {
    return plain({ ...textAnswer(500), headOnly })
  }
  const { answer, fault } = answerWithFault(state, request, n)
  return { answer: { ...answer, headers: [...answer.headers, ...access.headers] }, fault }
}

function redirectTarget(
  { options, name }: ServedState,
  request: RequestHead,
  epochMs: number,
): string | undefined {
  if (request.path.startsWith('/redirect-loop/')) return request.path
  const hops = /^\/redirect\/(?:(\d+)\/)?(.+)$/.exec(request.path)
  const all = options.redirect?.all === true && decodePath(request.path) === `/${name}`
  if (hops === null && !all) return undefined
  const left = Number(hops?.[1] ?? 1) - 1
  if (left > 0) return `/redirect/${left}/${hops?.[2]}`
  const { origin = '', signed } = options.redirect ?? {}
  const query = signed === undefined ? request.query : signedQuery(signed, epochMs)
  const path = hops === null ? pathOf(name) : `/${hops[2]}`
  return `${origin}/direct${path}${query === '' ? '' : `?${query}`}`
}

function answerWithFault(state: ServedState, request: RequestHead, n: number): Response {
  const { options, image } = state
  const representation: Representation = {
    size: image.size,
    etag: etagOf(options, image),
    lastModified: lastModifiedOf(options),
  }
  const { head = true } = options
  const rules: AnswerOptions = {
    ranges: options.ranges ?? true,
    acceptRanges: options.acceptRanges ?? true,
    head: head === false ? 405 : head,
  }
  const range = requestedRange(request, representation, rules)
  const ranged = typeof range === 'object'
  const fault = state.faults.pick({
    n,
    method: request.method,
    path: request.path,
    offset: ranged ? range.first : 0,
    length: ranged ? range.last - range.first + 1 : image.size,
    ranged,
  })
  const answer = answerImage(
    request,
    bendRepresentation(fault, representation),
    bendOptions(fault, rules),
  )
  return { answer: fault === undefined ? answer : bendAnswer(fault, answer, image), fault }
}
