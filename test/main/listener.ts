import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import t from 'tap'
import { ExportTable } from '../../dist/main/export-table.js'
import { ListenError } from '../../dist/main/listen-error.js'
import { Listener } from '../../dist/main/listener.js'
import { MemoryExport, patternBytes } from '../fixtures/memory-export.js'
import { RawClient } from '../fixtures/raw-client.js'
import { replaceTmpdir, temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const listenAt = (path: string, ...exports: MemoryExport[]) =>
  Listener.listen({
    address: { path },
    exports: exports.length === 0 ? [new MemoryExport()] : exports,
  })

async function canRead(listener: Listener, name = ''): Promise<boolean> {
  const client = await RawClient.enter(listener, { name })
  client.read(1n, 10, 100)
  const reply = await client.reply()
  client.destroy()
  return reply.kind === 'data' && reply.data.equals(patternBytes(10, 100))
}

t.test('Listener.listen() on a Unix socket leaves no file behind', async t => {
  const path = join(temporaryDirectory(t), 'a socket')
  const listener = await listenAt(path)
  t.equal(listener.socketPath, path)
  t.equal(listener.port, undefined)
  t.equal(listener.uri('x'), `nbd+unix:///x?socket=${path.replace('a socket', 'a%20socket')}`)
  t.ok(await canRead(listener))
  await listener.close(0)
  await listener.close(0)
  t.notOk(existsSync(path))
})

t.test("Listener.listen() on '-' makes a socket that only this user can reach", async t => {
  const listener = await listenAt('-')
  const directory = dirname(listener.socketPath ?? '')
  t.equal(statSync(directory).mode & 0o777, 0o700)
  t.ok(await canRead(listener))
  await listener.close(0)
  t.notOk(existsSync(directory))
})

t.test('Listener.listen() on TCP takes a free port for 0', async t => {
  const exports = [new MemoryExport({ name: 'disk' })]
  const listener = await Listener.listen({ address: { host: '127.0.0.1', port: 0 }, exports })
  t.ok((listener.port ?? 0) > 0)
  t.equal(listener.socketPath, undefined)
  t.equal(listener.uri('disk'), `nbd://127.0.0.1:${listener.port}/disk`)
  t.ok(await canRead(listener, 'disk'))
  await listener.close(0)
  t.throws(() => listener.uri('disk'), RangeError)
})

t.test('Listener.listen() replaces a socket file nobody listens on', async t => {
  const path = join(temporaryDirectory(t), 'socket')
  // A server that is killed leaves its socket file.
  const child = spawn(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`,
  ])
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.ok(existsSync(path))
  const listener = await listenAt(path)
  t.ok(await canRead(listener))
  await listener.close(0)
})

t.test('Listener.listen() never takes the socket of a living server', async t => {
  const path = join(temporaryDirectory(t), 'socket')
  const first = await listenAt(path)
  await t.rejects(listenAt(path), {
    name: 'ListenError',
    code: 'LISTEN_FAILED',
    message: `Cannot listen on ${path}: the socket is in use by another server`,
  })
  t.ok(await canRead(first), 'which goes on')
  await first.close(0)
})

t.test('Listener.close() never removes the socket of another server', async t => {
  const path = join(temporaryDirectory(t), 'socket')
  const first = await listenAt(path)
  const client = await RawClient.enter(first)
  const closed = first.close(60_000)
  const second = await listenAt(path)
  client.destroy()
  await closed
  t.ok(existsSync(path))
  t.ok(await canRead(second))
  await second.close(0)
})

t.test('Listener.listen() says in one line what is wrong with a path', async t => {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'file')
  writeFileSync(file, 'precious')
  const cases: [string, string][] = [
    [file, 'it exists and is not a socket'],
    [join(directory, 'missing', 'socket'), 'the directory does not exist'],
    [join(file, 'socket'), 'the directory does not exist'],
    [`/tmp/${'x'.repeat(110)}`, 'a socket path is limited to 107 bytes and this one has 115'],
    [`/tmp/${'ä'.repeat(52)}`, 'a socket path is limited to 107 bytes and this one has 109'],
  ]
  for (const [path, what] of cases) {
    const error = await listenAt(path).catch(error => error)
    t.ok(error instanceof ListenError)
    t.equal(error.message, `Cannot listen on ${path}: ${what}`)
  }
  await t.rejects(listenAt(''), { message: "Cannot listen on '': the socket path is empty" })
  t.strictSame(readdirSync(directory).sort(), ['file'], 'nothing was removed or made')
})

t.test('Listener.listen() takes a path of 107 bytes', async t => {
  const start = `${temporaryDirectory(t)}/`
  const path = start + 'x'.repeat(107 - start.length)
  const listener = await listenAt(path)
  t.ok(await canRead(listener))
  await listener.close(0)
})

t.test('Listener.listen() says in one line what is wrong with an address', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const exports = [new MemoryExport()]
  const at = (host: string, port: number) => Listener.listen({ address: { host, port }, exports })
  await t.rejects(at('127.0.0.1', port), {
    code: 'LISTEN_FAILED',
    message: `Cannot listen on 127.0.0.1:${port}: the address is in use`,
  })
  await t.rejects(at('192.0.2.1', 0), {
    message: 'Cannot listen on 192.0.2.1:0: this machine does not have the address',
  })
  await t.rejects(at('2001:db8::1', 0), { message: /^Cannot listen on \[2001:db8::1\]:0: / })
})

t.test('a private socket that can not be made leaves no directory behind', async t => {
  const directory = temporaryDirectory(t)
  const temporary = join(directory, 'x'.repeat(100))
  mkdirSync(temporary)
  replaceTmpdir(t, temporary)
  await t.rejects(listenAt('-'), { message: /a socket path is limited to 107 bytes/ })
  t.strictSame(readdirSync(temporary), [])
  process.env['TMPDIR'] = join(directory, 'missing')
  await t.rejects(listenAt('-'), { message: /^Cannot listen on a private socket: no directory/ })
})

t.test('Listener.removeFiles() removes the socket at once, and nothing else', async t => {
  const listener = await listenAt('-')
  const path = listener.socketPath ?? ''
  listener.removeFiles()
  t.notOk(existsSync(dirname(path)))
  mkdirSync(dirname(path))
  writeFileSync(path, 'of somebody else')
  listener.removeFiles()
  t.ok(existsSync(path))
  await listener.close(0)
  rmSync(dirname(path), { recursive: true })
})

t.test(
  'Listener turns clients away beyond its limit, and takes new ones when some left',
  async t => {
    const exports = [new MemoryExport()]
    const listener = await Listener.listen({ address: { path: '-' }, exports, maxClients: 2 })
    t.teardown(() => listener.close(0))
    const first = await RawClient.enter(listener)
    await RawClient.enter(listener)
    const third = await RawClient.connect(listener)
    t.equal((await third.rest()).length, 0, 'without a greeting')
    first.destroy()
    while (listener.clients === 2) await new Promise(resolve => setImmediate(resolve))
    t.ok(await canRead(listener))
  },
)

t.test('ExportTable finds exports by name, and the only one by no name', async t => {
  const a = new MemoryExport({ name: 'a' })
  const b = new MemoryExport({ name: 'b' })
  const nameless = new MemoryExport({ name: '' })
  t.equal(new ExportTable([a]).find(''), a.info)
  t.equal(new ExportTable([a]).find('b'), undefined)
  t.equal(new ExportTable([a, b]).find(''), undefined)
  t.equal(new ExportTable([a, b, nameless]).find(''), nameless.info)
  t.strictSame(new ExportTable([b, a]).list(), [b.info, a.info])
  t.equal(new ExportTable([a, b]).get(b.info), b)
  t.throws(() => new ExportTable([a]).get(b.info), RangeError)
  t.throws(() => new ExportTable([a, new MemoryExport({ name: 'a' })]), RangeError)
  t.throws(() => new ExportTable([]), RangeError)
})

t.test('Listener.listen() gives a socket the mode and group that were asked for', async t => {
  const directory = temporaryDirectory(t)
  const umask = process.umask()
  const exports = [new MemoryExport()]
  const gid = process.getgid?.() ?? 0
  for (const mode of [0o600, 0o660, 0o777]) {
    const path = join(directory, String(mode))
    const address = { path, mode, group: String(gid) }
    const listener = await Listener.listen({ address, exports })
    t.match(statSync(path), { gid })
    t.equal(statSync(path).mode & 0o777, mode)
    await listener.close(0)
  }
  t.equal(process.umask(), umask, 'the umask is as it was')
})

t.test('Listener.listen() refuses a group that is not known, and leaves nothing', async t => {
  const path = join(temporaryDirectory(t), 's')
  const address = { path, group: 'no-such-group' }
  await t.rejects(Listener.listen({ address, exports: [new MemoryExport()] }), {
    code: 'LISTEN_FAILED',
    message: `Cannot listen on ${path}: the group 'no-such-group' is not known`,
  })
  t.notOk(existsSync(path))
  // Nor does anyone listen where nothing can be seen.
  const listener = await listenAt(path)
  t.ok(await canRead(listener))
  await listener.close(0)
})

t.test(
  'Listener.listen() asks the kernel for keepalive as often as told',
  { skip: existsSync('/proc/net/tcp') ? false : 'needs /proc' },
  async t => {
    for (const [keepaliveMs, timer] of [
      [1_000_000, '02'],
      [0, '00'],
    ] as const) {
      const address = { host: '127.0.0.1', port: 0 }
      const exports = [new MemoryExport()]
      const listener = await Listener.listen({ address, exports, limits: { keepaliveMs } })
      const client = await RawClient.enter(listener)
      const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0')
      // Our side of the connection: local port, and state 01, established.
      const ours = new RegExp(`: \\w+:${hex(listener.port ?? 0)} \\w+:\\w+ 01 \\S+ (\\w+):(\\w+)`)
      const timers = () => ours.exec(readFileSync('/proc/net/tcp', 'utf8'))?.slice(1) ?? []
      // 01 is the timer of what is not acknowledged yet.
      await until(() => timers()[0] !== '01')
      const [active, jiffies] = timers()
      t.equal(active, timer)
      // USER_HZ is 100: 1000 seconds are 100,000 of them, and few have passed.
      if (keepaliveMs > 0) {
        const left = Number.parseInt(jiffies ?? '', 16)
        t.ok(left > 90_000 && left <= 100_000, `${left}`)
      }
      client.destroy()
      await listener.close(0)
    }
  },
)
