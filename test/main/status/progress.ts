// How far a run is: figures over time, the words for them, and the form in which they are told.

import t from 'tap'
import { progressMode } from '../../../dist/main/progress-mode.js'
import { ProgressMeter } from '../../../dist/main/status/progress.js'
import { progressLine, progressText } from '../../../dist/main/status/progress-text.js'
import type { Statistics } from '../../../dist/main/status/statistics.js'
import { fakeStatistics } from '../../fixtures/fake-statistics.js'

const MIB = 1024 ** 2

/** A copy of 1000 MiB at so many MiB a second from its 10th second on, as of some second of it. */
function copyAt(second: number, rate: number, changes: Partial<Statistics> = {}): Statistics {
  const seconds = Math.max(0, second - 10)
  const servedBytes = Math.min(1000, seconds * rate) * MIB
  const one = {
    name: '',
    imageBytes: 1000 * MIB,
    servedBytes,
    coveredBytes: servedBytes,
    reads: seconds,
    failedReads: 0,
    busySeconds: seconds,
    stallSeconds: seconds * 0.75,
    zeroBlocks: 0,
  }
  return fakeStatistics({
    ...one,
    uptimeSeconds: second,
    connectedSeconds: second,
    exports: [one],
    ...changes,
  })
}

t.test('ProgressMeter tells share, rates, and the time left', async t => {
  const meter = new ProgressMeter()
  for (let second = 0; second < 10; second++) {
    t.match(meter.take(copyAt(second, 10)), {
      share: 0,
      bytesPerSecond: 0,
      secondsLeft: null,
      bottleneck: 'idle',
    })
  }
  for (let second = 10; second < 59; second++) meter.take(copyAt(second, 10))
  t.match(meter.take(copyAt(60, 10)), {
    share: 0.5,
    servedBytes: 500 * MIB,
    bytesPerSecond: 10 * MIB,
    meanBytesPerSecond: 10 * MIB,
    secondsLeft: 50,
    stallShare: 0.75,
    bottleneck: 'network',
    exports: 1,
  })
  for (let second = 61; second < 110; second++) meter.take(copyAt(second, 10))
  t.match(meter.take(copyAt(110, 10)), { share: 1, secondsLeft: 0 })
  for (let second = 111; second < 120; second++) meter.take(copyAt(second, 10, { exports: [] }))
  const end = meter.take(copyAt(120, 10, { exports: [] }))
  t.match(end, { share: 1, secondsLeft: 0, bytesPerSecond: 0, bottleneck: 'idle' })
  t.ok(Math.abs(end.meanBytesPerSecond / MIB - 10) < 0.2, 'idle times do not slow the mean down')
})

t.test('ProgressMeter looks at the last seconds for what is now', async t => {
  const meter = new ProgressMeter()
  for (let second = 0; second <= 40; second++) meter.take(copyAt(second, 10))
  const { servedBytes } = copyAt(40, 10)
  for (let second = 41; second < 45; second++) {
    meter.take(copyAt(second, 0, { servedBytes, coveredBytes: servedBytes }))
  }
  const now = meter.take(copyAt(45, 0, { servedBytes, coveredBytes: servedBytes }))
  t.equal(now.bytesPerSecond, 0)
  t.ok(now.secondsLeft !== null && now.secondsLeft > 70, 'the time left does not jump to infinity')
})

t.test('ProgressMeter of nothing at all has no NaN', async t => {
  const empty = new ProgressMeter().take(fakeStatistics())
  t.notMatch(JSON.stringify(empty).replace('"secondsLeft":0', ''), /null|NaN/)
  t.match(empty, { share: 1, bottleneck: 'idle' })
})

t.test('progressLine() fits, the most important first', async t => {
  const meter = new ProgressMeter()
  for (let second = 0; second < 60; second++) meter.take(copyAt(second, 4))
  const progress = meter.take(
    copyAt(60, 4, {
      inFlight: 12,
      failedReads: 3,
      exports: copyAt(60, 4).exports.concat(copyAt(60, 4).exports),
    }),
  )
  for (let columns = 1; columns < 200; columns++) {
    const line = progressLine(progress, columns)
    t.ok(line.length <= Math.max(6, columns), `${columns} columns: ${line}`)
  }
  t.equal(
    progressLine({ ...progress, failedReads: 0, secondsLeft: 3 }, 39),
    '20.0 %  4.00 MiB/s  3 s left  network',
  )
  t.equal(progressLine(progress, 39), '20.0 %  4.00 MiB/s  3 min 20 s left')
  t.equal(
    progressText(progress),
    '20.0 % of 1000 MiB, 2 images, 4.00 MiB/s, mean 4.00 MiB/s, 3 min 20 s left, 12 in flight, stalled 100 %, limit: network, 3 failed',
  )
})

t.test('progressMode() draws a live line only where nobody else draws', async t => {
  const convert = 'qemu-img convert -O raw "$uri" x'
  for (const [choice, file, terminal, run, mode] of [
    [undefined, false, true, undefined, 'off'],
    [undefined, true, true, undefined, 'lines'],
    ['auto', false, true, undefined, 'live'],
    ['auto', false, false, undefined, 'lines'],
    ['auto', false, true, convert, 'lines'],
    ['auto', false, true, 'qemu-img convert -p -O raw "$uri" x', 'off'],
    ['auto', false, true, 'nbdcopy --progress=3 "$uri" x', 'off'],
    ['auto', false, true, 'set -e; nbdcopy "$uri" - | pv >x', 'off'],
    ['auto', false, true, 'virt-v2v -i disk "$uri"', 'off'],
    ['auto', false, true, 'mkdir -p x; nbdcopy "$uri" x/y', 'lines'],
    ['auto', true, true, 'nbdcopy -p "$uri" x', 'lines'],
    ['line', false, true, 'nbdcopy -p "$uri" x', 'live'],
    ['line', false, false, convert, 'lines'],
    ['json', false, true, convert, 'json'],
    ['off', true, true, undefined, 'off'],
  ] as const) {
    t.equal(progressMode({ choice, file, terminal, run }), mode, `${choice} ${terminal} ${run}`)
  }
})
