// Every way an answer can be wrong, in every framing HTTP/1.1 has, for every kind of version a source
// can be pinned by, for fresh and resumed spans: not one wrong byte in a slot, the right reason, met
// as it has to be, and the next answer of the same server is read from its start.

import type { Socket } from 'node:net'
import t from 'tap'
import { classify, type FailureClass } from '../../dist/main/prefetch/retry-policy.js'
import type { SourceRequest } from '../../dist/shared/fetch-task.js'
import { createFetcher } from '../../dist/workers/fetcher.js'
import { imageBytes, rawOrigin } from '../fixtures/origin.js'
import { Span, TRANSPORT } from '../fixtures/span.js'

const TOTAL = 100_000
const ETAG = '"v1"'
const MODIFIED = 'Mon, 01 Jan 2024 00:00:00 GMT'

/** An answer before it is framed. */
interface Draft {
  status: string
  headers: Record<string, string>
  body: Buffer
  /** Announced, where the framing does. */
  announced: number
}

type Bend = (draft: Draft, start: number, end: number) => void

interface Case {
  readonly bend: Bend
  /** Undefined: it is right, and taken. */
  readonly met?: FailureClass
  readonly says?: RegExp
  /** Only sources that are pinned by these can tell. */
  readonly pins?: readonly Pin[]
}

const claim = (draft: Draft, start: number, end: number, total: number | string = TOTAL) => {
  draft.headers['Content-Range'] = `bytes ${start}-${end - 1}/${total}`
}

const fill = (draft: Draft, start: number, end: number) => {
  draft.body = imageBytes(start, end - start)
  draft.announced = draft.body.length
}

const CASES: Readonly<Record<string, Case>> = {
  'the right answer': { bend: () => {} },
  'a wrong start, as claimed': {
    bend: (draft, start, end) => {
      claim(draft, start + 1, end)
      fill(draft, start + 1, end)
    },
    met: 'suspect',
    says: /the answer holds bytes \d+-\d+\/100000 where bytes \d+-\d+ were asked/,
  },
  'a wrong end, as claimed': {
    bend: (draft, start, end) => {
      claim(draft, start, end + 1)
      fill(draft, start, end + 1)
    },
    met: 'suspect',
    says: /the answer holds/,
  },
  'the range of another request': {
    bend: (draft, start, end) => {
      claim(draft, start + 4096, end + 4096)
      fill(draft, start + 4096, end + 4096)
    },
    met: 'suspect',
    says: /the answer holds/,
  },
  'less than was asked, as claimed': {
    bend: (draft, start, end) => {
      claim(draft, start, end - 100)
      fill(draft, start, end - 100)
    },
    met: 'suspect',
    says: /the answer holds/,
  },
  'a wrong total': {
    bend: (draft, start, end) => claim(draft, start, end, TOTAL + 1),
    met: 'changed',
    says: /the file has 100001 bytes now, it had 100000/,
  },
  'a smaller total': {
    bend: (draft, start, end) => claim(draft, start, end, TOTAL - 1),
    met: 'changed',
    says: /the file has 99999 bytes now/,
  },
  'an unknown total': {
    bend: (draft, start, end) => claim(draft, start, end, '*'),
    met: 'suspect',
    says: /the answer holds/,
  },
  'a range that is none': {
    bend: draft => {
      draft.headers['Content-Range'] = 'bytes 5-1/10'
    },
    met: 'suspect',
    says: /an unusable Content-Range/,
  },
  'another unit than bytes': {
    bend: (draft, start, end) => {
      draft.headers['Content-Range'] = `sectors ${start}-${end - 1}/${TOTAL}`
    },
    met: 'suspect',
    says: /an unusable Content-Range/,
  },
  'a short body': {
    bend: draft => {
      draft.body = draft.body.subarray(0, -33)
    },
    met: 'transient',
    says: /the body ended/,
  },
  'a short body, as announced': {
    bend: draft => {
      draft.body = draft.body.subarray(0, -33)
      draft.announced = draft.body.length
    },
    says: /the body (ended|is to have)/,
    // With a length it is seen in the head, without one at the end.
    met: 'transient',
  },
  'no body at all': {
    bend: draft => {
      draft.body = Buffer.alloc(0)
    },
    met: 'transient',
    says: /the body ended/,
  },
  'a long body, as announced': {
    bend: draft => {
      draft.body = Buffer.concat([draft.body, Buffer.alloc(33, 0xee)])
      draft.announced = draft.body.length
    },
    met: 'suspect',
    says: /the body is (longer|to have)/,
  },
  '200 with the whole file': {
    bend: draft => {
      draft.status = '200 OK'
      delete draft.headers['Content-Range']
      fill(draft, 0, TOTAL)
    },
    met: 'suspect',
    says: /^200 OK with the whole file, not a range/,
  },
  '200 with the right range': {
    bend: draft => {
      draft.status = '200 OK'
    },
    met: 'suspect',
    says: /^200 OK with the whole file/,
  },
  '206 without Content-Range': {
    bend: draft => {
      delete draft.headers['Content-Range']
    },
    met: 'suspect',
    says: /the answer lacks Content-Range/,
  },
  'multipart/byteranges': {
    bend: draft => {
      draft.headers['Content-Type'] = 'multipart/byteranges; boundary=x'
    },
    met: 'suspect',
    says: /multipart\/byteranges/,
  },
  'an encoded body': {
    bend: draft => {
      draft.headers['Content-Encoding'] = 'gzip'
    },
    met: 'suspect',
    says: /the body is encoded: gzip/,
  },
  'an encoding of no effect': {
    bend: draft => {
      draft.headers['Content-Encoding'] = 'identity'
    },
  },
  'no validator': {
    bend: draft => {
      delete draft.headers['ETag']
      delete draft.headers['Last-Modified']
    },
    met: 'suspect',
    says: /the answer lacks the ETag or Last-Modified that the file had/,
    pins: ['etag', 'date'],
  },
  'another strong ETag': {
    bend: draft => {
      draft.headers['ETag'] = '"v2"'
    },
    met: 'changed',
    says: /the ETag is another one now/,
    pins: ['etag'],
  },
  'a weak ETag with another tag': {
    bend: draft => {
      draft.headers['ETag'] = 'W/"v2"'
    },
    met: 'changed',
    says: /the ETag is another one now/,
    pins: ['etag'],
  },
  'another Last-Modified': {
    bend: draft => {
      delete draft.headers['ETag']
      draft.headers['Last-Modified'] = 'Mon, 01 Jan 2024 00:00:01 GMT'
    },
    met: 'changed',
    says: /Last-Modified is another date now/,
    pins: ['etag', 'date'],
  },
  'the same date in another form': {
    bend: draft => {
      draft.headers['Last-Modified'] = 'Mon Jan  1 00:00:00 2024'
    },
  },
  '412': {
    bend: draft => {
      draft.status = '412 Precondition Failed'
    },
    met: 'changed',
    says: /^412 Precondition Failed: the ETag is another one now/,
  },
  '416 with another size': {
    bend: draft => {
      draft.status = '416 Range Not Satisfiable'
      draft.headers['Content-Range'] = 'bytes */512'
    },
    met: 'changed',
    says: /the file has 512 bytes now/,
  },
  '416 with the same size': {
    bend: draft => {
      draft.status = '416 Range Not Satisfiable'
      draft.headers['Content-Range'] = `bytes */${TOTAL}`
    },
    met: 'final',
    says: /^416 Range Not Satisfiable$/,
  },
  '204 without a body': {
    bend: draft => {
      draft.status = '204 No Content'
      draft.body = Buffer.alloc(0)
      draft.announced = 0
    },
    met: 'final',
    says: /^204 No Content$/,
  },
  '404': {
    bend: draft => {
      draft.status = '404 Not Found'
    },
    met: 'final',
    says: /^404 Not Found$/,
  },
  '503': {
    bend: draft => {
      draft.status = '503 Busy'
      draft.headers['Retry-After'] = '7'
    },
    met: 'refused',
    says: /^503 Busy$/,
  },
}

type Pin = 'etag' | 'date' | 'size'
const PINS: Readonly<Record<Pin, Partial<SourceRequest>>> = {
  etag: { etag: ETAG, lastModified: MODIFIED },
  date: { lastModified: MODIFIED },
  size: {},
}

type Framing = 'length' | 'chunked' | 'close'

/** Writes an answer; faults of the body end the connection, as they do in life. */
function write(socket: Socket, draft: Draft, framing: Framing): void {
  const { status, headers, body, announced } = draft
  const lines = [`HTTP/1.1 ${status}`, ...Object.entries(headers).map(pair => pair.join(': '))]
  if (framing === 'length') lines.push(`Content-Length: ${announced}`)
  if (framing === 'chunked') lines.push('Transfer-Encoding: chunked')
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (framing === 'chunked') {
    if (body.length > 0) {
      socket.write(`${body.length.toString(16)}\r\n`)
      socket.write(body)
      socket.write('\r\n')
    }
    socket.write('0\r\n\r\n')
  } else socket.write(body)
  if (framing === 'close' || (framing === 'length' && body.length < announced)) socket.end()
}

for (const framing of ['length', 'chunked', 'close'] as const) {
  t.test(`framed by ${framing}`, async t => {
    let bend: Bend | undefined
    const origin = await rawOrigin(t, (socket, head) => {
      const match = /^range: bytes=(\d+)-(\d+)\r$/im.exec(head)
      const [start, end] = [Number(match?.[1]), Number(match?.[2]) + 1]
      const body = imageBytes(start, end - start)
      const headers = { ETag: ETAG, 'Last-Modified': MODIFIED }
      const draft: Draft = { status: '206 Partial Content', headers, body, announced: body.length }
      claim(draft, start, end)
      bend?.(draft, start, end)
      write(socket, draft, bend === undefined ? 'length' : framing)
    })
    for (const [what, { bend: bent, met, says, pins }] of Object.entries(CASES)) {
      for (const [pin, source] of Object.entries(PINS)) {
        for (const filled of [0, 1000]) {
          const span = new Span(8192, [4096, 4096, 100], filled)
          const { buffer: ring } = span.memory
          using fetcher = createFetcher({ ring, transports: [TRANSPORT] })
          const name = `${what}, pinned by ${pin}, from ${filled}`
          bend = bent
          const result = await fetcher.fetchSpan(
            span.task(origin.url, { totalBytes: TOTAL, ...source }),
          )
          bend = undefined
          const expected = pins === undefined || pins.includes(pin as Pin) ? met : undefined
          t.equal(span.damage(), undefined, `${name}: no wrong byte`)
          t.ok(span.letGo, `${name}: every slot is let go of`)
          if (expected === undefined) {
            t.match(result, { ok: true }, `${name}: taken`)
            t.ok(span.ready, name)
          } else if (result.ok) t.fail(`${name}: taken, though wrong`)
          else {
            t.match(result.failure.message, says, name)
            const classes = what.includes('as announced') ? ['transient', 'suspect'] : [expected]
            t.ok(classes.includes(classify(result.failure)), `${name}: ${result.failure.code}`)
          }
          const url = origin.url
          const next = await fetcher.probeSource({ url, headers: {}, transport: 0, length: 64 })
          t.match(
            next,
            { ok: true, firstBytes: imageBytes(0, 64) },
            `${name}: then the right bytes`,
          )
        }
      }
    }
  })
}

t.test('what follows a body of the announced length is not taken for the next answer', async t => {
  let index = 0
  const origin = await rawOrigin(t, (socket, head) => {
    const match = /^range: bytes=(\d+)-(\d+)\r$/im.exec(head)
    const [start, end] = [Number(match?.[1]), Number(match?.[2]) + 1]
    const body = imageBytes(start, end - start)
    const draft: Draft = {
      status: '206 Partial Content',
      headers: {},
      body,
      announced: body.length,
    }
    claim(draft, start, end)
    // A whole answer of its own, with the wrong bytes and the right head of what will be asked next.
    const extra = `HTTP/1.1 206 X\r\nContent-Range: bytes 0-63/${TOTAL}\r\nContent-Length: 64\r\n\r\n`
    write(socket, draft, 'length')
    if (index++ === 0) socket.write(extra + 'x'.repeat(64))
  })
  const span = new Span(8192, [4096])
  using fetcher = createFetcher({ ring: span.memory.buffer, transports: [TRANSPORT] })
  await fetcher.fetchSpan(span.task(origin.url, { totalBytes: TOTAL }))
  t.equal(span.damage(), undefined)
  // The extra bytes arrive with the answer or behind it: either way they belong to no request.
  const { url } = origin
  const next = await fetcher.probeSource({ url, headers: {}, transport: 0, length: 64 })
  if (next.ok) t.strictSame(Buffer.from(next.firstBytes), imageBytes(0, 64))
  else t.match(next.failure.code, /reset|protocol/)
})
