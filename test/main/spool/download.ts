import t from 'tap'
import { silentLog } from '../../../dist/main/log.js'
import { Download } from '../../../dist/main/spool/download.js'
import { SpoolFile } from '../../../dist/main/spool/spool-file.js'
import { FetchMeter } from '../../../dist/main/status/fetch-meter.js'
import { failureOf } from '../../../dist/shared/failures.js'
import { NO_TIMINGS } from '../../../dist/shared/fetch-task.js'
import type { SpoolNote, SpoolTask } from '../../../dist/shared/spool-task.js'
import { temporaryDirectory } from '../../fixtures/temporary-directory.js'

t.test('Download knows of an answer whose end overtook its head', async t => {
  const file = SpoolFile.create(temporaryDirectory(t), undefined)
  const version = { totalBytes: 10_000_000, etag: '"v"' }
  let requests = 0
  const download = new Download({
    url: 'http://origin/image',
    renew: async () => undefined,
    headersFor: () => ({}),
    transport: 0,
    name: 'http://origin/image',
    file,
    runner: {
      // The result is a microtask, what comes by the port is not.
      spool: async ({ port }: SpoolTask) => {
        requests++
        const note: SpoolNote = { type: 'head', version }
        port.postMessage(note)
        const failure = failureOf('short-body', 'announced')
        return { ok: false, failure, bytes: 0, zeroBlocks: [], timings: NO_TIMINGS }
      },
    },
    maxAttempts: 7,
    meter: new FetchMeter(),
    governor: { downloadBegan: () => {}, downloadEnded: () => {} },
    log: silentLog,
    clock: () => 0,
    random: () => 0,
    sleep: async () => {},
  })
  t.strictSame(await download.opened, { totalBytes: 10_000_000, version })
  await download.ended
  t.equal(requests, 7, 'and is given the attempts of one that is open')
  file.close()
})
