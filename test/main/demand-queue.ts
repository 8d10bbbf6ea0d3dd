import t from 'tap'
import type { Demand } from '../../dist/main/demand-fetcher.js'
import { DemandQueue } from '../../dist/main/demand-queue.js'

const demand = (offset: number, end: number) => ({ offset, end }) as Demand

t.test('DemandQueue.oldest is the block that has waited longest', async t => {
  const queue = new DemandQueue(4096)
  t.equal(queue.oldest, undefined)
  queue.add(demand(8192, 9000), 0)
  queue.add(demand(0, 10), 0)
  queue.add(demand(9000, 9100), 0)
  t.equal(queue.oldest?.block, 2)
  t.equal(queue.size, 2)
  queue.take(2)
  t.equal(queue.oldest?.block, 0)
})

t.test('DemandQueue.of() is the least range that holds all that is wanted of a block', async t => {
  const queue = new DemandQueue(4096)
  queue.add(demand(4100, 4200), 0)
  queue.add(demand(4500, 8192), 0)
  queue.add(demand(4096, 4097), 0)
  t.match(queue.of(1), { block: 1, offset: 4096, end: 8192 })
  t.equal(queue.of(0), undefined)
  t.equal(queue.of(2), undefined)
})

t.test('DemandQueue.withdraw() forgets a demand, and the block with its last', async t => {
  const queue = new DemandQueue(4096)
  const [a, b] = [demand(0, 10), demand(5, 20)]
  queue.add(a, 0)
  queue.add(b, 0)
  queue.withdraw(a)
  queue.withdraw(a)
  t.equal(queue.size, 1)
  t.strictSame(queue.take(0), [b])
  queue.withdraw(b)
  t.equal(queue.size, 0)
  t.strictSame(queue.take(0), [])
})

t.test('DemandQueue.takeAll() takes everything, oldest first', async t => {
  const queue = new DemandQueue(4096)
  const all = [demand(9000, 9001), demand(1, 2), demand(8192, 8193)]
  for (const one of all) queue.add(one, 0)
  t.strictSame(queue.takeAll(), [all[0], all[2], all[1]])
  t.equal(queue.size, 0)
})
