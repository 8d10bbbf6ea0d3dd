import t from 'tap'
import { BUFFER_BYTES, ReadBuffers } from '../../../dist/main/spool/read-buffers.js'

t.test('ReadBuffers lends no more than it has, in order of asking', async t => {
  const buffers = new ReadBuffers(2)
  const held: Buffer[] = []
  const order: number[] = []
  for (let index = 0; index < 5; index++) {
    buffers.take(buffer => {
      order.push(index)
      held.push(buffer)
    })
  }
  t.strictSame(order, [0, 1])
  t.equal(held[0]?.length, BUFFER_BYTES)
  t.not(held[0], held[1])
  while (held.length > 0) buffers.give(held.shift() as Buffer)
  t.strictSame(order, [0, 1, 2, 3, 4])
})

t.test('ReadBuffers stands a line of thousands that give back at once', async t => {
  const buffers = new ReadBuffers(1)
  let first: Buffer | undefined
  let served = 0
  buffers.take(buffer => {
    first = buffer
  })
  for (let index = 0; index < 50_000; index++) {
    buffers.take(buffer => {
      served++
      buffers.give(buffer)
    })
  }
  buffers.give(first as Buffer)
  t.equal(served, 50_000)
})
