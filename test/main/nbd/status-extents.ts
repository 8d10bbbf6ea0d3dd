import fc from 'fast-check'
import t from 'tap'
import { MAX_STATUS_EXTENTS, statusExtents } from '../../../dist/main/nbd/status-extents.js'

const extents = (...pairs: [length: number, flags: number][]) =>
  pairs.map(([length, flags]) => ({ length, flags }))

t.test('statusExtents() passes on what is sound', async t => {
  const told = extents([4096, 3], [512, 0], [1, 2])
  t.strictSame(statusExtents(told, 4609, false), told)
  t.strictSame(statusExtents(told, 100_000, false), told, 'told short')
})

t.test('statusExtents() says "data" where nothing is told', async t => {
  t.strictSame(statusExtents([], 7, false), extents([7, 0]))
  t.strictSame(statusExtents(extents([0, 3], [7, 3]), 7, true), extents([7, 0]))
  t.strictSame(statusExtents(extents([Number.NaN, 3]), 7, true), extents([7, 0]))
})

t.test(
  'statusExtents() cuts at the end of the range, joins neighbours, drops unknown flags',
  async t => {
    t.strictSame(statusExtents(extents([5, 0], [2 ** 40, 3]), 4_294_967_295, false), [
      { length: 5, flags: 0 },
      { length: 4_294_967_290, flags: 3 },
    ])
    t.strictSame(
      statusExtents(extents([5, 4], [5, 0], [5, 7]), 100, false),
      extents([10, 0], [5, 3]),
    )
  },
)

t.test('statusExtents() tells one extent, whole, where one is asked for', async t => {
  t.strictSame(statusExtents(extents([5, 3], [5, 3], [9, 0]), 100, true), extents([10, 3]))
  t.strictSame(statusExtents(extents([500, 3]), 100, true), extents([100, 3]))
})

t.test('statusExtents() takes no more of an endless tale than fits a reply', async t => {
  let taken = 0
  function* endless() {
    for (;;) yield { length: 1, flags: taken++ & 1 }
  }
  t.equal(statusExtents(endless(), 2 ** 32 - 1, false).length, MAX_STATUS_EXTENTS)
  t.ok(taken <= MAX_STATUS_EXTENTS + 1)
})

t.test('statusExtents() keeps the rules of the reply whatever is told', async () => {
  const extent = fc.record({ length: fc.double(), flags: fc.integer() })
  fc.assert(
    fc.property(
      fc.array(extent),
      fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      fc.boolean(),
      (...args) => {
        const [, length, one] = args
        const result = statusExtents(...args)
        const sum = result.reduce((sum, extent) => sum + extent.length, 0)
        const different = result.every(({ flags }, i) => i === 0 || flags !== result[i - 1]?.flags)
        const sound = result.every(({ length, flags }) => length > 0 && flags >= 0 && flags <= 3)
        return sum > 0 && sum <= length && different && sound && (!one || result.length === 1)
      },
    ),
    { seed: 5 },
  )
})
