import fc from 'fast-check'
import t from 'tap'
import { OriginHealth } from '../../../dist/main/prefetch/origin-health.js'
import { decideRetry } from '../../../dist/main/prefetch/retry-policy.js'

t.test(
  'OriginHealth.failureShare() is that of the other requests among the latest 32',
  async () => {
    const outcomes = fc.array(fc.boolean(), { maxLength: 100 })
    fc.assert(
      fc.property(outcomes, fc.nat({ max: 40 }), (outcomes, own) => {
        const health = new OriginHealth()
        for (const right of outcomes) health.noted(right)
        const latest = outcomes.slice(-32)
        const failed = latest.filter(right => !right).length
        const left = Math.min(own, failed)
        const others = latest.length - left
        const counted = others >= 16 ? Math.max(1, failed - left) : failed - left
        const expected = others === 0 ? undefined : counted / others
        return health.failureShare(own) === expected
      }),
    )
  },
)

t.test('OriginHealth.failureShare() is never nought where it may be bad luck', async t => {
  // One fault in ten, and all that are remembered hit the same request.
  const health = new OriginHealth()
  for (let i = 0; i < 28; i++) health.noted(true)
  for (let i = 0; i < 4; i++) health.noted(false)
  const othersFailing = health.failureShare(4)
  t.equal(othersFailing, 1 / 28)
  const failure = { code: 'range-ignored', message: '' } as const
  const trial = { attempts: 4, maxAttempts: 6, othersFailing }
  t.match(decideRetry(failure, trial, 0.5), { action: 'retry' })
  t.match(decideRetry(failure, { ...trial, attempts: 7 }, 0.5), { action: 'fail' })
})

t.test('OriginHealth.failureShare() lets nobody excuse itself', async t => {
  const health = new OriginHealth()
  for (let i = 0; i < 4; i++) health.noted(false)
  t.equal(health.failureShare(4), undefined)
  health.noted(true)
  t.equal(health.failureShare(4), 0)
})

t.test('OriginHealth.down is told by eight failures in a row', async t => {
  const health = new OriginHealth()
  for (let i = 0; i < 7; i++) health.noted(false)
  t.notOk(health.down)
  health.noted(false)
  t.ok(health.down)
  health.noted(true)
  t.notOk(health.down)
})
