import t from 'tap'
import { FetchMeter } from '../../../dist/main/status/fetch-meter.js'

t.test('FetchMeter counts bytes, connections and failures by code', async t => {
  const meter = new FetchMeter()
  const timings = { connectMs: 1, firstByteMs: 2, bodyMs: 3 }
  meter.fetched({ ...timings, receivedBytes: 100, newConnection: true }, false, 1)
  meter.fetched({ ...timings, receivedBytes: 20, newConnection: false }, true, 2)
  meter.failure('reset')
  meter.failure('reset')
  meter.failure('status')
  t.match(meter, { fetchedBytes: 120, connectionsOpened: 1 })
  t.strictSame(meter.failures, { reset: 2, status: 1 })
  t.equal(meter.firstByte.figures.count, 2)
})
