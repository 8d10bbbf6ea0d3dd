import fc from 'fast-check'
import t from 'tap'
import { errnoOf } from '../../../dist/main/nbd/nbd-errno.js'
import { decodeString, encodeString } from '../../../dist/main/nbd/protocol-string.js'
import {
  encodeBlockStatus,
  encodeError,
  encodeErrorOffset,
  encodeNone,
  encodeOffsetData,
  encodeOffsetHole,
  encodeSimpleReply,
} from '../../../dist/main/nbd/reply-codec.js'
import type { FailureCode } from '../../../dist/shared/failure.js'
import { type Reply, replies, unhex } from '../../fixtures/nbd-encoder.js'

const COOKIE = 0xfedcba9876543210n
const ABC = Buffer.from('abc')

/** What is encoded, its bytes, and what a client makes of them. */
const TABLE: [string, Buffer, string, Reply][] = [
  [
    'simple reply',
    encodeSimpleReply(COOKIE, 0),
    '67446698 00000000 fedcba9876543210',
    { kind: 'simple', cookie: COOKIE, error: 0, data: Buffer.alloc(0) },
  ],
  [
    'simple error',
    encodeSimpleReply(COOKIE, 108),
    '67446698 0000006c fedcba9876543210',
    { kind: 'simple', cookie: COOKIE, error: 108, data: Buffer.alloc(0) },
  ],
  [
    'NONE',
    encodeNone(COOKIE),
    '668e33ef 0001 0000 fedcba9876543210 00000000',
    { kind: 'none', cookie: COOKIE, done: true },
  ],
  [
    'OFFSET_DATA, more to come',
    Buffer.concat([encodeOffsetData(COOKIE, 2 ** 33 + 1, 3, false), ABC]),
    '668e33ef 0000 0001 fedcba9876543210 0000000b 0000000200000001 616263',
    { kind: 'data', cookie: COOKIE, done: false, offset: 2n ** 33n + 1n, data: ABC },
  ],
  [
    'OFFSET_DATA, the last',
    Buffer.concat([encodeOffsetData(COOKIE, Number.MAX_SAFE_INTEGER, 3, true), ABC]),
    '668e33ef 0001 0001 fedcba9876543210 0000000b 001fffffffffffff 616263',
    { kind: 'data', cookie: COOKIE, done: true, offset: 2n ** 53n - 1n, data: ABC },
  ],
  [
    'OFFSET_HOLE',
    encodeOffsetHole(COOKIE, 0xffffffff, 0xfffffffe, false),
    '668e33ef 0000 0002 fedcba9876543210 0000000c 00000000ffffffff fffffffe',
    { kind: 'hole', cookie: COOKIE, done: false, offset: 0xffffffffn, length: 0xfffffffe },
  ],
  [
    'BLOCK_STATUS',
    encodeBlockStatus(
      COOKIE,
      1,
      [
        { length: 4096, flags: 3 },
        { length: 512, flags: 0 },
      ],
      true,
    ),
    '668e33ef 0001 0005 fedcba9876543210 00000014 00000001 00001000 00000003 00000200 00000000',
    {
      kind: 'status',
      cookie: COOKIE,
      done: true,
      context: 1,
      extents: [
        [4096, 3],
        [512, 0],
      ],
    },
  ],
  [
    'ERROR',
    encodeError(COOKIE, 22, 'nö'),
    '668e33ef 0001 8001 fedcba9876543210 00000009 00000016 0003 6ec3b6',
    { kind: 'error', cookie: COOKIE, done: true, error: 22, message: 'nö' },
  ],
  [
    'ERROR_OFFSET',
    encodeErrorOffset(COOKIE, 5, '', 2 ** 32),
    '668e33ef 0001 8002 fedcba9876543210 0000000e 00000005 0000 0000000100000000',
    { kind: 'error', cookie: COOKIE, done: true, error: 5, message: '', offset: 2n ** 32n },
  ],
]

t.test('replies have the bytes of the protocol document, and mean what they should', async t => {
  for (const [name, bytes, expected, meaning] of TABLE) {
    t.equal(bytes.toString('hex'), unhex(expected).toString('hex'), name)
    t.strictSame(replies(bytes).replies, [meaning], name)
  }
})

t.test('error chunks limit their message to 4096 bytes', async t => {
  for (const bytes of [
    encodeError(1n, 5, 'ä'.repeat(3000)),
    encodeErrorOffset(1n, 5, 'ä'.repeat(3000), 7),
  ]) {
    t.match(replies(bytes), { used: bytes.length, replies: [{ message: 'ä'.repeat(2048) }] })
  }
})

t.test('encodeString() never cuts a character and never writes NUL', async t => {
  t.equal(encodeString('a\0b').toString(), 'ab')
  t.equal(encodeString('aä', 2).toString(), 'a')
  t.equal(encodeString('€€', 5).toString(), '€')
  t.equal(encodeString('😀', 3).toString(), '')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(40), (text, limit) => {
      const bytes = encodeString(text, limit)
      return (
        bytes.length <= limit &&
        text.replaceAll('\0', '').startsWith(decodeString(bytes) ?? 'not a string')
      )
    }),
  )
})

t.test('decodeString() takes UTF-8 without NUL up to 4096 bytes, and nothing else', async t => {
  t.equal(decodeString(Buffer.from('gerät')), 'gerät')
  t.equal(decodeString(Buffer.alloc(0)), '')
  t.equal(decodeString(Buffer.from('\ufeffx')), '\ufeffx', 'names are not trimmed')
  t.equal(decodeString(Buffer.alloc(4096, 0x61))?.length, 4096)
  t.equal(decodeString(Buffer.alloc(4097, 0x61)), undefined)
  t.equal(decodeString(Buffer.from('a\0b')), undefined)
  t.equal(decodeString(Buffer.of(0xc3)), undefined)
  t.equal(decodeString(Buffer.of(0xed, 0xa0, 0x80)), undefined, 'a lone surrogate')
})

t.test('errnoOf() says EIO, except for a server that ends', async t => {
  t.equal(errnoOf('status'), 5)
  t.equal(errnoOf('source-changed'), 5)
  t.equal(errnoOf('cancelled'), 108)
  t.equal(errnoOf('of a later version' as FailureCode), 5)
})
