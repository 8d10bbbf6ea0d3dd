import fc from 'fast-check'
import t from 'tap'
import { Governor, INITIAL_LIMIT } from '../../../dist/main/prefetch/governor.js'

/** Plays rounds of 100 ms in which all that may be in flight is, and is answered. */
function rounds(governor: Governor, count: number, fromMs = 0): number {
  let nowMs = fromMs
  for (let round = 0; round < count; round++) {
    const sentMs = nowMs
    while (governor.room(nowMs) > 0) governor.began()
    nowMs += 100
    const flight = governor.inFlight
    for (let i = 0; i < flight; i++) {
      governor.answered(sentMs, nowMs)
      governor.ended()
    }
  }
  return nowMs
}

t.test('Governor starts low and reaches its ceiling round by round', async t => {
  const governor = new Governor(16)
  t.equal(governor.limit, INITIAL_LIMIT)
  const limits = [0, 1, 2, 3, 4].map(round => {
    rounds(governor, 1, round * 100)
    return governor.limit
  })
  t.strictSame(limits, [8, 9, 14, 16, 16])
  t.equal(governor.peakInFlight, 16)
})

t.test('Governor.answered() does not raise a limit that is not used', async t => {
  const governor = new Governor(16)
  governor.began()
  for (let i = 0; i < 50; i++) governor.answered(i * 100, i * 100 + 50)
  t.equal(governor.limit, INITIAL_LIMIT)
})

t.test('Governor.refused() settles at what the server accepted', async t => {
  const governor = new Governor(16)
  let nowMs = rounds(governor, 3)
  while (governor.room(nowMs) > 0) governor.began()
  t.equal(governor.inFlight, 14)
  for (let i = 0; i < 6; i++) {
    governor.ended()
    governor.refused(nowMs, nowMs + 10)
  }
  t.equal(governor.throttled, 6)
  t.equal(governor.limit, 7, 'halved once for requests that were under way together')
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
  const nowMs = rounds(governor, 4)
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
            if (what === 'ok') governor.answered(sentMs, nowMs)
            else if (what === 'refused') governor.refused(sentMs, nowMs)
            else if (what === 'after') governor.refused(sentMs, nowMs, 300)
            else governor.troubled(sentMs, nowMs)
          }
          if (!Number.isInteger(governor.limit) || governor.limit < 1) return false
          if (governor.limit > max || governor.inFlight !== sent.length) return false
          if (governor.peakInFlight > max) return false
        }
        return true
      },
    ),
  )
})
