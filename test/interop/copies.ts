// Byte-exact copies of an image through the programs people use for it: qemu-img and nbdcopy, over
// both kinds of socket, from http and https, with rings small and large, at sizes that fit nothing.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { type SlowServerProcess, startInProcess } from '../../.bench/slow-server/in-process.js'
import { type Server, type ServerOptions, serve } from '../../dist/main/index.js'
import { differenceOf } from '../fixtures/image-copy.js'
import { run, succeed } from '../fixtures/programs.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

const KIB = 1024
const MIB = 1024 * KIB
const BLOCK = 256 * KIB

/** Sizes that take minutes: only on request. */
const BIG = process.env['BIG_TESTS'] === '1'
if (BIG) t.setTimeout(1_200_000)

/** The origin is a process of its own, as in life, shared by all tests of this file. */
let origin: SlowServerProcess

t.before(async () => {
  origin = await startInProcess({ image: { size: 0 } })
})
t.teardown(() => origin.close())

type Copy = (t: Test, uri: string, target: string) => Promise<void>

const convert =
  (...flags: string[]): Copy =>
  async (t, uri, target) =>
    void (await succeed(t, 'qemu-img', 'convert', ...flags, '-O', 'raw', uri, target))

const nbdcopy =
  (...flags: string[]): Copy =>
  async (t, uri, target) =>
    void (await succeed(t, 'nbdcopy', ...flags, uri, target))

const QEMU: Readonly<Record<string, Copy>> = {
  'qemu-img convert -m 1': convert('-m', '1'),
  'qemu-img convert -m 8': convert('-m', '8'),
  'qemu-img convert -m 16 -W': convert('-m', '16', '-W'),
}
const NBDCOPY: Readonly<Record<string, Copy>> = {
  'nbdcopy -C 1': nbdcopy('-C', '1'),
  'nbdcopy -C 4 -T 4': nbdcopy('-C', '4', '-T', '4'),
  'nbdcopy --synchronous': nbdcopy('--synchronous'),
}

/** Serves an image of `size` bytes for one test. */
async function exported(
  t: Test,
  size: number,
  options: Partial<ServerOptions> = {},
): Promise<{ image: GeneratedImage; server: Server }> {
  await origin.setOptions({ image: { size } })
  const server = await serve({ url: origin.url, unix: '-', ...options })
  t.teardown(() => server.close({ drainMs: 0 }))
  return { image: new GeneratedImage({ size }), server }
}

/** Makes a copy and checks it. */
async function checkCopy(t: Test, image: GeneratedImage, uri: string, copy: Copy): Promise<void> {
  const target = join(temporaryDirectory(t), 'copy')
  await copy(t, uri, target)
  t.equal(differenceOf(image, target), undefined, 'the copy is the image')
}

const ALL = Object.entries({ ...QEMU, ...NBDCOPY })
const NEEDED = requires('qemu-img', 'nbdcopy')

// The smallest ring there may be (16 slots), a small one of the usual block size, and one that
// holds more than the image.
const RINGS: Readonly<Record<string, Partial<ServerOptions>>> = {
  '16 blocks of 64 KiB': { ringSize: MIB, blockSize: 64 * KIB },
  '64 blocks of 256 KiB': { ringSize: 16 * MIB },
  '16 blocks of 4 MiB': { ringSize: 64 * MIB, blockSize: 4 * MIB },
}

for (const [name, ring] of Object.entries(RINGS)) {
  t.test(`every client copies through a ring of ${name}`, NEEDED, async t => {
    const { image, server } = await exported(t, 24 * MIB + 768, ring)
    for (const [client, copy] of ALL) {
      await t.test(client, t => checkCopy(t, image, server.uri, copy))
    }
    const { failedReads, pins } = server.statistics()
    t.match({ failedReads, pins }, { failedReads: 0, pins: 0 })
  })
}

t.test('sizes that fit neither sector nor block are copied to the last byte', NEEDED, async t => {
  for (const size of [1, 511, 512, 513, BLOCK - 1, BLOCK, BLOCK + 1, 4 * BLOCK + 511]) {
    await t.test(`${size} bytes`, async t => {
      const { image, server } = await exported(t, size)
      await checkCopy(t, image, server.uri, convert())
      await checkCopy(t, image, server.uri, nbdcopy())
    })
  }
})

t.test('an empty image is an empty export', requires('qemu-img', 'nbdcopy', 'nbdinfo'), async t => {
  const { image, server } = await exported(t, 0)
  t.equal((await succeed(t, 'nbdinfo', '--size', server.uri)).trim(), '0')
  await checkCopy(t, image, server.uri, convert())
  await checkCopy(t, image, server.uri, nbdcopy())
})

t.test('a TCP port serves as well as a Unix socket', NEEDED, async t => {
  const { image, server } = await exported(t, 8 * MIB + 1, { port: 0, unix: undefined })
  t.match(server.uri, /^nbd:\/\/127\.0\.0\.1:\d+/)
  await checkCopy(t, image, server.uri, convert('-m', '16', '-W'))
  await checkCopy(t, image, server.uri, nbdcopy('-C', '4', '-T', '4'))
})

t.test('qemu-img compare finds export and copy identical, and a change', NEEDED, async t => {
  const { image, server } = await exported(t, 8 * MIB)
  const target = join(temporaryDirectory(t), 'copy')
  await convert()(t, server.uri, target)
  const compare = ['compare', '-f', 'raw', '-F', 'raw', server.uri, target]
  t.match(await succeed(t, 'qemu-img', ...compare), 'identical')
  const bytes = image.read(0, image.size)
  bytes[5 * MIB] = (bytes[5 * MIB] ?? 0) ^ 1
  writeFileSync(target, bytes)
  t.match(await run(t, 'qemu-img', compare), { status: 1, stdout: /mismatch/ })
})

t.test('qemu-io reads and verifies ranges across blocks', requires('qemu-io'), async t => {
  const { image, server } = await exported(t, 2 * MIB)
  for (const offset of [0, BLOCK - 512, MIB - 1024, 2 * MIB - 512]) {
    const length = Math.min(2048, image.size - offset)
    const dump = await succeed(
      t,
      'qemu-io',
      '-r',
      '-f',
      'raw',
      '-c',
      `read -v ${offset} ${length}`,
      server.uri,
    )
    const bytes = [...dump.matchAll(/^[0-9a-f]{8}: {2}((?:[0-9a-f]{2} )+)/gm)].flatMap(([, row]) =>
      (row ?? '').trim().split(' '),
    )
    t.equal(bytes.join(''), Buffer.from(image.read(offset, length)).toString('hex'))
  }
})

t.test('an export name with every kind of character reaches the client', NEEDED, async t => {
  const exportName = 'disk 1/Größe?&#%20'
  const { image, server } = await exported(t, MIB, { exportName })
  await checkCopy(t, image, server.uri, convert())
  await checkCopy(t, image, server.uri, nbdcopy())
})

t.test('https is copied with the CA given, or with any certificate if told so', NEEDED, async t => {
  const image = new GeneratedImage({ size: 8 * MIB + 7 })
  const secure = await startInProcess({ image: { size: image.size }, tls: true })
  t.teardown(() => secure.close())
  const trust: Partial<ServerOptions>[] = [{ ca: secure.caPem }, { insecure: true }]
  for (const options of trust) {
    const server = await serve({ url: secure.url, unix: '-', ...options })
    t.teardown(() => server.close({ drainMs: 0 }))
    await checkCopy(t, image, server.uri, convert())
    await checkCopy(t, image, server.uri, nbdcopy())
  }
  await t.rejects(serve({ url: secure.url, unix: '-' }), {
    code: 'SOURCE',
    message: /TLS.*--cacert/,
  })
})

t.test('a large image is copied with little more than its own bytes', NEEDED, async t => {
  // One more than 4 GiB: offsets beyond 32 bits.
  const size = BIG ? 4096 * MIB + 1 : 256 * MIB
  for (const copy of [convert('-m', '16', '-W'), nbdcopy('-C', '4')]) {
    // Each with a server of its own: on a second pass nothing tells one reader's blocks from another's.
    const { image, server } = await exported(t, size, { ringSize: 64 * MIB })
    await checkCopy(t, image, server.uri, copy)
    const { fetchedBytes, servedBytes, failedReads, exports } = server.statistics()
    t.equal(failedReads, 0)
    t.ok(fetchedBytes <= 1.05 * size, `took ${fetchedBytes} bytes for ${size}`)
    // A client need not read what it is told is zero.
    const zeroBytes = (exports[0]?.zeroBlocks ?? 0) * 256 * KIB
    t.ok(servedBytes + zeroBytes >= size, 'every byte came over NBD, or was told to be zero')
  }
})
