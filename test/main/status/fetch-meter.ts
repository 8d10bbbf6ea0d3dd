import t from 'tap'
import { FetchMeter } from '../../../dist/main/status/fetch-meter.js'

t.test('FetchMeter counts bytes, connections and failures by code', async t => {
  const meter = new FetchMeter()
  const timings = { connectMs: 1, firstByteMs: 2, bodyMs: 3 }
  meter.fetched({ ...timings, receivedBytes: 100, newConnection: true })
  meter.fetched({ ...timings, receivedBytes: 20, newConnection: false })
  meter.failure('reset')
  meter.failure('reset')
  meter.failure('status')
  t.match(meter, { fetchedBytes: 120, connectionsOpened: 1 })
  t.strictSame(meter.failures, { reset: 2, status: 1 })
})
