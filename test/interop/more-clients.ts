// The rest of what real clients can do: every mode of nbdinfo, every handshake of libnbd, nbd-client
// without the kernel, and qemu-nbd as a link between us and another client.

import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { Listener } from '../../dist/main/listener.js'
import { MemoryExport, type MemoryExportOptions } from '../fixtures/memory-export.js'
import { start } from '../fixtures/programs.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
/** nbd-client is in /usr/sbin, and nbdsh takes the first python3: Debian's module is Debian's own. */
const PATH = `/usr/bin:${process.env['PATH'] ?? ''}:/usr/sbin`
const run = (program: string, args: readonly string[]) =>
  promisify(execFile)(program, args, { env: { ...process.env, PATH } })

/** Exit status, and what was printed. */
async function outcomeOf(program: string, ...args: readonly string[]) {
  try {
    return { status: 0, ...(await run(program, args)) }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { status: code, stdout, stderr }
  }
}

async function serve(t: Test, exports: readonly MemoryExportOptions[], tcp = false) {
  const disks = exports.map(options => new MemoryExport({ pieceBytes: 100_000, ...options }))
  const address = tcp ? { host: '127.0.0.1', port: 0 } : { path: '-' }
  const listener = await Listener.listen({ address, exports: disks })
  t.teardown(() => listener.close(0))
  const close = async () => {
    await listener.close(10_000)
    for (const disk of disks) t.equal(disk.pins, 0)
  }
  return { disks, listener, close }
}

t.test('nbdinfo answers for every --can and --is', requires('nbdinfo'), async t => {
  const { listener, close } = await serve(t, [{ size: MIB }])
  const yes = ['--can=cache', '--can=df', '--can=flush', '--can=multi-conn', '--can=read']
  const no = ['--can=fast-zero', '--can=fua', '--can=trim', '--can=write', '--can=zero']
  for (const [flags, status] of [
    [[...yes, '--is=read-only'], 0],
    [[...no, '--is=rotational', '--is=tls'], 2],
  ] as const) {
    for (const flag of flags) {
      t.equal((await outcomeOf('nbdinfo', flag, listener.uri(''))).status, status, flag)
    }
  }
  await close()
})

t.test('nbdinfo --list shows several exports with descriptions', requires('nbdinfo'), async t => {
  const exports = [
    { name: 'a', description: 'the first', size: 512 },
    { name: 'b c/ä', description: 'the second', size: MIB + 1 },
    { name: 'none', size: 3 },
  ]
  const { listener, close } = await serve(t, exports)
  const { stdout } = await run('nbdinfo', ['--list', '--json', listener.uri('')])
  t.match(
    JSON.parse(stdout).exports,
    exports.map(({ name, description, size }) => ({
      'export-name': name,
      'export-size': size,
      ...(description !== undefined && { description }),
    })),
  )
  t.match(await outcomeOf('nbdinfo', listener.uri('')), { status: 1 }, 'there is no default')
  t.match(await outcomeOf('nbdinfo', '--size', listener.uri('a')), { stdout: '512\n' })
  await close()
})

t.test('nbdinfo --map --totals adds up what block status tells', requires('nbdinfo'), async t => {
  const blockStatus = (offset: number, length: number) =>
    offset < MIB
      ? [{ length: Math.min(length, MIB - offset), flags: 3 }]
      : [{ length: Math.min(length, 99_999), flags: 0 }]
  const { listener, close } = await serve(t, [{ size: 4 * MIB + 5, blockStatus }])
  const { stdout } = await run('nbdinfo', ['--map', '--totals', listener.uri('')])
  t.match(stdout, /3145733\s+75\.0%\s+0\s+data/)
  t.match(stdout, /1048576\s+25\.0%\s+3\s+hole,zero/)
  await close()
})

t.test('nbdcopy leaves holes where there are some', requires('nbdcopy'), async t => {
  const holes = [[0, MIB] as const, [2 * MIB, 3 * MIB] as const]
  for (const told of [true, false]) {
    const blockStatus = (offset: number, length: number) => {
      const hole = holes.find(([start, end]) => offset >= start && offset < end)
      if (hole !== undefined) return [{ length: Math.min(length, hole[1] - offset), flags: 3 }]
      const next = holes.find(([start]) => start > offset)?.[0] ?? offset + length
      return [{ length: Math.min(length, next - offset), flags: 0 }]
    }
    const options = { size: 4 * MIB + 77, holes, ...(told && { blockStatus }) }
    const { disks, listener, close } = await serve(t, [options])
    const target = join(temporaryDirectory(t), 'copy')
    writeFileSync(target, '')
    await run('nbdcopy', [listener.uri(''), target])
    t.ok(disks[0]?.bytes.equals(readFileSync(target)))
    if (told) t.ok((disks[0]?.reads ?? 0) <= 10, 'holes are not read')
    await close()
  }
})

t.test('qemu-img convert and map take holes for zeroes', requires('qemu-img'), async t => {
  const holes = [[MIB, 3 * MIB] as const]
  const blockStatus = (offset: number, length: number) => {
    const [start, end] = [MIB, 3 * MIB]
    if (offset < start) return [{ length: Math.min(length, start - offset), flags: 0 }]
    if (offset < end) return [{ length: Math.min(length, end - offset), flags: 3 }]
    return [{ length, flags: 0 }]
  }
  const { disks, listener, close } = await serve(t, [{ size: 4 * MIB, holes, blockStatus }])
  const uri = listener.uri('')
  const { stdout } = await run('qemu-img', ['map', '--output=json', '-f', 'raw', uri])
  t.match(JSON.parse(stdout), [
    { start: 0, length: MIB, zero: false, data: true },
    { start: MIB, length: 2 * MIB, zero: true, data: false },
    { start: 3 * MIB, length: MIB, zero: false, data: true },
  ])
  const target = join(temporaryDirectory(t), 'copy')
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', uri, target])
  t.ok(disks[0]?.bytes.equals(readFileSync(target)))
  await close()
})

t.test('libnbd: every handshake there is', requires('nbdsh'), async t => {
  const { listener, close } = await serve(t, [
    {
      name: 'one',
      size: MIB,
      description: 'first',
      blockStatus: (_o, length) => [{ length, flags: 3 }],
    },
    { name: '', size: 4096, blockStatus: (_o, length) => [{ length, flags: 0 }] },
  ])
  const script = `
path = ${JSON.stringify(listener.socketPath)}
def fails(call, code=None):
    try:
        call()
    except nbd.Error as error:
        assert code is None or error.errno == code, (error.errno, code)
    else:
        raise AssertionError("did not fail")
for flags in range(4):
    for structured in (True, False):
        for context in (True, False):
            for full in (True, False):
                n = nbd.NBD()
                n.set_handshake_flags(flags)
                n.set_request_structured_replies(structured)
                n.set_export_name("one")
                n.set_full_info(full)
                if context:
                    n.add_meta_context("base:allocation")
                n.connect_unix(path)
                fixed = flags & 1
                assert n.get_size() == 1048576
                assert bool(n.can_df()) == bool(fixed and structured)
                assert n.get_structured_replies_negotiated() == bool(fixed and structured)
                mapped = bool(fixed and structured and context)
                assert bool(n.can_meta_context("base:allocation")) == mapped
                if full and fixed:
                    assert n.get_export_description() == "first"
                    assert n.get_canonical_export_name() == "one"
                assert n.pread(512, 100)[5:] == n.pread(507, 105)
                n.set_strict_mode(0)
                found = []
                def extent(name, offset, extents, error):
                    found.append((name, offset, extents))
                if mapped:
                    n.block_status(65536, 0, extent)
                    n.block_status(65536, 512, extent, nbd.CMD_FLAG_REQ_ONE)
                    assert found == [("base:allocation", 0, [65536, 3]), ("base:allocation", 512, [65536, 3])], found
                    fails(lambda: n.block_status(1, 1048576, extent), "EINVAL")
                elif structured and fixed:
                    fails(lambda: n.block_status(65536, 0, extent))
                n.shutdown()
`
  await run('nbdsh', ['-c', script])
  await close()
})

t.test('libnbd: option mode, one option at a time and again', requires('nbdsh'), async t => {
  const { listener, close } = await serve(t, [
    {
      name: 'one',
      size: MIB,
      description: 'first',
      blockStatus: (_o, length) => [{ length, flags: 0 }],
    },
    { name: 'two', size: 5, blockStatus: (_o, length) => [{ length, flags: 0 }] },
  ])
  const script = `
path = ${JSON.stringify(listener.socketPath)}
def fails(call):
    try:
        call()
    except nbd.Error:
        return
    raise AssertionError("did not fail")
h.set_opt_mode(True)
h.connect_unix(path)
found = []
assert h.opt_list(lambda name, text: found.append((name, text))) == 2
assert found == [("one", "first"), ("two", "")], found
h.set_export_name("none")
fails(h.opt_info)
fails(h.opt_go)
contexts = []
h.set_export_name("two")
for queries, expected in ([], ["base:allocation"]), (["base:"], ["base:allocation"]), (["base:allocation"], ["base:allocation"]), (["qemu:dirty-bitmap:x", "base:none"], []):
    h.clear_meta_contexts()
    for query in queries:
        h.add_meta_context(query)
    contexts.clear()
    h.opt_list_meta_context(lambda name: contexts.append(name))
    assert contexts == expected, (queries, contexts)
h.clear_meta_contexts()
h.set_full_info(True)
h.opt_info()
assert h.get_size() == 5 and h.get_block_size(nbd.SIZE_MAXIMUM) == 33554432
h.set_export_name("one")
h.opt_info()
assert h.get_size() == 1048576 and h.get_export_description() == "first"
h.add_meta_context("base:allocation")
h.opt_go()
assert h.can_meta_context("base:allocation")
assert len(h.pread(1048576, 0)) == 1048576
h.shutdown()
n = nbd.NBD()
n.set_opt_mode(True)
n.connect_unix(path)
n.opt_abort()
n = nbd.NBD()
n.connect_uri(${JSON.stringify(listener.uri('one'))})
n.set_strict_mode(0)
big = nbd.Buffer(33554433)
fails(lambda: n.pread(33554433, 0))
fails(lambda: n.pwrite(b"x" * 70000, 0))
fails(lambda: n.cache(10, 1 << 40))
fails(lambda: n.flush(0xffff))
fails(lambda: n.pread(512, 0, 0xff00))
assert len(n.pread(512, 1048064)) == 512
n.shutdown()
`
  await run('nbdsh', ['-c', script])
  await close()
})

t.test('nbd-client -l lists what there is', requires('nbd-client'), async t => {
  const { listener, close } = await serve(t, [{ name: 'a disk' }, { name: 'another' }], true)
  const { stdout } = await run('nbd-client', ['-l', '127.0.0.1', String(listener.port)])
  t.match(stdout, /^a disk$/m)
  t.match(stdout, /^another$/m)
  await close()
})

t.test('qemu-nbd hands on what we serve', requires('qemu-nbd', 'nbdcopy', 'qemu-img'), async t => {
  const { disks, listener, close } = await serve(t, [{ size: 5 * MIB + 512, name: 'a disk' }])
  const directory = temporaryDirectory(t)
  const socket = join(directory, 'link')
  const link = start(t, 'qemu-nbd', [
    ...[
      '-r',
      '-f',
      'raw',
      '-t',
      '--shared=4',
      '-k',
      socket,
      '-x',
      'linked',
      listener.uri('a disk'),
    ],
  ])
  const uri = `nbd+unix:///linked?socket=${socket}`
  await until(async () => (await outcomeOf('nbdinfo', '--size', uri)).status === 0)
  const target = join(directory, 'copy')
  writeFileSync(target, '')
  await run('nbdcopy', [uri, target])
  t.ok(disks[0]?.bytes.equals(readFileSync(target)))
  const compare = ['compare', '-f', 'raw', '-F', 'raw', uri, listener.uri('a disk')]
  t.match(await run('qemu-img', compare), { stdout: /identical/ })
  link.child.kill('SIGTERM')
  await link.ended
  await close()
})
