// An https URL of a server that speaks plain HTTP and waits for a request.

import { connect } from 'node:net'
import t from 'tap'
import { PlainHttpWatch } from '../../../dist/main/source/plain-http.js'
import { NO_TIMINGS, type ProbeResult } from '../../../dist/shared/fetch-task.js'
import { rawOrigin } from '../../fixtures/origin.js'
import { until } from '../../fixtures/until.js'

const task = (url: string) => ({ url, headers: {}, transport: 0, length: 1 })
const forever = { probe: () => new Promise<ProbeResult>(() => {}) }
const refused: ProbeResult = {
  ok: false,
  failure: { code: 'status', message: '404 Not Found' },
  timings: NO_TIMINGS,
}

t.test('PlainHttpWatch.probe() fails as soon as a silent server answers in the clear', async t => {
  const plain = await rawOrigin(t, socket => socket.end('HTTP/1.1 405 Not Allowed\r\n\r\n'))
  const url = plain.url.replace('http:', 'https:')
  t.match(await new PlainHttpWatch(forever, 1).probe(task(`${url}?sig=secret`)), {
    ok: false,
    failure: { code: 'tls', message: /speaks plain HTTP; is http:\/\/ meant\?$/ },
  })
  t.notMatch(JSON.stringify(plain.requests), /secret|disk/, 'nothing is told in the clear')
})

t.test('PlainHttpWatch.probe() hands on what the prober says', async t => {
  const silent = await rawOrigin(t, () => {})
  const url = silent.url.replace('http:', 'https:')
  const soon = { probe: async () => refused }
  t.equal(await new PlainHttpWatch(soon, 0).probe(task(url)), refused)
  t.equal(await new PlainHttpWatch(soon, 0).probe(task(silent.url)), refused)
  // Asked in the clear, and as silent as before.
  let answer = (_: ProbeResult) => {}
  const late = {
    probe: () =>
      new Promise<ProbeResult>(resolve => {
        answer = resolve
      }),
  }
  const probing = new PlainHttpWatch(late, 1).probe(task(url))
  await until(() => silent.requests.length > 0)
  answer(refused)
  t.equal(await probing, refused)
  await until(() => silent.open === 0)
  t.pass('the connection is closed')
})

t.test('PlainHttpWatch.probe() waits for TLS that says in the clear what it is', async t => {
  // nginx, Apache and Go have the first for it; others send the client to https.
  for (const said of ['400 Bad Request', '301 Moved Permanently', '426 Upgrade Required']) {
    const tls = await rawOrigin(t, socket => socket.end(`HTTP/1.1 ${said}\r\n\r\n`))
    let answer = (_: ProbeResult) => {}
    const late = {
      probe: () =>
        new Promise<ProbeResult>(resolve => {
          answer = resolve
        }),
    }
    const probing = new PlainHttpWatch(late, 1).probe(task(tls.url.replace('http:', 'https:')))
    await until(() => tls.requests.length > 0 && tls.open === 0)
    answer(refused)
    t.equal(await probing, refused, said)
  }
})

t.test('PlainHttpWatch.probe() survives a server that is not there', async t => {
  const gone = await rawOrigin(t, () => {})
  let answer = (_: ProbeResult) => {}
  const late = {
    probe: () =>
      new Promise<ProbeResult>(resolve => {
        answer = resolve
      }),
  }
  const probing = new PlainHttpWatch(late, 0).probe(task('https://127.0.0.1:1/'))
  // By the time that one is answered, the other one was refused.
  const socket = connect(Number(new URL(gone.url).port), '127.0.0.1')
  socket.once('connect', () => answer(refused))
  t.equal(await probing, refused)
  socket.destroy()
})
