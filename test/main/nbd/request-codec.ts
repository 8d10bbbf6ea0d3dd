import t from 'tap'
import { decodeRequest, refusalOf } from '../../../dist/main/nbd/request-codec.js'
import { type RequestFields, request, unhex } from '../../fixtures/nbd-encoder.js'

const SIZE = 1024 * 1024
const RULES = {
  size: SIZE,
  blockSizes: { minimum: 1, preferred: 4096, maximum: 64 * 1024 },
  structuredReplies: true,
  contexts: true,
}
const [READ, WRITE, FLUSH, TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS] = [0, 1, 3, 4, 5, 6, 7] as const
const [FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO, PAYLOAD_LEN] = [1, 2, 4, 8, 16, 32] as const
const [EPERM, EINVAL, EOVERFLOW] = [1, 22, 75] as const

const errno = (fields: RequestFields, rules = RULES) => {
  const header = decodeRequest(request(fields))
  return header === undefined ? undefined : (refusalOf(header, rules)?.errno ?? 0)
}

t.test('decodeRequest() reads what stands on the wire', async t => {
  const table: [string, ReturnType<typeof decodeRequest>][] = [
    [
      '25609513 0000 0000 0000000000000000 0000000000000000 00000000',
      { flags: 0, command: 0, cookie: 0n, offset: 0, length: 0 },
    ],
    [
      '25609513 0004 0007 fedcba9876543210 0000000100000002 00040000',
      { flags: 4, command: 7, cookie: 0xfedcba9876543210n, offset: 2 ** 32 + 2, length: 262144 },
    ],
    [
      '25609513 ffff fffe ffffffffffffffff 001fffffffffffff ffffffff',
      {
        flags: 0xffff,
        command: 0xfffe,
        cookie: 2n ** 64n - 1n,
        offset: Number.MAX_SAFE_INTEGER,
        length: 0xffffffff,
      },
    ],
    ['25609514 0000 0000 0000000000000000 0000000000000000 00000000', undefined],
  ]
  for (const [bytes, expected] of table) t.strictSame(decodeRequest(unhex(bytes)), expected)
})

t.test('refusalOf() lets through what can be carried out', async t => {
  const good: RequestFields[] = [
    { command: READ, length: 1 },
    { command: READ, offset: SIZE - 1, length: 1 },
    { command: READ, offset: SIZE, length: 0 },
    { command: READ, length: 64 * 1024, flags: DF },
    { command: CACHE, length: SIZE },
    { command: FLUSH },
    { command: FLUSH, offset: 2n ** 64n - 1n, length: 7 },
    { command: BLOCK_STATUS, length: SIZE },
    { command: BLOCK_STATUS, length: 1, flags: REQ_ONE },
  ]
  for (const fields of good) t.equal(errno(fields), 0)
})

t.test('refusalOf() refuses ranges beyond the export', async t => {
  for (const command of [READ, CACHE, BLOCK_STATUS]) {
    t.equal(errno({ command, offset: SIZE - 1, length: 2 }), EINVAL)
    t.equal(errno({ command, offset: SIZE, length: 1 }), EINVAL)
    t.equal(errno({ command, offset: 2n ** 53n, length: 1 }), EINVAL)
    t.equal(errno({ command, offset: 2n ** 64n - 1n, length: 1 }), EINVAL, 'the sum wraps round')
    t.equal(errno({ command, length: 0xffffffff }), EINVAL)
  }
  t.equal(errno({ command: READ, offset: SIZE + 1, length: 0 }), EINVAL)
  const largest = { ...RULES, size: Number.MAX_SAFE_INTEGER }
  t.equal(errno({ command: READ, offset: 2n ** 53n - 2n, length: 1 }, largest), 0)
  t.equal(errno({ command: READ, offset: 2n ** 53n - 2n, length: 2 }, largest), EINVAL)
  t.equal(errno({ command: READ, offset: 2n ** 53n, length: 1 }, largest), EINVAL)
})

t.test('refusalOf() refuses reads above the maximum, and hints not', async t => {
  t.equal(errno({ command: READ, length: 64 * 1024 + 1 }), EOVERFLOW)
  t.equal(errno({ command: CACHE, length: 64 * 1024 + 1 }), 0)
})

t.test('refusalOf() refuses ranges off the minimum block size', async t => {
  const rules = { ...RULES, blockSizes: { ...RULES.blockSizes, minimum: 512 } }
  t.equal(errno({ command: READ, offset: 512, length: 512 }, rules), 0)
  t.equal(errno({ command: READ, offset: 1, length: 512 }, rules), EINVAL)
  t.equal(errno({ command: READ, offset: 0, length: 511 }, rules), EINVAL)
})

t.test('refusalOf() refuses whatever writes with EPERM', async t => {
  for (const command of [WRITE, TRIM, WRITE_ZEROES]) {
    t.equal(errno({ command, length: 512 }), EPERM)
    t.equal(errno({ command }), EPERM)
    t.equal(errno({ command, offset: SIZE, length: 512 }), EPERM, 'not ENOSPC')
  }
  t.equal(errno({ command: WRITE_ZEROES, length: 512, flags: NO_HOLE }), EPERM)
})

t.test('refusalOf() refuses unknown commands and flags that do not fit', async t => {
  for (const command of [2, 8, 9, 0xffff]) t.equal(errno({ command }), EINVAL)
  const fitting: Record<number, number> = { [READ]: DF, [BLOCK_STATUS]: REQ_ONE }
  for (const command of [READ, FLUSH, CACHE, BLOCK_STATUS]) {
    for (const flags of [FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO, PAYLOAD_LEN, 0x8000]) {
      const expected = fitting[command] === flags ? 0 : EINVAL
      t.equal(errno({ command, length: 512, flags }), expected, `${command} with ${flags}`)
    }
  }
  t.equal(
    errno({ command: READ, length: 1, flags: DF }, { ...RULES, structuredReplies: false }),
    EINVAL,
    'DF was not offered',
  )
})

t.test('refusalOf() refuses BLOCK_STATUS without a context or a length', async t => {
  t.equal(errno({ command: BLOCK_STATUS, length: 512 }, { ...RULES, contexts: false }), EINVAL)
  t.equal(errno({ command: BLOCK_STATUS, length: 0 }), EINVAL)
})
