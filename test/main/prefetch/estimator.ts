import t from 'tap'
import { Estimator } from '../../../dist/main/prefetch/estimator.js'

t.test('Estimator assumes a wide-area origin until it has measured', async t => {
  const estimator = new Estimator()
  t.equal(estimator.measured, false)
  t.equal(estimator.firstByteP50Ms, 100)
  t.equal(estimator.ratePerConnection, 25e6)
  t.equal(estimator.delayBytes, 2.5e6)
})

t.test('Estimator.firstByte() is the latest samples in percentiles', async t => {
  const estimator = new Estimator()
  estimator.firstByte(40)
  t.equal(estimator.measured, true)
  t.strictSame([estimator.firstByteP50Ms, estimator.firstByteP95Ms], [40, 40])
  for (let i = 0; i < 90; i++) estimator.firstByte(10)
  for (let i = 0; i < 10; i++) estimator.firstByte(500)
  t.equal(estimator.firstByteP50Ms, 10, 'a tail does not move the median')
  t.equal(estimator.firstByteP95Ms, 500, 'and shows in the 95th percentile')
  for (let i = 0; i < 64; i++) estimator.firstByte(20)
  t.equal(estimator.firstByteP95Ms, 20, 'what is long ago is forgotten')
})

t.test('Estimator.body() is a rate, of bodies long enough to show one', async t => {
  const estimator = new Estimator()
  estimator.body(1000, 0.001)
  t.equal(estimator.ratePerConnection, 25e6, 'a small body says nothing')
  estimator.body(3_000_000, 100)
  t.equal(estimator.ratePerConnection, 30e6)
  estimator.body(3_000_000, 0)
  t.ok(Number.isFinite(estimator.ratePerConnection), 'a body in no time is not infinitely fast')
  for (let i = 0; i < 3; i++) estimator.body(1_000_000, 100)
  t.equal(estimator.ratePerConnection, 10e6)
  estimator.firstByte(200)
  t.equal(estimator.delayBytes, 2e6)
})

t.test(
  'Estimator.goodput is the greatest of late, and not of the time in which bytes were waited for',
  async t => {
    const estimator = new Estimator()
    estimator.delivered(0, true, 0)
    estimator.delivered(1_000_000, true, 100)
    t.equal(estimator.goodput, 0, 'most of it was spent waiting for the first byte')
    estimator.delivered(11_000_000, true, 200)
    t.equal(estimator.goodput, 100e6)
    estimator.delivered(12_000_000, true, 300)
    t.equal(estimator.goodput, 100e6, 'a lull is no lower rate')
    estimator.delivered(62_000_000, false, 400)
    t.equal(estimator.goodput, 100e6, 'nor is a time in which nobody waits a higher one')
    for (let nowMs = 500; nowMs <= 11_000; nowMs += 100) {
      estimator.delivered(62_000_000 + (nowMs - 400) * 10_000, true, nowMs)
    }
    t.equal(estimator.goodput, 10e6, 'what is long ago is forgotten')
  },
)
