import fc from 'fast-check'
import t from 'tap'
import { Estimator } from '../../../dist/main/prefetch/estimator.js'
import { FormatHint } from '../../../dist/main/prefetch/format-hint.js'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const BLOCK = 256 * KiB
const CLUSTER = 64 * KiB
const L1 = 3 * CLUSTER

/** Header of version 3: clusters of 64 KiB, L1 table in the fourth. */
function header(l1Entries: number, clusterBits = 16): Buffer {
  const bytes = Buffer.alloc(112)
  bytes.write('QFI\xfb', 'latin1')
  bytes.writeUInt32BE(3, 4)
  bytes.writeUInt32BE(clusterBits, 20)
  bytes.writeBigUInt64BE(BigInt(l1Entries) * 512n * BigInt(MiB), 24)
  bytes.writeUInt32BE(l1Entries, 36)
  bytes.writeBigUInt64BE(BigInt(L1), 40)
  return bytes
}

function l1Of(tables: readonly number[]): Buffer {
  const bytes = Buffer.alloc(tables.length * 8)
  for (const [i, table] of tables.entries()) {
    if (table !== 0) bytes.writeBigUInt64BE(BigInt(table) | (1n << 63n), i * 8)
  }
  return bytes
}

/** A hint over an image of 64 GiB of which nothing is there yet, that notes what it names. */
function hintOf(ringBlocks = 1024) {
  const imageBytes = 64 * GiB
  /** Blocks' units of 64 KiB that are there. */
  const present = new Set<number>()
  const hint = new FormatHint({
    imageBytes,
    blockBytes: BLOCK,
    ringBlocks,
    estimator: new Estimator(),
    coverage: {
      wasServed: () => false,
      coveredUntil: offset => {
        const unit = Math.floor(offset / CLUSTER)
        return present.has(unit) ? (unit + 1) * CLUSTER : offset
      },
      missingUntil: (offset, limit) => {
        for (let at = offset; at < limit; at += CLUSTER) {
          if (present.has(Math.floor(at / CLUSTER))) return at
        }
        return limit
      },
    },
  })
  const drain = () => {
    const extents: [number, number][] = []
    for (let extent = hint.next(); extent !== undefined; extent = hint.next()) {
      const { offset, length } = extent
      extents.push([offset, length])
      for (let at = offset; at < offset + length; at += CLUSTER) present.add(at / CLUSTER)
    }
    return extents
  }
  /** A client reads header and L1 table, as qemu does when it opens an image. */
  const open = (tables: readonly number[]) => {
    hint.passed(0, header(tables.length), false, 0)
    return hint.passed(L1, l1Of(tables), false, 0)
  }
  return { hint, imageBytes, present, drain, open }
}

/** Tables a GiB of data apart from each other: nothing to merge. */
const FAR = Array.from({ length: 60 }, (_, i) => (i + 1) * GiB)
const alone = (table: number) => [table, CLUSTER]

t.test('FormatHint names the first tables when the L1 table has passed', async t => {
  const { hint, drain, open } = hintOf()
  t.strictSame(drain(), [])
  t.equal(open(FAR), true)
  t.equal(hint.tables, 60)
  t.strictSame(drain(), FAR.slice(0, 16).map(alone))
  t.equal(hint.passed(GiB, Buffer.alloc(CLUSTER), false, 0), true)
  t.strictSame(drain(), FAR.slice(16, 19).map(alone))
})

t.test('FormatHint takes an L1 table that comes in pieces', async t => {
  const { hint, drain } = hintOf()
  const bytes = l1Of(FAR)
  hint.passed(0, header(FAR.length), false, 0)
  hint.passed(L1, bytes.subarray(0, 40), false, 0)
  t.equal(hint.tables, 5)
  hint.passed(L1 + 48, bytes.subarray(48), false, 0)
  t.equal(hint.tables, 5, 'a piece out of turn is not taken')
  hint.passed(L1 + 40, Buffer.concat([bytes.subarray(40), Buffer.alloc(99, 1)]), false, 0)
  t.equal(hint.tables, 60, 'what lies behind the table is none of it')
  t.equal(drain().length, 16)
})

t.test('FormatHint is silent while an image is copied from start to end', async t => {
  const { hint, drain } = hintOf()
  hint.passed(0, Buffer.concat([header(FAR.length), Buffer.alloc(BLOCK - 112)]), true, 0)
  hint.passed(L1, l1Of(FAR), true, 0)
  t.equal(hint.tables, 0)
  t.strictSame(drain(), [])
})

t.test('FormatHint is silent about images of other kinds', async t => {
  const { hint, drain } = hintOf()
  t.equal(hint.passed(0, Buffer.alloc(4096, 1), false, 0), false)
  t.equal(hint.passed(L1, l1Of(FAR), false, 0), false)
  t.strictSame(drain(), [])
})

t.test('FormatHint leaves out what is there already', async t => {
  const { present, drain, open } = hintOf()
  present.add((2 * GiB) / CLUSTER)
  open(FAR)
  t.equal(drain().length, 15)
})

t.test('FormatHint merges neighbours, with gaps up to what a round trip is worth', async t => {
  const { drain, open } = hintOf()
  const near = [10, 10.0625, 10.5, 10.75].map(n => n * MiB)
  // 100 ms at 25 MB/s are 2.4 MiB: the bound of 1 MiB a request ends the first.
  open([...near, 20 * MiB, 21 * MiB, 100 * MiB])
  t.strictSame(drain(), [
    [10 * MiB, 0.8125 * MiB],
    [20 * MiB, CLUSTER],
    [21 * MiB, CLUSTER],
    [100 * MiB, CLUSTER],
  ])
})

t.test('FormatHint fetches gaps within a budget', async t => {
  const { drain, open } = hintOf()
  // Each 448 KiB behind the other: two gaps are within the first MiB of budget.
  open(Array.from({ length: 16 }, (_, i) => GiB + i * 8 * CLUSTER))
  const gaps = drain().reduce((sum, [, length]) => sum + length, 0) - 16 * CLUSTER
  t.ok(gaps > 0 && gaps <= MiB, `${gaps} bytes of gaps`)
})

t.test('FormatHint takes no more than a sixteenth of the ring', async t => {
  for (const [blocks, tables] of [
    [1024, 16],
    [128, 8],
    [16, 1],
    [15, 0],
  ] as const) {
    const { drain, open } = hintOf(blocks)
    open(FAR)
    t.equal(drain().length, tables, `${blocks} blocks`)
  }
})

t.test('FormatHint keeps tables of its lead, for a time', async t => {
  const { hint, drain, open } = hintOf()
  open(FAR)
  drain()
  const block = GiB / BLOCK
  t.equal(hint.isAhead(block, 0), true)
  t.equal(hint.isAhead(block + 1, 0), false)
  t.equal(hint.isAhead(20 * block, 0), false)
  t.equal(hint.isAhead(block, 61_000), false)
})

t.test('FormatHint.isTable() knows the reads that walk', async t => {
  const { hint, open } = hintOf()
  t.equal(hint.isTable(GiB, CLUSTER), false)
  open(FAR)
  t.equal(hint.isTable(GiB, CLUSTER), true)
  t.equal(hint.isTable(GiB + 512, 512), true)
  t.equal(hint.isTable(GiB, 2 * MiB), false)
  t.equal(hint.isTable(GiB + CLUSTER, CLUSTER), false)
})

t.test('FormatHint remembers no more than 65,536 tables', async t => {
  const { hint, open } = hintOf()
  open(Array.from({ length: 100_000 }, (_, i) => GiB + i * CLUSTER))
  t.equal(hint.tables, 65_536)
})

t.test(
  'whatever an image holds, FormatHint names what lies in it and keeps its bound',
  async () => {
    const place = fc.oneof(
      fc.nat(70 * 1024).map(n => n * CLUSTER * 16),
      fc.nat(200).map(n => n * CLUSTER),
      fc.nat(),
    )
    const read = fc.oneof(
      fc.nat(99).map(table => ({ kind: 'table' as const, table })),
      fc.constant({ kind: 'l1' as const }),
      fc.record({ kind: fc.constant('other' as const), offset: fc.nat(), bytes: fc.uint8Array() }),
    )
    fc.assert(
      fc.property(
        fc.array(place, { minLength: 1, maxLength: 100 }),
        fc.integer({ min: 9, max: 21 }),
        fc.array(read, { maxLength: 60 }),
        (tables, clusterBits, reads) => {
          const { hint, imageBytes, drain } = hintOf()
          let fetched = 0
          let bound = 0
          const take = () => {
            for (const [offset, length] of drain()) {
              if (length <= 0 || length > MiB || offset < 0 || offset + length > imageBytes) {
                throw new Error(`${length} bytes at ${offset}`)
              }
              fetched += length
            }
            if (fetched > bound) throw new Error(`${fetched} bytes fetched, ${bound} expected`)
          }
          hint.passed(0, header(tables.length, clusterBits), false, 0)
          for (const one of reads) {
            if (one.kind === 'l1') {
              bound += 16 * CLUSTER + MiB
              hint.passed(L1, l1Of(tables), false, 0)
            } else if (one.kind === 'table') {
              bound += 7 * CLUSTER
              hint.passed(tables[one.table % tables.length] as number, Buffer.alloc(512), false, 0)
            } else {
              hint.passed(one.offset, one.bytes, false, 0)
            }
            take()
          }
        },
      ),
      { numRuns: 500 },
    )
  },
)
