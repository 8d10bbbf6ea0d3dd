// SlotFiller: bytes before fill, fill before doorbell, and not one byte into a slot handed on.

import t from 'tap'
import {
  RingMemory,
  RingOwner,
  SlotFiller,
  SlotState,
  StaleSlotError,
} from '../../../dist/shared/sharedarraybuffer-ring/index.js'
import { RingWord, SlotWord } from '../../../dist/shared/sharedarraybuffer-ring/layout.js'
import { spyOnAtomics } from '../../fixtures/atomics-spy.js'
import { patternBytes } from '../../fixtures/ring-pattern.mjs'

function newRing(slotCount = 2, slotBytes = 4096) {
  const memory = RingMemory.create({ slotCount, slotBytes })
  const owner = new RingOwner(memory)
  return { memory, owner, rings: () => Atomics.load(memory.words, RingWord.DOORBELL) }
}

t.test('SlotFiller.append() places bytes one behind the other', async t => {
  const { memory, owner } = newRing()
  const filler = new SlotFiller(memory, 1, owner.assign(1, 5, 4096))
  const bytes = patternBytes(5, 0, 4096, 1)
  for (const [start, end] of [
    [0, 1],
    [1, 1],
    [1, 1000],
    [1000, 4095],
    [4095, 4096],
  ] as const) {
    filler.append(bytes.subarray(start, end))
    t.equal(memory.fill(1), end)
    t.strictSame([filler.fill, filler.room], [end, 4096 - end])
  }
  t.equal(memory.state(1), SlotState.FILLING, 'a full slot is the filler’s until it lets go')
  filler.complete()
  t.equal(memory.isReady(1), true)
  t.strictSame(memory.view(1, 0, 4096), bytes)
})

t.test('SlotFiller.append() refuses bytes that do not fit, and takes none of them', async t => {
  const { memory, owner } = newRing()
  const filler = new SlotFiller(memory, 0, owner.assign(0, 5, 10))
  filler.append(new Uint8Array(4).fill(1))
  const before = memory.data.slice()
  t.throws(() => filler.append(new Uint8Array(7).fill(2)), {
    name: 'RangeError',
    message: 'Cannot append 7 bytes to slot 0: it has room for 6',
  })
  t.strictSame(memory.data, before)
  t.strictSame([filler.fill, memory.fill(0)], [4, 4])
  filler.append(new Uint8Array(6).fill(3))
  t.throws(() => filler.append(new Uint8Array(1)), { name: 'RangeError' })
})

t.test('SlotFiller.complete() refuses while bytes are missing', async t => {
  const { memory, owner } = newRing()
  const filler = new SlotFiller(memory, 0, owner.assign(0, 5, 10))
  t.throws(() => filler.complete(), /Cannot complete slot 0: 10 bytes are missing/)
  filler.append(new Uint8Array(9))
  t.throws(() => filler.complete(), { name: 'RangeError' })
  t.equal(memory.state(0), SlotState.FILLING)
})

t.test('SlotFiller is over once it let go', async t => {
  for (const end of ['complete', 'fail'] as const) {
    const { memory, owner } = newRing()
    const filler = new SlotFiller(memory, 0, owner.assign(0, 5, 2))
    filler.append(new Uint8Array(end === 'complete' ? 2 : 1))
    filler[end]()
    const state = memory.state(0)
    t.throws(() => filler.append(new Uint8Array(0)), { name: 'StaleSlotError', code: 'STALE_SLOT' })
    filler.fail()
    t.equal(memory.state(0), state, 'fail() does nothing any more')
    if (end === 'complete') t.throws(() => filler.complete(), StaleSlotError)
  }
})

t.test('new SlotFiller() takes nothing but the slot and epoch that were handed out', async t => {
  const { memory, owner } = newRing()
  t.throws(() => new SlotFiller(memory, 0, 0), StaleSlotError, 'free, never assigned')
  const epoch = owner.assign(0, 5, 10)
  for (const wrong of [epoch - 1, epoch + 1, -epoch, Number.NaN, epoch + 0.5]) {
    t.throws(() => new SlotFiller(memory, 0, wrong), StaleSlotError, `epoch ${wrong}`)
  }
  t.throws(() => new SlotFiller(memory, 1, epoch), StaleSlotError, 'another slot')
  for (const slot of [-1, 2, 0.5, Number.NaN]) {
    t.throws(() => new SlotFiller(memory, slot, epoch), { name: 'RangeError' }, `slot ${slot}`)
  }
  new SlotFiller(memory, 0, epoch).fail()
  t.throws(() => new SlotFiller(memory, 0, epoch), StaleSlotError, 'let go')
})

t.test('rule 3: a stale epoch cannot write a byte, a word or a state', async t => {
  // What became of the slot after its first filler was given up.
  const later: Record<string, (owner: RingOwner) => void> = {
    failed: () => {},
    free: owner => owner.reclaim(0),
    'assigned anew': owner => {
      owner.reclaim(0)
      owner.assign(0, 6, 4096)
    },
    resumed: owner => owner.resume(0),
    'filled by another': owner => {
      const next = new SlotFiller(owner.memory, 0, owner.resume(0))
      next.append(new Uint8Array(next.room))
      next.complete()
    },
  }
  for (const [what, then] of Object.entries(later)) {
    const { memory, owner } = newRing()
    const stale = new SlotFiller(memory, 0, owner.assign(0, 5, 4096))
    const full = new SlotFiller(memory, 1, owner.assign(1, 5, 1))
    full.append(new Uint8Array(1))
    stale.append(new Uint8Array(100).fill(1))
    owner.abandon(0)
    then(owner)
    const data = memory.data.slice()
    const words = memory.words.slice()
    t.throws(() => stale.append(new Uint8Array(3996).fill(9)), StaleSlotError, what)
    t.throws(() => stale.append(new Uint8Array(0)), StaleSlotError, what)
    stale.fail()
    t.strictSame(memory.data, data, `${what}: no byte was written`)
    t.strictSame(memory.words, words, `${what}: no word was written`)
  }
  const { memory, owner } = newRing()
  const stale = new SlotFiller(memory, 0, owner.assign(0, 5, 1))
  stale.append(new Uint8Array(1))
  owner.abandon(0)
  owner.resume(0)
  t.throws(
    () => stale.complete(),
    StaleSlotError,
    'a whole slot of another epoch is not its to end',
  )
  t.equal(memory.state(0), SlotState.FILLING)
})

t.test('rule 2: FILL is stored after the bytes, WANT is loaded after FILL', async t => {
  const { memory, owner } = newRing()
  const filler = new SlotFiller(memory, 0, owner.assign(0, 5, 4096))
  const bytes = patternBytes(5, 0, 4096, 1)
  const record = memory.record(0)
  const order: string[] = []
  spyOnAtomics(t, ({ method, index, value }) => {
    if (method === 'store' && index === record + SlotWord.FILL) {
      order.push('fill')
      t.strictSame(memory.data.slice(0, value), bytes.slice(0, value), `${value} bytes are there`)
    }
    if (index === record + SlotWord.WANT) order.push('want')
    if (method === 'notify') order.push('notify')
    if (method === 'add') order.push('ring')
  })
  owner.want(0, 4096)
  order.length = 0
  for (const end of [1, 512, 4095]) filler.append(bytes.subarray(filler.fill, end))
  t.strictSame(order, ['fill', 'want', 'fill', 'want', 'fill', 'want'])
  order.length = 0
  filler.append(bytes.subarray(4095))
  t.strictSame(order, ['fill', 'want', 'ring', 'notify'])
})

t.test('rule 1: every shared word has one writer at a time', async t => {
  const { memory, owner } = newRing()
  const record = memory.record(0)
  const names = Object.fromEntries(Object.entries(SlotWord).map(([k, v]) => [record + v, k]))
  names[RingWord.DOORBELL] = 'DOORBELL'
  names[RingWord.CANCEL_BELL] = 'CANCEL_BELL'
  let side: 'owner' | 'filler' = 'owner'
  const writers = { owner: new Set<string>(), filler: new Set<string>() }
  spyOnAtomics(t, ({ method, index, value }) => {
    if (method === 'load' || method === 'notify') return
    const name = names[index] ?? `word ${index}`
    writers[side].add(name)
    const state = memory.words[record + SlotWord.STATE]
    if (name === 'FILL') {
      t.equal(state, side === 'owner' ? SlotState.FREE : SlotState.FILLING, `${side} stores FILL`)
    }
    if (name === 'STATE') {
      const mine = side === 'filler' || value === SlotState.FAILED
      t.equal(state === SlotState.FILLING, mine, `${side} moves STATE from ${state} to ${value}`)
    }
  })
  /** Runs one side's step; whatever it changes it must have changed by Atomics. */
  const as = <T>(who: 'owner' | 'filler', step: () => T): T => {
    const before = memory.words.slice()
    side = who
    const result = step()
    for (const [index, value] of memory.words.entries()) {
      if (value === before[index]) continue
      const name = names[index] ?? `word ${index}`
      t.ok(writers[who].has(name), `${who} wrote ${name} by Atomics`)
    }
    return result
  }

  let epoch = as('owner', () => owner.assign(0, 5, 8))
  let filler = as('filler', () => new SlotFiller(memory, 0, epoch))
  as('owner', () => owner.pin(0))
  as('owner', () => owner.want(0, 3))
  as('filler', () => filler.append(new Uint8Array(3)))
  as('owner', () => owner.cancel(0))
  as('owner', () => owner.ringCancelBell())
  as('filler', () => filler.fail())
  epoch = as('owner', () => owner.resume(0))
  filler = as('filler', () => new SlotFiller(memory, 0, epoch))
  as('filler', () => filler.append(new Uint8Array(5)))
  as('filler', () => filler.complete())
  as('owner', () => owner.unpin(0))
  as('owner', () => owner.reclaim(0))
  epoch = as('owner', () => owner.assign(0, 6, 8))
  filler = as('filler', () => new SlotFiller(memory, 0, epoch))
  as('filler', () => filler.append(new Uint8Array(8)))
  as('filler', () => filler.complete())
  as('owner', () => owner.reclaim(0))
  as('owner', () => owner.assign(0, 7, 8))
  as('owner', () => owner.abandon(0))

  t.strictSame([...writers.filler].sort(), ['DOORBELL', 'FILL', 'STATE', 'ZERO'])
  t.strictSame(
    [...writers.owner].sort(),
    [
      'BLOCK',
      'CANCEL',
      'CANCEL_BELL',
      'EPOCH',
      'FILL',
      'LENGTH',
      'PINS',
      'STATE',
      'WANT',
      'ZERO',
    ].sort(),
  )
})

t.test('no wake-up is lost, wherever in an append the owner starts to wait', async t => {
  // The owner comes before or after each single Atomics call of the append.
  for (const when of ['before', 'after'] as const) {
    for (let step = 0; ; step++) {
      const { memory, owner, rings } = newRing()
      const filler = new SlotFiller(memory, 0, owner.assign(0, 5, 100))
      filler.append(new Uint8Array(10))
      let calls = 0
      let ringsBefore = -1
      let seenByOwner = false
      const hook = () => {
        if (calls++ !== step) return
        ringsBefore = rings()
        owner.want(0, 20)
        seenByOwner = memory.fill(0) >= 20
      }
      await t.test(`${when} call ${step}`, async t => {
        spyOnAtomics(t, when === 'before' ? hook : () => {}, when === 'after' ? hook : () => {})
        filler.append(new Uint8Array(30))
      })
      if (calls <= step) {
        t.ok(step >= 4, 'an append makes at least four calls')
        break
      }
      t.ok(seenByOwner || rings() > ringsBefore, `${when} call ${step}: seen or rung`)
    }
  }
})

t.test('SlotFiller.append() rings when it reaches the want, and only then', async t => {
  const { memory, owner, rings } = newRing()
  const filler = new SlotFiller(memory, 0, owner.assign(0, 5, 100))
  const append = (bytes: number) => {
    const before = rings()
    filler.append(new Uint8Array(bytes))
    return rings() - before
  }
  t.equal(append(10), 0, 'nobody waits')
  owner.want(0, 30)
  t.equal(append(19), 0, 'one byte short')
  t.equal(append(0), 0)
  t.equal(append(1), 1, 'reached exactly')
  t.equal(append(5), 0, 'passed before: rung already')
  owner.want(0, 50)
  t.equal(append(40), 1, 'passed in one step')
  owner.want(0, 80)
  owner.want(0, 0)
  t.equal(append(10), 0, 'taken back')
  owner.want(0, 100)
  t.equal(append(15), 1)
})

t.test('RingMemory.isZero() is true for whole slots of zeroes alone', async t => {
  const length = 200_000
  const filled = (last: number, pieces: number) => {
    const { memory, owner } = newRing(1, 256 * 1024)
    const filler = new SlotFiller(memory, 0, owner.assign(0, 5, length))
    const bytes = new Uint8Array(length)
    bytes[length - 1] = last
    for (let at = 0; at < length; at += Math.ceil(length / pieces)) {
      t.equal(memory.isZero(0), false, 'not before it is whole')
      filler.append(bytes.subarray(at, at + Math.ceil(length / pieces)))
    }
    filler.complete()
    return { memory, owner }
  }
  for (const pieces of [1, 3, 17]) {
    t.equal(filled(0, pieces).memory.isZero(0), true)
    t.equal(filled(1, pieces).memory.isZero(0), false)
    t.equal(filled(128, pieces).memory.isZero(0), false)
  }
  const { memory, owner } = filled(0, 2)
  owner.reclaim(0)
  const again = new SlotFiller(memory, 0, owner.assign(0, 6, 1))
  again.append(Uint8Array.of(9))
  again.complete()
  t.equal(memory.isZero(0), false, 'what the slot held before does not count')
})

t.test('RingMemory.isZero() is false where a filler went on behind another', async t => {
  const { memory, owner } = newRing()
  const first = new SlotFiller(memory, 0, owner.assign(0, 5, 8))
  first.append(Uint8Array.of(7, 0, 0))
  first.fail()
  const second = new SlotFiller(memory, 0, owner.resume(0))
  second.append(new Uint8Array(5))
  second.complete()
  t.equal(memory.isZero(0), false)
})
