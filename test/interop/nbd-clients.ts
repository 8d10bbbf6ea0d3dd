// Real clients against an export in memory: what the protocol document leaves open is decided by
// what these make of it. Images of odd sizes, over both kinds of socket.

import { execFile } from 'node:child_process'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { type ListenAddress, Listener } from '../../dist/main/listener.js'
import { MemoryExport, type MemoryExportOptions } from '../fixtures/memory-export.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

const run = promisify(execFile)
/** What a program says when it fails, as it must. */
async function stderrOf(program: string, args: readonly string[]): Promise<string> {
  const outcome = await run(program, args).catch((error: { stderr: string }) => error)
  return outcome instanceof Error ? outcome.stderr : 'nothing: it did not fail'
}

/** nbdsh takes the first python3 it finds, and Debian's module belongs to Debian's own. */
function nbdsh(script: string): Promise<unknown> {
  const PATH = `/usr/bin:${process.env['PATH'] ?? ''}`
  return run('nbdsh', ['-c', script], { env: { ...process.env, PATH } })
}

const UNIX: ListenAddress = { path: '-' }
const TCP: ListenAddress = { host: '127.0.0.1', port: 0 }
const MIB = 1024 * 1024

async function serve(t: Test, address: ListenAddress, options: MemoryExportOptions) {
  const disk = new MemoryExport({ pieceBytes: 100_000, ...options })
  const listener = await Listener.listen({ address, exports: [disk] })
  const uri = listener.uri(disk.info.name)
  t.teardown(() => listener.close(0))
  /** Ends the server and checks that nothing is held on to. */
  const close = async () => {
    await listener.close(10_000)
    t.equal(disk.pins, 0)
    t.strictSame(disk.closed.length, disk.opened.length)
  }
  return { disk, listener, uri, close }
}

t.test('nbdinfo shows what is served', requires('nbdinfo'), async t => {
  const options = { name: 'disk a/ä', description: 'a disk', size: 5 * MIB + 511 }
  for (const address of [UNIX, TCP]) {
    const { uri, listener, close } = await serve(t, address, options)
    const { stdout } = await run('nbdinfo', ['--json', uri])
    t.match(JSON.parse(stdout), {
      protocol: 'newstyle-fixed',
      structured: true,
      exports: [
        {
          'export-name': options.name,
          'export-size': options.size,
          description: options.description,
          is_read_only: true,
          can_cache: true,
          can_df: true,
          can_flush: true,
          can_fua: false,
          can_multi_conn: true,
          can_trim: false,
          can_zero: false,
          block_size_minimum: 1,
          block_size_preferred: 4096,
          block_size_maximum: 32 * MIB,
        },
      ],
    })
    const list = await run('nbdinfo', ['--list', '--json', listener.uri('')])
    t.match(JSON.parse(list.stdout), { exports: [{ 'export-name': options.name }] })
    t.equal((await run('nbdinfo', ['--size', listener.uri('')])).stdout, `${options.size}\n`)
    await close()
  }
})

t.test('nbdinfo is told that there is no such export', requires('nbdinfo'), async t => {
  const { listener, close } = await serve(t, UNIX, { name: 'disk' })
  t.match(await stderrOf('nbdinfo', [listener.uri('none')]), /No such file .* export: none/)
  await close()
})

t.test('nbdinfo --map shows what block status tells', requires('nbdinfo'), async t => {
  // The first MiB is zero, the rest is data; told short on purpose.
  const blockStatus = (offset: number, length: number) =>
    offset < MIB
      ? [{ length: Math.min(length, MIB - offset), flags: 3 }]
      : [{ length: Math.min(length, 700_000), flags: 0 }]
  const { uri, close } = await serve(t, UNIX, { size: 4 * MIB, blockStatus })
  const { stdout } = await run('nbdinfo', ['--map', '--json', uri])
  t.match(JSON.parse(stdout), [
    { offset: 0, length: MIB, type: 3 },
    { offset: MIB, length: 3 * MIB, type: 0 },
  ])
  await close()
})

t.test('nbdcopy copies every byte', requires('nbdcopy'), async t => {
  const target = join(temporaryDirectory(t), 'copy')
  for (const address of [UNIX, TCP]) {
    for (const size of [1, 511, 4097, 20 * MIB + 513]) {
      for (const connections of ['1', '4']) {
        const { disk, uri, close } = await serve(t, address, { size })
        writeFileSync(target, '')
        await run('nbdcopy', ['--connections', connections, uri, target])
        t.ok(readFileSync(target).equals(disk.bytes), `${size} bytes, ${connections} connections`)
        await close()
      }
    }
  }
})

t.test('qemu-img convert and compare agree with the image', requires('qemu-img'), async t => {
  const target = join(temporaryDirectory(t), 'copy')
  for (const address of [UNIX, TCP]) {
    for (const size of [1, 511, MIB + 1, 20 * MIB + 513]) {
      const { disk, uri, close } = await serve(t, address, { size, name: 'a disk' })
      for (const how of [
        ['-m', '1'],
        ['-m', '16', '-W'],
      ]) {
        await run('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', ...how, uri, target])
        // qemu rounds up to sectors, with zeroes.
        const copy = readFileSync(target)
        t.ok(copy.subarray(0, size).equals(disk.bytes), `${size} bytes, ${how.join(' ')}`)
        t.ok(copy.subarray(size).every(byte => byte === 0))
        t.ok(copy.length - size < 512)
      }
      truncateSync(target, size)
      const compare = ['compare', '-f', 'raw', '-F', 'raw', uri, target]
      t.match(await run('qemu-img', compare), { stdout: /identical/ })
      await close()
    }
  }
})

t.test('qemu-io reads unaligned ranges and can not write', requires('qemu-io'), async t => {
  const { disk, uri, close } = await serve(t, UNIX, { size: MIB + 5 })
  disk.bytes.fill(0x77, 1000, 4000)
  const args = ['-r', '-f', 'raw', '-c', 'read -P 0x77 1001 2998', '-c', 'read 1048570 11', uri]
  const { stdout } = await run('qemu-io', args)
  t.match(stdout, /read 2998\/2998 bytes at offset 1001/)
  t.match(stdout, /read 11\/11 bytes at offset 1048570/)
  t.notMatch(stdout, /Pattern verification failed/)
  const write = ['-f', 'raw', '-c', 'write 0 512', uri]
  t.match(await stderrOf('qemu-io', write), /(Permission|write access) denied/)
  await close()
})

t.test('qemu-img reports a failed read', requires('qemu-img'), async t => {
  const { disk, uri, close } = await serve(t, UNIX, { size: MIB })
  disk.read = (request, sink) => {
    sink.fail({ code: 'status', message: '503 after 8 attempts' }, request.offset)
    return { cancel() {} }
  }
  const target = join(temporaryDirectory(t), 'copy')
  const convert = ['convert', '-f', 'raw', '-O', 'raw', uri, target]
  t.match(await stderrOf('qemu-img', convert), /Input\/output error/)
  await close()
})

t.test('libnbd sees errors, DF and hints as they are meant', requires('nbdsh'), async t => {
  const { disk, uri, close } = await serve(t, UNIX, { size: MIB, pieceBytes: 10_000 })
  const script = `
h.connect_uri(${JSON.stringify(uri)})
h.set_strict_mode(0)
def refused(call, code):
    try:
        call()
    except nbd.Error as error:
        assert error.errno == code, (error.errno, code)
    else:
        raise AssertionError("not refused: " + code)
assert h.get_structured_replies_negotiated()
pieces = []
def chunk(data, offset, status, error):
    assert status == nbd.READ_DATA
    pieces.append((offset, len(data)))
h.pread_structured(65536, 512, chunk, nbd.CMD_FLAG_DF)
assert pieces == [(512, 65536)], pieces
pieces.clear()
h.pread_structured(25000, 7, chunk)
assert pieces == [(7, 10000), (10007, 10000), (20007, 5000)], pieces
assert len(h.pread(0, 0)) == 0
h.cache(65536, 4096)
h.flush()
refused(lambda: h.pread(2, 1048575), "EINVAL")
refused(lambda: h.pread(1, 1 << 62), "EINVAL")
refused(lambda: h.pread(33 << 20, 0), "EINVAL")
refused(lambda: h.pwrite(b"x" * 3000, 0), "EPERM")
refused(lambda: h.trim(512, 0), "EPERM")
refused(lambda: h.zero(512, 0), "EPERM")
refused(lambda: h.pread(512, 0, nbd.CMD_FLAG_FUA), "EINVAL")
assert h.pread(1, 3) == h.pread(4, 0)[3:]
h.shutdown()
`
  await nbdsh(script)
  t.strictSame(disk.cached, [{ offset: 4096, length: 65536 }])
  await close()
})

t.test('libnbd gets along without any extension', requires('nbdsh'), async t => {
  const { listener, close } = await serve(t, UNIX, { size: MIB, name: '' })
  for (const flags of [0, 1, 2, 3]) {
    const script = `
h.set_handshake_flags(${flags})
h.set_request_structured_replies(False)
h.connect_unix(${JSON.stringify(listener.socketPath)})
assert h.get_size() == 1048576
assert not h.can_df()
assert h.pread(512, 100)[5:] == h.pread(507, 105)
h.shutdown()
`
    await nbdsh(script)
  }
  await close()
})

t.test('fio leaves without a word', requires('fio'), async t => {
  const { uri, close } = await serve(t, UNIX, { size: 4 * MIB })
  const args = ['--name=r', '--ioengine=nbd', `--uri=${uri}`, '--rw=randread', '--bs=4k']
  const { stdout } = await run('fio', [...args, '--iodepth=16', '--number_ios=500', '--size=4m'])
  t.match(stdout, /err= 0/)
  await close()
})
