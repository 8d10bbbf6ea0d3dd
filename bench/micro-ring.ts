// What the ring costs: copying into it by alignment, one append, and a doorbell's round trip between
// two threads against a message port's. Run with `node .bench/micro-ring.js`; ends within 20 seconds.

import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Bench } from 'tinybench'
import {
  BellListener,
  RingMemory,
  RingOwner,
  ringDoorbell,
  SlotFiller,
} from '../dist/shared/sharedarraybuffer-ring/index.js'
import { RingWord } from '../dist/shared/sharedarraybuffer-ring/layout.js'

const PIECE = 64 * 1024
const SLOT_BYTES = 1024 * 1024
const SLOTS = 64
const ROUND_TRIPS = 20_000

/** Starts a filling anew in the next slot once the last one is full: a ring as it is used. */
class RoundRobin {
  readonly #owner: RingOwner
  #slot = 0
  #filler: SlotFiller

  constructor(memory: RingMemory) {
    this.#owner = new RingOwner(memory)
    this.#filler = this.#hand()
  }

  /** A filler with room for `bytes`. */
  next(bytes: number): SlotFiller {
    if (this.#filler.room < bytes) {
      this.#filler.fail()
      this.#owner.reclaim(this.#slot)
      this.#slot = (this.#slot + 1) % SLOTS
      this.#filler = this.#hand()
    }
    return this.#filler
  }

  #hand(): SlotFiller {
    const epoch = this.#owner.assign(this.#slot, 0, SLOT_BYTES)
    return new SlotFiller(this.#owner.memory, this.#slot, epoch)
  }
}

/** A table of copies: GB/s of 64 KiB pieces, nanoseconds of the smallest append. */
async function benchCopies(): Promise<Record<string, unknown>[]> {
  const ring = new RoundRobin(RingMemory.create({ slotCount: SLOTS, slotBytes: SLOT_BYTES }))
  // Bodies come in buffers of their own; 64 of them keep the caches as cold as they are in use.
  const source = new Uint8Array(64 * (PIECE + 4096)).fill(7)
  const staging = new Uint8Array(PIECE)
  let turn = 0
  const piece = (shift: number) => {
    const at = (turn++ % 64) * (PIECE + 4096) + shift
    return source.subarray(at, at + PIECE)
  }
  const one = source.subarray(0, 1)
  const small = source.subarray(0, 8)

  const bench = new Bench({ time: 1000, warmupTime: 200 })
  bench.add('copy 64 KiB, aligned', () => ring.next(PIECE).append(piece(0)))
  bench.add('copy 64 KiB, unaligned', () => ring.next(PIECE).append(piece(3)))
  bench.add('copy 64 KiB, unaligned, by staging', () => {
    staging.set(piece(3))
    ring.next(PIECE).append(staging)
  })
  bench.add('append + publish, 8 bytes', () => ring.next(8).append(small))
  bench.add('append + publish, 1 byte', () => ring.next(1).append(one))
  await bench.run()
  return bench.tasks.map(task => {
    const { result } = task
    if (!('latency' in result)) throw new Error(`Cannot measure '${task.name}': ${result.state}`)
    const seconds = result.latency.p50 / 1000
    const isCopy = task.name.startsWith('copy')
    return {
      what: task.name,
      'p50 µs': (seconds * 1e6).toFixed(2),
      'p99 µs': (result.latency.p99 * 1000).toFixed(2),
      'GB/s': isCopy ? (PIECE / seconds / 1e9).toFixed(2) : '',
    }
  })
}

/** Round trips main thread → worker → main thread, both event loops asleep in between. */
async function benchRoundTrips(way: 'doorbell' | 'message port'): Promise<Record<string, unknown>> {
  const memory = RingMemory.create({ slotCount: 1, slotBytes: 4096 })
  const owner = new RingOwner(memory)
  const worker = new Worker(fileURLToPath(import.meta.url), {
    workerData: { ring: memory.buffer, way },
  })
  await new Promise(resolve => worker.once('message', resolve))
  const times: number[] = []
  await new Promise<void>(resolve => {
    let start = performance.now()
    const send = () => {
      start = performance.now()
      if (way === 'doorbell') owner.ringCancelBell()
      else worker.postMessage(0)
    }
    const back = () => {
      times.push(performance.now() - start)
      if (times.length < ROUND_TRIPS) send()
      else resolve()
    }
    if (way === 'doorbell') {
      // Counts rings, so that a call of the poll is not taken for one.
      let seen = 0
      const listener = new BellListener(memory, 'doorbell', () => {
        const count = Atomics.load(memory.words, RingWord.DOORBELL)
        if (count === seen) return
        seen = count
        if (times.length === ROUND_TRIPS - 1) listener.close()
        back()
      })
    } else {
      worker.on('message', back)
    }
    send()
  })
  await worker.terminate()
  times.sort((a, b) => a - b)
  const at = (share: number) => ((times[Math.floor(times.length * share)] ?? 0) * 1000).toFixed(1)
  return { what: `round trip by ${way}`, 'p50 µs': at(0.5), 'p99 µs': at(0.99) }
}

function answerRoundTrips(way: 'doorbell' | 'message port', ring: SharedArrayBuffer): void {
  const memory = RingMemory.attach(ring)
  if (way === 'doorbell') {
    new BellListener(memory, 'cancel', () => ringDoorbell(memory))
    // A pending wait keeps no thread alive.
    setInterval(() => {}, 60_000)
  } else {
    parentPort?.on('message', message => parentPort?.postMessage(message))
  }
  parentPort?.postMessage('up')
}

if (isMainThread) {
  const rows = await benchCopies()
  // One after the other: side by side they would measure each other.
  rows.push(await benchRoundTrips('doorbell'), await benchRoundTrips('message port'))
  console.table(Object.fromEntries(rows.map(({ what, ...figures }) => [what, figures])))
} else {
  answerRoundTrips(workerData.way, workerData.ring)
}
