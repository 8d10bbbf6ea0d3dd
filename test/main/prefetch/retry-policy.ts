import fc from 'fast-check'
import t from 'tap'
import {
  classify,
  decideRetry,
  type RetryDecision,
  withPause,
} from '../../../dist/main/prefetch/retry-policy.js'
import type { Failure, FailureCode } from '../../../dist/shared/failure.js'

const of = (code: FailureCode, rest: Partial<Failure> = {}): Failure => ({
  code,
  message: code,
  ...rest,
})

const trial = (attempts: number, maxAttempts: number, othersFailing?: number) => ({
  attempts,
  maxAttempts,
  othersFailing,
})

t.test('classify() sorts every failure', async t => {
  const table: [Failure, string][] = [
    [of('connect'), 'transient'],
    [of('connect-timeout'), 'transient'],
    [of('tls'), 'transient'],
    [of('tls', { certificate: true }), 'final'],
    [of('first-byte-timeout'), 'transient'],
    [of('body-timeout'), 'transient'],
    [of('reset'), 'transient'],
    [of('reset', { freshConnection: true }), 'transient'],
    [of('reset', { freshConnection: false }), 'stale-connection'],
    [of('short-body'), 'transient'],
    [of('protocol'), 'transient'],
    [of('worker-died'), 'transient'],
    [of('status', { status: 429 }), 'refused'],
    [of('status', { status: 503 }), 'refused'],
    [of('status', { status: 500 }), 'transient'],
    [of('status', { status: 502 }), 'transient'],
    [of('status', { status: 504 }), 'transient'],
    ...[509, 520, 522, 524, 530, 599].map((status): [Failure, string] => [
      of('status', { status }),
      'transient',
    ]),
    [of('status', { status: 408 }), 'transient'],
    [of('status', { status: 501 }), 'final'],
    [of('status', { status: 505 }), 'final'],
    [of('status', { status: 511 }), 'final'],
    [of('status', { status: 600 }), 'final'],
    [of('proxy', { status: 502 }), 'transient'],
    [of('status', { status: 401 }), 'final'],
    [of('status', { status: 404 }), 'final'],
    [of('status', { status: 416 }), 'final'],
    [of('status'), 'final'],
    [of('redirect'), 'final'],
    [of('range-ignored'), 'suspect'],
    [of('wrong-range'), 'suspect'],
    [of('encoded'), 'suspect'],
    [of('source-changed'), 'changed'],
    [of('cancelled'), 'final'],
    [of('internal'), 'final'],
  ]
  for (const [failure, kind] of table) {
    t.equal(classify(failure), kind, `${failure.code} ${failure.status ?? ''}`)
  }
})

t.test('decideRetry() gives up, or waits for a time in its bounds', async () => {
  const attempts = fc.integer({ min: 1, max: 30 })
  fc.assert(
    fc.property(attempts, attempts, fc.double({ min: 0, max: 0.999, noNaN: true }), (n, max, r) => {
      const decision = decideRetry(of('reset'), trial(n, max), r)
      if (n >= max) return decision.action === 'fail'
      // The last comes no sooner than on average, which for 30 attempts is 128 s.
      const bound = n + 1 === max ? 130_000 : Math.min(10_000, 250 * 2 ** (n - 1))
      return decision.action === 'retry' && decision.delayMs >= 20 && decision.delayMs <= bound
    }),
  )
})

t.test('decideRetry() spreads retries over the whole delay', async t => {
  t.strictSame(decideRetry(of('reset'), trial(3, 9), 0), { action: 'retry', delayMs: 20 })
  t.strictSame(decideRetry(of('reset'), trial(3, 9), 0.5), { action: 'retry', delayMs: 510 })
})

t.test('decideRetry() asks at once where an idle connection had ended, but only once', async t => {
  const stale = of('reset', { freshConnection: false })
  t.strictSame(decideRetry(stale, trial(1, 9), 0.5), { action: 'retry', delayMs: 0 })
  t.ok((decideRetry(stale, trial(2, 9), 0.5) as { delayMs: number }).delayMs > 0)
})

t.test('decideRetry() obeys Retry-After up to two minutes', async t => {
  const refused = (retryAfterMs: number) => of('status', { status: 503, retryAfterMs })
  t.strictSame(decideRetry(refused(3000), trial(1, 9), 0), { action: 'retry', delayMs: 3000 })
  t.strictSame(decideRetry(refused(0), trial(5, 9), 0), { action: 'retry', delayMs: 0 })
  t.strictSame(decideRetry(refused(1e9), trial(1, 9), 0), { action: 'retry', delayMs: 120_000 })
})

t.test('decideRetry() tells which pause was too long', async t => {
  const refused = (retryAfterMs: number) => of('status', { status: 503, retryAfterMs })
  const left = { ...trial(1, 9), elapsedMs: 100, maxElapsedMs: 30_000 }
  t.strictSame(decideRetry(refused(60_000), left, 0), { action: 'fail', tooLongMs: 60_000 })
  t.strictSame(decideRetry(refused(29_000), left, 0), { action: 'retry', delayMs: 29_000 })
  const last = { ...left, attempts: 9 }
  t.strictSame(decideRetry(refused(60_000), last, 0), { action: 'fail', tooLongMs: 60_000 })
  t.strictSame(decideRetry(refused(60_000), trial(9, 9), 0), { action: 'fail' })
})

t.test('withPause() says what becomes of a pause that the server asks for', async t => {
  const refused = (retryAfterMs: number) => of('status', { status: 503, retryAfterMs })
  const said = (retryAfterMs: number, decision: RetryDecision) =>
    withPause(refused(retryAfterMs), decision).message
  t.equal(
    said(59_001, { action: 'fail', tooLongMs: 59_001 }),
    'status; the server asks to wait 60 s, which --retry-time forbids',
  )
  t.equal(
    said(400_000, { action: 'retry', delayMs: 120_000 }),
    'status; the server asks to wait 400 s, of which 120 s are waited',
  )
  t.equal(said(5000, { action: 'retry', delayMs: 5000 }), 'status')
  t.equal(said(5000, { action: 'fail' }), 'status')
})

t.test('decideRetry() asks a server that answers beside the question a few times only', async t => {
  t.equal(decideRetry(of('wrong-range'), trial(3, 9), 0).action, 'retry')
  t.equal(decideRetry(of('wrong-range'), trial(4, 9), 0).action, 'fail')
  t.equal(decideRetry(of('wrong-range'), trial(2, 2), 0).action, 'fail')
})

t.test(
  'decideRetry() never asks again what is final, and gives up a source that changed',
  async t => {
    t.equal(decideRetry(of('status', { status: 404 }), trial(1, 9), 0).action, 'fail')
    t.equal(decideRetry(of('tls', { certificate: true }), trial(1, 9), 0).action, 'fail')
    t.equal(decideRetry(of('source-changed'), trial(1, 9), 0).action, 'poison')
    t.equal(decideRetry(of('source-changed'), trial(99, 9), 0).action, 'poison')
  },
)

t.test('decideRetry() gives bad luck the attempts that make it improbable', async t => {
  const attemptsAt = (share: number, max = 9) => {
    let attempts = 1
    while (decideRetry(of('wrong-range'), trial(attempts, max, share), 0).action === 'retry') {
      attempts++
    }
    return attempts
  }
  t.equal(attemptsAt(0), 4, 'no other fails: it is this request')
  t.equal(attemptsAt(0.1), 9)
  t.equal(attemptsAt(0.5), 30)
  t.equal(attemptsAt(0.9), 36, 'four times what was asked for at most')
  t.equal(attemptsAt(0.95), 4, 'all fail: it is a habit')
  t.equal(attemptsAt(0.5, 1), 1, 'who wants no repetition gets none')
  t.equal(attemptsAt(0.5, 2), 8)
  t.strictSame(decideRetry(of('reset'), trial(9, 9), 0).action, 'fail')
  t.strictSame(decideRetry(of('reset'), trial(9, 9, 0.5), 0.5), { action: 'retry', delayMs: 510 })
  t.strictSame(
    decideRetry(of('status', { status: 503 }), trial(9, 9, 0.5), 0.5),
    { action: 'retry', delayMs: 5010 },
    'a server that refuses is left alone for longer',
  )
})

t.test(
  'decideRetry() ends after the time allowed, and not before the time to be expected',
  async t => {
    const after = (elapsedMs: number, maxElapsedMs = 1e9, attempts = 4) => ({
      ...trial(attempts, 9),
      elapsedMs,
      maxElapsedMs,
    })
    t.equal(decideRetry(of('reset'), after(1000, 1000), 0.5).action, 'fail')
    t.strictSame(
      decideRetry(of('reset'), after(900, 1000), 0.9),
      { action: 'retry', delayMs: 100 },
      'the last one at its end',
    )
    const refused = of('status', { status: 503, retryAfterMs: 5000 })
    t.equal(decideRetry(refused, after(0, 4000), 0).action, 'fail', 'it would be refused again')
    t.equal(decideRetry(refused, after(0, 6000), 0).action, 'retry')
    // 250 ms doubled up to 10 s, half of it on average: 17.875 s for eight delays.
    const averageMs = (250 * (2 ** 6 - 1) + 2 * 10_000) / 2
    t.strictSame(
      decideRetry(of('connect'), after(100, 1e9, 8), 0),
      { action: 'retry', delayMs: averageMs - 100 },
      'however low the dice fall, the restart of a server is waited for',
    )
  },
)
