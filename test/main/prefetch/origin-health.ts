import fc from 'fast-check'
import t from 'tap'
import { OriginHealth } from '../../../dist/main/prefetch/origin-health.js'

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
        const expected = others === 0 ? undefined : (failed - left) / others
        return health.failureShare(own) === expected
      }),
    )
  },
)

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
