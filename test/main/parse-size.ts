// Sizes as people write them, both ways.

import fc from 'fast-check'
import t from 'tap'
import { formatSize, parseSize } from '../../dist/main/parse-size.js'

t.test('parseSize() reads digits with a binary unit of either case', async t => {
  for (const [text, bytes] of [
    ['0', 0],
    ['1', 1],
    ['65536', 65536],
    ['512k', 512 * 1024],
    ['64M', 64 * 1024 ** 2],
    ['64m', 64 * 1024 ** 2],
    ['1G', 1024 ** 3],
    ['2T', 2 * 1024 ** 4],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ] as const) {
    t.equal(parseSize(text), bytes, text)
  }
})

t.test('parseSize() refuses everything else', async t => {
  const refused = ['', ' ', '-5', '+5', '1e3', '0x10', '1.5', '1.5G', '64MB', '64MiB', '64 M', ' 1']
  refused.push('1K\n', 'M', '1P', 'NaN', 'Infinity', '1_000', '９', '9007199254740992', '9999999T')
  for (const text of refused) t.equal(parseSize(text), undefined, JSON.stringify(text))
})

t.test('formatSize() writes what parseSize() reads back as the same', async t => {
  t.equal(formatSize(256 * 1024 ** 2), '256M')
  t.equal(formatSize(1536), '1536')
  t.equal(formatSize(0), '0')
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 0, max: 40 }), (n, shift) => {
      const bytes = Math.floor(n / 2 ** shift) * 2 ** Math.min(shift, 10)
      return parseSize(formatSize(bytes)) === bytes
    }),
  )
})
