// The doorbells: a ring wakes, a missed one is made up for, and neither bell holds the process or
// the event loop.

import { execFile } from 'node:child_process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import {
  BellListener,
  RingMemory,
  RingOwner,
  ringDoorbell,
} from '../../../dist/shared/sharedarraybuffer-ring/index.js'
import { RingWord } from '../../../dist/shared/sharedarraybuffer-ring/layout.js'
import { keepAlive } from '../../fixtures/keep-alive.js'

/** So long that a test which needs the poll to go on fails by its time-out. */
const NEVER_MS = 3_600_000

const newMemory = () => RingMemory.create({ slotCount: 1, slotBytes: 4096 })

/** A promise and what resolves it. */
function signal(): { readonly reached: Promise<void>; readonly reach: () => void } {
  let reach = () => {}
  const reached = new Promise<void>(resolve => {
    reach = resolve
  })
  return { reached, reach }
}

/** Runs a script that has the ring module's exports in `ring` in a process of its own. */
async function run(script: string): Promise<string> {
  const module = new URL('../../../dist/shared/sharedarraybuffer-ring/index.js', import.meta.url)
    .href
  const source = `import * as ring from ${JSON.stringify(module)}\n${script}`
  const args = ['--input-type=module', '-e', source]
  // Not the test runner's loaders: they take seconds to start.
  const env = { ...process.env, NODE_OPTIONS: '' }
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  return stdout
}

t.test('ringDoorbell() counts up and wakes who waits', async t => {
  keepAlive(t)
  const memory = newMemory()
  const wait = Atomics.waitAsync(memory.words, RingWord.DOORBELL, 0, 20_000)
  t.equal(wait.async, true)
  ringDoorbell(memory)
  t.equal(await wait.value, 'ok', 'woken by the ring, not by the clock')
  t.equal(memory.words[RingWord.DOORBELL], 1)
})

t.test('RingOwner.ringCancelBell() wakes who waits on the cancel bell', async t => {
  keepAlive(t)
  const memory = newMemory()
  const wait = Atomics.waitAsync(memory.words, RingWord.CANCEL_BELL, 0, 20_000)
  new RingOwner(memory).ringCancelBell()
  t.equal(await wait.value, 'ok')
  t.equal(memory.words[RingWord.DOORBELL], 0, 'the other bell is silent')
})

t.test('BellListener calls back for its own bell', async t => {
  keepAlive(t)
  const memory = newMemory()
  const doorbell = signal()
  const cancel = signal()
  let wrong = 0
  const first = new BellListener(memory, 'doorbell', doorbell.reach, NEVER_MS)
  const silent = new BellListener(memory, 'cancel', () => wrong++, NEVER_MS)
  ringDoorbell(memory)
  await doorbell.reached
  t.equal(wrong, 0)
  silent.close()
  first.close()
  let crossed = 0
  const other = new BellListener(memory, 'doorbell', () => crossed++, NEVER_MS)
  const second = new BellListener(memory, 'cancel', cancel.reach, NEVER_MS)
  new RingOwner(memory).ringCancelBell()
  await cancel.reached
  t.equal(crossed, 0)
  other.close()
  second.close()
})

t.test('BellListener calls back after every ring, however the callbacks fall', async t => {
  keepAlive(t)
  const memory = newMemory()
  const last = signal()
  let calls = 0
  const listener = new BellListener(
    memory,
    'doorbell',
    () => {
      calls++
      // Rung during the callback: the listener is not waiting at this moment.
      if (calls < 100) ringDoorbell(memory)
      else last.reach()
    },
    NEVER_MS,
  )
  ringDoorbell(memory)
  await last.reached
  t.equal(calls, 100)
  listener.close()
})

t.test('BellListener sees the ring that came between its load and its wait', async t => {
  keepAlive(t)
  const memory = newMemory()
  const heard = signal()
  const real = Atomics.load
  let between = true
  t.teardown(() => Object.assign(Atomics, { load: real }))
  Object.assign(Atomics, {
    load: (array: Int32Array, index: number) => {
      const value = real(array, index)
      if (between && index === RingWord.DOORBELL) {
        between = false
        ringDoorbell(memory)
      }
      return value
    },
  })
  const listener = new BellListener(memory, 'doorbell', heard.reach, NEVER_MS)
  await heard.reached
  t.equal(between, false)
  listener.close()
})

t.test('BellListener folds rings that come together', async t => {
  keepAlive(t)
  const memory = newMemory()
  let calls = 0
  const last = signal()
  const listener = new BellListener(
    memory,
    'doorbell',
    () => {
      calls++
      last.reach()
    },
    NEVER_MS,
  )
  for (let i = 0; i < 1000; i++) ringDoorbell(memory)
  await last.reached
  for (let i = 0; i < 10; i++) await nextTurn()
  t.equal(calls, 1, 'a thousand rings, one look')
  listener.close()
})

t.test('a doorbell that never rests does not keep the event loop from its work', async t => {
  const memory = newMemory()
  let calls = 0
  const listener = new BellListener(
    memory,
    'doorbell',
    () => {
      calls++
      ringDoorbell(memory)
    },
    NEVER_MS,
  )
  ringDoorbell(memory)
  while (calls < 50) await nextTurn()
  t.ok(calls >= 50, 'both the bell and the loop went on')
  listener.close()
})

t.test('BellListener calls back without a ring, so that a lost one does limited harm', async t => {
  keepAlive(t)
  const memory = newMemory()
  const third = signal()
  let calls = 0
  const listener = new BellListener(
    memory,
    'doorbell',
    () => {
      if (++calls === 3) third.reach()
    },
    5,
  )
  await third.reached
  t.equal(memory.words[RingWord.DOORBELL], 0, 'nobody has rung')
  listener.close()
})

t.test('BellListener.close() ends the calls', async t => {
  keepAlive(t)
  const memory = newMemory()
  let calls = 0
  const closed = new BellListener(memory, 'doorbell', () => calls++, 5)
  const heard = signal()
  const open = new BellListener(memory, 'doorbell', heard.reach, NEVER_MS)
  ringDoorbell(memory)
  closed.close()
  closed.close()
  await heard.reached
  ringDoorbell(memory)
  for (let i = 0; i < 10; i++) await nextTurn()
  t.equal(calls, 0, 'not even for the ring before it')
  open.close()

  let own = 0
  const inside = signal()
  const self = new BellListener(
    memory,
    'doorbell',
    () => {
      own++
      self.close()
      ringDoorbell(memory)
      inside.reach()
    },
    5,
  )
  ringDoorbell(memory)
  await inside.reached
  for (let i = 0; i < 10; i++) await nextTurn()
  t.equal(own, 1, 'closed by its own callback')
  {
    using scoped = new BellListener(memory, 'doorbell', () => own++, NEVER_MS)
    t.ok(scoped)
  }
  ringDoorbell(memory)
  for (let i = 0; i < 10; i++) await nextTurn()
  t.equal(own, 1, 'closed by its scope')
})

t.test('BellListener goes on after a callback that throws', async t => {
  const stdout = await run(`
    const memory = ring.RingMemory.create({ slotCount: 1, slotBytes: 4096 })
    process.on('uncaughtException', error => {
      console.log('uncaught', error.message)
      ring.ringDoorbell(memory)
    })
    const alive = setInterval(() => {}, 60_000)
    let calls = 0
    const listener = new ring.BellListener(memory, 'doorbell', () => {
      if (++calls === 1) throw new Error('first')
      console.log('called', calls)
      listener.close()
      clearInterval(alive)
    }, ${NEVER_MS})
    ring.ringDoorbell(memory)
  `)
  t.equal(stdout, 'uncaught first\ncalled 2\n')
})

t.test('a pending BellListener does not keep the process alive', async t => {
  const stdout = await run(`
    const memory = ring.RingMemory.create({ slotCount: 1, slotBytes: 4096 })
    new ring.BellListener(memory, 'doorbell', () => console.log('called'), ${NEVER_MS})
    new ring.BellListener(memory, 'cancel', () => console.log('called'))
    process.on('exit', () => console.log('exit'))
  `)
  t.equal(stdout, 'exit\n')
})
