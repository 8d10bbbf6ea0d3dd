import fc from 'fast-check'
import t from 'tap'
import { type Taker, Turns } from '../../dist/main/turns.js'

/** An export that is given bytes, which come later. */
class FakeTaker implements Taker {
  inFlight = 0
  #received = 0
  #owed = 0
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  receivedBytes(): number {
    return this.#received
  }

  owedBytes(): number {
    return this.#owed
  }

  ask(bytes: number): void {
    this.inFlight++
    this.#owed += bytes
  }

  get(bytes: number): void {
    this.#received += bytes
    this.#owed -= bytes
  }

  end(): void {
    this.inFlight--
  }
}

function namesOf(takers: readonly FakeTaker[]): string {
  return takers.map(({ name }) => name).join('')
}

t.test('who was given a large window waits until the others have as much', async t => {
  const turns = new Turns<FakeTaker>()
  const [a, b] = [new FakeTaker('a'), new FakeTaker('b')] as const
  t.equal(namesOf(turns.order([a, b])), 'ab')
  a.ask(80)
  t.equal(namesOf(turns.order([a, b])), 'ba')
  b.ask(79)
  t.equal(namesOf(turns.order([a, b])), 'ba', 'by bytes, not by requests')
  b.ask(2)
  t.equal(namesOf(turns.order([a, b])), 'ab')
})

t.test('who comes late is owed nothing for the time before', async t => {
  const turns = new Turns<FakeTaker>()
  const [a, b] = [new FakeTaker('a'), new FakeTaker('b')] as const
  a.ask(1000)
  a.get(900)
  t.equal(namesOf(turns.order([a, b])), 'ba', 'what was asked for and has not come does count')
  b.ask(101)
  t.equal(namesOf(turns.order([a, b])), 'ab')
})

t.test('nobody saves up turns, or debts, over a time in which all are idle', async t => {
  const turns = new Turns<FakeTaker>()
  const [a, b] = [new FakeTaker('a'), new FakeTaker('b')] as const
  a.ask(1000)
  a.get(1000)
  a.end()
  t.equal(namesOf(turns.order([a, b])), 'ab')
  a.ask(10)
  b.ask(11)
  t.equal(namesOf(turns.order([a, b])), 'ab')
})

t.test('of those that always want more none is given two requests more than another', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 4, maxLength: 4 }),
      fc.array(fc.nat(3), { minLength: 50, maxLength: 300 }),
      (sizes, finishing) => {
        const turns = new Turns<FakeTaker>()
        const takers = sizes.map((_, index) => new FakeTaker(String(index)))
        const asked = sizes.map(() => 0)
        const running: { index: number; bytes: number }[] = []
        for (const finished of finishing) {
          const [next] = turns.order(takers)
          const index = Number(next?.name)
          const bytes = sizes[index] ?? 0
          takers[index]?.ask(bytes)
          asked[index] = (asked[index] ?? 0) + bytes
          running.push({ index, bytes })
          if (running.length < 8) continue
          const [over] = running.splice(finished, 1)
          takers[over?.index ?? 0]?.get(over?.bytes ?? 0)
          takers[over?.index ?? 0]?.end()
        }
        const most = Math.max(...sizes)
        return Math.max(...asked) - Math.min(...asked) <= 2 * most
      },
    ),
  )
})
