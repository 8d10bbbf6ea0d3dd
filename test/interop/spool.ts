// Copies of a spooled image by the programs people use, while it is still being downloaded: qemu-img and
// nbdcopy, whose reads come out of order, from the slow server and from Python's http.server.

import { join } from 'node:path'
import t, { type Test } from 'tap'
import { GeneratedImage, type Image } from '../../.bench/slow-server/image.js'
import { startInProcess } from '../../.bench/slow-server/in-process.js'
import { type Server, serve } from '../../dist/main/index.js'
import { differenceOf } from '../fixtures/image-copy.js'
import { copyThrough } from '../fixtures/origin-copy.js'
import { succeed } from '../fixtures/programs.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { freePorts, imageFile, startWebServer } from '../fixtures/web-server.js'

const MIB = 1024 * 1024
const SIZE = 24 * MIB + 513

const COPIES: readonly (readonly [program: string, ...args: string[]])[] = [
  ['qemu-img', 'convert', '-O', 'raw'],
  ['qemu-img', 'convert', '-m', '16', '-W', '-O', 'raw'],
  ['nbdcopy', '-C', '4', '-T', '4'],
  ['nbdcopy', '-C', '1', '--synchronous'],
]

async function served(t: Test, url: string): Promise<Server> {
  const server = await serve({ url, unix: '-', workers: 1, spool: temporaryDirectory(t) })
  t.teardown(() => server.close({ drainMs: 0 }))
  return server
}

async function checkCopy(t: Test, image: Image, uri: string, copy: (typeof COPIES)[number]) {
  const [program, ...args] = copy
  const target = join(temporaryDirectory(t), 'copy')
  await succeed(t, program, ...args, uri, target)
  t.equal(differenceOf(image, target), undefined, 'the copy is the image')
}

for (const copy of COPIES) {
  t.test(`${copy.join(' ')} copies what is still coming`, requires(copy[0]), async t => {
    const image = new GeneratedImage({ size: SIZE })
    // About a second for all of it; broken off once on the way.
    const origin = await startInProcess({
      image: { size: SIZE },
      ranges: false,
      bandwidth: 40 * MIB,
      faults: [{ kind: 'reset-mid-body', afterBytes: 10 * MIB, after: 1, first: 1 }],
    })
    t.teardown(() => origin.close())
    const server = await served(t, origin.url)
    await checkCopy(t, image, server.uri, copy)
    const { failedReads, stallSeconds, retries } = server.statistics()
    t.match({ failedReads, retries }, { failedReads: 0, retries: 1 })
    t.ok(stallSeconds > 0, 'reads waited for the download')
  })
}

t.test("Python's http.server, which knows no ranges", requires('python3', 'qemu-img'), async t => {
  const directory = temporaryDirectory(t)
  const [port = 0] = await freePorts(1)
  const image = imageFile(join(directory, 'disk.img'), SIZE)
  const args = ['-m', 'http.server', String(port), '--bind', '127.0.0.1', '-d', directory]
  await startWebServer(t, 'python3', args, [port])
  const url = `http://127.0.0.1:${port}/disk.img`
  const statistics = await copyThrough(t, image, url, { spool: temporaryDirectory(t) })
  t.strictSame(statistics.failures, {})
  const server = await served(t, url)
  await checkCopy(t, image, server.uri, ['qemu-img', 'convert', '-O', 'raw'])
})
