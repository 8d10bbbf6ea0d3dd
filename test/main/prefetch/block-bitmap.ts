import fc from 'fast-check'
import t from 'tap'
import { BITMAP_CELLS, BlockBitmap, cellOf } from '../../../dist/main/prefetch/block-bitmap.js'

t.test('BlockBitmap keeps what a Set keeps', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 40 }),
      fc.array(fc.tuple(fc.boolean(), fc.nat(50))),
      (size, changes) => {
        const bits = new BlockBitmap(size)
        const model = new Set<number>()
        for (const [on, index] of changes) {
          if (on) {
            const expected = index < size && !model.has(index)
            if (bits.set(index) !== expected) return false
            if (expected) model.add(index)
          } else if (bits.clear(index) !== model.delete(index)) return false
          if (bits.count !== model.size) return false
        }
        for (let i = 0; i < 60; i++) if (bits.has(i) !== model.has(i)) return false
        return true
      },
    ),
  )
})

t.test('BlockBitmap.cells counts each bit in the one cell that has it', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 * BITMAP_CELLS }),
      fc.array(fc.tuple(fc.boolean(), fc.nat(5 * BITMAP_CELLS))),
      (size, changes) => {
        const bits = new BlockBitmap(size)
        for (const [on, index] of changes) on ? bits.set(index) : bits.clear(index)
        const cells = bits.cells.length
        if (cells !== Math.min(size, BITMAP_CELLS)) return false
        return bits.cells.every((count, cell) => {
          const start = Math.floor((cell * size) / cells)
          const end = Math.floor(((cell + 1) * size) / cells)
          let expected = 0
          for (let index = start; index < end; index++) {
            if (cellOf(index, size, cells) !== cell) return false
            if (bits.has(index)) expected++
          }
          return count === expected
        })
      },
    ),
  )
})

t.test('BlockBitmap.set() works beyond 2^31 bits of index arithmetic', async t => {
  const bits = new BlockBitmap(2 ** 32 + 9)
  t.equal(bits.set(2 ** 32 + 8), true)
  t.equal(bits.has(2 ** 32 + 8), true)
  t.equal(bits.has(8), false)
  t.equal(bits.set(2 ** 32 + 9), false)
})
