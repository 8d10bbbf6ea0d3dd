// What the protocol costs for one read: the request taken from the wire, and the heads of its
// replies made. Run with `node .bench/micro-codec.js`; ends within 10 seconds.

import { Bench } from 'tinybench'
import { ChunkQueue } from '../dist/main/nbd/chunk-queue.js'
import {
  encodeNone,
  encodeOffsetData,
  encodeOffsetHole,
  encodeSimpleReply,
} from '../dist/main/nbd/reply-codec.js'
import { Transmission } from '../dist/main/nbd/transmission.js'

const KiB = 1024
const GiB = 1024 ** 3
/** Requests that arrive together: as many as nbdcopy has in flight. */
const BATCH = 64
const READ = 0
const MAGIC = 0x25609513

/** A batch of reads as one piece of the wire. */
function reads(length: number): Buffer {
  const bytes = Buffer.alloc(28 * BATCH)
  for (let i = 0; i < BATCH; i++) {
    bytes.writeUInt32BE(MAGIC, 28 * i)
    bytes.writeUInt16BE(READ, 28 * i + 6)
    bytes.writeBigUInt64BE(BigInt(i), 28 * i + 8)
    bytes.writeBigUInt64BE(BigInt(i * length), 28 * i + 16)
    bytes.writeUInt32BE(length, 28 * i + 24)
  }
  return bytes
}

const queue = new ChunkQueue()
const transmission = new Transmission(queue, {
  size: 64 * GiB,
  blockSizes: { minimum: 1, preferred: 4096, maximum: 32 * 1024 * KiB },
  structuredReplies: true,
  contexts: false,
})

/** Takes all requests from the queue. @throws Error if there are not as many as were sent */
function take(): void {
  for (let i = 0; i < BATCH; i++) {
    if (transmission.next()?.type !== 'read') throw new Error('Cannot measure: a read was refused')
  }
}

const whole = reads(256 * KiB)
const pieces = Array.from({ length: Math.ceil(whole.length / 100) }, (_, i) =>
  whole.subarray(i * 100, (i + 1) * 100),
)
const bench = new Bench({ time: 500, warmupTime: 100 })
bench.add('requests, in one piece', () => {
  queue.push(whole)
  take()
})
bench.add('requests, in pieces of 100 bytes', () => {
  for (const piece of pieces) queue.push(piece)
  take()
})
bench.add('OFFSET_DATA heads', () => {
  for (let i = 0; i < BATCH; i++) encodeOffsetData(1n, i * 256 * KiB, 256 * KiB, true)
})
bench.add('OFFSET_HOLE chunks', () => {
  for (let i = 0; i < BATCH; i++) encodeOffsetHole(1n, i * 256 * KiB, 256 * KiB, true)
})
bench.add('NONE chunks', () => {
  for (let i = 0; i < BATCH; i++) encodeNone(1n)
})
bench.add('simple replies', () => {
  for (let i = 0; i < BATCH; i++) encodeSimpleReply(1n, 0)
})
await bench.run()
console.table(
  bench.tasks.map(({ name, result }) => ({
    case: name,
    'ns each':
      'latency' in result ? Math.round((result.latency.p50 * 1e6) / BATCH).toString() : '-',
  })),
)
