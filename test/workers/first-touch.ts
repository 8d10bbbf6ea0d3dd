// The memory under slots is there before their bytes come, and what is in them stays as it is.

import t from 'tap'
import { RingMemory, RingOwner } from '../../dist/shared/sharedarraybuffer-ring/index.js'
import { FirstTouch } from '../../dist/workers/first-touch.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
const SLOTS = 64
/** What this process may take or give back meanwhile for reasons of its own. */
const NOISE = 12 * MIB

/** Rings of earlier tests: one that were collected would take its memory out of the sums of the next. */
const rings: RingMemory[] = []
function kept(memory: RingMemory): RingMemory {
  rings.push(memory)
  return memory
}

/** A ring of 64 MiB of which no slot was used, all of them to be filled with so many bytes. */
function ring(slotCount: number, length: number): RingMemory {
  const memory = RingMemory.create({ slotCount, slotBytes: (SLOTS * MIB) / slotCount })
  const owner = new RingOwner(memory)
  for (let slot = 0; slot < slotCount; slot++) owner.assign(slot, slot, length)
  return kept(memory)
}

const resident = () => process.memoryUsage.rss()
const all = Array.from({ length: SLOTS }, (_, slot) => slot)

t.test('slots of a request have memory before it is answered', async t => {
  const memory = ring(SLOTS, MIB)
  const touch = new FirstTouch(memory)
  t.teardown(() => touch.close())
  const before = resident()
  touch.add(all.slice(0, SLOTS / 2))
  touch.add(all)
  await until(() => resident() - before > SLOTS * MIB - NOISE)
  t.ok(memory.data.every(byte => byte === 0))
})

t.test('slots that no request was sent for yet have memory, too: all of it', async t => {
  const memory = kept(RingMemory.create({ slotCount: SLOTS, slotBytes: MIB }))
  const touch = new FirstTouch(memory)
  t.teardown(() => touch.close())
  const before = resident()
  touch.add(all)
  await until(() => resident() - before > SLOTS * MIB - NOISE)
  t.ok(memory.data.every(byte => byte === 0))
})

t.test('while bytes come it goes on beside them, if the thread has time', async t => {
  const touch = new FirstTouch(ring(SLOTS, MIB))
  t.teardown(() => touch.close())
  const before = resident()
  touch.add(all)
  const coming = setInterval(() => touch.arrived(), 1)
  t.teardown(() => clearInterval(coming))
  await until(() => resident() - before > SLOTS * MIB - NOISE)
})

t.test('it waits while the thread has none', async t => {
  const touch = new FirstTouch(ring(SLOTS, MIB))
  t.teardown(() => touch.close())
  const before = resident()
  touch.add(all)
  for (let turn = 0; turn < 50; turn++) {
    touch.arrived()
    const untilMs = performance.now() + 5
    while (performance.now() < untilMs) {}
    await new Promise(setImmediate)
  }
  const taken = resident() - before
  t.ok(taken < NOISE, `${taken} bytes`)
  await until(() => resident() - before > SLOTS * MIB - NOISE)
})

t.test('no more than their bytes, and none once it is closed', async t => {
  const short = new FirstTouch(ring(1, 4096))
  t.teardown(() => short.close())
  const closed = new FirstTouch(ring(SLOTS, MIB))
  const before = resident()
  short.add([0])
  closed.add(all)
  closed.close()
  for (let turn = 0; turn < 1000; turn++) await new Promise(setImmediate)
  const taken = resident() - before
  t.ok(taken < NOISE, `${taken} bytes`)
})
