import fc from 'fast-check'
import t from 'tap'
import { Governor, INITIAL_LIMIT } from '../../../dist/main/prefetch/governor.js'

/** Plays rounds of 100 ms in which all that may be in flight is, and is answered. */
function rounds(governor: Governor, count: number, fromMs = 0): number {
  let nowMs = fromMs
  for (let round = 0; round < count; round++) {
    while (governor.room(nowMs) > 0) governor.began()
    for (let step = 0; step < 8; step++) {
      nowMs += 100 / 8
      governor.room(nowMs)
    }
    const flight = governor.inFlight
    for (let i = 0; i < flight; i++) governor.answered(nowMs, 100, true)
    for (let i = 0; i < flight; i++) governor.ended()
  }
  return nowMs
}

t.test('Governor starts low and reaches its ceiling round by round', async t => {
  const governor = new Governor(32)
  t.equal(governor.limit, INITIAL_LIMIT)
  let nowMs = 0
  const limits = [0, 1, 2, 3].map(() => {
    nowMs = rounds(governor, 1, nowMs)
    return governor.limit
  })
  t.strictSame(limits, [8, 9, 17, 25])
  rounds(governor, 3, nowMs)
  t.equal(governor.limit, 32)
  t.equal(governor.peakInFlight, 32)
})

t.test('Governor.room() leaves one request beside downloads, however low the limit is', async t => {
  const governor = new Governor(1)
  for (const downloads of [1, 2]) {
    governor.downloadBegan()
    t.equal(governor.room(0), 1)
    governor.began()
    t.equal(governor.room(0), 0)
    t.notOk(governor.isOverfull)
    governor.ended()
    t.equal(governor.inFlight, downloads)
  }
  const wide = new Governor(4)
  wide.downloadBegan()
  t.equal(wide.room(0), 3, 'it is one of them')
  wide.downloadEnded()
  t.equal(wide.room(0), 4)
})

t.test('Governor.probed() counts as a first round', async t => {
  const governor = new Governor(16)
  governor.probed()
  t.equal(governor.limit, 8)
  const small = new Governor(3)
  small.probed()
  t.equal(small.limit, 3)
})

t.test('Governor grows one by one above eight, spread over a round', async t => {
  const governor = new Governor(16)
  governor.probed()
  while (governor.room(0) > 0) governor.began()
  for (let i = 0; i < 8; i++) governor.answered(100, 100, true)
  t.equal(governor.limit, 9)
  t.equal(governor.nextRaiseMs, 112.5)
  t.equal(governor.room(112), 1)
  t.equal(governor.room(113), 2)
  for (let nowMs = 113; nowMs < 300; nowMs++) governor.room(nowMs)
  t.equal(governor.limit, 16)
  t.equal(governor.nextRaiseMs, Number.POSITIVE_INFINITY)
})

t.test('Governor.prospect() is the limit to which answers will soon raise it', async t => {
  const governor = new Governor(12)
  t.equal(governor.prospect(0), 2 * INITIAL_LIMIT)
  governor.probed()
  t.equal(governor.prospect(0), 12, 'the ceiling bounds it')
  for (let i = 0; i < 8; i++) governor.began()
  governor.ended()
  governor.refused(0, 10)
  t.ok(governor.prospect(10) <= 7, 'what was refused is not expected')
  t.ok(governor.prospect(10) >= governor.limit)
  governor.troubled(20, 30)
  t.equal(governor.prospect(30), governor.limit, 'slow start is over')
})

t.test('Governor.answered() does not raise a limit that is not used or not needed', async t => {
  const unused = new Governor(16)
  unused.began()
  for (let i = 0; i < 50; i++) unused.answered(i * 100 + 50, 50, true)
  t.equal(unused.limit, INITIAL_LIMIT)
  const contented = new Governor(16)
  while (contented.room(0) > 0) contented.began()
  for (let i = 0; i < 50; i++) contented.answered(i * 100 + 50, 50, false)
  t.equal(contented.limit, INITIAL_LIMIT)
})

t.test('Governor.delivered() takes down a limit that no reader needs', async t => {
  const decisions: string[] = []
  const governor = new Governor(16, ({ reason, limit }) => decisions.push(`${reason} ${limit}`))
  const nowMs = rounds(governor, 6)
  t.equal(governor.limit, 16)
  for (let ms = 0; ms <= 10_000; ms += 100) governor.delivered(ms, false, nowMs + ms)
  t.equal(governor.limit, INITIAL_LIMIT)
  t.ok(decisions.includes('unused 12'), decisions.join(', '))
})

t.test('Governor.delivered() gives back connections that bring nothing', async t => {
  // Eight connections bring all that the line carries.
  const carries = (limit: number) => Math.min(limit, 8) * 10e3
  const governor = new Governor(16)
  let nowMs = rounds(governor, 6)
  let bytes = 0
  const limits = new Set<number>()
  for (let i = 0; i < 300; i++) {
    while (governor.room(nowMs) > 0) governor.began()
    while (governor.inFlight > governor.limit) governor.ended()
    nowMs += 100
    bytes += carries(governor.limit) * 100
    governor.delivered(bytes, true, nowMs)
    limits.add(governor.limit)
  }
  t.strictSame([...limits].slice(0, 4), [16, 12, 9, 6], 'six are too few …')
  t.equal(governor.limit, 9, `… and nine are enough: ${[...limits]}`)
})

t.test('Governor.delivered() keeps connections that each bring their share', async t => {
  const governor = new Governor(16)
  let nowMs = rounds(governor, 6)
  let bytes = 0
  let trials = 0
  for (let i = 0; i < 300; i++) {
    while (governor.room(nowMs) > 0) governor.began()
    while (governor.inFlight > governor.limit) governor.ended()
    nowMs += 100
    bytes += governor.limit * 10e3 * 100
    governor.delivered(bytes, true, nowMs)
    if (governor.limit < 16) trials++
  }
  t.equal(governor.limit, 16)
  t.ok(trials > 0 && trials < 20, `${trials} of 300 looks found it lower`)
})

t.test('Governor.refused() settles at what the server accepted', async t => {
  const governor = new Governor(16)
  let nowMs = rounds(governor, 3)
  governor.room(nowMs)
  while (governor.inFlight < 12) governor.began()
  for (let i = 0; i < 4; i++) {
    governor.ended()
    governor.refused(nowMs, nowMs + 10)
  }
  t.equal(governor.throttled, 4)
  t.equal(governor.reductions, 1, 'once for requests that were under way together')
  for (let i = 0; i < 8; i++) governor.ended()
  nowMs = rounds(governor, 100, nowMs + 100)
  t.equal(governor.limit, 8, 'not above the level that was refused, for a while')
  nowMs = rounds(governor, 300, nowMs)
  t.ok(governor.limit > 8, 'tried again later')
})

t.test('Governor.refused() shuts the gate while Retry-After runs', async t => {
  const governor = new Governor(16)
  governor.began()
  governor.ended()
  governor.refused(0, 10, 5000)
  t.equal(governor.room(5009), 0)
  t.ok(governor.room(5010) > 0)
  governor.refused(0, 20, 100)
  t.equal(governor.room(5009), 0, 'a shorter one does not open it')
  governor.refused(0, 30, 1e9)
  t.equal(governor.gateMs, 120_030, 'bounded')
})

t.test('Governor.troubled() reduces once for requests that were under way together', async t => {
  const governor = new Governor(16)
  const nowMs = rounds(governor, 6)
  for (let i = 0; i < 10; i++) governor.troubled(nowMs, nowMs + 50 + i)
  t.equal(governor.limit, 11)
  governor.troubled(nowMs + 100, nowMs + 200)
  t.equal(governor.limit, 7)
})

t.test('Governor keeps its limit between 1 and the ceiling, whatever happens', async () => {
  const event = fc.constantFrom('began', 'ok', 'refused', 'after', 'troubled', 'wait')
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(event, { maxLength: 300 }),
      (max, all) => {
        const governor = new Governor(max)
        const sent: number[] = []
        let nowMs = 0
        for (const what of all) {
          nowMs += what === 'wait' ? 5000 : 7
          const room = governor.room(nowMs)
          if (nowMs < governor.gateMs && room !== 0) return false
          if (what === 'began') {
            if (room > 0) {
              governor.began()
              sent.push(nowMs)
            }
          } else if (what !== 'wait' && sent.length > 0) {
            const sentMs = sent.shift() as number
            governor.ended()
            if (what === 'ok') governor.answered(nowMs, 50, true)
            else if (what === 'refused') governor.refused(sentMs, nowMs)
            else if (what === 'after') governor.refused(sentMs, nowMs, 300)
            else governor.troubled(sentMs, nowMs)
          }
          governor.delivered(nowMs, nowMs % 2 === 0, nowMs)
          if (!Number.isInteger(governor.limit) || governor.limit < 1) return false
          if (governor.limit > max || governor.inFlight !== sent.length) return false
          if (governor.peakInFlight > max) return false
        }
        return true
      },
    ),
  )
})
