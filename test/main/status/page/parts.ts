// What the page shows, without a browser: words, figures, cells, axes, events.

import fc from 'fast-check'
import t from 'tap'
import { advise, remedyParts } from '../../../../dist/main/status/page/advice.js'
import {
  gridOf,
  IMAGE_STATES,
  imageCellWords,
  imageWords,
  RING_STATES,
  ringCellWords,
  ringWords,
  stateOf,
  unitsOf,
} from '../../../../dist/main/status/page/cells.js'
import { EventParser, type ServerEvent } from '../../../../dist/main/status/page/event-parser.js'
import { feedWords } from '../../../../dist/main/status/page/feed-words.js'
import { show, showWholeSeconds, valueAt } from '../../../../dist/main/status/page/figures.js'
import {
  agoMark,
  byteMark,
  byteTop,
  countTop,
  shownBins,
  shownSeconds,
} from '../../../../dist/main/status/page/scales.js'
import { announcement, headline, shareOf } from '../../../../dist/main/status/page/words.js'
import { copyExport, copyOrigin, copySnapshot } from '../../../fixtures/copy-snapshot.js'
import { fakeStatistics } from '../../../fixtures/fake-statistics.js'

const MiB = 1024 ** 2
const GiB = 1024 ** 3
const now = 1_700_000_000_000
const at = copySnapshot().statistics

t.test('headline() says whether it is healthy, which side is slow, and when it ends', async t => {
  t.same(headline(copySnapshot()), {
    level: 'good',
    verdict: 'Healthy',
    progress: '25.0 % of 4.00 GiB served, now 200 MiB/s; about 2 h 03 min left.',
    side: 'The network or the origin sets the pace: reads waited 75.0 % of the last 10 s.',
  })
  for (const [limitedBy, level, verdict, side] of [
    ['client', 'good', 'Healthy', /^The client sets the pace/],
    ['server limit', 'warn', 'Held back', /^The server's limit of requests sets the pace/],
    ['idle', 'idle', 'Idle', /^Nobody waits/],
  ] as const) {
    t.match(headline(copySnapshot({ limitedBy })), { level, verdict, side }, limitedBy)
  }
})

t.test('headline() names the worst first', async t => {
  const changed = copyExport({ broken: 'the image changed' })
  const down = copyOrigin({ down: true, answeredSeconds: 40 })
  const error = { timeMs: now - 5000, level: 'error', message: 'x', count: 1 } as const
  const cases = [
    [{ exports: [changed], origins: [down] }, 'bad', 'Broken'],
    [{ origins: [down], errors: [error] }, 'bad', 'Origin down'],
    [
      { health: { healthy: true, ready: false, reason: 'no' }, errors: [error] },
      'warn',
      'Not ready',
    ],
    [{ errors: [error], limitedBy: 'server limit' }, 'warn', 'Errors'],
    [{ errors: [{ ...error, timeMs: now - 61_000 }] }, 'good', 'Healthy'],
    [{ errors: [{ ...error, level: 'warn' }] }, 'good', 'Healthy'],
    [{ limitedBy: 'idle', statistics: { ...at, clients: 0 } }, 'idle', 'No client'],
    [{ limitedBy: 'idle', statistics: { ...at, coveredBytes: 4 * GiB } }, 'done', 'All served'],
  ] as const
  for (const [changes, level, verdict] of cases) {
    t.match(headline(copySnapshot(changes)), { level, verdict }, verdict)
  }
  t.equal(
    headline(copySnapshot({ origins: [down] })).side,
    'http://origin answered 40 s ago; requests are repeated.',
  )
})

t.test('headline() says what it does not know', async t => {
  t.match(
    headline(copySnapshot({ remainingSeconds: null })).progress,
    /the end can't be told yet\.$/,
  )
  t.match(headline(copySnapshot({ limitedBy: 'idle' })).progress, /; nothing is being read now\.$/)
  t.match(headline(copySnapshot({ exportCount: 3 })).progress, /^25\.0 % of 4\.00 GiB in 3 images/)
  t.equal(shareOf(copySnapshot({ statistics: fakeStatistics() })), 1, 'nothing is all of nothing')
})

t.test('announcement() stays the same while only figures change', async t => {
  const said = announcement(copySnapshot())
  t.equal(said, 'Healthy, limited by network, 20 % served')
  const later = { ...at, coveredBytes: 1.1 * GiB }
  t.equal(announcement(copySnapshot({ statistics: later, stallShare: 0.6 })), said)
})

t.test('advise() names the option for what is seen, and never more than three', async t => {
  const options = (changes: Parameters<typeof copySnapshot>[0]) =>
    advise(copySnapshot(changes)).flatMap(({ remedy }) =>
      remedyParts(remedy).filter((_, i) => i % 2 === 1),
    )
  t.same(options({}), ['--connections 32', '--ring-size', '--max-request'])
  t.same(options({ limitedBy: 'server limit' }), ['--connections 16'])
  t.match(options({ limitedBy: 'client' }), ['qemu-img convert -W -m 16'])
  const few = { ...at, limit: 8, inFlight: 8 }
  t.same(options({ statistics: few }), [], 'a full line is not to be helped')
  const full = { ...copySnapshot().ring, unread: 1000 }
  t.same(options({ statistics: few, ring: full }), ['--ring-size'])
  t.same(options({ statistics: { ...few, firstByteP50Ms: 700 } }), ['--max-request'])
  t.match(options({ limitedBy: 'idle', statistics: { ...at, amplification: 1.5 } }), [
    '--readahead 8M',
    'off',
  ])
  t.same(options({ exports: [copyExport({ kind: 'spool' })] }), [])
  const late = { ...at, failures: { 'first-byte-timeout': 3 } }
  t.same(options({ limitedBy: 'idle', statistics: late }), ['--first-byte-timeout'])
  t.match(options({ origins: [copyOrigin({ down: true })] }), ['--retry-time', '--retries'])
  const broken = Array.from({ length: 5 }, () => copyExport({ broken: 'it changed' }))
  t.equal(advise(copySnapshot({ exports: broken })).length, 3)
})

t.test('figures are shown with units, and what is none as a dash', async t => {
  t.equal(show('rate', 1.5 * MiB), '1.50 MiB/s')
  t.equal(show('place', 812 * GiB + 1), '831,488 MiB')
  t.equal(show('times', 1.016), '1.02 ×')
  t.equal(show('ms', 0), '–')
  t.equal(show('ms', 112), '112 ms')
  for (const nothing of [null, undefined, Number.NaN, 'x', {}]) t.equal(show('bytes', nothing), '–')
  t.equal(show('text', '<b>'), '<b>')
  t.same(
    ['auto', 8 * MiB, null].map(value => show('size', value)),
    ['auto', '8.00 MiB', '–'],
  )
  t.match(show('clock', now), /^\d\d:\d\d:\d\d$/)
  for (const [seconds, words] of [
    [-1, '0 s'],
    [0.4, '0 s'],
    [99.4, '99 s'],
    [245, '4 min 05 s'],
    [7384, '2 h 03 min'],
    [100 * 3600, '4 d 04 h'],
  ] as const) {
    t.equal(showWholeSeconds(seconds), words)
  }
})

t.test('valueAt() finds own fields alone', async t => {
  const root = { exports: [{ map: { cells: 's' } }] }
  t.equal(valueAt(root, 'exports.0.map.cells'), 's')
  for (const path of [
    'exports.1.map',
    'exports.0.map.cells.x',
    'constructor',
    'exports.0.toString',
  ]) {
    t.equal(valueAt(root, path), undefined, path)
  }
})

t.test(
  'gridOf() holds every cell within the width, in rows that are a power of two wide',
  async t => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 512 }),
        fc.integer({ min: 280, max: 2000 }),
        (n, width) => {
          const { columns, rows, pitch } = gridOf(n, width)
          return (
            columns * rows >= n &&
            columns * (rows - 1) < n &&
            columns * pitch <= width + 1e-6 &&
            pitch >= 4 &&
            (columns === n || Number.isInteger(Math.log2(columns)))
          )
        },
      ),
    )
    t.same(gridOf(512, 1200), { columns: 64, rows: 8, pitch: 18.75 })
    t.same(gridOf(128, 1200), { columns: 64, rows: 2, pitch: 18.75 })
    t.same(gridOf(5, 1200), { columns: 5, rows: 1, pitch: 22 })
    t.same(gridOf(512, 328), { columns: 32, rows: 16, pitch: 10.25 })
  },
)

t.test('unitsOf() parts all units among the cells, without gap or overlap', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 512 }),
      fc.integer({ min: 0, max: 2 ** 29 }),
      (n, more) => {
        const units = n + more
        let end = 0
        for (let i = 0; i < n; i++) {
          const { from, to } = unitsOf(i, n, units)
          if (from !== end || to <= from) return false
          end = to
        }
        return end === units
      },
    ),
  )
})

t.test('cells are told in words', async t => {
  const { map } = copyExport()
  t.equal(imageCellWords(map, 1, 4 * GiB), '1.00 GiB to 2.00 GiB: here, not served yet')
  t.equal(imageCellWords(map, 3, 4 * GiB - 5000), '3.00 GiB to 4.00 GiB: ahead, not asked for yet')
  t.equal(
    imageCellWords({ ...map, cells: 'ss', blocks: 3 }, 1, 600_000),
    '256 KiB to 586 KiB: served',
  )
  t.match(imageWords(map), /^Of 16,384 blocks of 256 KiB, 25\.0 % were served, 20 are here, 16 in/)
  t.equal(ringCellWords('ux', 1, 4), 'Slots 2 to 3: failed, tried again')
  t.equal(ringCellWords('ux', 0, 2), 'Slot 0: unread')
  t.match(ringWords(copySnapshot().ring), /^1,024 slots of 256 KiB, 256 MiB in all: 20 hold/)
  t.equal(stateOf(RING_STATES, '?').words, 'free', 'a letter of a later version')
  for (const states of [IMAGE_STATES, RING_STATES]) {
    t.equal(new Set(states.map(one => one.letter)).size, states.length)
    const looks = states.map(one => `${one.name} ${one.pattern}`)
    t.equal(new Set(looks).size, states.length, 'no two look alike')
  }
})

t.test('axes end at round figures at or above what they show', async t => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 2 ** 45, noNaN: true }), bytes => {
      const top = byteTop(bytes)
      return top >= bytes && (bytes <= 1024 || top <= 2 * bytes)
    }),
  )
  t.equal(byteTop(200 * MiB), 256 * MiB)
  t.equal(byteTop(300 * MiB), 384 * MiB)
  t.equal(countTop(0), 4)
  t.equal(countTop(17), 20)
  t.equal(byteMark(64 * MiB), '64 MiB')
  t.equal(byteMark(1.5 * MiB), '1.50 MiB')
  t.equal(agoMark(0), 'now')
  t.equal(agoMark(-120), '−2:00')
  t.equal(agoMark(-45), '−0:45')
  t.same([0, 61, 300].map(shownSeconds), [60, 120, 300])
})

t.test('shownBins() leaves out empty ends, and shows a few bins at least', async t => {
  t.same(shownBins([0, 0, 0]), { from: 0, to: 3 })
  t.same(shownBins([0, 0, 0, 5, 0, 7, 0, 0, 0]), { from: 1, to: 8 })
  t.same(shownBins([9, 0, 0, 0, 0, 0, 0, 0]), { from: 0, to: 6 })
  t.same(shownBins([1]), { from: 0, to: 1 })
})

t.test('feedWords() says how old the data is where it is not live', async t => {
  t.equal(feedWords('live', false, 0.2), 'Live')
  t.equal(feedWords('live', true, 12), 'Paused, data is 12 s old')
  t.equal(feedWords('lost', true, 75), 'Connection lost, data is 75 s old; trying again')
  t.equal(feedWords('lost', false, undefined), 'Connection lost; trying again')
  t.equal(feedWords('refused', false, 3), 'A token is needed')
  t.equal(feedWords('connecting', false, undefined), 'Connecting')
})

t.test('EventParser.take() gives the same events however the text is cut', async t => {
  const text =
    'retry: 2000\n\n: hello\nevent: status\ndata: {"a":\ndata: 1}\n\nid: 4\r\ndata:x\r\ndata\r\n\r\nevent: none\n\ndata: last\r\r'
  const expected: ServerEvent[] = [
    { type: 'status', data: '{"a":\n1}' },
    { type: 'message', data: 'x\n' },
    { type: 'message', data: 'last' },
  ]
  const parsed = (pieces: string[]) => {
    const parser = new EventParser()
    // One more piece, as always comes: until then a CR at the end may be half of a CR LF.
    return [...pieces, ': end\n'].flatMap(piece => parser.take(piece))
  }
  t.same(parsed([...text]), expected, 'letter by letter')
  const wrong = [...[...text, ''].keys()].filter(cut => {
    const events = parsed([text.slice(0, cut), text.slice(cut)])
    return JSON.stringify(events) !== JSON.stringify(expected)
  })
  t.same(wrong, [], 'cut at every place')
  t.throws(() => {
    const parser = new EventParser()
    for (let i = 0; i < 5; i++) parser.take('x'.repeat(MiB))
  }, /Cannot follow the events: one of them does not end/)
})
