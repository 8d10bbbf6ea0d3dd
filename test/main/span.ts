import t from 'tap'
import { Span } from '../../dist/main/span.js'
import {
  RingMemory,
  RingOwner,
  SlotFiller,
} from '../../dist/shared/sharedarraybuffer-ring/index.js'

const BLOCK = 4096

/** A span of so many slots; the image begins at slot 0. */
function spanOf(slotCount: number) {
  const memory = RingMemory.create({ slotCount, slotBytes: BLOCK })
  const owner = new RingOwner(memory)
  const slots = Array.from({ length: slotCount }, (_, slot) => slot)
  for (const slot of slots) owner.assign(slot, slot, BLOCK)
  const span = new Span(7, { offset: 0, end: slotCount * BLOCK, slots }, memory)
  const fill = (slot: number, bytes: number) => {
    const filler = new SlotFiller(memory, slot, memory.epoch(slot))
    filler.append(new Uint8Array(bytes))
    if (bytes === BLOCK) filler.complete()
  }
  return { memory, owner, span, fill }
}

const shown = (parts: readonly Span[]) =>
  parts.map(({ id, offset, end, slots }) => ({ id, from: offset / BLOCK, to: end / BLOCK, slots }))

t.test('Span.divided() leaves a span whole that lacks too little for two', async t => {
  const { span } = spanOf(4)
  let id = 100
  t.strictSame(
    span.divided(4 * BLOCK, () => ++id),
    [span],
  )
  t.equal(id, 100, 'no number was taken')
})

t.test('Span.divided() covers every slot once, in order', async t => {
  const { span, memory } = spanOf(7)
  span.sent({ url: 'http://origin', headers: {}, transport: 0, totalBytes: 7 * BLOCK }, 5)
  let id = 100
  const parts = span.divided(3 * BLOCK, () => ++id)
  t.strictSame(shown(parts), [
    { id: 7, from: 0, to: 3, slots: [0, 1, 2] },
    { id: 101, from: 3, to: 6, slots: [3, 4, 5] },
    { id: 102, from: 6, to: 7, slots: [6] },
  ])
  for (const part of parts) {
    t.equal(part.position(), part.offset)
    t.equal(part.requests, 1, 'its attempts are counted on')
    t.ok(part.slots.every((_, i) => part.holds(i)))
    t.equal(part.unfinished().length, part.slots.length)
  }
  t.equal(parts[1]?.distanceTo(4, 10), BLOCK + 10)
  t.equal(memory.slotCount, 7)
})

t.test('Span.divided() counts what is missing, not what has come', async t => {
  const { span, fill } = spanOf(6)
  fill(0, BLOCK)
  fill(1, BLOCK)
  fill(2, BLOCK / 2)
  const parts = span.divided(1.5 * BLOCK, () => 101)
  t.strictSame(shown(parts), [
    { id: 7, from: 0, to: 4, slots: [0, 1, 2, 3] },
    { id: 101, from: 4, to: 6, slots: [4, 5] },
  ])
  t.equal(parts[0]?.position(), 2.5 * BLOCK)
})
