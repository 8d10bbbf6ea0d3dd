// Origins that never quite stop: each byte would start every limit again, and a read would hang for
// ever. It fails instead, and says why.

import t, { type Test } from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { serve } from '../../dist/main/index.js'
import { rawOrigin } from '../fixtures/origin.js'

/** One byte more than the probe takes. */
const SIZE = 1024 * 1024 + 64 * 1024
const EIO = 5

/** Serves an image whose origin answers the probe well and everything else as `answer` says. */
async function readBehindProbe(
  t: Test,
  answer: (socket: import('node:net').Socket, start: number, end: number) => void,
): Promise<number> {
  let requests = 0
  const origin = await rawOrigin(t, (socket, head, index) => {
    const [, first, last] = /range: bytes=(\d+)-(\d+)/i.exec(head) ?? []
    const start = Number(first)
    const end = Math.min(Number(last) + 1, SIZE)
    socket.write(
      `HTTP/1.1 206 OK\r\ncontent-range: bytes ${start}-${end - 1}/${SIZE}\r\n` +
        `content-length: ${end - start}\r\n\r\n`,
    )
    requests++
    if (index === 0) socket.write(Buffer.alloc(end - start, 1))
    else answer(socket, start, end)
  })
  const server = await serve({
    url: origin.url,
    unix: '-',
    retries: 1,
    bodyTimeout: 0.25,
    readahead: 'off',
  })
  t.teardown(() => server.close({ drainMs: 0 }))
  const client = await NbdClient.connect({ path: server.unixSocket as string })
  t.teardown(() => client.close())
  await t.rejects(client.read(SIZE - 64 * 1024, 64 * 1024), { errno: EIO, message: /2 attempts/ })
  t.equal(server.statistics().pins, 0)
  return requests
}

t.test('a read fails when every answer breaks off after a byte', async t => {
  t.equal(await readBehindProbe(t, socket => socket.end('x')), 3)
})

t.test('a read fails when every answer comes a byte now and then', async t => {
  const requests = await readBehindProbe(t, socket => {
    const timer = setInterval(() => socket.write('x'), 50)
    socket.on('close', () => clearInterval(timer))
  })
  t.equal(requests, 3)
})
