import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ChunkStore } from '../../.bench/slow-server/chunk-store.js'
import { FileImage } from '../../.bench/slow-server/file-image.js'
import { GeneratedImage, type Image, sha256 } from '../../.bench/slow-server/image.js'
import { parseSize } from '../../.bench/slow-server/size.js'
import { CHUNK_BYTES } from '../../.bench/slow-server/word-pattern.js'
import { ZeroRuns } from '../../.bench/slow-server/zero-runs.js'

const MIB = 1024 * 1024
const TIB = 1024 * 1024 * MIB

t.test('GeneratedImage.read() equals its parts, wherever they are cut', async () => {
  const size = 7 * TIB + 3
  const image = new GeneratedImage({ size, seed: 5 })
  const place = fc.oneof(
    fc.nat(3 * MIB),
    fc.maxSafeNat().map(n => n % size),
    fc.nat(20).map(n => size - 1 - n * 77_777),
  )
  fc.assert(
    fc.property(
      place,
      fc.nat(CHUNK_BYTES + 5000),
      fc.array(fc.nat(100_000), { maxLength: 8 }),
      (offset, wanted, cuts) => {
        const length = Math.min(wanted, size - offset)
        const whole = image.read(offset, length)
        const parts: Uint8Array[] = []
        let at = 0
        for (const cut of cuts) {
          const part = Math.min(cut, length - at)
          parts.push(image.read(offset + at, part))
          at += part
        }
        parts.push(image.read(offset + at, length - at))
        return Buffer.concat(parts).equals(whole) && image.compare(offset, whole) === -1
      },
    ),
    { numRuns: 150 },
  )
})

t.test('GeneratedImage.fill() does not depend on the alignment of its target', async t => {
  const image = new GeneratedImage({ size: 8 * MIB })
  const expected = image.read(1_000_000, 5000)
  for (let shift = 0; shift < 9; shift++) {
    const memory = new Uint8Array(6000).fill(0xaa)
    image.fill(memory.subarray(shift, shift + 5000), 1_000_000)
    t.ok(Buffer.compare(memory.subarray(shift, shift + 5000), expected) === 0)
    t.ok(
      memory.subarray(0, shift).every(byte => byte === 0xaa),
      'nothing before it',
    )
    t.ok(
      memory.subarray(shift + 5000).every(byte => byte === 0xaa),
      'nothing behind it',
    )
  }
})

t.test('GeneratedImage has no two equal words, and says where a word belongs', async t => {
  const image = new GeneratedImage({ size: 8192 * TIB - 8, seed: 3, zeros: false })
  const seen = new Set<bigint>()
  const places = [0, CHUNK_BYTES, 5 * MIB, 2 ** 32, 2 ** 35, 2 ** 44, 2 ** 52, image.size - 65_536]
  for (const place of places) {
    const offset = place - (place % 8)
    for (const word of new BigUint64Array(image.read(offset, 65_536).buffer)) seen.add(word)
  }
  t.equal(seen.size, places.length * 8192)
  fc.assert(
    fc.property(fc.maxSafeNat(), n => {
      const offset = 8 * Math.floor((n % (image.size - 8)) / 8)
      return image.locate(image.read(offset, 8)) === offset
    }),
    { numRuns: 100 },
  )
  t.equal(image.locate(Buffer.from('foreign!')), undefined)
})

t.test('GeneratedImage.compare() finds the first of any differences', async t => {
  const image = new GeneratedImage({ size: 4 * MIB + 17 })
  fc.assert(
    fc.property(fc.nat(4 * MIB), fc.integer({ min: 1, max: MIB }), fc.nat(), (offset, n, where) => {
      const bytes = image.read(offset, Math.min(n, image.size - offset))
      const index = where % bytes.length
      bytes[index] = (bytes[index] as number) ^ 0x10
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 0x01
      return image.compare(offset, bytes) === index
    }),
    { numRuns: 50 },
  )
  t.not(image.compare(8, image.read(0, 64)), -1, 'a shift by one word')
  t.not(image.compare(0, image.read(CHUNK_BYTES, 64)), -1, 'a shift by one chunk')
  t.not(image.compare(0, new GeneratedImage({ size: MIB, seed: 2 }).read(0, 64)), -1, 'a seed')
})

t.test('GeneratedImage is a quarter zero, in runs of varied lengths and alignments', async t => {
  for (const seed of [1, 2, 99]) {
    const zeros = new ZeroRuns(seed)
    const size = 4096 * MIB
    let total = 0
    let behind = 0
    const kinds = { block: 0, page: 0, odd: 0, long: 0 }
    for (const { start, end } of zeros.within(0, size)) {
      if (start < behind || end <= start) t.fail(`run ${start}-${end} behind ${behind}`)
      behind = end
      total += end - start
      if (start % (256 * 1024) === 0 && end % (256 * 1024) === 0) kinds.block++
      else if (start % 65_536 === 0 && end % 65_536 === 0) kinds.page++
      else if (start % 512 !== 0 && end % 512 !== 0) kinds.odd++
      if (end - start === MIB) kinds.long++
    }
    t.ok(total > 0.2 * size && total < 0.3 * size, `seed ${seed}: ${total / size}`)
    t.ok(Math.min(...Object.values(kinds)) > 50, JSON.stringify(kinds))
  }
  const image = new GeneratedImage({ size: 4 * MIB })
  for (const { start, end } of new ZeroRuns(1).within(0, image.size)) {
    t.ok(image.read(start, end - start).every(byte => byte === 0))
  }
  t.ok(image.read(0, 65_536).some(byte => byte !== 0))
  t.notOk(new GeneratedImage({ size: MIB, zeros: false }).read(65_536, 4096).every(b => b === 0))
})

t.test('GeneratedImage refuses reads beyond its end and senseless sizes', async t => {
  const image = new GeneratedImage({ size: 1000 })
  for (const [offset, length] of [
    [0, 1001],
    [1000, 1],
    [-1, 1],
    [0.5, 1],
    [0, -1],
  ] as const) {
    t.throws(() => image.read(offset, length), RangeError)
  }
  t.equal(image.read(1000, 0).length, 0)
  t.throws(() => new GeneratedImage({ size: -1 }), RangeError)
  t.throws(() => new GeneratedImage({ size: 1.5 }), RangeError)
  t.throws(() => new GeneratedImage({ size: 1, seed: Number.NaN }), RangeError)
})

t.test('FileImage and sha256() agree with the generated image they were written from', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'image-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'disk.img')
  const image = new GeneratedImage({ size: 3 * MIB + 511 })
  writeFileSync(path, image.read(0, image.size))
  using file = new FileImage(path)
  t.equal(file.size, image.size)
  t.equal(sha256(file), sha256(image))
  t.not(sha256(image), sha256(new GeneratedImage({ size: image.size, seed: 2 })))
  t.equal(file.compare(4321, image.read(4321, 100_000)), -1)
  t.equal(file.compare(4321, image.read(4329, 100_000)), 0)
  t.throws(() => file.read(image.size, 1), RangeError)
  t.throws(() => new FileImage(join(directory, 'none')), { code: 'ENOENT' })
})

t.test(
  'ChunkStore.view() has the right bytes, kept or lent, and reuses what is released',
  async t => {
    const image = new GeneratedImage({ size: 3 * CHUNK_BYTES + 100 })
    let rendered = 0
    const counted: Image = {
      size: image.size,
      identity: 'counted',
      read: (offset, length) => image.read(offset, length),
      compare: (offset, bytes) => image.compare(offset, bytes),
      fill: (target, offset) => {
        rendered += target.length
        image.fill(target, offset)
      },
    }
    const store = new ChunkStore(counted, CHUNK_BYTES)
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < image.size; ) {
        const view = store.view(at, Math.min(at + 100_003, image.size))
        t.equal(image.compare(at, view.bytes), -1)
        at += view.bytes.length
        view.release()
      }
    }
    t.equal(rendered, 2 * (image.size - CHUNK_BYTES), 'the first chunk is rendered once')
    const first = store.view(CHUNK_BYTES, 2 * CHUNK_BYTES)
    const second = store.view(2 * CHUNK_BYTES, 3 * CHUNK_BYTES)
    t.equal(image.compare(CHUNK_BYTES, first.bytes), -1, 'a view that is out is not overwritten')
    first.release()
    const third = store.view(0 + 3 * CHUNK_BYTES, image.size)
    t.equal(third.bytes.buffer, first.bytes.buffer)
    t.equal(image.compare(2 * CHUNK_BYTES, second.bytes), -1)
  },
)

t.test('parseSize() reads powers of 1024 and nothing else', async t => {
  t.equal(parseSize('4096'), 4096)
  t.equal(parseSize('64K'), 65_536)
  t.equal(parseSize('64MiB'), 64 * MIB)
  t.equal(parseSize('1g'), 1024 * MIB)
  t.equal(parseSize('2.5T'), 2.5 * TIB)
  for (const text of ['', 'M', '-1', '1X', '0.3', '1e3', '99999P']) {
    t.throws(() => parseSize(text), RangeError, text)
  }
})
