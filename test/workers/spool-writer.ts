import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { SPOOL_BLOCK } from '../../dist/shared/spool-task.js'
import { SpoolWriter } from '../../dist/workers/spool-writer.js'
import { imageBytes } from '../fixtures/origin.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

function openFile(t: Test, content: Uint8Array = new Uint8Array()): { file: number; path: string } {
  const path = join(temporaryDirectory(t), 'spool')
  writeFileSync(path, content)
  const file = openSync(path, 'r+')
  t.teardown(() => closeSync(file))
  return { file, path }
}

/** Hands a body over in pieces of these sizes in turn. */
function feed(writer: SpoolWriter, body: Uint8Array, sizes: readonly number[]): unknown {
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const size = sizes[turn % sizes.length] as number
    const failure = writer.write(body.subarray(at, at + size))
    if (failure !== undefined) return failure
    at += size
  }
  return undefined
}

t.test(
  'SpoolWriter writes a body whatever pieces it comes in, and tells its zero blocks',
  async t => {
    // Data, two zero blocks, a block with one byte at its end, a part of a block that is zero.
    const body = Buffer.concat([
      imageBytes(0, SPOOL_BLOCK),
      Buffer.alloc(3 * SPOOL_BLOCK - 1),
      Buffer.of(1),
      Buffer.alloc(1000),
    ])
    for (const sizes of [[body.length], [1460], [65_536], [1, 100_000, 7], [SPOOL_BLOCK]]) {
      for (const known of [true, false]) {
        const { file, path } = openFile(t, Buffer.alloc(10, 'left by somebody'))
        const writer = new SpoolWriter(file, 0)
        t.equal(writer.begin(known ? body.length : undefined), undefined)
        t.equal(feed(writer, body, sizes), undefined)
        t.equal(writer.position, body.length)
        t.equal(writer.finish(), undefined)
        t.ok(readFileSync(path).equals(body), `pieces of ${sizes}`)
        t.strictSame(writer.takeZeroBlocks(), [1, 2, 4])
        t.strictSame(writer.takeZeroBlocks(), [], 'each is told once')
      }
    }
  },
)

t.test('SpoolWriter leaves holes where the body is zero', async t => {
  const { file, path } = openFile(t)
  const size = 64 * SPOOL_BLOCK
  const writer = new SpoolWriter(file, 0)
  writer.begin(size)
  feed(writer, Buffer.alloc(size), [128 * 1024])
  writer.finish()
  const { size: bytes, blocks } = statSync(path)
  t.equal(bytes, size)
  t.ok(blocks * 512 < SPOOL_BLOCK, `${blocks} blocks`)
})

t.test('SpoolWriter drops what lies behind the bytes that are kept', async t => {
  const body = Buffer.concat([imageBytes(0, 5000), Buffer.alloc(200_000), imageBytes(9, 5000)])
  // A writer that died had come further than it could tell: with bytes of another version.
  const { file, path } = openFile(
    t,
    Buffer.concat([body.subarray(0, 3000), Buffer.alloc(150_000, 7)]),
  )
  const writer = new SpoolWriter(file, 3000)
  t.equal(writer.begin(body.length), undefined)
  t.equal(feed(writer, body, [1460]), undefined)
  t.equal(writer.finish(), undefined)
  t.ok(readFileSync(path).equals(body))
})

t.test('SpoolWriter finds every byte that is not what it was', async t => {
  const kept = imageBytes(0, 200_000)
  for (const wrong of [0, 65_535, 65_536, 199_999]) {
    const { file, path } = openFile(t, kept)
    const body = Buffer.concat([kept, imageBytes(200_000, 1000)])
    body[wrong] = (body[wrong] as number) ^ 1
    const writer = new SpoolWriter(file, kept.length)
    writer.begin(body.length)
    t.match(feed(writer, body, [30_000]), { code: 'source-changed' }, `byte ${wrong}`)
    t.ok(readFileSync(path).subarray(0, kept.length).equals(kept), 'and writes none of it')
  }
  // Zeroes where there were none, and the other way round.
  const { file } = openFile(t, kept)
  const writer = new SpoolWriter(file, kept.length)
  writer.begin(300_000)
  t.match(writer.write(Buffer.alloc(1)), { code: 'source-changed' })
})

t.test('SpoolWriter says what the system says of a full disk', async t => {
  const file = openSync('/dev/full', 'r+')
  t.teardown(() => closeSync(file))
  const failure = new SpoolWriter(file, 0).write(imageBytes(0, 10))
  t.match(failure, {
    code: 'spool',
    message: 'Cannot write the spool file: no space left on device',
  })
})
