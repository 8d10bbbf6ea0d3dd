// serve() given up by its caller while it starts: it ends at once, with the caller's reason, and
// leaves nothing behind.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { serve } from '../../dist/main/index.js'
import { httpOrigin, rawOrigin, serveRange } from '../fixtures/origin.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

t.test('serve() gives up at once when aborted before a silent server answers', async t => {
  const abort = new AbortController()
  const reason = new Error('no longer wanted')
  const origin = await rawOrigin(t, () => abort.abort(reason))
  // Without the abort this would end in a time-out far beyond the test's.
  const starting = serve({
    url: origin.url,
    unix: '-',
    firstByteTimeout: 3600,
    signal: abort.signal,
  })
  await t.rejects(starting, reason)
  t.equal(origin.requests.length, 1)
})

t.test('serve() does not start to listen when aborted in the middle of the probe', async t => {
  const abort = new AbortController()
  const reason = new Error('no longer wanted')
  const answer = serveRange(100_000)
  const origin = await httpOrigin(t, (request, response, index) => {
    abort.abort(reason)
    answer(request, response, index)
  })
  const unix = join(temporaryDirectory(t), 'socket')
  await t.rejects(serve({ url: origin.url, unix, signal: abort.signal }), reason)
  t.notOk(existsSync(unix))
})

t.test('serve() removes its socket when aborted as it begins to listen', async t => {
  const abort = new AbortController()
  const origin = await httpOrigin(t, serveRange(100_000))
  const unix = join(temporaryDirectory(t), 'socket')
  const reason = new Error('no longer wanted')
  const starting = serve({
    url: origin.url,
    unix,
    signal: abort.signal,
    // Said once it listens.
    log: (_level, message) => {
      if (message.startsWith('opened')) abort.abort(reason)
    },
  })
  await t.rejects(starting, reason)
  t.notOk(existsSync(unix))
})

t.test('serve() is not affected by an abort once it runs', async t => {
  const abort = new AbortController()
  const origin = await httpOrigin(t, serveRange(100_000))
  const unix = join(temporaryDirectory(t), 'socket')
  await using server = await serve({ url: origin.url, unix, signal: abort.signal })
  abort.abort()
  t.equal(server.statistics().workers > 0, true)
  t.ok(existsSync(unix))
})

t.test('close() does not call the end of its own threads a failure', async t => {
  const answer = serveRange(4 * 1024 * 1024)
  const origin = await httpOrigin(t, (request, response, index) => {
    // Whatever is asked behind the probe is never answered.
    if (index === 0) answer(request, response, index)
  })
  const log: string[] = []
  const server = await serve({
    url: origin.url,
    unix: '-',
    log: (level, message) => log.push(`${level} ${message}`),
  })
  const client = await NbdClient.connect({ path: server.unixSocket as string })
  t.teardown(() => client.close())
  const failed = t.rejects(client.read(2 * 1024 * 1024, 65_536))
  await until(() => origin.requests.length > 1)
  await server.close({ drainMs: 0 })
  await failed
  t.strictSame(server.statistics().failures, {})
  t.strictSame(
    log.filter(line => line.startsWith('warn') && line.includes('worker')),
    [],
  )
})
