import fc from 'fast-check'
import t from 'tap'
import { TableWalk } from '../../../dist/main/prefetch/table-walk.js'

const KiB = 1024
const TABLE = 64 * KiB

/** A walk through `count` tables that lie in reverse, so that index and place are not confused. */
function walkOf(count: number, maxLead = 64) {
  const walk = new TableWalk(maxLead)
  const place = (index: number) => (count - index) * TABLE
  walk.add(Array.from({ length: count }, (_, i) => place(i)))
  /** Takes all that is to be asked for. */
  const drain = () => {
    const asked: number[] = []
    for (let next = walk.next; next !== undefined; next = walk.next) {
      asked.push(count - next / TABLE)
      walk.pass()
    }
    return asked
  }
  return { walk, place, drain }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

t.test('TableWalk asks for a few places at once, and for more with every step', async t => {
  const { walk, place, drain } = walkOf(1000)
  t.strictSame(drain(), range(0, 16))
  t.equal(walk.read(place(0)), true)
  t.strictSame(drain(), range(16, 19))
  walk.read(place(1))
  t.strictSame(drain(), range(19, 22))
  for (let i = 2; i < 100; i++) walk.read(place(i))
  t.strictSame(drain(), range(100, 164), 'read before it was asked for needs no asking')
  for (let i = 100; i < 1000; i++) walk.read(place(i))
  t.strictSame(drain(), [])
})

t.test('TableWalk asks for nothing with a lead of 0', async t => {
  const { walk, place, drain } = walkOf(100, 0)
  walk.read(place(0))
  t.strictSame(drain(), [])
})

t.test('TableWalk does not lead who jumps about', async t => {
  const { walk, place, drain } = walkOf(1000)
  drain()
  for (const index of [500, 30, 999, 700, 250, 40]) t.equal(walk.read(place(index)), true)
  t.strictSame(drain(), [])
  t.equal(walk.read(17), false, 'a read of something else')
})

t.test('TableWalk follows a reader that starts again somewhere else', async t => {
  const { walk, place, drain } = walkOf(1000)
  for (let i = 0; i < 600; i++) walk.read(place(i))
  drain()
  walk.read(place(0))
  t.strictSame(drain(), [])
  walk.read(place(1))
  t.strictSame(drain(), range(2, 6))
})

t.test('TableWalk.isAhead() is true for what was asked for and not reached', async t => {
  const { walk, place, drain } = walkOf(100)
  const isAhead = (index: number) => walk.isAhead(place(index), place(index) + TABLE)
  t.equal(isAhead(0), false)
  drain()
  t.strictSame([isAhead(0), isAhead(15), isAhead(16)], [true, true, false])
  walk.read(place(0))
  walk.read(place(1))
  t.strictSame([isAhead(1), isAhead(2)], [false, true])
})

t.test('TableWalk.add() takes each place once', async t => {
  const walk = new TableWalk(8)
  walk.add([TABLE, 2 * TABLE, TABLE, TABLE])
  walk.add([2 * TABLE, 3 * TABLE])
  t.equal(walk.length, 3)
})

t.test('TableWalk never asks for more than its first lead and six places a read', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 0, max: 64 }),
      fc.array(fc.nat(199), { maxLength: 300 }),
      (count, maxLead, reads) => {
        const { walk, place, drain } = walkOf(count, maxLead)
        let asked = drain().length
        // A step over three places adds four to what is behind the reader and two to the lead.
        for (const [i, index] of reads.entries()) {
          walk.read(place(index % count))
          const now = drain()
          asked += now.length
          if (now.length > maxLead + 4) throw new Error(`${now.length} at once`)
          if (asked > 16 + 6 * (i + 1)) throw new Error(`${asked} asked for after ${i + 1} reads`)
        }
      },
    ),
  )
})
