import fc from 'fast-check'
import t from 'tap'
import { SlotOrder } from '../../../dist/main/ring/slot-order.js'

t.test('SlotOrder keeps slots in the order in which they were last put in', async t => {
  const order = new SlotOrder(8)
  t.equal(order.oldest, -1)
  t.equal(order.before(0), -1)
  for (const slot of [3, 5, 1, 3]) order.push(slot)
  t.equal(order.length, 3)
  t.equal(order.oldest, 5)
  t.same(
    [0, 1, 2, 3].map(newer => order.before(newer)),
    [3, 1, 5, -1],
  )
  order.delete(1)
  order.delete(1)
  t.notOk(order.has(1))
  t.same(
    [0, 1].map(newer => order.before(newer)),
    [3, 5],
  )
})

t.test('SlotOrder does what a list would', async t => {
  const step = fc.record({ push: fc.boolean(), slot: fc.nat(9), newer: fc.nat(11) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const order = new SlotOrder(10)
      let list: number[] = []
      for (const { push, slot, newer } of steps) {
        list = list.filter(other => other !== slot)
        if (push) list.push(slot)
        if (push) order.push(slot)
        else order.delete(slot)
        if (order.length !== list.length || order.oldest !== (list[0] ?? -1)) return false
        if (order.before(newer) !== (list.at(-1 - newer) ?? -1)) return false
        if (order.has(slot) !== push) return false
      }
      return true
    }),
  )
  t.pass('in any order')
})
