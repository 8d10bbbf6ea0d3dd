// RingMemory: a thread is given a buffer and slot numbers, and must not reach anything but a slot.

import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import {
  RingMemory,
  ringByteLength,
  SlotState,
} from '../../../dist/shared/sharedarraybuffer-ring/index.js'
import { RingWord } from '../../../dist/shared/sharedarraybuffer-ring/layout.js'

const geometry = { slotCount: 3, slotBytes: 8192 }

t.test('RingMemory.create() sets aside exactly the stated memory, all slots free', async t => {
  const memory = RingMemory.create(geometry)
  t.equal(memory.buffer.byteLength, ringByteLength(geometry))
  t.equal(memory.data.length, 3 * 8192)
  t.equal(memory.data.byteOffset % 4096, 0, 'slots start on a page')
  for (const slot of [0, 1, 2]) {
    t.equal(memory.state(slot), SlotState.FREE)
    t.equal(memory.isReady(slot), false)
    t.strictSame(
      [memory.fill(slot), memory.length(slot), memory.epoch(slot), memory.pins(slot)],
      [0, 0, 0, 0],
    )
  }
  t.throws(() => RingMemory.create({ slotCount: 0, slotBytes: 4096 }), RangeError)
})

t.test('RingMemory.attach() sees the same ring', async t => {
  const memory = RingMemory.create(geometry)
  const other = RingMemory.attach(memory.buffer)
  t.match(other, geometry)
  memory.data[8192] = 77
  t.equal(other.view(1, 0, 1)[0], 77)
})

t.test('RingMemory.attach() refuses buffers that hold no ring', async t => {
  const refused = (buffer: unknown, message: RegExp) =>
    t.throws(() => RingMemory.attach(buffer as SharedArrayBuffer), { name: 'TypeError', message })

  for (const bytes of [0, 3, 63, 64, 100, 4096, 1 << 20]) {
    refused(new SharedArrayBuffer(bytes), /does not hold one/)
  }
  const whole = RingMemory.create(geometry)
  const privateCopy = new Uint8Array(new Uint8Array(whole.buffer)).buffer
  refused(privateCopy, /not a SharedArrayBuffer/)
  refused(undefined, /not a SharedArrayBuffer/)
  refused({ byteLength: 4096 }, /not a SharedArrayBuffer/)

  const cut = new SharedArrayBuffer(whole.buffer.byteLength - 4096)
  new Uint8Array(cut).set(new Uint8Array(whole.buffer, 0, cut.byteLength))
  refused(cut, /do not match its geometry/)

  const damage = (word: number, value: number, message: RegExp) => {
    const memory = RingMemory.create(geometry)
    memory.words[word] = value
    refused(memory.buffer, message)
  }
  damage(RingWord.MAGIC, 0, /does not hold one/)
  damage(RingWord.VERSION, 2, /layout version 2, expected 1/)
  for (const value of [0, -1, 2, 4, 2 ** 30]) {
    damage(RingWord.SLOT_COUNT, value, /do not match its geometry/)
  }
  for (const value of [0, -4096, 4096, 8191, 2 ** 30]) {
    damage(RingWord.SLOT_BYTES, value, /do not match its geometry/)
  }
  damage(RingWord.DATA_OFFSET, 8192, /do not match its geometry/)
})

t.test('RingMemory.attach() accepts no header made of noise', async t => {
  const header = fc.array(fc.integer(), { minLength: 14, maxLength: 14 })
  const accepted = fc.check(
    fc.property(header, fc.integer({ min: 0, max: 4 }), (header, pages) => {
      const buffer = new SharedArrayBuffer(64 + pages * 4096)
      new Int32Array(buffer, 0, 16).set([0x53414252, 1, ...header])
      try {
        RingMemory.attach(buffer)
        return false
      } catch (error) {
        return error instanceof TypeError
      }
    }),
    { numRuns: 300, seed: 7 },
  )
  t.equal(accepted.failed, false, fc.defaultReportMessage(accepted) ?? 'refused')
})

t.test('RingMemory answers for no slot but its own', async t => {
  const memory = RingMemory.create(geometry)
  for (const slot of [-1, 3, 4, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 32, '1' as never]) {
    for (const ask of ['state', 'fill', 'length', 'epoch', 'block', 'pins', 'record'] as const) {
      t.throws(() => memory[ask](slot), { name: 'RangeError' }, `${ask}(${slot})`)
    }
    t.throws(() => memory.view(slot, 0, 1), { name: 'RangeError' })
  }
})

t.test('RingMemory.view() shows bytes of its slot only, without a copy', async t => {
  const memory = RingMemory.create(geometry)
  const view = memory.view(1, 10, 8192)
  t.equal(view.buffer, memory.buffer)
  t.equal(view.byteOffset, memory.data.byteOffset + 8192 + 10)
  t.equal(view.length, 8182)
  t.equal(memory.view(2, 8192, 8192).length, 0)
  const bad = [
    [0, 8193],
    [-1, 5],
    [5, 4],
    [0, Number.NaN],
    [0.5, 2],
    [0, 1.5],
    [8193, 8193],
  ] as const
  for (const [start, end] of bad) {
    t.throws(() => memory.view(1, start, end), { name: 'RangeError' }, `[${start}, ${end})`)
  }
})

t.test('RingMemory.touch() changes nothing, and reaches no other slot', async t => {
  const memory = RingMemory.create(geometry)
  for (let at = 0; at < memory.data.length; at++) memory.data[at] = at % 251
  const before = Buffer.from(memory.data)
  for (const slot of [0, 1, 2]) memory.touch(slot, 0, 8192)
  memory.touch(1, 4097, 4098)
  memory.touch(1, 8192, 8192)
  t.ok(before.equals(memory.data))
  for (const [slot, start, end] of [
    [3, 0, 1],
    [-1, 0, 1],
    [1, 0, 8193],
    [1, -1, 1],
    [1, 0, 0.5],
  ] as const) {
    t.throws(() => memory.touch(slot, start, end), { name: 'RangeError' })
  }
})

t.test('RingMemory.touch() undoes no write of another thread', async t => {
  const memory = RingMemory.create(geometry)
  const code = `
    const { workerData } = require('node:worker_threads')
    let undone = 0
    for (let round = 1; round <= 300000; round++) {
      workerData[0] = round
      if (workerData[0] !== round % 256) undone++
    }
    process.exit(undone === 0 ? 0 : 1)
  `
  const worker = new Worker(code, { eval: true, workerData: memory.data.subarray(8192, 16384) })
  let ended: number | undefined
  worker.once('exit', status => {
    ended = status
  })
  while (ended === undefined) {
    for (let turn = 0; turn < 1000; turn++) memory.touch(1, 0, 8192)
    await new Promise(setImmediate)
  }
  t.equal(ended, 0)
})
