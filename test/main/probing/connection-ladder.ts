// Which numbers of connections are tried, and where it ends.

import t from 'tap'
import { ConnectionLadder, type Round } from '../../../dist/main/probing/connection-ladder.js'

const ROUNDS = [1, 2, 4, 8, 16]

/** Climbs with the rates (or refusals, as negative numbers of accepted requests) that `answer` gives. */
function climb(answer: (connections: number, turn: number) => number): {
  tried: number[]
  ladder: ConnectionLadder
} {
  const ladder = new ConnectionLadder(ROUNDS)
  const tried: number[] = []
  while (ladder.next !== undefined) {
    const connections = ladder.next
    const said = answer(connections, tried.push(connections))
    ladder.record(said < 0 ? refusal(connections, -said) : round(connections, said))
  }
  return { tried, ladder }
}

function round(connections: number, bytesPerSecond: number): Round {
  return {
    connections,
    refused: 0,
    accepted: connections,
    bytesPerSecond,
    bodyMs: 50,
    firstByteMs: 9,
  }
}

function refusal(connections: number, accepted: number): Round {
  const refused = connections - accepted
  return { connections, refused, accepted, bytesPerSecond: 0, bodyMs: 0, firstByteMs: 9 }
}

t.test('ConnectionLadder climbs to the top while more bring more', async t => {
  const { tried, ladder } = climb(connections => connections * 100)
  t.strictSame(tried, ROUNDS)
  t.equal(ladder.end, 'top')
  t.strictSame(
    ladder.rounds.map(r => r.bytesPerSecond),
    [100, 200, 400, 800, 1600],
  )
})

t.test('ConnectionLadder stops where more bring nothing, having looked twice', async t => {
  const { tried, ladder } = climb(connections => Math.min(connections, 4) * 100)
  t.strictSame(tried, [1, 2, 4, 8, 8])
  t.equal(ladder.end, 'no gain')
})

t.test('ConnectionLadder is not stopped by one straggler', async t => {
  const { tried, ladder } = climb((connections, turn) => (turn === 3 ? 10 : connections * 100))
  t.strictSame(tried, [1, 2, 4, 4, 8, 16])
  t.equal(ladder.end, 'top')
  t.equal(ladder.rounds[2]?.bytesPerSecond, 400, 'the better of the two counts')
})

t.test('ConnectionLadder stops at a refusal of what is known to be accepted', async t => {
  const { tried, ladder } = climb(connections => (connections > 4 ? -4 : connections * 100))
  t.strictSame(tried, [1, 2, 4, 8])
  t.equal(ladder.end, 'refused')
  t.match(ladder.rounds.at(-1), { connections: 8, refused: 4, accepted: 4 })
})

t.test('ConnectionLadder tries what was accepted between two rounds, once', async t => {
  const good = climb(connections => (connections > 6 ? -6 : connections * 100))
  t.strictSame(good.tried, [1, 2, 4, 8, 6])
  t.equal(good.ladder.end, 'refused')
  t.match(
    good.ladder.rounds.find(r => r.connections === 6),
    { refused: 0 },
  )
  // A limit by rate, not by number: whatever is tried now is refused.
  const bad = climb((connections, turn) => (turn > 3 ? 2 - connections : connections * 100))
  t.strictSame(bad.tried, [1, 2, 4, 8, 6])
  t.equal(bad.ladder.end, 'refused')
})

t.test('ConnectionLadder says when the server is to be left alone', async t => {
  const ladder = new ConnectionLadder(ROUNDS)
  ladder.record(round(1, 100))
  t.equal(ladder.afterRefusal, false)
  ladder.record(refusal(2, 0))
  t.equal(ladder.next, undefined)
  const other = new ConnectionLadder([1, 4])
  other.record(round(1, 100))
  other.record(refusal(4, 3))
  t.equal(other.next, 3)
  t.equal(other.afterRefusal, true)
})

t.test('ConnectionLadder.stop() ends it where there is no budget', async t => {
  const ladder = new ConnectionLadder(ROUNDS)
  ladder.record(round(1, 100))
  ladder.stop()
  t.equal(ladder.next, undefined)
  t.equal(ladder.end, 'top')
  t.equal(new ConnectionLadder([]).next, undefined)
})

t.test('ConnectionLadder does not judge by bodies that were over at once', async t => {
  const ladder = new ConnectionLadder(ROUNDS)
  for (const connections of ROUNDS) {
    t.equal(ladder.next, connections)
    ladder.record({ ...round(connections, 1000 / connections), bodyMs: 5 })
  }
  t.equal(ladder.next, undefined)
  t.equal(ladder.end, 'top')
})
