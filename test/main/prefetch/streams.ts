import fc from 'fast-check'
import t from 'tap'
import { readTrace } from '../../../.bench/engine/workloads.js'
import { cursorOf, MAX_STREAMS, StreamTable } from '../../../dist/main/prefetch/streams.js'

const KiB = 1024
const MiB = 1024 * KiB

/** Replays a trace: how many reads began a new stream, and how many hit a confirmed one. */
function replay(name: string): { reads: number; fresh: number; confirmed: number } {
  const table = new StreamTable()
  const seen = new Set<number>()
  const trace = readTrace(name)
  let fresh = 0
  let confirmed = 0
  for (const { connection, offset, length, atMs } of trace) {
    const stream = table.observe(connection, offset, length, atMs)
    if (!seen.has(stream.id)) fresh++
    seen.add(stream.id)
    if (stream.confirmed) {
      confirmed++
      // As the planner would have it.
      stream.windowBytes = 64 * MiB
    }
  }
  return { reads: trace.length, fresh, confirmed }
}

t.test('StreamTable.observe() takes a copy by qemu-img for one stream', async t => {
  for (const name of ['w_qi8', 'w_qi8W', 'w_qi16W']) {
    const { reads, fresh, confirmed } = replay(name)
    t.ok(fresh <= 2, `${name}: ${fresh} streams`)
    t.ok(confirmed >= reads - 3, `${name}: ${confirmed} of ${reads}`)
  }
})

t.test('StreamTable.observe() loses only the true jumps of nbdcopy', async t => {
  // 16 units of 128 MiB, each a place nobody has read before.
  for (const name of ['w_nbdcopy', 'w_nbdcopy4m']) {
    const { reads, fresh, confirmed } = replay(name)
    t.ok(fresh <= 17, `${name}: ${fresh} streams`)
    t.ok(confirmed >= reads - 20, `${name}: ${confirmed} of ${reads}`)
  }
})

t.test('StreamTable.observe() finds the runs of a qcow2 file behind its tables', async t => {
  for (const name of ['w_qcow2', 'w_qcow2W']) {
    const { reads, fresh, confirmed } = replay(name)
    // 17 reads of header and tables come first, all over the file.
    t.ok(fresh <= 24, `${name}: ${fresh} streams`)
    t.ok(confirmed >= reads - 30, `${name}: ${confirmed} of ${reads}`)
  }
  const check = replay('w_qcow2chk')
  t.ok(check.confirmed <= 4, `a check reads tables only: ${check.confirmed} of ${check.reads}`)
})

t.test('StreamTable.observe() takes a compressed qcow2 file for one stream', async t => {
  for (const name of ['w_qcow2c', 'w_qcow2cW']) {
    const { reads, fresh, confirmed } = replay(name)
    // Six reads of header and tables come first.
    t.ok(fresh <= 5, `${name}: ${fresh} streams`)
    t.ok(confirmed >= reads - 8, `${name}: ${confirmed} of ${reads}`)
  }
})

t.test('StreamTable.observe() confirms long reads by one successor, short ones by two', async t => {
  const table = new StreamTable()
  t.equal(table.observe(1, 10 * MiB, 64 * KiB, 0).confirmed, false)
  t.equal(table.observe(1, 10 * MiB + 64 * KiB, 64 * KiB, 0).confirmed, true)
  const confirmed = [0, 4, 8].map(
    kib => table.observe(1, 90 * MiB + kib * KiB, 4 * KiB, 0).confirmed,
  )
  t.strictSame(confirmed, [false, false, true])
})

t.test('StreamTable.observe() takes a long first read of offset 0 for a copy', async t => {
  t.equal(new StreamTable().observe(1, 0, 256 * KiB, 0).confirmed, true)
  t.equal(new StreamTable().observe(1, 0, 64 * KiB, 0).confirmed, false)
  t.equal(new StreamTable().observe(1, 4096, 256 * KiB, 0).confirmed, false)
})

t.test('StreamTable.observe() holds reads that overtook each other in one stream', async t => {
  const table = new StreamTable()
  const order = [0, 1, 3, 2, 5, 4, 6, 7]
  const ids = new Set(order.map(i => table.observe(1, i * 256 * KiB, 256 * KiB, i).id))
  t.equal(ids.size, 1)
  t.equal(table.all[0]?.next, 2 * MiB)
})

t.test('StreamTable.observe() prefers the connection where two streams fit alike', async t => {
  for (const connection of [1, 2]) {
    const table = new StreamTable()
    const half = 512 * KiB
    for (const at of [40, 41]) table.observe(2, at * half, half, 0)
    for (const at of [36, 37]) table.observe(1, at * half, half, 0)
    t.strictSame(
      table.all.map(stream => [stream.next / half, stream.confirmed]),
      [
        [42, true],
        [38, true],
      ],
    )
    // As far behind the one as it is ahead of the other.
    const expected = table.all.find(stream => stream.connection === connection)
    t.equal(table.observe(connection, 40 * half, 4096, 0), expected)
  }
})

t.test('StreamTable.observe() never confirms random reads of a large image', async () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2 ** 20), { minLength: 100, maxLength: 300 }), places => {
      const table = new StreamTable()
      // 1 MiB apart at least, unless equal.
      return places.every(place => !table.observe(1, (1 + place) * MiB, 4096, 0).confirmed)
    }),
  )
})

t.test('StreamTable keeps at most its entries, and the confirmed ones longest', async t => {
  const table = new StreamTable()
  table.observe(1, 0, MiB, 0)
  for (let i = 1; i < 200; i++) table.observe(1, i * 100 * MiB, 4096, i)
  t.equal(table.all.length, MAX_STREAMS)
  t.equal(table.all.filter(stream => stream.confirmed).length, 1)
  t.equal(table.observe(1, MiB, MiB, 201).id, 1)
})

t.test('StreamTable forgets streams whose client is gone, and idle ones', async t => {
  const table = new StreamTable()
  table.observe(1, 0, MiB, 0)
  table.observe(2, 500 * MiB, MiB, 1000)
  table.observe(3, 900 * MiB, MiB, 2000)
  table.connectionClosed(2)
  t.strictSame(
    table.all.map(stream => stream.connection),
    [1, 3],
  )
  table.expire(1)
  t.strictSame(
    table.all.map(stream => stream.connection),
    [3],
  )
})

t.test(
  'StreamTable.announce() takes what is asked behind a run of zeroes for the same reader',
  async t => {
    const table = new StreamTable()
    const copy = table.announce(1, 0, 0)
    copy.frontier = 56 * MiB
    t.equal(table.announce(1, 768 * KiB, 1), copy)
    t.equal(table.observe(1, 768 * KiB, 2 * MiB, 2), copy)
    t.equal(table.announce(1, 40 * MiB, 3), copy)
    t.not(table.announce(1, 128 * MiB, 4), copy, 'what was not fetched ahead is another place')
    t.not(table.announce(2, 8 * MiB, 5), copy, 'another client is another reader')
    t.equal(table.all.length, 3)
  },
)

t.test('cursorOf() is the first byte that waits for a place', async t => {
  const stream = new StreamTable().observe(1, 0, MiB, 0)
  t.equal(cursorOf(stream), MiB)
  stream.waitingBytes = 64 * KiB
  t.equal(cursorOf(stream), MiB - 64 * KiB)
})
