import fc from 'fast-check'
import t from 'tap'
import { GatherMemory, type GatherShare } from '../../../dist/main/ring/gather-memory.js'

/** Takes memory for reads of `bytes` until none is granted any more; how many were. */
function fill(
  memory: GatherMemory,
  connection: number,
  bytes: number,
  wanted = 100,
): GatherShare[] {
  const shares: GatherShare[] = []
  for (let count = 0; count < wanted; count++) {
    memory.take(connection, bytes, share => shares.push(share))
  }
  return shares
}

t.test('GatherMemory.take() gives no connection more than it leaves free', async t => {
  const memory = new GatherMemory(32)
  t.equal(fill(memory, 1, 1).length, 16)
  t.equal(fill(memory, 2, 1).length, 8)
  t.equal(fill(memory, 3, 1).length, 4)
  t.equal(fill(memory, 4, 2).length, 1)
  t.equal(memory.held, 30)
})

t.test('GatherMemory.take() lets in one read that does not fit beside the others', async t => {
  const memory = new GatherMemory(32)
  const [large] = fill(memory, 1, 32)
  t.match(large, { bytes: 32, extra: true })
  t.equal(fill(memory, 2, 32).length, 0, 'and no second one')
  t.equal(fill(memory, 3, 1).length, 16, 'others are not held up by either')
  const beyond = fill(memory, 2, 1)
  t.equal(beyond.length, 0, 'reads of a connection keep their order')
  memory.give(large as GatherShare)
  t.equal(memory.held, 16 + 32, 'the next large one has its turn')
})

t.test('GatherMemory.take() serves who holds least, then who waits longest', async t => {
  const memory = new GatherMemory(4)
  const order: number[] = []
  const [a, b] = fill(memory, 1, 1, 2)
  memory.take(2, 2, () => {})
  memory.take(5, 1, () => {})
  for (const connection of [1, 3, 4]) memory.take(connection, 1, () => order.push(connection))
  t.strictSame(order, [])
  memory.give(a as GatherShare)
  t.strictSame(order, [3])
  memory.give(b as GatherShare)
  t.strictSame(order, [3, 1])
})

t.test('GatherMemory.take() can be taken back', async t => {
  const memory = new GatherMemory(4)
  fill(memory, 1, 1)
  fill(memory, 2, 4, 1)
  let granted = 0
  const withdraw = memory.take(3, 4, () => granted++)
  memory.take(3, 1, () => granted++)
  t.equal(granted, 0)
  withdraw()
  withdraw()
  t.equal(granted, 1, 'what stood behind it fits')
})

t.test('GatherMemory.give() refuses what nobody holds', async t => {
  const memory = new GatherMemory(4)
  t.throws(() => memory.give({ connection: 1, bytes: 1, extra: false }), /Cannot give back/)
})

t.test('GatherMemory holds at most its total and one read, and loses none', async t => {
  const total = 64
  const reads = fc.record({
    connection: fc.integer({ min: 1, max: 6 }),
    bytes: fc.integer({ min: 1, max: total }),
  })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(reads, { maxLength: 60 }), fc.infiniteStream(fc.nat()), (list, dice) => {
        const memory = new GatherMemory(total)
        const held: GatherShare[] = []
        let granted = 0
        const release = () => {
          const die = dice.next().value ?? 0
          const [share] = held.splice(die % held.length, 1)
          memory.give(share as GatherShare)
        }
        for (const { connection, bytes } of list) {
          memory.take(connection, bytes, share => {
            granted++
            held.push(share)
          })
          const extra = held.find(share => share.extra)?.bytes ?? 0
          if (memory.held - extra > total) return false
          if (held.length > 0 && (dice.next().value ?? 0) % 3 === 0) release()
        }
        while (held.length > 0) release()
        return granted === list.length && memory.held === 0 && memory.waiting === 0
      }),
      { seed: 42 },
    ),
  )
})
