import t from 'tap'
import { ReadMeter } from '../../../dist/main/status/read-meter.js'

t.test('ReadMeter counts reads that run, and reads that failed', async t => {
  const meter = new ReadMeter(0, 1)
  meter.started(100)
  meter.started(150)
  meter.failed()
  meter.finished(200)
  t.match(meter, { reads: 2, running: 1, failedReads: 1 })
  t.equal(meter.busyMs(300), 200, 'also for a read that lasts')
  meter.finished(400)
  meter.started(1000)
  meter.finished(1001)
  t.equal(meter.busyMs(2000), 301, 'times without a read do not count')
})

t.test('ReadMeter.stallMs() runs while at least one read waits', async t => {
  const meter = new ReadMeter(0, 1)
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
  const meter = new ReadMeter(0, 1)
  meter.served(100)
  meter.served(50)
  meter.hit(40)
  t.match(meter, { servedBytes: 150, hitBytes: 40 })
})

t.test('ReadMeter.calledBack() forgets the reads of a client that has left', async t => {
  const meter = new ReadMeter(1000, 10)
  for (let count = 0; count < 3; count++) meter.started(0)
  meter.calledBack(0, 3)
  meter.started(1)
  meter.calledBack(0, -3)
  meter.started(2)
  t.equal(meter.reads, 5)
})

t.test('ReadMeter.calledBack() counts once what is served again, and no counter falls', async t => {
  const meter = new ReadMeter(0, 1)
  meter.started(0)
  meter.served(100)
  meter.hit(100)
  meter.calledBack(60, 1)
  t.match(meter, { reads: 1, servedBytes: 100, hitBytes: 100 })
  meter.started(1)
  meter.served(40)
  meter.hit(40)
  t.match(meter, { reads: 1, servedBytes: 100, hitBytes: 100 })
  meter.served(50)
  meter.hit(50)
  meter.started(2)
  t.match(meter, { reads: 2, servedBytes: 130, hitBytes: 130 })
})

t.test(
  'ReadMeter.coveredBytes counts every block once, and the last one as short as it is',
  async t => {
    const meter = new ReadMeter(1050, 100)
    meter.covered(0, 250)
    t.equal(meter.coveredBytes, 200, 'not a block that was begun')
    meter.covered(100, 300)
    t.equal(meter.coveredBytes, 300)
    meter.covered(1000, 1049)
    t.equal(meter.coveredBytes, 300)
    meter.covered(1000, 1050)
    t.equal(meter.coveredBytes, 350)
    meter.told(0, [
      { length: 500, flags: 0 },
      { length: 300, flags: 3 },
      { length: 250, flags: 0 },
    ])
    t.equal(meter.coveredBytes, 650, 'known zeroes need not be read')
    meter.covered(0, 1050)
    t.equal(meter.coveredBytes, 1050)
  },
)
