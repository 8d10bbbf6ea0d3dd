// Random operations of the owner and of fillers, live and stale, against a model that keeps the
// whole ring: after every step each word and each byte must be as the model says, so a write that
// goes anywhere else (header, neighbour's record, neighbour's bytes) is seen too.

import fc from 'fast-check'
import t from 'tap'
import {
  RingMemory,
  RingOwner,
  SlotFiller,
  SlotState,
  StaleSlotError,
} from '../../../dist/shared/sharedarraybuffer-ring/index.js'
import { RingWord, SlotWord } from '../../../dist/shared/sharedarraybuffer-ring/layout.js'
import { expectPattern, patternBytes } from '../../fixtures/ring-pattern.mjs'

const SLOTS = 3
const SLOT_BYTES = 4096
const CANARY = 0xa5

const operations = [
  'assign',
  'append',
  'append',
  'append',
  'complete',
  'fail',
  'stale',
  'pin',
  'unpin',
  'reclaim',
  'resume',
  'want',
  'cancel',
  'abandon',
  'view',
] as const

/** `size` picks a length, a watermark or a place; its scale depends on the operation. */
const operation = fc.record({
  do: fc.constantFrom(...operations),
  slot: fc.nat(SLOTS - 1),
  size: fc.oneof(
    fc.nat(64),
    fc.nat(SLOT_BYTES + 8),
    fc.constantFrom(SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 1),
  ),
})

type ErrorClass = abstract new (...args: never[]) => Error

/** What the model knows of a slot beyond its words. */
interface ModelSlot {
  block: number
  live: SlotFiller | undefined
  readonly stale: SlotFiller[]
  /** Which epoch wrote from where on, ascending. */
  parts: { readonly start: number; readonly epoch: number }[]
}

class Model {
  readonly memory = RingMemory.create({ slotCount: SLOTS, slotBytes: SLOT_BYTES })
  readonly owner = new RingOwner(this.memory)
  readonly words: Int32Array
  readonly data: Uint8Array
  readonly slots: ModelSlot[]
  pinned = 0
  nextBlock = 1

  constructor() {
    this.memory.data.fill(CANARY)
    this.words = this.memory.words.slice()
    this.data = this.memory.data.slice()
    this.slots = Array.from({ length: SLOTS }, () => ({
      block: 0,
      live: undefined,
      stale: [],
      parts: [],
    }))
  }

  get(slot: number, word: number): number {
    return this.words[(1 + slot) * 16 + word] as number
  }

  set(slot: number, word: number, value: number): void {
    this.words[(1 + slot) * 16 + word] = value
  }

  /** The step must throw the given class if `refused`, else succeed and then change the model. */
  expect(refused: boolean, error: ErrorClass, step: () => void, then: () => void): void {
    let thrown: unknown
    try {
      step()
    } catch (e) {
      thrown = e
    }
    if (refused) {
      if (!(thrown instanceof error)) throw new Error(`expected ${error.name}`, { cause: thrown })
    } else {
      if (thrown !== undefined) throw new Error('expected success', { cause: thrown })
      then()
    }
  }

  step(op: { do: (typeof operations)[number]; slot: number; size: number }): void {
    const { slot, size } = op
    const { owner, memory } = this
    const model = this.slots[slot] as ModelSlot
    const state = this.get(slot, SlotWord.STATE)
    const fill = this.get(slot, SlotWord.FILL)
    const length = this.get(slot, SlotWord.LENGTH)
    const pins = this.get(slot, SlotWord.PINS)
    const filling = state === SlotState.FILLING

    const hand = () => {
      const epoch = this.get(slot, SlotWord.EPOCH) + 1
      this.set(slot, SlotWord.EPOCH, epoch)
      this.set(slot, SlotWord.CANCEL, 0)
      this.set(slot, SlotWord.STATE, SlotState.FILLING)
      model.live = new SlotFiller(memory, slot, epoch)
      model.parts.push({ start: this.get(slot, SlotWord.FILL), epoch })
    }
    const letGo = (to: SlotState) => {
      this.set(slot, SlotWord.STATE, to)
      if (model.live !== undefined) model.stale.push(model.live)
      model.live = undefined
    }

    switch (op.do) {
      case 'assign':
        this.expect(
          state !== SlotState.FREE || size < 1 || size > SLOT_BYTES,
          Error,
          () => owner.assign(slot, this.nextBlock, size),
          () => {
            model.block = this.nextBlock++
            model.parts = []
            this.set(slot, SlotWord.BLOCK, model.block)
            this.set(slot, SlotWord.LENGTH, size)
            this.set(slot, SlotWord.FILL, 0)
            this.set(slot, SlotWord.WANT, 0)
            hand()
          },
        )
        break
      case 'resume':
        this.expect(state !== SlotState.FAILED, Error, () => owner.resume(slot), hand)
        break
      case 'append': {
        if (model.live === undefined) break
        const filler = model.live
        const bytes = patternBytes(model.block, fill, fill + size, filler.epoch)
        this.expect(
          fill + size > length,
          RangeError,
          () => filler.append(bytes),
          () => {
            this.data.set(bytes, slot * SLOT_BYTES + fill)
            this.set(slot, SlotWord.FILL, fill + size)
            const want = this.get(slot, SlotWord.WANT)
            if (want !== 0 && fill < want && fill + size >= want) {
              this.words[RingWord.DOORBELL] = (this.words[RingWord.DOORBELL] as number) + 1
            }
          },
        )
        break
      }
      case 'complete': {
        const filler = model.live
        if (filler === undefined) break
        this.expect(
          fill < length,
          RangeError,
          () => filler.complete(),
          () => letGo(SlotState.READY),
        )
        break
      }
      case 'fail':
        if (model.live === undefined) break
        model.live.fail()
        letGo(SlotState.FAILED)
        break
      case 'stale':
        for (const filler of model.stale) {
          filler.fail()
          const bytes = new Uint8Array(Math.min(size, filler.room)).fill(0xee)
          this.expect(
            true,
            StaleSlotError,
            () => filler.append(bytes),
            () => {},
          )
          this.expect(
            true,
            filler.room === 0 ? StaleSlotError : RangeError,
            () => filler.complete(),
            () => {},
          )
        }
        break
      case 'pin':
        this.expect(
          state === SlotState.FREE,
          Error,
          () => owner.pin(slot),
          () => {
            this.set(slot, SlotWord.PINS, pins + 1)
            this.pinned++
          },
        )
        break
      case 'unpin':
        this.expect(
          pins === 0,
          Error,
          () => owner.unpin(slot),
          () => {
            this.set(slot, SlotWord.PINS, pins - 1)
            this.pinned--
          },
        )
        break
      case 'reclaim':
        this.expect(
          filling || pins > 0,
          Error,
          () => owner.reclaim(slot),
          () => {
            this.set(slot, SlotWord.STATE, SlotState.FREE)
            this.set(slot, SlotWord.WANT, 0)
          },
        )
        break
      case 'want':
        this.expect(
          size > length,
          RangeError,
          () => owner.want(slot, size),
          () => this.set(slot, SlotWord.WANT, size),
        )
        break
      case 'cancel':
        owner.cancel(slot)
        this.set(slot, SlotWord.CANCEL, this.get(slot, SlotWord.EPOCH))
        break
      case 'abandon':
        owner.abandon(slot)
        if (filling) letGo(SlotState.FAILED)
        break
      case 'view':
        if (state === SlotState.FREE) break
        this.expectBytes(slot, Math.min(size, fill), fill)
        break
    }
    this.compare()
  }

  /** The valid bytes [from, to) are those of this block, each by the epoch that wrote it. */
  expectBytes(slot: number, from: number, to: number): void {
    const { parts, block } = this.slots[slot] as ModelSlot
    for (const [i, part] of parts.entries()) {
      const start = Math.max(part.start, from)
      const end = Math.min(parts[i + 1]?.start ?? to, to)
      if (start >= end) continue
      expectPattern(this.memory.view(slot, start, end), block, start, part.epoch)
    }
  }

  /** Nothing but what the model knows has changed, anywhere. */
  compare(): void {
    const { memory, owner } = this
    for (let i = 0; i < this.words.length; i++) {
      const word = memory.words[i]
      if (word !== this.words[i]) throw new Error(`word ${i}: ${word}, model ${this.words[i]}`)
    }
    if (Buffer.compare(memory.data, this.data) !== 0) {
      const at = memory.data.findIndex((byte, i) => byte !== this.data[i])
      throw new Error(`byte ${at % SLOT_BYTES} of slot ${Math.floor(at / SLOT_BYTES)} differs`)
    }
    if (owner.pinned !== this.pinned) throw new Error(`pinned ${owner.pinned}, ${this.pinned}`)
    for (let slot = 0; slot < SLOTS; slot++) {
      const state = this.get(slot, SlotWord.STATE)
      const free = this.get(slot, SlotWord.PINS) === 0
      const reclaimable = free && (state === SlotState.READY || state === SlotState.FAILED)
      if (owner.isReclaimable(slot) !== reclaimable) throw new Error(`reclaimable ${slot}`)
      const { live } = this.slots[slot] as ModelSlot
      if ((live !== undefined) !== (state === SlotState.FILLING)) throw new Error('model is wrong')
      const cancelled = this.get(slot, SlotWord.CANCEL) === live?.epoch
      if (live !== undefined && live.cancelled !== cancelled) throw new Error(`cancelled ${slot}`)
    }
  }
}

t.test('the ring is as the model says after any sequence of operations', async t => {
  let steps = 0
  const reached = new Map<string, number>()
  fc.assert(
    fc.property(fc.array(operation, { minLength: 50, maxLength: 200 }), ops => {
      const model = new Model()
      for (const op of ops) {
        const before = model.get(op.slot, SlotWord.STATE)
        model.step(op)
        const after = model.get(op.slot, SlotWord.STATE)
        if (before !== after) {
          const change = `${before}>${after}`
          reached.set(change, (reached.get(change) ?? 0) + 1)
        }
        steps++
      }
    }),
    { numRuns: 400, seed: 20240607 },
  )
  t.ok(steps > 20_000, `${steps} steps`)
  t.strictSame(
    [...reached.keys()].sort(),
    ['0>1', '1>2', '1>3', '2>0', '3>0', '3>1'],
    'every transition of the life cycle was taken, and no other',
  )
})
