import t from 'tap'
import { Estimator } from '../../../dist/main/prefetch/estimator.js'
import { Stragglers } from '../../../dist/main/prefetch/stragglers.js'

/** What answers of 100 ms each teach. */
function taught(answers: number): Estimator {
  const estimator = new Estimator()
  for (let i = 0; i < answers; i++) estimator.firstByte(100)
  return estimator
}

t.test('Stragglers.isLate() knows nothing of lateness before some answers have come', async t => {
  t.notOk(new Stragglers(taught(3)).isLate(0, 1e9))
  t.ok(new Stragglers(taught(8)).isLate(0, 1e9))
})

t.test('Stragglers.lateMs is well past the usual first byte, connecting included', async t => {
  const estimator = taught(20)
  const stragglers = new Stragglers(estimator)
  t.equal(stragglers.lateMs, 250)
  t.notOk(stragglers.isLate(0, 249))
  estimator.connected(200)
  t.equal(stragglers.lateMs, 550, 'a new connection takes its time first')
  t.notOk(stragglers.isLate(0, 549))
  t.ok(stragglers.isLate(0, 550))
})

t.test('Stragglers.lateMs grows with the spread of first bytes, and has a floor', async t => {
  const spread = new Estimator()
  for (let i = 0; i < 60; i++) spread.firstByte(i % 10 === 0 ? 1000 : 100)
  t.equal(new Stragglers(spread).lateMs, 1500)
  const quick = new Estimator()
  for (let i = 0; i < 60; i++) quick.firstByte(1)
  t.equal(new Stragglers(quick).lateMs, 200)
})

t.test('Stragglers.isLate() sends again one request in twenty and no more', async t => {
  const stragglers = new Stragglers(taught(20))
  let resent = 0
  for (let i = 0; i < 1000; i++) {
    stragglers.sent()
    if (stragglers.isLate(0, 1000)) resent++
  }
  t.ok(resent >= 49 && resent <= 52, `${resent} of 1000`)
  for (let i = 0; i < 1000; i++) stragglers.sent()
  let burst = 0
  while (stragglers.isLate(0, 1000)) burst++
  t.equal(burst, 4, 'however long nothing was late')
})
