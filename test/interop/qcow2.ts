// qcow2 images through qemu-img: copies are byte for byte right whatever the image is made like,
// and what is wrong with an image is told in the words that qemu-img has for a local file. How
// requests for tables run side by side is seen in the origin's log.

import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { tablesOf } from '../../.bench/qcow2-images.js'
import { type SlowServerProcess, startInProcess } from '../../.bench/slow-server/in-process.js'
import type { SlowServerOptions } from '../../.bench/slow-server/options.js'
import type { LogEntry } from '../../.bench/slow-server/request-log.js'
import { type ServerOptions, serve } from '../../dist/main/index.js'
import { run, succeed } from '../fixtures/programs.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

const NEEDED = requires('qemu-img', 'qemu-io')
const KINDS = {
  'version 2': ['-o', 'compat=0.10'],
  'extended L2 entries': ['-o', 'extended_l2=on,cluster_size=128k'],
  'clusters of 2 MiB': ['-o', 'cluster_size=2M'],
  'clusters of 512 bytes': ['-o', 'cluster_size=512'],
}

/** An image of MiB with a piece of data every `step` MiB; `options` are qemu-img create's. */
async function imageOf(
  t: Test,
  size: number,
  step: number,
  options: readonly string[] = [],
  piece = '192K',
): Promise<string> {
  const file = join(temporaryDirectory(t), 'disk.qcow2')
  await succeed(t, 'qemu-img', 'create', '-q', '-f', 'qcow2', ...options, file, `${size}M`)
  const writes: string[] = []
  for (let at = 0; at < size; at += step) {
    // Bytes that tell the places apart, and no zeros.
    writes.push('-c', `write -q -P ${1 + ((at / step) % 255)} ${at}M ${piece}`)
  }
  await succeed(t, 'qemu-io', '-f', 'qcow2', ...writes, file)
  return file
}

/** The origin is a process of its own, as in life, shared by all tests of this file. */
let origin: SlowServerProcess

t.before(async () => {
  origin = await startInProcess({ image: { size: 0 } })
})
t.teardown(() => origin.close())

/** A server in front of an origin that has the file. */
async function exported(
  t: Test,
  file: string,
  shape: Partial<SlowServerOptions> = {},
  options: Partial<ServerOptions> = {},
) {
  await origin.setOptions({ thinkTimeMs: 0, ...shape, image: { file } })
  await origin.clearLog()
  const server = await serve({ url: origin.url, unix: '-', workers: 1, ...options })
  t.teardown(() => server.close({ drainMs: 0 }))
  return server
}

/** How often requests brought the tables, all together. */
function fetchesOf(tables: readonly number[], log: readonly LogEntry[]): number {
  let count = 0
  for (const { range } of log) {
    const [, from, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
    count += tables.filter(table => Number(from) <= table && table <= Number(last)).length
  }
  return count
}

/** Writes over a part of a file. */
function patch(file: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(file, 'r+')
  writeSync(fd, bytes, 0, bytes.length, offset)
  closeSync(fd)
}

t.test('qemu-img copies qcow2 images of every make', NEEDED, async t => {
  for (const [name, options] of Object.entries(KINDS)) {
    await t.test(name, async t => {
      const file = await imageOf(t, 48, 7, options)
      const server = await exported(t, file)
      const target = join(temporaryDirectory(t), 'copy')
      await succeed(t, 'qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', server.uri, target)
      const compare = ['compare', '-f', 'qcow2', '-F', 'raw', file, target]
      t.match(await succeed(t, 'qemu-img', ...compare), 'identical')
      t.equal(server.statistics().failedReads, 0)
    })
  }
})

t.test('qemu-img copies a compressed image', NEEDED, async t => {
  const file = await imageOf(t, 64, 3)
  const compressed = join(temporaryDirectory(t), 'compressed.qcow2')
  await succeed(t, 'qemu-img', 'convert', '-c', '-f', 'qcow2', '-O', 'qcow2', file, compressed)
  const server = await exported(t, compressed)
  const target = join(temporaryDirectory(t), 'copy')
  await succeed(t, 'qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', server.uri, target)
  const compare = ['compare', '-f', 'qcow2', '-F', 'raw', file, target]
  t.match(await succeed(t, 'qemu-img', ...compare), 'identical')
})

t.test(
  'the tables of an image are fetched side by side, and each of them once',
  NEEDED,
  async t => {
    // A table and a piece of data behind it for every 512 MiB.
    const file = await imageOf(t, 32 * 512, 512)
    const { tables } = tablesOf(file)
    t.equal(tables.length, 32)
    // The probe brings the first MiB.
    const outside = tables.filter(table => table >= 1024 * 1024)
    // Hardly any readahead: what runs side by side is there for the tables.
    const server = await exported(t, file, { thinkTimeMs: 30 }, { readahead: 256 * 1024 })
    const map = ['map', '-f', 'qcow2', '--output=json']
    t.equal(
      await succeed(t, 'qemu-img', ...map, server.uri),
      await succeed(t, 'qemu-img', ...map, file),
    )
    const log = await origin.log()
    const total = fetchesOf(outside, log)
    // A straggler may have been sent again.
    t.ok(total >= outside.length && total < 1.5 * outside.length, `${total} of ${outside.length}`)
    t.ok(Math.max(...log.map(({ concurrency }) => concurrency)) >= 4, 'several at one time')
  },
)

t.test('tables walked before the copy are still there when it comes to them', NEEDED, async t => {
  // 32 tables with 4 MiB of data behind each, near enough for a sequence; a quarter of it fits the ring.
  const file = await imageOf(t, 32 * 512, 512, [], '4M')
  const server = await exported(t, file, { thinkTimeMs: 10 }, { ringSize: 32 * 1024 * 1024 })
  const target = join(temporaryDirectory(t), 'copy')
  await succeed(t, 'qemu-img', 'convert', '-f', 'qcow2', '-O', 'qcow2', server.uri, target)
  const log = await origin.log()
  const { tables } = tablesOf(file)
  const total = fetchesOf(tables, log)
  t.ok(total < 1.5 * tables.length, `${tables.length} tables, ${total} fetches`)
})

/** How a conversion ends, with its words, and a map of what it has made. */
async function outcomeOf(t: Test, source: string): Promise<unknown> {
  const target = join(temporaryDirectory(t), 'copy')
  const convert = ['convert', '-f', 'qcow2', '-O', 'raw', source, target]
  const { status, stderr } = await run(t, 'qemu-img', convert)
  const map = status === 0 ? await succeed(t, 'qemu-img', 'map', '-f', 'raw', target) : ''
  return {
    status,
    stderr: stderr.replaceAll(source, 'SOURCE').replaceAll(target, 'TARGET'),
    map: map.replaceAll(target, 'TARGET'),
  }
}

t.test('what is wrong with an image is told in the same words', NEEDED, async t => {
  const word = (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(value)
    return bytes
  }
  const cases: Record<string, (file: string, l1Offset: number, tables: number[]) => void> = {
    'an L1 table of 32 GB': file => patch(file, 36, Buffer.from('ffffffff', 'hex')),
    'an L1 table behind the end': file => patch(file, 40, word(1n << 40n)),
    'tables behind the end': (file, l1) => patch(file, l1, word((1n << 63n) | (1n << 40n))),
    'tables between clusters': (file, l1) => patch(file, l1, word(0x8000000000040200n)),
    'every table the same': (file, l1, tables) =>
      patch(file, l1, Buffer.concat(tables.map(() => word(BigInt(tables[0] ?? 0))))),
    'a table that is the L1 table': (file, l1) => patch(file, l1, word(BigInt(l1))),
    'an unknown feature': file => patch(file, 72, word(1n << 40n)),
    'half a header': file => patch(file, 40, Buffer.alloc(72, 0xff)),
  }
  const image = await imageOf(t, 8 * 512, 512)
  for (const [what, spoil] of Object.entries(cases)) {
    await t.test(what, async t => {
      const file = join(temporaryDirectory(t), 'disk.qcow2')
      await succeed(t, 'cp', image, file)
      const { l1Offset, tables } = tablesOf(file)
      spoil(file, l1Offset, tables)
      const server = await exported(t, file)
      const [served, local] = [await outcomeOf(t, server.uri), await outcomeOf(t, file)]
      t.strictSame(served, local)
      t.equal(server.statistics().failedReads, 0)
    })
  }
})

t.test('an image with a data file of its own, a backing file or snapshots', NEEDED, async t => {
  const directory = temporaryDirectory(t)
  const data = join(directory, 'data.raw')
  const external = await imageOf(t, 2 * 512, 512, ['-o', `data_file=${data}`])
  const backing = await imageOf(t, 2 * 512, 256)
  const overlay = await imageOf(t, 2 * 512, 512, ['-b', backing, '-F', 'qcow2'])
  const snapshot = await imageOf(t, 2 * 512, 512)
  await succeed(t, 'qemu-img', 'snapshot', '-c', 'before', snapshot)
  await succeed(t, 'qemu-io', '-f', 'qcow2', '-c', 'write -P 200 700M 1M', snapshot)
  for (const [name, file] of Object.entries({ external, overlay, snapshot })) {
    await t.test(name, async t => {
      const server = await exported(t, file)
      const target = join(temporaryDirectory(t), 'copy')
      await succeed(t, 'qemu-img', 'convert', '-f', 'qcow2', '-O', 'qcow2', server.uri, target)
      const compare = ['compare', '-f', 'qcow2', '-F', 'qcow2', file, target]
      t.match(await succeed(t, 'qemu-img', ...compare), 'identical')
    })
  }
})
