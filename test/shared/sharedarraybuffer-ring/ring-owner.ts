// RingOwner: what it hands out, what it refuses. A slot handed on while somebody still uses it is
// wrong data in somebody's reply.

import t from 'tap'
import {
  RingMemory,
  RingOwner,
  SlotFiller,
  SlotState,
  StaleSlotError,
} from '../../../dist/shared/sharedarraybuffer-ring/index.js'
import { RingWord, SlotWord } from '../../../dist/shared/sharedarraybuffer-ring/layout.js'

function newRing() {
  const memory = RingMemory.create({ slotCount: 3, slotBytes: 4096 })
  return { memory, owner: new RingOwner(memory) }
}

/** Brings a slot to a state by the way a real one takes. */
function bring(owner: RingOwner, slot: number, state: SlotState): void {
  if (state === SlotState.FREE) return
  const filler = new SlotFiller(owner.memory, slot, owner.assign(slot, 9, 8))
  if (state === SlotState.READY) {
    filler.append(new Uint8Array(8))
    filler.complete()
  } else if (state === SlotState.FAILED) {
    filler.append(new Uint8Array(3))
    filler.fail()
  }
}

t.test('RingOwner.assign() hands out an empty slot under a new epoch', async t => {
  const { memory, owner } = newRing()
  t.equal(owner.assign(1, 42, 4096), 1)
  t.equal(memory.state(1), SlotState.FILLING)
  t.strictSame([memory.block(1), memory.length(1), memory.fill(1)], [42, 4096, 0])
  new SlotFiller(memory, 1, 1).append(new Uint8Array(7))
  owner.want(1, 100)
  owner.cancel(1)
  owner.abandon(1)
  owner.reclaim(1)
  t.equal(owner.assign(1, 43, 10), 2)
  t.strictSame([memory.block(1), memory.length(1), memory.fill(1)], [43, 10, 0])
  const filler = new SlotFiller(memory, 1, 2)
  t.equal(filler.want, 0, 'the want of the last use is gone')
  t.equal(filler.cancelled, false, 'the cancellation of the last use is gone')
  t.equal(memory.state(0), SlotState.FREE, 'its neighbours were not touched')
  t.equal(memory.state(2), SlotState.FREE)
})

t.test('RingOwner.assign() refuses a slot that is in use, and lengths that do not fit', async t => {
  for (const state of [SlotState.FILLING, SlotState.READY, SlotState.FAILED]) {
    const { memory, owner } = newRing()
    bring(owner, 0, state)
    const before = memory.words.slice()
    t.throws(() => owner.assign(0, 1, 1), /Cannot assign slot 0: its state is \d, expected 0/)
    t.strictSame(memory.words, before, 'nothing was stored')
  }
  const { memory, owner } = newRing()
  for (const length of [0, -1, 4097, 1.5, Number.NaN, Infinity]) {
    t.throws(() => owner.assign(0, 1, length), { name: 'RangeError' }, `length ${length}`)
  }
  t.equal(memory.state(0), SlotState.FREE)
})

t.test('rule 3: RingOwner.reclaim() never takes a filling slot', async t => {
  const { memory, owner } = newRing()
  bring(owner, 0, SlotState.FILLING)
  t.equal(owner.isReclaimable(0), false)
  t.throws(() => owner.reclaim(0), /Cannot reclaim slot 0: a filler still holds it/)
  owner.cancel(0)
  t.throws(() => owner.reclaim(0), /a filler still holds it/, 'a cancelled filler holds it too')
  t.equal(memory.state(0), SlotState.FILLING)
})

t.test('rule 3: RingOwner.reclaim() never takes a pinned slot', async t => {
  for (const state of [SlotState.READY, SlotState.FAILED]) {
    const { memory, owner } = newRing()
    bring(owner, 0, state)
    owner.pin(0)
    owner.pin(0)
    t.equal(owner.isReclaimable(0), false)
    t.throws(() => owner.reclaim(0), /Cannot reclaim slot 0: it is pinned 2 times/)
    owner.unpin(0)
    t.throws(() => owner.reclaim(0), /it is pinned 1 times/)
    owner.unpin(0)
    t.equal(owner.isReclaimable(0), true)
    owner.reclaim(0)
    t.equal(memory.state(0), SlotState.FREE)
    t.equal(owner.isReclaimable(0), false, 'there is nothing to take any more')
    owner.reclaim(0)
    t.equal(memory.state(0), SlotState.FREE, 'a free slot stays free')
  }
})

t.test('RingOwner.pin() counts over all slots and refuses a free one', async t => {
  const { memory, owner } = newRing()
  t.throws(() => owner.pin(0), /Cannot pin slot 0: it is free/)
  bring(owner, 0, SlotState.FILLING)
  bring(owner, 2, SlotState.READY)
  owner.pin(0)
  owner.pin(2)
  owner.pin(2)
  t.strictSame([memory.pins(0), memory.pins(1), memory.pins(2)], [1, 0, 2])
  t.equal(owner.pinned, 3)
  owner.unpin(2)
  owner.unpin(0)
  owner.unpin(2)
  t.equal(owner.pinned, 0)
  t.throws(() => owner.unpin(2), /Cannot unpin slot 2: it is not pinned/)
  t.equal(owner.pinned, 0)
})

t.test('RingOwner.resume() goes on behind the valid bytes, pins and want kept', async t => {
  const { memory, owner } = newRing()
  bring(owner, 0, SlotState.FAILED)
  owner.pin(0)
  owner.want(0, 8)
  const epoch = owner.resume(0)
  t.equal(epoch, 2)
  const filler = new SlotFiller(memory, 0, epoch)
  t.strictSame([filler.fill, filler.room, filler.want], [3, 5, 8])
  t.equal(memory.pins(0), 1)
  for (const state of [SlotState.FREE, SlotState.FILLING, SlotState.READY]) {
    const { owner } = newRing()
    bring(owner, 0, state)
    t.throws(() => owner.resume(0), /Cannot resume slot 0: its state is \d, expected 3/)
  }
})

t.test('rule 6: RingOwner.abandon() frees a dead filler’s slot, and no other', async t => {
  const { memory, owner } = newRing()
  bring(owner, 0, SlotState.FILLING)
  owner.abandon(0)
  t.equal(memory.state(0), SlotState.FAILED)
  for (const state of [SlotState.FREE, SlotState.READY, SlotState.FAILED]) {
    const { memory, owner } = newRing()
    bring(owner, 0, state)
    const before = memory.words.slice()
    owner.abandon(0)
    t.strictSame(memory.words, before, `state ${state} is left alone`)
  }
})

t.test('rule 6: a slot that was full when its filler died needs only complete()', async t => {
  const { memory, owner } = newRing()
  new SlotFiller(memory, 0, owner.assign(0, 1, 8)).append(new Uint8Array(8).fill(5))
  owner.abandon(0)
  t.equal(memory.state(0), SlotState.FAILED)
  new SlotFiller(memory, 0, owner.resume(0)).complete()
  t.equal(memory.isReady(0), true)
  t.strictSame(memory.view(0, 0, 8), new Uint8Array(8).fill(5))
})

t.test('RingOwner.want() refuses what will never be there', async t => {
  const { owner } = newRing()
  owner.assign(0, 1, 100)
  for (const bytes of [-1, 101, 1.5, Number.NaN, Infinity, 2 ** 32 + 1]) {
    t.throws(() => owner.want(0, bytes), { name: 'RangeError' }, `want ${bytes}`)
  }
  owner.want(0, 100)
  owner.want(0, 0)
})

t.test('RingOwner.cancel() names the present filler only', async t => {
  const { memory, owner } = newRing()
  owner.cancel(0)
  const first = new SlotFiller(memory, 0, owner.assign(0, 1, 8))
  t.equal(first.cancelled, false, 'a slot never assigned has nobody to cancel')
  owner.cancel(0)
  t.equal(first.cancelled, true)
  first.fail()
  const second = new SlotFiller(memory, 0, owner.resume(0))
  t.equal(second.cancelled, false)
  t.equal(memory.words[RingWord.CANCEL_BELL], 0, 'the bell is rung apart')
  owner.ringCancelBell()
  t.equal(memory.words[RingWord.CANCEL_BELL], 1)
})

t.test('epochs start again at 1 behind 2^31 - 1', async t => {
  const { memory, owner } = newRing()
  memory.words[memory.record(0) + SlotWord.EPOCH] = 0x7fffffff - 1
  t.equal(owner.assign(0, 1, 8), 0x7fffffff)
  const last = new SlotFiller(memory, 0, 0x7fffffff)
  owner.cancel(0)
  t.equal(last.cancelled, true)
  last.fail()
  const epoch = owner.resume(0)
  t.equal(epoch, 1, 'neither 0, which means never, nor negative')
  t.equal(new SlotFiller(memory, 0, epoch).cancelled, false)
  t.throws(() => last.append(new Uint8Array(1)), StaleSlotError)
})

t.test('RingOwner touches nothing for slots the ring does not have', async t => {
  const { memory, owner } = newRing()
  const before = memory.words.slice()
  // 3 is the first slot number that is one too many: the header page has room for its record.
  for (const slot of [-1, 3, 63, 0.5, Number.NaN]) {
    const calls: Record<string, () => unknown> = {
      assign: () => owner.assign(slot, 1, 1),
      resume: () => owner.resume(slot),
      reclaim: () => owner.reclaim(slot),
      isReclaimable: () => owner.isReclaimable(slot),
      abandon: () => owner.abandon(slot),
      pin: () => owner.pin(slot),
      unpin: () => owner.unpin(slot),
      want: () => owner.want(slot, 0),
      cancel: () => owner.cancel(slot),
    }
    for (const [name, call] of Object.entries(calls)) {
      t.throws(call, { name: 'RangeError' }, `${name}(${slot})`)
    }
  }
  t.strictSame(memory.words, before)
  t.equal(owner.pinned, 0)
})
