import fc from 'fast-check'
import t from 'tap'
import { Admission } from '../../../dist/main/ring/admission.js'

t.test('Admission.tryTake() leaves as many tokens free as the connection holds', async t => {
  const admission = new Admission(8)
  const taken = (connection: number) => {
    let count = 0
    while (admission.tryTake(connection)) count++
    return count
  }
  // None of them ever gives one back.
  t.strictSame([1, 2, 3, 4, 5].map(taken), [4, 2, 1, 1, 0])
  t.equal(admission.free, 0)
})

t.test('Admission.take() serves the connection that holds the fewest', async t => {
  const admission = new Admission(4)
  const order: number[] = []
  const take = (connection: number) => admission.take(connection, () => order.push(connection))
  for (const connection of [1, 1, 1, 1, 2, 2]) take(connection)
  t.strictSame(order, [1, 1, 2])
  t.equal(admission.waiting, 3)
  admission.give(2)
  t.strictSame(order, [1, 1, 2, 2], 'although the other has waited longer')
  admission.give(1)
  admission.give(1)
  t.strictSame(order, [1, 1, 2, 2, 1, 1])
})

t.test('Admission.tryTake() does not overtake those in line', async t => {
  const admission = new Admission(2)
  t.ok(admission.tryTake(1))
  t.notOk(admission.tryTake(1))
  let granted = false
  admission.take(1, () => {
    granted = true
  })
  t.notOk(granted)
  t.ok(admission.tryTake(2))
  admission.give(2)
  t.notOk(admission.tryTake(1))
  admission.give(1)
  t.ok(granted)
})

t.test('Admission.give() refuses what was never taken', async t => {
  t.throws(() => new Admission(1).give(1), /holds none/)
})

t.test(
  'Admission grants every wait in the end if those who hold tokens give them back',
  async () => {
    const steps = fc.array(fc.record({ connection: fc.nat(5), give: fc.boolean() }))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), steps, (total, steps) => {
        const admission = new Admission(total)
        const held: number[] = []
        let asked = 0
        let granted = 0
        for (const { connection, give } of steps) {
          if (give) {
            const index = held.indexOf(connection)
            if (index === -1) continue
            held.splice(index, 1)
            admission.give(connection)
          } else {
            asked++
            admission.take(connection, () => {
              granted++
              held.push(connection)
            })
          }
          if (held.length + admission.free !== total) throw new Error('tokens were lost')
        }
        while (held.length > 0) admission.give(held.shift() as number)
        if (granted !== asked) throw new Error(`${asked - granted} wait for ever`)
      }),
    )
  },
)

t.test('Admission.give() serves however many give back what they get at once', async t => {
  const admission = new Admission(1)
  t.ok(admission.tryTake(0))
  const waits = 20_000
  let granted = 0
  for (let i = 0; i < waits; i++) {
    admission.take(i % 10, () => {
      granted++
      admission.give(i % 10)
    })
  }
  admission.give(0)
  t.equal(granted, waits)
  t.equal(admission.free, 1)
})
