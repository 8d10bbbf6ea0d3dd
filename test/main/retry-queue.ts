// What failed is sent again oldest first, and an outage ends for all that waited for it.

import t from 'tap'
import { RetryQueue } from '../../dist/main/retry-queue.js'
import { Span } from '../../dist/main/span.js'
import type { Failure } from '../../dist/shared/failure.js'
import { RingMemory } from '../../dist/shared/sharedarraybuffer-ring/index.js'

const LIMITS = { maxAttempts: 9, maxRetryMs: 60_000 }
const RESET: Failure = { code: 'reset', message: 'connection reset', freshConnection: true }
const memory = RingMemory.create({ slotCount: 1, slotBytes: 64 * 1024 })
const source = { url: 'http://origin/', headers: {}, transport: 0, totalBytes: 1 }

function spanOf(id: number, attempts = 1): Span {
  const span = new Span(id, { offset: 0, end: 0, slots: [] }, memory)
  for (let i = 0; i < attempts; i++) span.sent(source, 0)
  return span
}

t.test('RetryQueue.take() gives the oldest that is due, and that somebody waits for', async t => {
  const queue = new RetryQueue(LIMITS)
  const spans = [3, 1, 2].map(id => spanOf(id))
  for (const span of spans) queue.again(span, 10)
  t.equal(queue.size, 3)
  t.equal(queue.take(9), undefined, 'not yet')
  t.equal(queue.dueMs(9), 10)
  t.equal(queue.dueMs(10), Number.POSITIVE_INFINITY, 'waits for room, not for time')
  t.equal(queue.take(10, span => span.id > 1)?.id, 2)
  t.strictSame([queue.take(10)?.id, queue.take(10)?.id, queue.take(10)], [1, 3, undefined])
})

t.test('RetryQueue.succeeded() ends an outage for all that failed in it', async t => {
  const queue = new RetryQueue(LIMITS)
  for (let id = 1; id <= 8; id++) queue.failed(spanOf(id, 6), RESET, 0, true, 0.99)
  t.notOk(queue.mayPrefetch(0), 'nothing is fetched ahead while the origin is out')
  queue.failed(spanOf(9, 6), RESET, 0, true, 0.99)
  t.equal(queue.take(1000), undefined)
  queue.succeeded(1000, () => 0.5)
  t.ok(queue.mayPrefetch(1000))
  t.equal(queue.take(1124), undefined)
  const back = queue.take(1125)
  t.equal(back?.id, 8, 'the first that failed with all others')
  t.equal(queue.take(1125)?.id, 9)
  t.equal(queue.take(1125), undefined, 'who failed before keeps its delay')
})

t.test('RetryQueue.failed() bounds attempts and time, fewer for what nobody waits for', async t => {
  const queue = new RetryQueue(LIMITS)
  t.equal(queue.failed(spanOf(1, 3), RESET, 0, true, 0).action, 'retry')
  t.equal(queue.failed(spanOf(2, 3), RESET, 0, false, 0).action, 'fail')
  const span = spanOf(3)
  t.equal(queue.failed(span, RESET, 1000, true, 0).action, 'retry')
  t.equal(queue.failed(span, RESET, 60_999, true, 0).action, 'retry')
  t.equal(queue.failed(span, RESET, 61_000, true, 0).action, 'fail', 'since its first failure')
  span.progressed()
  t.equal(queue.failed(span, RESET, 62_000, true, 0).action, 'retry', 'bytes begin a new account')
})

t.test('RetryQueue.failed() stops prefetch for a second where asking again is no use', async t => {
  const queue = new RetryQueue(LIMITS)
  const gone: Failure = { code: 'status', status: 404, message: '404 Not Found' }
  t.equal(queue.failed(spanOf(1), gone, 50, true, 0).action, 'fail')
  t.equal(queue.size, 0)
  t.notOk(queue.mayPrefetch(1049))
  t.equal(queue.dueMs(1049), 1050)
  t.ok(queue.mayPrefetch(1050))
})
