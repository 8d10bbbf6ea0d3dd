import t from 'tap'
import { ReadMeter } from '../../../dist/main/status/read-meter.js'

t.test('ReadMeter counts reads that run, and reads that failed', async t => {
  const meter = new ReadMeter()
  meter.started()
  meter.started()
  meter.failed()
  meter.finished()
  t.match(meter, { reads: 2, running: 1, failedReads: 1 })
})

t.test('ReadMeter.stallMs() runs while at least one read waits', async t => {
  const meter = new ReadMeter()
  meter.stalled(100)
  t.equal(meter.stallMs(150), 50, 'also for a wait that lasts')
  meter.stalled(200)
  meter.resumed(300)
  meter.resumed(400)
  t.equal(meter.stallMs(1000), 300, 'waits side by side count once')
  meter.stalled(2000)
  meter.resumed(2010)
  t.equal(meter.stallMs(3000), 310)
})

t.test('ReadMeter counts bytes served, and those that were there', async t => {
  const meter = new ReadMeter()
  meter.served(100)
  meter.served(50)
  meter.hit(40)
  t.match(meter, { servedBytes: 150, hitBytes: 40 })
})
