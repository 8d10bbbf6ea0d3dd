import fc from 'fast-check'
import t from 'tap'
import { ChunkQueue } from '../../../dist/main/nbd/chunk-queue.js'
import type { Request } from '../../../dist/main/nbd/messages.js'
import { Transmission } from '../../../dist/main/nbd/transmission.js'
import { request } from '../../fixtures/nbd-encoder.js'

const RULES = {
  size: 1024 * 1024,
  blockSizes: { minimum: 1, preferred: 4096, maximum: 1024 * 1024 },
  structuredReplies: true,
  contexts: true,
}
const [READ, WRITE, DISC, FLUSH, CACHE, BLOCK_STATUS] = [0, 1, 2, 3, 5, 7] as const
const MAX_WRITE = 32 * 1024 * 1024

class Harness {
  readonly queue = new ChunkQueue()
  readonly transmission = new Transmission(this.queue, RULES)
  readonly requests: Request[] = []

  push(...messages: readonly Buffer[]): this {
    for (const message of messages) {
      this.queue.push(message)
      for (let r = this.transmission.next(); r !== undefined; r = this.transmission.next()) {
        this.requests.push(r)
      }
    }
    return this
  }
}

const receive = (...messages: readonly Buffer[]) => new Harness().push(...messages).requests

t.test('Transmission hands out requests with their cookies as they came', async t => {
  const cookie = 0xffff_ffff_ffff_fffen
  t.strictSame(
    receive(
      request({ command: READ, cookie, offset: 4096, length: 512 }),
      request({ command: READ, cookie, offset: 0, length: 1, flags: 4 }),
      request({ command: CACHE, cookie: 3n, offset: 1, length: 2 }),
      request({ command: BLOCK_STATUS, cookie: 4n, length: 9 }),
      request({ command: BLOCK_STATUS, cookie: 5n, length: 9, flags: 8 }),
      request({ command: FLUSH, cookie: 6n }),
      request({ command: DISC }),
    ),
    [
      { type: 'read', cookie, offset: 4096, length: 512, dontFragment: false },
      { type: 'read', cookie, offset: 0, length: 1, dontFragment: true },
      { type: 'cache', cookie: 3n, offset: 1, length: 2 },
      { type: 'block-status', cookie: 4n, offset: 0, length: 9, oneExtent: false },
      { type: 'block-status', cookie: 5n, offset: 0, length: 9, oneExtent: true },
      { type: 'succeed', cookie: 6n, command: FLUSH },
      { type: 'disconnect' },
    ],
  )
})

t.test('Transmission answers requests of length 0 without work', async t => {
  t.strictSame(
    receive(
      request({ command: READ, cookie: 1n, offset: 7 }),
      request({ command: CACHE, cookie: 2n }),
      request({ command: BLOCK_STATUS, cookie: 3n }),
      request({ command: WRITE, cookie: 4n }),
    ).map(r => [r.type, 'refusal' in r ? r.refusal.errno : 0]),
    [
      ['succeed', 0],
      ['succeed', 0],
      ['refuse', 22],
      ['refuse', 1],
    ],
  )
})

t.test('Transmission skips the payload of a refused write, and keeps none of it', async t => {
  const payload = request({ command: READ, cookie: 666n, length: 1 })
  const h = new Harness()
  h.push(request({ command: WRITE, cookie: 1n, length: payload.length }), payload)
  h.push(request({ command: READ, cookie: 2n, length: 1 }))
  t.match(h.requests, [
    { type: 'refuse', cookie: 1n, refusal: { errno: 1, message: 'the export is read-only' } },
    { type: 'read', cookie: 2n },
  ])
  const large = new Harness().push(request({ command: WRITE, cookie: 1n, length: MAX_WRITE }))
  const chunk = Buffer.alloc(64 * 1024)
  for (let index = 0; index < 512; index++) {
    t.equal(large.requests.length, 0)
    large.push(chunk)
    if (large.queue.length !== 0) t.fail('payload is kept')
  }
  t.match(large.requests, [{ type: 'refuse', cookie: 1n }])
})

t.test('Transmission skips the payload of a write whose flags are refused', async t => {
  const h = new Harness().push(
    request({ command: WRITE, cookie: 1n, length: 28, flags: 0x20 }),
    request({ command: READ, cookie: 666n, length: 1 }),
    request({ command: READ, cookie: 2n, length: 1 }),
  )
  t.match(h.requests, [
    { type: 'refuse', refusal: { errno: 22 } },
    { type: 'read', cookie: 2n },
  ])
})

t.test('Transmission closes on a write above 32 MiB', async t => {
  for (const length of [MAX_WRITE + 1, 0xffffffff]) {
    const h = new Harness().push(request({ command: WRITE, length }))
    t.match(h.requests, [{ type: 'close' }])
    t.strictSame(h.push(request({ command: READ, length: 1 })).requests.length, 1)
  }
})

t.test('Transmission closes on a wrong magic and hears nothing after it', async t => {
  const bad = request({ command: READ, length: 1 })
  bad[0] = 0
  t.match(receive(bad, request({ command: READ, length: 1 })), [{ type: 'close' }])
})

t.test('Transmission hears nothing after DISC', async t => {
  const requests = receive(
    request({ command: DISC, flags: 0xffff, length: 7 }),
    request({ command: READ, length: 1 }),
  )
  t.strictSame(requests, [{ type: 'disconnect' }])
})

t.test('Transmission.shutDown() refuses everything but DISC', async t => {
  const h = new Harness()
  h.transmission.shutDown()
  h.push(
    request({ command: READ, cookie: 1n, length: 1 }),
    request({ command: WRITE, cookie: 2n, length: 3 }),
    Buffer.from('abc'),
    request({ command: 99, cookie: 3n }),
    request({ command: DISC }),
  )
  t.match(h.requests, [
    { type: 'refuse', cookie: 1n, command: READ, refusal: { errno: 108 } },
    { type: 'refuse', cookie: 2n, command: WRITE, refusal: { errno: 108 } },
    { type: 'refuse', cookie: 3n, command: 99, refusal: { errno: 108 } },
    { type: 'disconnect' },
  ])
})

t.test('any split of the bytes gives the same requests', async t => {
  const bytes = Buffer.concat([
    request({ command: READ, cookie: 1n, offset: 1, length: 2 }),
    request({ command: WRITE, cookie: 2n, length: 40 }),
    Buffer.alloc(40, 0x25),
    request({ command: 77, cookie: 3n }),
    request({ command: BLOCK_STATUS, cookie: 4n, length: 5 }),
    request({ command: DISC }),
  ])
  const whole = receive(bytes)
  t.equal(whole.length, 5)
  for (let cut = 0; cut <= bytes.length; cut++) {
    t.strictSame(receive(bytes.subarray(0, cut), bytes.subarray(cut)), whole, `cut at ${cut}`)
  }
  t.strictSame(receive(...Array.from(bytes, byte => Buffer.of(byte))), whole, 'byte by byte')
})

t.test('no bytes make it throw, keep more than a request, or let a bad range through', async () => {
  const noise = fc.uint8Array({ maxLength: 100 }).map(bytes => Buffer.from(bytes))
  const anyRequest = fc
    .record({
      command: fc.nat(9),
      flags: fc.oneof(fc.constant(0), fc.nat(0xffff)),
      cookie: fc.bigInt(0n, 2n ** 64n - 1n),
      offset: fc.oneof(fc.nat(2 * RULES.size), fc.bigInt(0n, 2n ** 64n - 1n)),
      length: fc.oneof(fc.nat(2 * RULES.size), fc.nat(0xffffffff)),
    })
    .map(request)
  const messages = fc.array(fc.oneof({ weight: 4, arbitrary: anyRequest }, noise), {
    maxLength: 30,
  })
  fc.assert(
    fc.property(messages, messages => {
      const h = new Harness()
      for (const message of messages) {
        h.push(message)
        const last = h.requests.at(-1)?.type
        if (last === 'close' || last === 'disconnect') break
        if (h.queue.length >= 28) return false
      }
      return h.requests.every(
        r => r.type !== 'read' || (r.length > 0 && r.offset + r.length <= RULES.size),
      )
    }),
  )
})
