import fc from 'fast-check'
import t from 'tap'
import {
  BellListener,
  SlotFiller,
  SlotState,
  StaleSlotError,
} from '../../dist/shared/sharedarraybuffer-ring/index.js'
import {
  FLUSH_BYTES,
  SlotWriter,
  STAGING_BYTES,
  StagingPool,
} from '../../dist/workers/slot-writer.js'
import { imageBytes } from '../fixtures/origin.js'
import { Span } from '../fixtures/span.js'

function writerFor(span: Span, length = total(span)): SlotWriter {
  const writer = new SlotWriter(span.memory, span.slots, span.epochs, length)
  writer.begin(new StagingPool().take())
  return writer
}

/** Bytes the span is still to get. */
function total(span: Span): number {
  return span.lengths.reduce((sum, bytes) => sum + bytes, 0) - span.filled
}

t.test('write() fills slots byte-exact, however the body is cut', async t => {
  const cut = fc.record({
    offset: fc.nat(1_000_000),
    lengths: fc.array(fc.integer({ min: 1, max: 4096 }), { minLength: 1, maxLength: 5 }),
    resume: fc.double({ min: 0, max: 1, noNaN: true }),
    pieces: fc.array(fc.integer({ min: 0, max: 6000 }), { minLength: 1, maxLength: 20 }),
    /** After which pieces what is staged is published, as at the end of a turn of the loop. */
    publish: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
    wants: fc.array(fc.integer({ min: 0, max: 4096 }), { minLength: 1, maxLength: 5 }),
    /** Where the body breaks off, 1 = it does not. */
    end: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  })
  const property = fc.property(cut, ({ offset, lengths, resume, pieces, publish, wants, end }) => {
    const first = lengths[0] as number
    const filled = Math.floor(resume * (lengths.length > 1 ? first + 1 : first))
    const span = new Span(offset, lengths, Math.min(filled, first))
    for (const [index, slot] of span.slots.entries()) {
      const want = wants[slot % wants.length] as number
      span.owner.want(slot, Math.min(want, lengths[index] as number))
    }
    const start = span.filled
    const length = total(span)
    const body = imageBytes(offset + start, length)
    const stop = Math.floor(length * end)
    const writer = writerFor(span)
    for (let at = 0, round = 0; at < stop; round++) {
      const size = Math.min(Math.max(1, pieces[round % pieces.length] as number), stop - at)
      writer.write(body.subarray(at, at + size))
      at += size
      // Nothing is kept back behind a watermark somebody waits for.
      for (const [index, slot] of span.slots.entries()) {
        const before = lengths.slice(0, index).reduce((sum, bytes) => sum + bytes, 0)
        const here = Math.min(Math.max(0, start + at - before), lengths[index] as number)
        const want = Math.min(wants[slot % wants.length] as number, lengths[index] as number)
        if (here >= want && span.memory.fill(slot) < want) return false
      }
      if (publish[round % publish.length]) {
        writer.publish()
        if (writer.staged !== 0 || span.filled !== start + at) return false
      }
    }
    const whole = writer.whole
    writer.letGo()
    if (whole !== (stop === length) || whole !== span.ready) return false
    return span.letGo && span.filled === start + stop && span.damage() === undefined
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
})

t.test('write() copies large slots and pieces in aligned steps', async t => {
  const slotBytes = 256 * 1024
  const span = new Span(3, [slotBytes, slotBytes - 5], 1001, slotBytes)
  const { data } = span.memory
  const misaligned: number[] = []
  data.set = (bytes: Uint8Array, at = 0) => {
    // The lowest bits of both addresses: the copy is slow unless they are the same.
    if ((bytes.byteOffset - data.byteOffset - at) % 8 !== 0) misaligned.push(at)
    Uint8Array.prototype.set.call(data, bytes, at)
  }
  const writer = writerFor(span)
  const length = total(span)
  const body = imageBytes(3 + 1001, length)
  // As large as the staging buffer, larger than it, odd.
  let at = 0
  for (const size of [STAGING_BYTES, 200_003, FLUSH_BYTES - 1, 1, length]) {
    const end = Math.min(length, at + size)
    writer.write(body.subarray(at, end))
    at = end
  }
  t.strictSame(misaligned, [])
  t.ok(writer.whole)
  t.ok(span.ready)
  t.equal(span.damage(), undefined)
  writer.letGo()
})

t.test('write() rings the doorbell when a waiter can go on, though little is staged', async t => {
  const span = new Span(0, [4096])
  const writer = writerFor(span)
  span.owner.want(1, 10)
  const rung = new Promise<number>(resolve => {
    const listener = new BellListener(span.memory, 'doorbell', () => {
      listener.close()
      resolve(span.memory.fill(1))
    })
  })
  writer.write(imageBytes(0, 9))
  t.equal(span.filled, 0)
  writer.write(imageBytes(9, 1))
  t.equal(span.filled, 10)
  t.equal(await rung, 10)
  writer.letGo()
})

t.test('write() takes nothing of a piece that does not fit', async t => {
  const span = new Span(0, [4096])
  const writer = writerFor(span)
  writer.write(imageBytes(0, 4000))
  t.throws(() => writer.write(imageBytes(4000, 97)), RangeError)
  t.equal(writer.remaining, 96)
  writer.letGo()
  t.equal(span.filled, 4000)
  t.equal(span.damage(), undefined)
  t.throws(() => writer.write(imageBytes(4000, 1)), /no staging buffer/)
})

t.test('the constructor lets go of every slot it can not fill', async t => {
  const { FAILED, FILLING, READY } = SlotState
  const stale = new Span(0, [4096, 4096, 4096])
  stale.owner.abandon(2)
  stale.owner.resume(2)
  t.throws(() => writerFor(stale, 12288), StaleSlotError)
  t.strictSame(stale.states, [FAILED, FILLING, FAILED])

  const short = new Span(0, [4096, 100])
  t.throws(() => writerFor(short, 4195), RangeError)
  t.strictSame(short.states, [FAILED, FAILED])

  const gap = new Span(0, [4096, 4096])
  const filler = new SlotFiller(gap.memory, 2, gap.epochs[1] as number)
  filler.append(imageBytes(4096, 10))
  t.throws(() => writerFor(gap, total(gap)), /slot 2 is filled behind one that is not/)
  t.strictSame(gap.states, [FAILED, FAILED])

  const unnamed = new Span(0, [4096, 4096])
  const { memory, slots, epochs } = unnamed
  t.throws(() => new SlotWriter(memory, slots, epochs.slice(0, 1), 8192), StaleSlotError)
  t.strictSame(unnamed.states, [FAILED, FILLING])

  const full = new Span(0, [4096, 10], 4096)
  const writer = writerFor(full)
  t.strictSame(full.states, [READY, FILLING])
  writer.write(imageBytes(4096, 10))
  t.strictSame(full.states, [READY, READY])
})

t.test('letGo() publishes what is valid, and leaves slots that were handed on alone', async t => {
  const { FAILED, FILLING } = SlotState
  const span = new Span(0, [4096, 4096])
  const writer = writerFor(span)
  writer.write(imageBytes(0, 100))
  t.equal(span.filled, 0)
  span.owner.abandon(2)
  const epoch = span.owner.resume(2)
  t.ok(writer.letGo())
  t.strictSame(span.states, [FAILED, FILLING])
  t.equal(span.filled, 100)
  t.equal(span.memory.epoch(2), epoch)
  t.equal(span.damage(), undefined)
  t.equal(writer.letGo(), undefined)
  t.strictSame(span.states, [FAILED, FILLING])

  const taken = new Span(0, [4096])
  const late = writerFor(taken)
  late.write(imageBytes(0, 100))
  taken.owner.abandon(1)
  taken.owner.resume(1)
  t.throws(() => late.publish(), StaleSlotError)
  late.letGo()
  t.equal(taken.filled, 0)
  t.equal(taken.damage(), undefined)
})

t.test(
  'cancelled looks at the slot being filled, anyCancelled at all that are not whole',
  async t => {
    const span = new Span(0, [10, 10, 10])
    const writer = writerFor(span)
    writer.write(imageBytes(0, 15))
    span.owner.cancel(1)
    t.notOk(writer.cancelled)
    t.notOk(writer.anyCancelled)
    span.owner.cancel(3)
    t.notOk(writer.cancelled)
    t.ok(writer.anyCancelled)
    span.owner.cancel(2)
    t.ok(writer.cancelled)
    writer.letGo()
    t.notOk(writer.cancelled)
  },
)

t.test('a StagingPool lends buffers again, never one to two', async t => {
  const pool = new StagingPool()
  const pair = [pool.take(), pool.take()]
  t.not(pair[0], pair[1])
  for (const buffer of pair) {
    t.equal(buffer.byteOffset % 8, 0)
    t.equal(buffer.length, STAGING_BYTES)
    pool.give(buffer)
  }
  t.ok(pair.includes(pool.take()))
})
