// How fast a response body gets into a ring slot: what alignment costs when the target is shared
// memory, and what gathering the body in a private staging buffer first makes of it. Prints GB/s
// of body bytes; copying speed only, no HTTP.

import { Bench } from 'tinybench'
import { RingMemory, RingOwner, SlotFiller } from '../dist/shared/sharedarraybuffer-ring/index.js'
import { SlotWriter, StagingPool } from '../dist/workers/slot-writer.js'

const SLOT_BYTES = 256 * 1024
const SLOTS = 4
const BODY = SLOT_BYTES * SLOTS
const KIB = 1024

const memory = RingMemory.create({ slotCount: SLOTS, slotBytes: SLOT_BYTES })
const owner = new RingOwner(memory)
const slots = Array.from({ length: SLOTS }, (_, slot) => slot)
const pool = new StagingPool()

/** A body as sockets deliver it: pieces of one size that begin `shift` bytes off alignment. */
function pieces(size: number, shift: number): Uint8Array[] {
  const list: Uint8Array[] = []
  for (let at = 0; at < BODY; at += size) {
    const backing = new Uint8Array(size + 8).fill(at / size)
    list.push(backing.subarray(shift, shift + Math.min(size, BODY - at)))
  }
  return list
}

function assign(): number[] {
  return slots.map(slot => owner.assign(slot, slot, SLOT_BYTES))
}

function reclaim(): void {
  for (const slot of slots) owner.reclaim(slot)
}

/** Each piece straight into its slot. */
function direct(body: readonly Uint8Array[]): void {
  const epochs = assign()
  let slot = 0
  let filler = new SlotFiller(memory, slot, epochs[slot] as number)
  for (const piece of body) {
    let rest = piece
    while (rest.length > 0) {
      const part = rest.subarray(0, filler.room)
      filler.append(part)
      rest = rest.subarray(part.length)
      if (filler.room > 0) continue
      filler.complete()
      slot++
      if (slot < SLOTS) filler = new SlotFiller(memory, slot, epochs[slot] as number)
    }
  }
  reclaim()
}

/** Through the staging buffer, as workers do it. */
function staged(body: readonly Uint8Array[]): void {
  const writer = new SlotWriter(memory, slots, assign(), BODY)
  writer.begin(pool.take())
  for (const piece of body) writer.write(piece)
  const staging = writer.letGo()
  if (staging !== undefined) pool.give(staging)
  reclaim()
}

const bench = new Bench({ time: 300, warmupTime: 100 })
for (const size of [64 * KIB, 16 * KIB]) {
  const aligned = pieces(size, 0)
  const shifted = pieces(size, 5)
  // One piece cut short, as the first of a body is by its header: all that follow are shifted.
  const behindHeader = [aligned[0]?.subarray(0, size - 311) as Uint8Array, ...pieces(size, 0)]
  behindHeader[behindHeader.length - 1] = behindHeader.at(-1)?.subarray(0, 311) as Uint8Array
  const name = `${size / KIB} KiB pieces`
  bench.add(`${name}, aligned, direct`, () => direct(aligned))
  bench.add(`${name}, unaligned, direct`, () => direct(shifted))
  bench.add(`${name}, behind a header, direct`, () => direct(behindHeader))
  bench.add(`${name}, aligned, staged`, () => staged(aligned))
  bench.add(`${name}, unaligned, staged`, () => staged(shifted))
  bench.add(`${name}, behind a header, staged`, () => staged(behindHeader))
}
await bench.run()
console.table(
  bench.tasks.map(task => {
    const result = task.result
    if (!('latency' in result)) return { case: task.name, 'GB/s': '-' }
    return { case: task.name, 'GB/s': (BODY / result.latency.p50 / 1e6).toFixed(2) }
  }),
)
