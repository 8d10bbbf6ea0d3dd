import fc from 'fast-check'
import t from 'tap'
import {
  type Qcow2Layout,
  readL1Entries,
  readQcow2Header,
} from '../../../dist/main/prefetch/qcow2-layout.js'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

/** First 112 bytes of images of 40 GiB (the last one: 1 GiB), as qemu-img 7.2 made them. */
const REAL = {
  'version 2':
    '514649fb00000002000000000000000000000000000000100000000a000000000000000000000050' +
    '00000000000300000000000000010000000000010000000000000000000000000000000000000000' +
    '0000000000000000000000000000000000000000000000000000000000000000',
  'version 3':
    '514649fb00000003000000000000000000000000000000100000000a000000000000000000000050' +
    '00000000000300000000000000010000000000010000000000000000000000000000000000000000' +
    '0000000000000000000000000000000000000004000000700000000000000000',
  'extended L2 tables':
    '514649fb00000003000000000000000000000000000000110000000a000000000000000000000028' +
    '00000000000600000000000000020000000000010000000000000000000000000000000000000010' +
    '0000000000000000000000000000000000000004000000700000000000000000',
  'clusters of 2 MiB':
    '514649fb00000003000000000000000000000000000000150000000a000000000000000000000001' +
    '00000000006000000000000000200000000000010000000000000000000000000000000000000000' +
    '0000000000000000000000000000000000000004000000700000000000000000',
  'external data file':
    '514649fb000000030000000000000000000000000000001000000000400000000000000000000002' +
    '00000000000300000000000000010000000000010000000000000000000000000000000000000004' +
    '0000000000000000000000000000000200000004000000700000000000000000',
} as const

function header(name: keyof typeof REAL): Buffer {
  return Buffer.from(REAL[name], 'hex')
}

const LAYOUT: Qcow2Layout = {
  clusterBytes: 64 * KiB,
  virtualBytes: 40 * GiB,
  l1Offset: 192 * KiB,
  l1End: 192 * KiB + 640,
  sliceBytes: 64 * KiB,
  entryBytes: 8,
}

function entries(...values: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8)
  for (const [i, value] of values.entries()) bytes.writeBigUInt64BE(value, i * 8)
  return bytes
}

t.test('readQcow2Header() reads what qemu-img writes', async t => {
  t.strictSame(readQcow2Header(header('version 2'), 640 * KiB), LAYOUT)
  t.strictSame(readQcow2Header(header('version 3'), 640 * KiB), LAYOUT)
  t.strictSame(readQcow2Header(header('extended L2 tables'), 2 * MiB), {
    ...LAYOUT,
    clusterBytes: 128 * KiB,
    l1Offset: 384 * KiB,
    l1End: 384 * KiB + 320,
    entryBytes: 16,
  })
  t.strictSame(readQcow2Header(header('clusters of 2 MiB'), 16 * MiB), {
    ...LAYOUT,
    clusterBytes: 2 * MiB,
    l1Offset: 6 * MiB,
    l1End: 6 * MiB + 8,
  })
  t.match(readQcow2Header(header('external data file'), 384 * KiB), { l1Offset: 192 * KiB })
})

t.test('readQcow2Header() takes the start of a file alone, and no less than it needs', async t => {
  const image = Buffer.concat([header('version 3'), Buffer.alloc(1000)])
  t.strictSame(readQcow2Header(image, 640 * KiB), LAYOUT)
  t.strictSame(readQcow2Header(header('version 2').subarray(0, 72), 640 * KiB), LAYOUT)
  for (let length = 0; length < 80; length++) {
    t.equal(readQcow2Header(image.subarray(0, length), 640 * KiB), undefined)
  }
})

t.test('readQcow2Header() refuses what can not be meant', async t => {
  const cases: [string, number, bigint, number][] = [
    // what, where, value, bytes
    ['another magic', 0, 0x514649fcn, 4],
    ['version 1', 4, 1n, 4],
    ['version 4', 4, 4n, 4],
    ['clusters of 256 bytes', 20, 8n, 4],
    ['clusters of 4 MiB', 20, 22n, 4],
    ['a disk of no size', 24, 0n, 8],
    ['a disk of more than 2^53 bytes', 24, 2n ** 63n, 8],
    ['an L1 table without entries', 36, 0n, 4],
    ['an L1 table of 34 GB', 36, 0xffffffffn, 4],
    ['an L1 table longer than the file', 36, 0x10000n, 4],
    ['an L1 table in the header', 40, 0n, 8],
    ['an L1 table between clusters', 40, 0x30008n, 8],
    ['an L1 table behind the end', 40, 0xa0000n, 8],
    ['an L1 table behind all ends', 40, 0xffffffffffff0000n, 8],
    ['an unknown incompatible feature', 72, 0x20n, 8],
    ['an unknown incompatible feature, far up', 72, 2n ** 63n, 8],
  ]
  for (const [what, at, value, size] of cases) {
    const bytes = header('version 3')
    if (size === 8) bytes.writeBigUInt64BE(value, at)
    else bytes.writeUInt32BE(Number(value), at)
    t.equal(readQcow2Header(bytes, 640 * KiB), undefined, what)
  }
})

t.test('readQcow2Header() minds neither encryption, backing file nor a corrupt bit', async t => {
  for (const [at, value] of [
    [8, 0x200n], // backing file name at 512
    [72, 3n], // dirty, corrupt
    [72, 8n], // another compression
  ] as const) {
    const bytes = header('version 3')
    bytes.writeBigUInt64BE(value, at)
    t.strictSame(readQcow2Header(bytes, 640 * KiB), LAYOUT)
  }
  const encrypted = header('version 3')
  encrypted.writeUInt32BE(2, 32)
  t.strictSame(readQcow2Header(encrypted, 640 * KiB), LAYOUT)
})

t.test('readL1Entries() gives the tables in the order of the disk', async t => {
  const bytes = entries(0x8000000000080000n, 0n, 0x8000000000060000n, 0x40000n)
  t.strictSame(readL1Entries(LAYOUT, 0, bytes, 640 * KiB, 100), [512 * KiB, 384 * KiB, 256 * KiB])
  t.strictSame(readL1Entries(LAYOUT, 0, bytes, 640 * KiB, 2), [512 * KiB, 384 * KiB])
  t.strictSame(readL1Entries(LAYOUT, 0, bytes.subarray(0, 31), 640 * KiB, 9), [
    512 * KiB,
    384 * KiB,
  ])
  t.strictSame(readL1Entries(LAYOUT, 0, bytes.subarray(0, 7), 640 * KiB, 9), [])
})

t.test('readL1Entries() leaves out what can not be meant', async t => {
  const wrong = {
    'in the header': 0x8000000000000000n,
    'in the L1 table': 0x8000000000030000n,
    'with reserved bits below': 0x8000000000040001n,
    'with reserved bits above': 0xc000000000040000n,
    'between clusters': 0x8000000000040200n,
    'behind the end': 0x80000000000a0000n,
    'behind all ends': 0x80fffffffffffe00n,
  }
  for (const [what, entry] of Object.entries(wrong)) {
    const bytes = entries(entry, 0x8000000000040000n)
    t.strictSame(readL1Entries(LAYOUT, 0, bytes, 640 * KiB, 100), [256 * KiB], what)
  }
  // The disk of 40 GiB has 80 entries.
  t.strictSame(readL1Entries(LAYOUT, 79, entries(0x40000n, 0x50000n), 640 * KiB, 9), [256 * KiB])
})

t.test('readL1Entries() gives the slices of a large table that the disk needs', async t => {
  const layout = readQcow2Header(header('clusters of 2 MiB'), 16 * MiB) as Qcow2Layout
  // A slice of 64 KiB maps 16 GiB, and the disk has 40.
  t.strictSame(
    readL1Entries(layout, 0, entries(0x8000000000800000n), 16 * MiB, 100),
    [0, 1, 2].map(i => 8 * MiB + i * 64 * KiB),
  )
})

/** A real header with some bytes changed. */
const mutated = fc
  .record({
    name: fc.constantFrom(...(Object.keys(REAL) as (keyof typeof REAL)[])),
    changes: fc.array(fc.tuple(fc.nat(111), fc.nat(255)), { maxLength: 6 }),
    length: fc.nat(112),
  })
  .map(({ name, changes, length }) => {
    const bytes = header(name)
    for (const [at, value] of changes) bytes[at] = value
    return bytes.subarray(0, length)
  })

t.test('any header and any table yield places inside the image alone, in bounds', async () => {
  const size = fc.oneof(fc.nat(2 * MiB), fc.maxSafeNat())
  fc.assert(
    fc.property(
      fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })),
      fc.uint8Array({ maxLength: 400 }),
      size,
      fc.nat(5_000_000),
      fc.nat(64),
      (bytes, table, imageBytes, first, limit) => {
        const layout = readQcow2Header(bytes, imageBytes)
        if (layout === undefined) return
        const { clusterBytes, sliceBytes, l1Offset, l1End } = layout
        if (l1Offset < clusterBytes || l1Offset >= l1End || l1End > imageBytes) fail()
        const places = readL1Entries(layout, first, table, imageBytes, limit)
        if (places.length > limit) fail()
        for (const place of places) {
          if (!Number.isSafeInteger(place) || place % sliceBytes !== 0) fail()
          if (place < clusterBytes || place + sliceBytes > imageBytes) fail()
        }
      },
    ),
    { numRuns: 3000 },
  )
})

function fail(): never {
  throw new Error('a place outside the bounds')
}
