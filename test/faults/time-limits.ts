// Limits for each step and none for the whole: slow servers are waited for, lost requests are not.

import t from 'tap'
import { openSource, outcomeOf } from '../fixtures/open-source.js'
import { httpOrigin, imageBytes, rawOrigin, serveRange } from '../fixtures/origin.js'
import { servedImage } from '../fixtures/served-image.js'

const MIB = 1024 * 1024

// They spend their time waiting: side by side.
t.jobs = 4

t.test('a server that always thinks longer than the limit is waited for in the end', async t => {
  const { image, origin, server, ...served } = await servedImage(t, {
    size: 4 * MIB,
    origin: {
      faults: [{ kind: 'stall-before-headers', ms: 2_500, match: { fromOffset: MIB } }],
    },
    server: { firstByteTimeout: 0.5, retries: 4, readahead: 'off', workers: 1 },
  })
  const client = await served.connect()
  t.equal(image.compare(2 * MIB, await client.read(2 * MIB, 4096)), -1)
  const { failures, failedReads } = server.statistics()
  // No attempt with the plain limit can succeed: the last one had more.
  t.ok((failures['first-byte-timeout'] ?? 0) >= 1)
  t.equal(failedReads, 0)
})

t.test('a transfer may take longer than all limits together', async t => {
  const limits = { connectTimeout: 1, firstByteTimeout: 1, bodyTimeout: 1 }
  const origin = await httpOrigin(t, (_request, response) => {
    response.writeHead(206, { 'content-range': `bytes 0-49999/50000`, 'content-length': 50_000 })
    let at = 0
    const timer = setInterval(() => {
      response.write(imageBytes(at, 2000))
      at += 2000
      if (at < 50_000) return
      clearInterval(timer)
      response.end()
    }, 200)
    response.on('close', () => clearInterval(timer))
  })
  const { firstBytes } = await openSource(origin.url, limits)
  t.strictSame(Buffer.from(firstBytes), imageBytes(0, 50_000), 'five seconds of it')
  t.equal(origin.requests.length, 1, 'at once')
})

t.test('each limit is met on its own', async t => {
  const silent = await httpOrigin(t, () => {})
  t.match(await outcomeOf(silent.url, { firstByteTimeout: 0.3 }), /: no answer within the limit$/)
  const stuck = await httpOrigin(t, (_request, response) => {
    response.writeHead(206, { 'content-range': 'bytes 0-99/100', 'content-length': 100 })
    response.write(imageBytes(0, 50))
  })
  t.match(await outcomeOf(stuck.url, { bodyTimeout: 0.3 }), /: the body stopped arriving$/)
  // Takes the connection, and never answers the TLS handshake: setting it up counts as connecting.
  const mute = await rawOrigin(t, () => {})
  t.match(
    await outcomeOf(mute.url.replace('http:', 'https:'), { connectTimeout: 0.3 }),
    /: Cannot connect: no connection within the limit$/,
  )
  const quick = await httpOrigin(t, serveRange(100))
  t.equal(await outcomeOf(quick.url, { connectTimeout: 5, firstByteTimeout: 5 }), 'opened')
})
