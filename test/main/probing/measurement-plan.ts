// What a probe will read: within its budget, whatever the image and the connections.

import fc from 'fast-check'
import t from 'tap'
import { offsetOf, planMeasurements } from '../../../dist/main/probing/measurement-plan.js'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

t.test('planMeasurements() compares up to all connections within 64 MiB', async t => {
  const plan = planMeasurements({ budgetBytes: 64 * MIB, imageBytes: 8 * GIB, connections: 16 })
  t.strictSame(plan.rounds, [1, 2, 4, 8, 16])
  t.equal(plan.cut, false)
  t.equal(plan.singleBytes, 4 * MIB)
  t.ok(plan.roundBytes >= MIB, 'enough of a body to tell its rate')
  t.ok(plan.totalBytes <= 64 * MIB)
})

t.test('planMeasurements() tries the number of connections itself, power of 2 or not', async t => {
  const rounds = (connections: number) =>
    planMeasurements({ budgetBytes: 64 * MIB, imageBytes: GIB, connections }).rounds
  t.strictSame(rounds(1), [1])
  t.strictSame(rounds(6), [1, 2, 4, 6])
  t.strictSame(rounds(24), [1, 2, 4, 8, 16, 24])
})

t.test('planMeasurements() leaves out what a small budget or image does not allow', async t => {
  const small = planMeasurements({ budgetBytes: 4 * MIB, imageBytes: GIB, connections: 256 })
  t.equal(small.cut, true)
  t.ok(small.rounds.length >= 2 && small.rounds.length < 9, String(small.rounds))
  const tiny = planMeasurements({ budgetBytes: 64 * MIB, imageBytes: 1000, connections: 16 })
  t.match(tiny, { smallBytes: 1000, smallRequests: 20, singleBytes: 1000, rounds: [], cut: true })
  const empty = planMeasurements({ budgetBytes: 64 * MIB, imageBytes: 0, connections: 16 })
  t.match(empty, { smallRequests: 0, singleBytes: 0, rounds: [] })
})

t.test('planMeasurements() never passes its budget', async t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 4 * MIB, max: 64 * GIB }),
      fc.integer({ min: 0, max: 64 * GIB }),
      fc.integer({ min: 1, max: 256 }),
      (budgetBytes, imageBytes, connections) => {
        const plan = planMeasurements({ budgetBytes, imageBytes, connections })
        const rounds = [...plan.rounds, plan.rounds.at(-1) ?? 0]
        const requests = rounds.reduce((sum, round) => sum + round, 0)
        const read =
          Math.min(MIB, imageBytes) +
          plan.smallRequests * plan.smallBytes +
          plan.singleBytes +
          requests * (plan.smallBytes + plan.roundBytes)
        return (
          read <= plan.totalBytes &&
          plan.totalBytes <= budgetBytes &&
          plan.roundBytes <= imageBytes &&
          (plan.rounds.at(-1) ?? 0) * plan.roundBytes <= 256 * MIB
        )
      },
    ),
  )
  t.pass()
})

t.test('offsetOf() stays inside the image and repeats no place of a large one', async t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 10_000 }),
      fc.integer({ min: 1, max: GIB }),
      fc.integer({ min: 0, max: 64 * GIB }),
      (index, length, more) => {
        const offset = offsetOf(index, length, length + more)
        return Number.isInteger(offset) && offset >= 0 && offset + length <= length + more
      },
    ),
  )
  const places = Array.from({ length: 150 }, (_, index) => offsetOf(index, MIB, 8 * GIB))
  places.sort((a, b) => a - b)
  t.ok(places.every((place, index) => index === 0 || place - (places[index - 1] as number) >= MIB))
})
