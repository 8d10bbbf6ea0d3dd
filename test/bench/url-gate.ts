import t from 'tap'
import { probe, UrlGate } from '../../.bench/measure/url-gate.js'
import { sizeWithin } from '../../.bench/measure/url-source.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { rawRequest } from '../fixtures/raw-http-client.js'

const MiB = 1024 ** 2
const image = new GeneratedImage({ size: 4 * MiB })

t.test('the gate shows the start of a file as a whole image', async t => {
  await using server = await SlowServer.start({ image })
  const remote = await probe(server.url)
  t.equal(remote.size, 4 * MiB)
  await using gate = await UrlGate.open(remote, MiB, 100 * MiB)
  const head = await rawRequest(gate.url, { method: 'HEAD' })
  t.match(head.headers, { 'content-length': `${MiB}`, 'accept-ranges': 'bytes' })
  const whole = await rawRequest(gate.url)
  t.equal(whole.status, 200)
  t.equal(whole.body.length, MiB)
  t.equal(image.compare(0, whole.body), -1)
  const end = await rawRequest(gate.url, { headers: { Range: `bytes=${MiB - 10}-${MiB + 99}` } })
  t.equal(end.status, 206)
  t.equal(end.headers['content-range'], `bytes ${MiB - 10}-${MiB - 1}/${MiB}`)
  t.equal(image.compare(MiB - 10, end.body), -1)
  t.equal((await rawRequest(gate.url, { headers: { Range: `bytes=${MiB}-` } })).status, 416)
  t.equal(gate.spent, MiB + 10)
  t.equal(server.stats.bytesSent, MiB + 10 + 1, 'and the byte of the probe')
  t.match(
    gate.log.entries.map(({ method, status, bytesSent }) => [method, status, bytesSent]),
    [
      ['HEAD', 200, 0],
      ['GET', 200, MiB],
      ['GET', 206, 10],
      ['GET', 416, 0],
    ],
  )
})

t.test('the gate never takes more than its budget', async t => {
  await using server = await SlowServer.start({ image })
  await using gate = await UrlGate.open(await probe(server.url), 4 * MiB, MiB)
  const read = (from: number, to: number) =>
    rawRequest(gate.url, { headers: { Range: `bytes=${from}-${to}` } })
  t.equal((await read(0, MiB / 2 - 1)).status, 206)
  t.equal((await read(0, MiB - 1)).status, 403, 'more than what is left')
  t.equal((await read(0, MiB / 2 - 1)).status, 206, 'just what is left')
  t.equal((await read(0, 0)).status, 403)
  t.equal(server.stats.bytesSent, MiB + 1)
})

t.test('the gate counts requests under way against its budget', async t => {
  await using server = await SlowServer.start({ image, thinkTimeMs: 30 })
  await using gate = await UrlGate.open(await probe(server.url), 4 * MiB, MiB)
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      rawRequest(gate.url, { headers: { Range: `bytes=0-${MiB / 2 - 1}` } }),
    ),
  )
  t.equal(answers.filter(answer => answer.status === 206).length, 2)
  t.equal(server.stats.bytesSent, MiB + 1)
})

t.test('the gate passes refusals on, and no answer that is not the range', async t => {
  await using server = await SlowServer.start({
    image,
    faults: [
      { kind: 'status', status: 503, retryAfter: 7, match: { fromRequest: 2, toRequest: 2 } },
      { kind: 'wrong-total', match: { fromRequest: 3, toRequest: 3 } },
    ],
  })
  await using gate = await UrlGate.open(await probe(server.url), MiB, 100 * MiB)
  const read = () => rawRequest(gate.url, { headers: { Range: 'bytes=0-99' } })
  t.match(await read(), { status: 503, headers: { 'retry-after': '7' } })
  t.match(await read(), { status: 502 })
  t.match(await read(), { status: 206 })
})

t.test('probe() follows redirects once and keeps credentials to their server', async t => {
  const auth = { user: 'me', password: 'p:w' }
  await using target = await SlowServer.start({ image })
  await using server = await SlowServer.start({
    image,
    auth,
    redirect: { all: true, origin: target.origin },
  })
  const url = server.url.replace('//', '//me:p%3Aw@')
  const elsewhere = await probe(url)
  t.match(elsewhere.url, target.origin)
  t.same(elsewhere.headers, {})
  await using direct = await SlowServer.start({ image, auth })
  const same = await probe(direct.url.replace('//', '//me:p%3Aw@'))
  t.match(same.headers['authorization'], /^Basic /)
  t.equal(same.url, direct.url, 'the URL has none')
})

t.test('probe() refuses a server without ranges', async t => {
  await using server = await SlowServer.start({ image, ranges: false })
  await t.rejects(probe(server.url), /Cannot measure .*: it answers a range with 200/)
})

t.test('sizeWithin() leaves room for all copies and what peers waste', async t => {
  t.equal(sizeWithin(1024 * MiB, 10, Infinity), 75 * MiB)
  t.equal(sizeWithin(1024 * MiB, 10, 5 * MiB), 5 * MiB)
  t.equal(sizeWithin(10 * MiB, 10, Infinity), 0)
})
