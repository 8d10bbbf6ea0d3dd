// SlotWaiter: who waits for bytes is called when they are there, once, whatever the callbacks do,
// and the slot's WANT always asks for the least that is waited for.

import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { SlotWaiter } from '../../../dist/main/ring/slot-waiter.js'
import {
  RingMemory,
  RingOwner,
  SlotFiller,
} from '../../../dist/shared/sharedarraybuffer-ring/index.js'
import { SlotWord } from '../../../dist/shared/sharedarraybuffer-ring/layout.js'
import { spyOnAtomics } from '../../fixtures/atomics-spy.js'
import { keepAlive } from '../../fixtures/keep-alive.js'

const LENGTH = 4096

/** A ring with all slots FILLING, a waiter on it that ends with the test, and a log of calls. */
function setUp(t: Test, slotCount = 2) {
  const memory = RingMemory.create({ slotCount, slotBytes: LENGTH })
  const owner = new RingOwner(memory)
  const fillers = Array.from(
    { length: slotCount },
    (_, slot) => new SlotFiller(memory, slot, owner.assign(slot, slot, LENGTH)),
  )
  const waiter = new SlotWaiter(owner)
  t.teardown(() => waiter.close())
  const called: string[] = []
  return {
    memory,
    owner,
    waiter,
    called,
    /** A callback that writes its name into the log. */
    logs: (name: string) => () => void called.push(name),
    append: (slot: number, bytes: number) => fillers[slot]?.append(new Uint8Array(bytes)),
    want: (slot: number) => memory.words[memory.record(slot) + SlotWord.WANT],
  }
}

t.test('SlotWaiter.wait() says at once that the bytes are there', async t => {
  const { waiter, append, want, called, logs } = setUp(t)
  append(0, 100)
  t.equal(waiter.wait(0, 100, logs('100')), true)
  t.equal(waiter.wait(0, 1, logs('1')), true)
  t.equal(waiter.pending, 0)
  t.equal(want(0), 0, 'nothing was asked of the filler')
  append(0, 100)
  waiter.poll()
  t.strictSame(called, [], 'and nothing is called')
})

t.test('SlotWaiter calls when the watermark is reached, and once', async t => {
  const { waiter, append, want, called, logs } = setUp(t)
  t.equal(waiter.wait(0, 100, logs('a')), false)
  t.equal(want(0), 100)
  append(0, 99)
  waiter.poll()
  t.strictSame(called, [])
  t.equal(waiter.pending, 1)
  append(0, 1)
  waiter.poll()
  waiter.poll()
  t.strictSame(called, ['a'])
  t.strictSame([waiter.pending, want(0)], [0, 0])
})

t.test('SlotWaiter serves the least need first, equals in order of arrival', async t => {
  const { waiter, append, want, called, logs } = setUp(t)
  waiter.wait(0, 200, logs('200 first'))
  t.equal(want(0), 200)
  waiter.wait(0, 50, logs('50'))
  t.equal(want(0), 50, 'WANT is the least')
  waiter.wait(0, 200, logs('200 second'))
  waiter.wait(0, 300, logs('300'))
  waiter.wait(0, 100, logs('100'))
  t.equal(want(0), 50)
  append(0, 60)
  waiter.poll()
  t.strictSame(called, ['50'])
  t.equal(want(0), 100, 'WANT moves on to the next')
  append(0, 140)
  waiter.poll()
  t.strictSame(called, ['50', '100', '200 first', '200 second'])
  t.strictSame([waiter.pending, want(0)], [1, 300])
})

t.test('SlotWaiter is woken by the doorbell', async t => {
  keepAlive(t)
  const { waiter, append } = setUp(t)
  const steps = 50
  for (let step = 1; step <= steps; step++) {
    await new Promise<void>(resolve => {
      t.equal(waiter.wait(step % 2, step * 10, resolve), false)
      append(step % 2, 20)
    })
  }
  t.equal(waiter.pending, 0)
})

t.test('SlotWaiter.wait() refuses waits that would never end', async t => {
  const { waiter, owner, logs, append } = setUp(t)
  for (const bytes of [0, -1, 0.5, Number.NaN, Infinity, LENGTH + 1]) {
    t.throws(() => waiter.wait(0, bytes, logs('x')), { name: 'RangeError' }, `${bytes} bytes`)
  }
  for (const slot of [-1, 2, 0.5, Number.NaN]) {
    t.throws(() => waiter.wait(slot, 1, logs('x')), { name: 'RangeError' }, `slot ${slot}`)
  }
  append(0, 10)
  owner.abandon(0)
  owner.reclaim(0)
  t.throws(() => waiter.wait(0, 5, logs('x')), /Cannot wait for slot 0: it is free/)
  waiter.close()
  t.throws(() => waiter.wait(1, 5, logs('x')), /Cannot wait for slot 1: the waiter is closed/)
  t.equal(waiter.pending, 0)
})

t.test('SlotWaiter.cancel() takes back one callback on one slot', async t => {
  const { waiter, append, want, called, logs } = setUp(t)
  const a = logs('a')
  waiter.wait(0, 10, a)
  waiter.wait(0, 30, a)
  waiter.wait(0, 20, logs('b'))
  waiter.wait(1, 10, a)
  waiter.cancel(0, a)
  t.strictSame([waiter.pending, want(0), want(1)], [2, 20, 10])
  waiter.cancel(0, a)
  waiter.cancel(0, () => {})
  t.equal(waiter.pending, 2, 'what is not there is not taken')
  append(0, 50)
  append(1, 50)
  waiter.poll()
  t.strictSame(called.sort(), ['a', 'b'])
  waiter.cancel(1, a)
  t.equal(waiter.pending, 0)
})

t.test('SlotWaiter.drop() gives back a slot’s callbacks without calling them', async t => {
  const { waiter, append, want, called, logs } = setUp(t)
  const [a, b, c] = [logs('a'), logs('b'), logs('c')]
  waiter.wait(0, 30, c)
  waiter.wait(0, 10, a)
  waiter.wait(0, 20, b)
  waiter.wait(1, 10, logs('other'))
  t.strictSame(waiter.drop(0), [a, b, c], 'least need first')
  t.strictSame([waiter.pending, want(0)], [1, 0])
  t.strictSame(waiter.drop(0), [])
  append(0, 100)
  append(1, 100)
  waiter.poll()
  t.strictSame(called, ['other'])
})

t.test('waits outlive a failed filler and its successor', async t => {
  const { memory, owner, waiter, append, called, logs } = setUp(t)
  append(0, 10)
  waiter.wait(0, 20, logs('a'))
  owner.abandon(0)
  const next = new SlotFiller(memory, 0, owner.resume(0))
  t.equal(next.want, 20)
  next.append(new Uint8Array(10))
  waiter.poll()
  t.strictSame(called, ['a'])
})

t.test('callbacks may wait, cancel, drop, poll and close', async t => {
  const { waiter, append, want, called, logs } = setUp(t, 4)
  const never = logs('never')
  waiter.wait(0, 10, () => {
    called.push('first')
    waiter.cancel(0, never)
    t.equal(waiter.wait(0, 15, never), true, 'already there')
    t.equal(waiter.wait(0, 60, logs('again')), false)
    waiter.wait(1, 5, logs('elsewhere'))
    waiter.poll()
  })
  waiter.wait(0, 20, never)
  append(0, 50)
  waiter.poll()
  t.strictSame(called, ['first'])
  t.strictSame([waiter.pending, want(0), want(1)], [2, 60, 5])
  append(0, 10)
  append(1, 5)
  waiter.poll()
  t.strictSame(called, ['first', 'again', 'elsewhere'])

  called.length = 0
  waiter.wait(2, 10, () => {
    called.push('dropper')
    t.strictSame(waiter.drop(2), [never])
    waiter.wait(2, 40, logs('anew'))
  })
  waiter.wait(2, 20, never)
  append(2, 30)
  waiter.poll()
  t.strictSame([waiter.pending, want(2)], [1, 40], 'the new wait was not forgotten')
  append(2, 10)
  waiter.poll()
  t.strictSame(called, ['dropper', 'anew'])

  called.length = 0
  waiter.wait(3, 10, () => {
    called.push('closer')
    waiter.close()
  })
  waiter.wait(3, 20, never)
  waiter.wait(1, 10, never)
  append(1, 50)
  append(3, 50)
  waiter.drop(1)
  waiter.poll()
  t.strictSame(called, ['closer'])
  t.strictSame([waiter.pending, want(3)], [0, 0])
})

t.test('a callback that throws costs no other waiter its call', async t => {
  const { waiter, append, called, logs } = setUp(t)
  const uncaught: unknown[] = []
  const real = globalThis.queueMicrotask
  t.teardown(() => {
    globalThis.queueMicrotask = real
  })
  // Takes the place of the process-wide handler, which belongs to the test runner.
  globalThis.queueMicrotask = callback => {
    try {
      callback()
    } catch (error) {
      uncaught.push(error)
    }
  }
  const error = new Error('a waiter’s own')
  waiter.wait(0, 10, () => {
    throw error
  })
  waiter.wait(0, 10, logs('next'))
  waiter.wait(1, 10, logs('other slot'))
  append(0, 10)
  append(1, 10)
  waiter.poll()
  t.strictSame(called, ['next', 'other slot'])
  t.strictSame(uncaught, [error])
})

t.test('no wake-up is lost, wherever bytes come between two steps of a call', async t => {
  keepAlive(t)
  // Plays the filler: one append before the i-th Atomics call of a step and another before the j-th.
  let hook = () => {}
  spyOnAtomics(t, () => hook())
  /** Needs of those who wait before the step, and the step; its own callback is named 'new'. */
  const cases = {
    'first wait': { needs: [], step: (w: SlotWaiter, cb: () => void) => w.wait(0, 20, cb) },
    'wait for less': { needs: [30], step: (w: SlotWaiter, cb: () => void) => w.wait(0, 20, cb) },
    'wait for more': { needs: [20], step: (w: SlotWaiter, cb: () => void) => w.wait(0, 30, cb) },
    'cancel the least': {
      needs: [20, 30],
      step: (w: SlotWaiter, _: () => void, least: () => void) => w.cancel(0, least),
    },
    'poll that serves': {
      needs: [20, 30],
      // The first append of all: its ring is what the listener's poll answers.
      step: (w: SlotWaiter) => w.poll(),
      before: 20,
    },
  }
  const MOST_CALLS = 20
  let runs = 0
  for (const [name, { needs, step, ...rest }] of Object.entries(cases)) {
    for (const [first, second] of [
      [22, 3],
      [22, 10],
      [15, 10],
      [35, 1],
    ] as const) {
      for (let i = 0; i < MOST_CALLS; i++) {
        for (let j = i; j < MOST_CALLS; j++) {
          const memory = RingMemory.create({ slotCount: 1, slotBytes: LENGTH })
          const owner = new RingOwner(memory)
          const filler = new SlotFiller(memory, 0, owner.assign(0, 0, LENGTH))
          using waiter = new SlotWaiter(owner)
          const done: string[] = []
          const callbacks = needs.map(need => () => void done.push(`${need}`))
          needs.forEach((need, k) => {
            waiter.wait(0, need, callbacks[k] as () => void)
          })
          // Bytes without a ring: as if it had just been heard, and this step were its poll.
          if ('before' in rest) {
            owner.want(0, 0)
            filler.append(new Uint8Array(rest.before))
            owner.want(0, needs[0] ?? 0)
          }
          let count = 0
          hook = () => {
            if (count === i) filler.append(new Uint8Array(first))
            if (count === j) filler.append(new Uint8Array(second))
            count++
          }
          if (step(waiter, () => void done.push('new'), callbacks[0] as () => void) === true) {
            done.push('new')
          }
          hook = () => {}
          if (count > MOST_CALLS) t.fail(`${name} makes ${count} calls`)
          runs++
          const fill = filler.fill
          const due = needs.filter(need => need <= fill).map(String)
          if (name === 'cancel the least') due.shift()
          if (name.endsWith('wait') || name.endsWith('less')) due.push('new')
          if (name === 'wait for more' && fill >= 30) due.push('new')
          // Only the doorbell's event and queued polls may bring them, which takes a turn or two;
          // the listener's own poll is a second away.
          const missing = () => due.filter(what => !done.includes(what) && fill >= 20)
          for (let turn = 0; turn < 200 && missing().length > 0; turn++) await nextTurn()
          if (missing().length > 0) t.fail(`${name}: ${missing()} at ${fill}, steps ${i} and ${j}`)
          if (new Set(done).size !== done.length) t.fail(`${name}: called twice, ${done}`)
        }
      }
    }
  }
  t.ok(runs > 4000, `${runs} interleavings`)
})

t.test('SlotWaiter is as the model says after any sequence of calls', async t => {
  const operation = fc.record({
    do: fc.constantFrom('wait', 'wait', 'append', 'append', 'cancel', 'drop', 'poll'),
    slot: fc.nat(2),
    size: fc.integer({ min: 1, max: 300 }),
  })
  const outcome = fc.check(
    fc.property(fc.array(operation, { minLength: 10, maxLength: 120 }), ops => {
      const memory = RingMemory.create({ slotCount: 3, slotBytes: LENGTH })
      const owner = new RingOwner(memory)
      const fillers = [0, 1, 2].map(s => new SlotFiller(memory, s, owner.assign(s, s, LENGTH)))
      using waiter = new SlotWaiter(owner)
      const model: { slot: number; bytes: number; callback: () => void }[] = []
      let called: (() => void)[] = []
      for (const { do: verb, slot, size } of ops) {
        const fill = memory.fill(slot)
        if (verb === 'wait') {
          const bytes = Math.min(LENGTH, fill + size - 20)
          if (bytes < 1) continue
          const callback = () => void called.push(callback)
          const there = waiter.wait(slot, bytes, callback)
          if (there !== fill >= bytes) return false
          if (!there) model.push({ slot, bytes, callback })
        } else if (verb === 'append') {
          fillers[slot]?.append(new Uint8Array(Math.min(size, LENGTH - fill)))
        } else if (verb === 'cancel') {
          const at = model.findIndex(wait => wait.slot === slot)
          if (at >= 0) waiter.cancel(slot, model.splice(at, 1)[0]?.callback as () => void)
        } else if (verb === 'drop') {
          const gone = model.filter(wait => wait.slot === slot).sort((a, b) => a.bytes - b.bytes)
          const dropped = waiter.drop(slot)
          if (
            !same(
              dropped,
              gone.map(wait => wait.callback),
            )
          )
            return false
          for (const wait of gone) model.splice(model.indexOf(wait), 1)
        } else {
          called = []
          waiter.poll()
          const due = model.filter(wait => wait.bytes <= memory.fill(wait.slot))
          for (const wait of due) model.splice(model.indexOf(wait), 1)
          for (const s of [0, 1, 2]) {
            const mine = due.filter(wait => wait.slot === s).sort((a, b) => a.bytes - b.bytes)
            const callbacks = mine.map(wait => wait.callback)
            if (
              !same(
                called.filter(c => callbacks.includes(c)),
                callbacks,
              )
            )
              return false
          }
          if (called.length !== due.length) return false
          for (const s of [0, 1, 2]) {
            const needs = model.filter(wait => wait.slot === s).map(wait => wait.bytes)
            const least = needs.length === 0 ? 0 : Math.min(...needs)
            if (memory.words[memory.record(s) + SlotWord.WANT] !== least) return false
          }
        }
        if (waiter.pending !== model.length) return false
      }
      return true
    }),
    { numRuns: 300, seed: 99 },
  )
  t.equal(outcome.failed, false, fc.defaultReportMessage(outcome) ?? 'as the model')
})

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}
