// HTTP/1.x request heads out of socket chunks. Sans-IO; pipelined requests come out in order. The slow server takes
// no request bodies: a request that announces one is marked, and nothing behind it is read.
import type { Headers } from './preconditions.js'

/** The head of one request. */
export interface RequestHead {
  readonly method: string
  /** Raw path, without the query. */
  readonly path: string
  /** Raw query without its `?`; empty if there is none. */
  readonly query: string
  readonly headers: Headers
  /** Whether the client lets the connection live on (HTTP/1.1 without `Connection: close`, or 1.0 with keep-alive). */
  readonly persistent: boolean
}

const MAX_HEAD = 32 * 1024
const HEAD_END = Buffer.from('\r\n\r\n')

/** What follows cannot be understood: answer 400 and close. */
export class BadRequestError extends Error {
  readonly code = 'BAD_REQUEST'
}

/** Collects one connection's bytes. */
export class RequestParser {
  #rest: Buffer<ArrayBufferLike> = Buffer.alloc(0)
  #ended = false

  /** The requests completed by `chunk`. @throws BadRequestError */
  push(chunk: Buffer): RequestHead[] {
    const requests: RequestHead[] = []
    if (this.#ended) return requests
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (!this.#ended) {
      // Empty lines before a request are to be ignored (RFC 9112, section 2.2).
      while (data.length >= 2 && data[0] === 13 && data[1] === 10) data = data.subarray(2)
      const end = data.indexOf(HEAD_END)
      if (end < 0) break
      const request = parseHead(data.toString('latin1', 0, end))
      data = data.subarray(end + HEAD_END.length)
      requests.push(request)
      this.#ended = !request.persistent
    }
    if (data.length > MAX_HEAD) {
      throw new BadRequestError(`Cannot read a request: its head exceeds ${MAX_HEAD} bytes`)
    }
    this.#rest = data
    return requests
  }
}

function parseHead(text: string): RequestHead {
  const [requestLine = '', ...lines] = text.split('\r\n')
  const match = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/.exec(requestLine)
  if (match === null) {
    throw new BadRequestError(`Cannot read a request: malformed request line '${requestLine}'`)
  }
  const [, method = '', target = '', minor = ''] = match
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon <= 0) throw new BadRequestError(`Cannot read a request: malformed header '${line}'`)
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = headers[name]
    const separator = name === 'cookie' ? '; ' : ', '
    headers[name] = before === undefined ? value : `${before}${separator}${value}`
  }
  const resource = target.replace(/^https?:\/\/[^/?]*/i, '')
  const question = resource.indexOf('?')
  const { connection: option = '' } = headers
  const connection = option.toLowerCase()
  const asksToClose =
    minor === '0' ? !connection.includes('keep-alive') : connection.includes('close')
  const hasBody =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
  return {
    method,
    path: question < 0 ? resource : resource.slice(0, question),
    query: question < 0 ? '' : resource.slice(question + 1),
    headers,
    persistent: !asksToClose && !hasBody,
  }
}
