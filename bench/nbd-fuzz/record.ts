// Records what real clients send, one file for each connection, into test/fixtures/nbd-streams: from there
// the fuzzer and the comparison with other servers take them. Run by hand when a client is new:
// `npm run build && npm run build:bench && node .bench/nbd-fuzz/record.js`.

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Listener } from '../../dist/main/listener.js'
import { PatternExport } from './pattern-export.js'

const DIRECTORY = fileURLToPath(new URL('../../test/fixtures/nbd-streams/', import.meta.url))
const PATH = `/usr/bin:${process.env['PATH'] ?? ''}:/usr/sbin`
/** Enough of a stream: what follows repeats itself. */
const MAX_BYTES = 16 * 1024

const CLIENTS: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['nbdinfo', 'nbdinfo', 'URI'],
  ['nbdinfo-list', 'nbdinfo', '--list', 'URI'],
  ['nbdinfo-map', 'nbdinfo', '--map', 'URI'],
  ['nbdinfo-size', 'nbdinfo', '--size', 'URI'],
  ['nbdcopy', 'nbdcopy', '--connections=1', '--request-size=32768', 'URI', 'null:'],
  ['qemu-img-map', 'qemu-img', 'map', '--image-opts', 'QEMU'],
  ['qemu-img-bench', 'qemu-img', 'bench', '-c', '40', '-d', '8', '-s', '20K', '-f', 'raw', 'URI'],
  ['qemu-io', 'qemu-io', '-r', '-f', 'raw', '-c', 'read 1001 2998', '-c', 'read 0 100K', 'URI'],
  ['nbd-client-list', 'nbd-client', '-l', '127.0.0.1', 'PORT'],
  ['nbdsh-oldest', 'nbdsh', '-c', 'h.set_handshake_flags(0)', '-c', nbdsh('h.pread(512, 3)')],
  [
    'nbdsh-simple',
    'nbdsh',
    '-c',
    'h.set_request_structured_replies(False)',
    '-c',
    nbdsh('h.pread(512, 3)'),
  ],
  [
    'nbdsh-rude',
    'nbdsh',
    ...['-c', 'h.set_strict_mode(0)', '-c', 'h.add_meta_context("base:allocation")'],
    ...['-c', nbdsh('h.pread(512, 3, nbd.CMD_FLAG_DF)')],
    ...['-c', 'h.cache(4096, 0)', '-c', 'h.flush()'],
    ...['-c', 'h.block_status(200000, 0, lambda *a: 0)'],
    ...['-c', rude('h.pwrite(b"x" * 600, 0)'), '-c', rude('h.trim(512, 0)')],
    ...['-c', rude('h.zero(512, 0)'), '-c', rude('h.pread(10, 1 << 40)')],
    ...['-c', rude('h.pread(9, 1048570)'), '-c', rude('h.pread(512, 0, 0xff00)')],
    ...['-c', rude('h.block_status(0, 0, lambda *a: 0)'), '-c', 'h.shutdown()'],
  ],
  [
    'nbdsh-options',
    'nbdsh',
    ...['-c', 'h.set_opt_mode(True)', '-c', 'h.connect_tcp("127.0.0.1", "PORT")'],
    ...[
      '-c',
      'h.opt_list(lambda *a: 0)',
      '-c',
      'h.set_export_name("none")',
      '-c',
      rude('h.opt_go()'),
    ],
    ...['-c', 'h.set_full_info(True)', '-c', 'h.set_export_name("disk")', '-c', 'h.opt_info()'],
    ...['-c', 'h.opt_list_meta_context(lambda *a: 0)', '-c', 'h.opt_go()', '-c', 'h.shutdown()'],
  ],
]

function nbdsh(call: string): string {
  return `h.set_export_name("disk"); h.connect_tcp("127.0.0.1", "PORT"); ${call}; h.shutdown()`.replace(
    /; h.shutdown\(\)$/,
    call.includes('CMD_FLAG') ? '' : '; h.shutdown()',
  )
}

function rude(call: string): string {
  return `try:\n    ${call}\nexcept nbd.Error:\n    pass`
}

/** Hands bytes on in both ways and keeps those of the client. */
function recorder(target: number, keep: (chunk: Buffer) => void): Server {
  return createServer(client => {
    const server = connect(target, '127.0.0.1')
    client.on('data', keep)
    client.pipe(server).pipe(client)
    client.on('error', () => server.destroy())
    server.on('error', () => client.destroy())
  })
}

const disk = new PatternExport('disk', () => 0)
const other = new PatternExport('other', () => 0)
// Reads of the whole image are to succeed here.
const sound = Object.assign(Object.create(disk) as PatternExport, {
  read: (request: Parameters<typeof disk.read>[0], sink: Parameters<typeof disk.read>[1]) => {
    sink.hole(request.offset, request.length)
    sink.end()
    return { cancel() {} }
  },
})
const address = { host: '127.0.0.1', port: 0 }
const listener = await Listener.listen({ address, exports: [sound, other] })
for (const [name, program, ...args] of CLIENTS) {
  const chunks: Buffer[] = []
  const proxy = recorder(listener.port as number, chunk => chunks.push(chunk)).listen(
    0,
    '127.0.0.1',
  )
  await once(proxy, 'listening')
  const { port } = proxy.address() as { port: number }
  const uri = `nbd://127.0.0.1:${port}/disk`
  const qemu = `driver=raw,file.driver=nbd,file.host=127.0.0.1,file.port=${port},file.export=disk`
  const filled = args.map(arg =>
    arg.replaceAll('URI', uri).replaceAll('QEMU', qemu).replaceAll('PORT', String(port)),
  )
  await promisify(execFile)(program, filled, { env: { ...process.env, PATH } }).catch(
    (error: { stderr: string }) => console.error(`${name}: ${error.stderr}`),
  )
  const bytes = Buffer.concat(chunks).subarray(0, MAX_BYTES)
  writeFileSync(join(DIRECTORY, `${name}.bin`), bytes)
  console.log(`${name}: ${bytes.length} bytes`)
  proxy.close()
}
await listener.close(0)
