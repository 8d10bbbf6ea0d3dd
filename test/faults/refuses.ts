// Faults that no read may survive: an origin that sends something else than the image that was
// opened. The read fails and says why, no wrong byte gets out, and the server goes on living.

import t, { type Test } from 'tap'
import type { FaultRule } from '../../.bench/slow-server/faults.js'
import type { SlowServerOptions } from '../../.bench/slow-server/options.js'
import type { ServerOptions } from '../../dist/main/index.js'
import { firstWrongByte, type ServedImage, servedImage } from '../fixtures/served-image.js'

const MIB = 1024 * 1024
const SIZE = 8 * MIB
/** Where what the origin does wrong begins. */
const BROKEN = 4 * MIB
/** NBD_EIO. */
const EIO = 5

interface Case {
  readonly fault: FaultRule
  readonly origin?: Partial<SlowServerOptions>
  readonly server?: Partial<ServerOptions>
  /** What the client is told. */
  readonly says: RegExp
}

/** No answer is right, but the next may be. */
const PASSING: Readonly<Record<string, Case>> = {
  'origin ignores the range': {
    fault: { kind: 'ignore-range' },
    says: /200 OK with the whole file, not a range/,
  },
  'origin sends another range than asked': {
    fault: { kind: 'wrong-range' },
    says: /the answer holds bytes \d+-\d+\/8388608 where bytes \d+-\d+ were asked/,
  },
  'origin sends less than the range it names': {
    fault: { kind: 'short-range', lie: true },
    says: /where \d+ were asked|body ended/,
  },
  'origin sends more than the range it names': {
    fault: { kind: 'long-body' },
    says: /the body is (longer|to have \d+ bytes)/,
  },
  'origin leaves out Content-Range': {
    fault: { kind: 'missing-content-range' },
    says: /the answer lacks Content-Range/,
  },
  'origin sends multipart/byteranges': {
    fault: { kind: 'multipart' },
    says: /multipart\/byteranges/,
  },
  'origin encodes the body': { fault: { kind: 'gzip' }, says: /the body is encoded: gzip/ },
  'origin has lost the file': {
    fault: { kind: 'status', status: 404 },
    says: /404 Not Found/,
  },
  'origin refuses access': { fault: { kind: 'status', status: 403 }, says: /403 Forbidden/ },
  'origin answers 503 for good': {
    fault: { kind: 'status', status: 503 },
    says: /503 Service Unavailable \(2 attempts\)/,
  },
  'origin never answers': {
    fault: { kind: 'stall-before-headers' },
    server: { firstByteTimeout: 0.2 },
    says: /no answer within the limit \(2 attempts\)/,
  },
  'origin stops in the middle of every body': {
    fault: { kind: 'stall-mid-body', afterBytes: 0 },
    server: { bodyTimeout: 0.2 },
    says: /the body stopped arriving \(2 attempts\)/,
  },
}

const CHANGED: Readonly<Record<string, Case>> = {
  'the ETag changes and the origin honours If-Match': {
    fault: { kind: 'changed-etag' },
    says: /412 Precondition Failed: the ETag is another one now/,
  },
  'the ETag changes and the origin ignores If-Match': {
    fault: { kind: 'changed-etag', lie: true },
    says: /the ETag is another one now/,
  },
  'Last-Modified changes': {
    fault: { kind: 'changed-last-modified' },
    origin: { etag: 'none' },
    says: /Last-Modified is another date now/,
  },
  'Last-Modified changes and the ETag is weak': {
    fault: { kind: 'changed-last-modified' },
    origin: { etag: 'weak' },
    says: /Last-Modified is another date now/,
  },
  'the size changes': {
    fault: { kind: 'changed-size', size: SIZE - 1 },
    origin: { etag: 'none', lastModified: null },
    says: /the file has 8388607 bytes now, it had 8388608/,
  },
  'the file is cut before the range': {
    fault: { kind: 'changed-size', size: MIB },
    origin: { etag: 'none', lastModified: null },
    says: /the file has 1048576 bytes now, it had 8388608/,
  },
  'the total is wrong in one answer': {
    fault: { kind: 'wrong-total' },
    says: /the file has 8388609 bytes now, it had 8388608/,
  },
}

async function broken(t: Test, { fault, origin, server }: Case): Promise<ServedImage> {
  return await servedImage(t, {
    size: SIZE,
    origin: { ...origin, faults: [{ ...fault, match: { fromOffset: BROKEN } }] },
    server: { retries: 1, readahead: 'off', ringSize: 4 * MIB, workers: 1, ...server },
  })
}

// They spend their time waiting for a next attempt: side by side.
t.jobs = 4
for (const [name, wrong] of Object.entries(PASSING)) {
  t.test(`a read fails and others do not: ${name}`, async t => {
    const { image, origin, server, ...served } = await broken(t, wrong)
    const client = await served.connect()
    await t.rejects(client.read(BROKEN + MIB, 4096), { errno: EIO, message: wrong.says })
    await t.rejects(client.read(BROKEN, MIB), { errno: EIO, message: wrong.says })
    t.equal(image.compare(MIB, await client.read(MIB, 2 * MIB)), -1)
    t.equal(server.statistics().failedReads, 2)
    // The whole message is one line and names the image.
    t.match(
      served.log.filter(line => line.startsWith('warn request given up')),
      [new RegExp(`GET ${origin.url}: `)],
    )
    origin.setOptions({ faults: [] })
    t.equal(await firstWrongByte(image, client), -1, 'the whole image is served once it is well')
    t.equal(server.statistics().pins, 0)
  })
}

for (const [name, wrong] of Object.entries(CHANGED)) {
  t.test(`nothing is served any more: ${name}`, async t => {
    const { image, origin, server, ...served } = await broken(t, wrong)
    const client = await served.connect(2)
    t.equal(image.compare(2 * MIB, await client.read(2 * MIB, MIB)), -1)
    await t.rejects(client.read(BROKEN, 4096), { errno: EIO, message: wrong.says })
    const { requests } = origin.stats
    origin.setOptions({ faults: [] })
    // Not even what lies in the ring: the version it belongs to is not the file any more.
    await t.rejects(client.read(0, 4096), { errno: EIO, message: wrong.says })
    await t.rejects(client.read(BROKEN, 4096), { errno: EIO, message: wrong.says })
    t.equal(origin.stats.requests, requests, 'the origin is left alone')
    t.match(
      served.log.filter(line => line.startsWith('error')),
      [/the source has changed/],
    )
    const another = await served.connect()
    await t.rejects(another.read(0, 1), { message: wrong.says }, 'new clients are told as well')
    t.equal(server.statistics().pins, 0)
  })
}

t.test('reads in flight at the moment of change end, right or with an error', async t => {
  const { image, origin, server, ...served } = await servedImage(t, {
    size: 32 * MIB,
    origin: { faults: [{ kind: 'changed-etag', after: 12 }] },
    server: { ringSize: 4 * MIB, maxRequest: MIB },
  })
  const client = await served.connect(4)
  const wrong: number[] = []
  const read = async (offset: number) => {
    const bytes = await client.read(offset, 256 * 1024)
    if (image.compare(offset, bytes) >= 0) wrong.push(offset)
  }
  const reads = Array.from({ length: 128 }, (_, index) => read(index * 256 * 1024))
  const outcomes = await Promise.allSettled(reads)
  t.strictSame(wrong, [], 'no wrong byte')
  const failed = outcomes.filter(outcome => outcome.status === 'rejected')
  t.ok(failed.length > 0, 'the change was noticed')
  for (const { reason } of failed) t.match(reason, { message: /the ETag is another one now/ })
  t.ok(origin.stats.byStatus['412'])
  t.equal(server.statistics().pins, 0)
})

t.test('If-Match goes with a strong ETag and not with a weak one', async t => {
  for (const etag of ['strong', 'weak', 'none']) {
    const { image, origin, ...served } = await servedImage(t, { size: 3 * MIB, origin: { etag } })
    t.equal(await firstWrongByte(image, await served.connect()), -1)
    const [probe, ...requests] = origin.log
    t.notOk(probe?.headers['if-match'], 'the first request knows no version')
    t.ok(requests.length > 0)
    for (const { headers } of requests) {
      t.match(headers['if-match'] ?? 'none', etag === 'strong' ? /^"[0-9a-f]+"$/ : 'none')
      t.notOk(headers['if-range'], 'never If-Range: it answers a mismatch with the whole file')
    }
  }
})
