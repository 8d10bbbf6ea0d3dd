// Real clients' streams, changed, against the state machines and against a living server; `npm run fuzz`
// runs many more of them. Whatever once did harm is a stream of its own in test/fixtures/nbd-streams.

import t from 'tap'
import { fuzzMachines, fuzzServer } from '../../.bench/nbd-fuzz/fuzz.js'
import { fuzzedStream, recordedStreams } from '../../.bench/nbd-fuzz/streams.js'

const SEED = 1

t.test('the recorded streams are those of real clients, whole', async t => {
  const streams = recordedStreams()
  for (const name of ['nbdinfo', 'nbdcopy', 'qemu-img-bench', 'nbd-client-list']) {
    t.ok((streams.get(name)?.length ?? 0) > 30, name)
  }
})

t.test('a seed gives the same stream again, and seeds differ', async t => {
  const recordings = [...recordedStreams().values()]
  t.strictSame(fuzzedStream(5, recordings), fuzzedStream(5, recordings))
  const distinct = new Set(
    Array.from({ length: 200 }, (_, seed) => fuzzedStream(seed, recordings).bytes.toString('hex')),
  )
  t.ok(distinct.size > 150, `${distinct.size} of 200 differ`)
})

t.test('no changed stream breaks the machines or asks for what is not there', async t => {
  t.ok(fuzzMachines(SEED, 10_000) > 1000, 'many get as far as a request')
})

t.test('no changed stream harms a living server or the client beside it', async t => {
  const report = await fuzzServer(SEED, 1500)
  t.ok(report.entered > 200, `${report.entered} streams got as far as an export`)
  t.ok(report.healthyReads > 100, `${report.healthyReads} reads of the healthy client`)
  t.match(report, { pins: 0, open: 0 })
})
