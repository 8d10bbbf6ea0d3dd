import t from 'tap'
import { Arrivals } from '../../../dist/main/spool/arrivals.js'

t.test('Arrivals calls back when the bytes are there, not before, and once', async t => {
  const arrivals = new Arrivals()
  const called: string[] = []
  const note = (name: string) => (failure?: { code: string }) =>
    void called.push(failure === undefined ? name : `${name} ${failure.code}`)
  arrivals.wait(0, note('nothing'))
  t.strictSame(called.splice(0), ['nothing'])
  arrivals.wait(300, note('c'))
  arrivals.wait(100, note('a'))
  arrivals.wait(200, note('b'))
  arrivals.advance(99)
  t.strictSame(called, [])
  arrivals.advance(100)
  t.strictSame(called.splice(0), ['a'])
  arrivals.advance(50)
  t.equal(arrivals.watermark, 100, 'what was there stays so')
  arrivals.advance(250)
  t.strictSame(called.splice(0), ['b'])
  arrivals.wait(250, note('there'))
  t.strictSame(called.splice(0), ['there'])
  arrivals.fail({ code: 'spool', message: 'full' })
  t.strictSame(called.splice(0), ['c spool'])
  arrivals.wait(251, note('late'))
  arrivals.wait(250, note('kept'))
  t.strictSame(called.splice(0), ['late spool', 'kept'])
  t.equal(arrivals.waiting, 0)
})

t.test('Arrivals forgets who is cancelled, even from within another call', async t => {
  const arrivals = new Arrivals()
  let calls = 0
  const second = () => void calls++
  arrivals.wait(10, () => arrivals.cancel(second))
  arrivals.wait(10, second)
  arrivals.advance(10)
  t.equal(calls, 0)
  t.equal(arrivals.waiting, 0)
})
