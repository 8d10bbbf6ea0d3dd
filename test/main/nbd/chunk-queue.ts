import fc from 'fast-check'
import t from 'tap'
import { ChunkQueue } from '../../../dist/main/nbd/chunk-queue.js'

t.test('ChunkQueue.take() shows a piece within one chunk without copying', async t => {
  const queue = new ChunkQueue()
  const chunk = Buffer.from('abcdef')
  queue.push(chunk)
  const piece = queue.take(2)
  t.equal(piece.toString(), 'ab')
  t.equal(piece.buffer, chunk.buffer)
  t.equal(piece.byteOffset, chunk.byteOffset)
  t.equal(queue.take(4).toString(), 'cdef')
  t.equal(queue.length, 0)
})

t.test('ChunkQueue.take() joins chunks', async t => {
  const queue = new ChunkQueue()
  queue.push(Buffer.from('ab'))
  queue.push(new Uint8Array([0x63]))
  queue.push(Buffer.alloc(0))
  queue.push(Buffer.from('def'))
  t.equal(queue.take(4).toString(), 'abcd')
  t.equal(queue.take(0).length, 0)
  t.equal(queue.length, 2)
})

t.test('ChunkQueue.take() throws for what is not there', async t => {
  const queue = new ChunkQueue()
  queue.push(Buffer.from('ab'))
  t.throws(() => queue.take(3), new RangeError('Cannot take 3 bytes: only 2 are queued'))
  t.equal(queue.take(2).toString(), 'ab', 'nothing was lost')
})

t.test('ChunkQueue.push() throws beyond the limit', async t => {
  const queue = new ChunkQueue(4)
  queue.push(Buffer.from('abcd'))
  t.throws(
    () => queue.push(Buffer.from('e')),
    new RangeError('Cannot queue 1 bytes: 4 of 4 are in use'),
  )
  queue.skip(1)
  queue.push(Buffer.from('e'))
  t.equal(queue.take(4).toString(), 'bcde')
})

t.test('ChunkQueue.clear() drops everything', async t => {
  const queue = new ChunkQueue()
  queue.push(Buffer.from('abcd'))
  queue.take(1)
  queue.clear()
  t.equal(queue.length, 0)
  queue.push(Buffer.from('xy'))
  t.equal(queue.take(2).toString(), 'xy')
})

t.test('ChunkQueue keeps the order through any pushes, takes and skips', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('push' as const), bytes: fc.uint8Array({ maxLength: 40 }) }),
    fc.record({ do: fc.constant('single bytes' as const), count: fc.nat(150) }),
    fc.record({ do: fc.constant('take' as const), count: fc.nat(100) }),
    fc.record({ do: fc.constant('skip' as const), count: fc.nat(100) }),
  )
  fc.assert(
    fc.property(fc.array(step), steps => {
      const queue = new ChunkQueue()
      let model: number[] = []
      let next = 0
      for (const step of steps) {
        if (step.do === 'push') {
          queue.push(step.bytes)
          model.push(...step.bytes)
        } else if (step.do === 'single bytes') {
          for (let index = 0; index < step.count; index++) {
            next = (next + 1) & 0xff
            queue.push(new Uint8Array([next]))
            model.push(next)
          }
        } else if (step.do === 'take') {
          const count = Math.min(step.count, model.length)
          if (!queue.take(count).equals(Buffer.from(model.slice(0, count)))) return false
          model = model.slice(count)
        } else {
          const skipped = queue.skip(step.count)
          if (skipped !== Math.min(step.count, model.length)) return false
          model = model.slice(skipped)
        }
        if (queue.length !== model.length) return false
      }
      return queue.take(queue.length).equals(Buffer.from(model))
    }),
  )
})
