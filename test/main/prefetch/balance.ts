import fc from 'fast-check'
import t from 'tap'
import { balancedShare } from '../../../dist/main/prefetch/balance.js'

const amount = fc.integer({ min: 0, max: 1_000_000 })

t.test(
  'balancedShare() lets all connections that take some of the rest finish together',
  async () => {
    const loads = fc.array(amount, { maxLength: 20 })
    const free = fc.integer({ min: 1, max: 16 })
    fc.assert(
      fc.property(amount, loads, free, amount, (left, under, free, delay) => {
        const share = balancedShare(left, under, free, delay)
        // A connection with a load takes what its load, and one more wait, leave of the level.
        const taken = under.reduce((sum, load) => sum + Math.max(0, share - load), 0)
        const all = free * share + taken
        if (Math.abs(all - left) > 1) throw new Error(`${all} of ${left} are taken`)
      }),
    )
  },
)

t.test('balancedShare() gives all to a connection that is alone, or first by far', async t => {
  t.equal(balancedShare(100, [], 1, 7), 100)
  t.equal(balancedShare(100, [1000, 500], 1, 7), 100)
  t.equal(balancedShare(100, [], 4, 7), 25)
  t.equal(balancedShare(100, [20], 1, 7), 60)
})
