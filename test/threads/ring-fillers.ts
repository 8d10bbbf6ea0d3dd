// The ring between real threads: fillers write patterns in random pieces while this thread reads
// right behind the watermark. Every byte is checked against the block, the place and the epoch it
// must come from, over thousands of uses of a few slots.

import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import {
  BellListener,
  RingMemory,
  RingOwner,
  SlotState,
} from '../../dist/shared/sharedarraybuffer-ring/index.js'
import { RingWord } from '../../dist/shared/sharedarraybuffer-ring/layout.js'
import { expectPattern, seededRandom } from '../fixtures/ring-pattern.mjs'

/** No wait for a filler at work is this long, unless its wake-up was lost. */
const LOST_MS = 15_000
/** The doorbell's poll must not make up for a lost wake-up. */
const NEVER_MS = 3_600_000

/** Starts a filler thread that ends with the test; see fixtures/ring-filler.mjs. */
async function startFiller(t: Test, memory: RingMemory, seed: number): Promise<Worker> {
  const worker = new Worker(new URL('../fixtures/ring-filler.mjs', import.meta.url), {
    workerData: { ring: memory.buffer, seed },
    execArgv: [],
  })
  t.teardown(() => worker.terminate())
  await once(worker, 'message')
  return worker
}

/** The next message of a filler. */
async function answer(worker: Worker): Promise<string> {
  const [message] = (await once(worker, 'message')) as [{ answer: string }]
  return message.answer
}

t.test('rule 2: a reader behind the watermark never sees a byte too early', async t => {
  const slotBytes = 65_536
  const memory = RingMemory.create({ slotCount: 4, slotBytes })
  const owner = new RingOwner(memory)
  const random = seededRandom(2)
  // Both at least: how often a slot is caught half full is the scheduler's business.
  const enough = { generations: 1200, partial: 400 }
  let started = 0
  let whole = 0
  let partial = 0
  const fillers = await Promise.all([startFiller(t, memory, 11), startFiller(t, memory, 12)])

  let failure: unknown
  for (const worker of fillers) {
    worker.on('error', error => {
      failure = error
    })
  }
  const start = (slot: number) => {
    const block = started++
    // Every fourth length is odd; pieces up to 64 KiB take long enough to copy to be caught at it.
    const length = block % 4 === 0 ? 1 + Math.floor(random() * slotBytes) : slotBytes
    const epoch = owner.assign(slot, block, length)
    owner.pin(slot)
    const maxPiece = [30_000, 3000, 16_384, 65_536][block % 4]
    fillers[slot % 2]?.postMessage({ do: 'fill', slot, epoch, block, maxPiece, maxSpin: 4000 })
    return { slot, block, length, epoch, read: 0 }
  }
  type Use = ReturnType<typeof start>
  /** Reads what has become valid, the newest byte first. */
  const follow = (use: Use) => {
    const fill = memory.fill(use.slot)
    if (fill === use.read) return
    if (fill < use.read || fill > use.length) throw new Error(`fill went ${use.read} to ${fill}`)
    expectPattern(memory.view(use.slot, use.read, fill), use.block, use.read, use.epoch)
    use.read = fill
    if (fill < use.length) partial++
  }
  /** Takes back a slot that was READY and hands it out again. */
  const next = (use: Use) => {
    follow(use)
    if (use.read !== use.length) throw new Error(`slot ${use.slot}: READY at ${use.read}`)
    // What was valid stays as it was until the slot is reclaimed: looked at now and then.
    if (use.block % 8 === 0) {
      expectPattern(memory.view(use.slot, 0, use.length), use.block, 0, use.epoch)
    }
    owner.unpin(use.slot)
    owner.reclaim(use.slot)
    whole++
    const more = started < enough.generations || partial < enough.partial
    return more ? start(use.slot) : undefined
  }

  let uses = [0, 1, 2, 3].map(start)
  for (let round = 0; uses.length > 0; round++) {
    uses = uses.flatMap(use => {
      // The state is loaded first: READY means that every byte is there.
      if (memory.isReady(use.slot)) return next(use) ?? []
      follow(use)
      return use
    })
    // The fillers' messages are only drained: the words alone tell how far they are.
    if (round % 1000 === 0) await nextTurn()
    if (failure !== undefined) throw failure
  }
  t.equal(whole, started)
  t.ok(whole >= enough.generations, `${whole} uses of the slots`)
  t.ok(partial >= enough.partial, `${partial} looks at slots that were being filled`)
  t.equal(owner.pinned, 0)
  for (let slot = 0; slot < 4; slot++) t.equal(memory.state(slot), SlotState.FREE)
})

t.test('no wake-up is lost between wants and doorbells', async t => {
  // One filler and one slot: no other's ring can make up for one that was lost.
  const slotBytes = 4096
  const memory = RingMemory.create({ slotCount: 1, slotBytes })
  const owner = new RingOwner(memory)
  const random = seededRandom(3)
  const worker = await startFiller(t, memory, 13)
  let waits = 0
  let wanted = 0
  let read = 0
  let block = 0
  let epoch = 0
  let reached = () => {}
  const onRing = () => {
    if (memory.fill(0) >= wanted) reached()
  }
  const listener = new BellListener(memory, 'doorbell', onRing, NEVER_MS)
  t.teardown(() => listener.close())
  /** Until the doorbell has told of `wanted`; rejects if it stays silent though the bytes are there. */
  const rung = () =>
    new Promise<void>((resolve, reject) => {
      const watch = setInterval(() => {
        if (memory.fill(0) < wanted) return
        clearInterval(watch)
        reject(new Error('a wake-up was lost'))
      }, LOST_MS)
      reached = () => {
        clearInterval(watch)
        resolve()
      }
    })

  const readAll = async () => {
    while (read < slotBytes) {
      wanted = Math.min(slotBytes, read + 1 + Math.floor(random() * 600))
      owner.want(0, wanted)
      if (memory.fill(0) < wanted) {
        waits++
        await rung()
      }
      const fill = memory.fill(0)
      expectPattern(memory.view(0, read, fill), block, read, epoch)
      read = fill
    }
  }
  // Both at least: how often the fill is there before the want is the scheduler's business.
  for (block = 0; block < 800 || waits < 3000; block++) {
    read = 0
    epoch = owner.assign(0, block, slotBytes)
    worker.postMessage({ do: 'fill', slot: 0, epoch, block, maxPiece: 64, maxSpin: 400 })
    const done = once(worker, 'message')
    await readAll()
    await done
    owner.reclaim(0)
  }
  t.ok(waits >= 3000, `waited for ${waits} doorbells in ${block} uses`)
})

t.test('a cancelled filler lets go, and its bytes stay', async t => {
  const memory = RingMemory.create({ slotCount: 2, slotBytes: 4096 })
  const owner = new RingOwner(memory)
  const worker = await startFiller(t, memory, 14)
  for (let round = 0; round < 20; round++) {
    const epoch = owner.assign(0, round, 4096)
    worker.postMessage({ do: 'hold', slot: 0, epoch, block: round })
    t.equal(await answer(worker), 'half')
    owner.cancel(0)
    owner.ringCancelBell()
    t.equal(await answer(worker), 'failed')
    t.equal(memory.state(0), SlotState.FAILED)
    expectPattern(memory.view(0, 0, 2048), round, 0, epoch)
    const next = owner.resume(0)
    worker.postMessage({
      do: 'fill',
      slot: 0,
      epoch: next,
      block: round,
      maxPiece: 500,
      maxSpin: 0,
    })
    t.equal(await answer(worker), 'done')
    expectPattern(memory.view(0, 0, 2048), round, 0, epoch)
    expectPattern(memory.view(0, 2048, 4096), round, 2048, next)
    owner.reclaim(0)
  }
})

t.test(
  'rule 6: a slot whose thread died is abandoned and filled to its end by another',
  async t => {
    const memory = RingMemory.create({ slotCount: 2, slotBytes: 65_536 })
    const owner = new RingOwner(memory)
    const living = await startFiller(t, memory, 15)

    const finish = async (block: number, died: number) => {
      t.equal(memory.state(0), SlotState.FILLING, 'the dead did not let go')
      t.throws(() => owner.reclaim(0), /a filler still holds it/)
      owner.abandon(0)
      t.equal(memory.state(0), SlotState.FAILED)
      const valid = memory.fill(0)
      expectPattern(memory.view(0, 0, valid), block, 0, died)
      const epoch = owner.resume(0)
      living.postMessage({ do: 'fill', slot: 0, epoch, block, maxPiece: 9000, maxSpin: 0 })
      t.equal(await answer(living), 'done')
      t.equal(memory.isReady(0), true)
      expectPattern(memory.view(0, 0, valid), block, 0, died)
      expectPattern(memory.view(0, valid, 65_536), block, valid, epoch)
      owner.reclaim(0)
      return valid
    }

    const leaver = await startFiller(t, memory, 16)
    let epoch = owner.assign(0, 1, 65_536)
    leaver.postMessage({ do: 'die', slot: 0, epoch, block: 1 })
    t.strictSame(await once(leaver, 'exit'), [3])
    t.equal(await finish(1, epoch), 32_768)

    const victim = await startFiller(t, memory, 17)
    epoch = owner.assign(0, 2, 65_536)
    victim.postMessage({ do: 'endless', slot: 0, epoch, block: 2 })
    // Ended from outside, somewhere in an append.
    while (memory.fill(0) < 500) Atomics.wait(memory.words, RingWord.MAGIC, memory.words[0] ?? 0, 1)
    await victim.terminate()
    t.ok((await finish(2, epoch)) >= 500)
  },
)
