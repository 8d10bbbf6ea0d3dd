// A session that lapses, or may: what is done about it, and how soon again where that fails.

import t from 'tap'
import type { Authorizer, RenewalReason } from '../../../dist/main/source/authorizer.js'
import { Credentials } from '../../../dist/main/source/credentials.js'
import { OriginSession } from '../../../dist/main/source/origin-session.js'
import type { Failure } from '../../../dist/shared/failure.js'
import type { ProbeResult, ProbeTask } from '../../../dist/shared/fetch-task.js'
import { OPENED, TIMINGS } from '../../fixtures/probe-results.js'
import { until } from '../../fixtures/until.js'

const URL = 'https://origin.test/disk.img'
const refused = (status: number): Failure => ({ code: 'status', status, message: `${status} No` })
const redirect = (location: string): Failure => ({
  ...{ code: 'redirect', status: 302, message: '302 Found', location },
})

const parts = {
  ...{ urls: [URL], credentials: new Credentials({ url: URL }), transport: 0, attempts: 9 },
  ...{ maxRedirects: 20, protocols: new Set(['http:', 'https:']), log: () => {} },
  ...{ random: () => 0, sleep: async () => {}, onResult: () => {} },
}

/** A session that is open, and what the test has to say about its login. */
async function opened(answer: (task: ProbeTask) => ProbeResult = () => OPENED) {
  const world = {
    nowMs: 0,
    due: false,
    refusal: undefined as Failure | undefined,
    reasons: [] as RenewalReason[],
    renewed: [] as (Failure | undefined)[],
  }
  const authorizer: Authorizer = {
    task: 'Cannot log in',
    isDue: () => world.due,
    renew: async reason => {
      const run = world.reasons.push(reason)
      return world.refusal === undefined
        ? { ok: true, headers: { cookie: `run=${run}` } }
        : { ok: false, failure: world.refusal }
    },
    end: async () => {},
  }
  const prober = { probe: async (task: ProbeTask) => answer(task) }
  const session = new OriginSession({ ...parts, authorizer, prober, clock: () => world.nowMs })
  session.onRenewed = failure => void world.renewed.push(failure)
  await session.open()
  /** What becomes of a request that fails so. */
  const objected = async (failure: Failure) => {
    const ends = world.renewed.length + 1
    const verdict = session.objected(session.request, failure, world.nowMs)
    if (verdict === 'again') await until(() => world.renewed.length === ends)
    return verdict
  }
  return { session, world, objected }
}

t.test('a login that is due and fails leaves the session at work', async t => {
  const { session, world, objected } = await opened()
  world.due = true
  world.refusal = refused(503)
  t.notOk(session.isReady(0))
  await until(() => world.renewed.length === 1)
  t.strictSame(world.reasons, ['start', 'clock'], 'tried once')
  t.strictSame(world.renewed, [undefined], 'nobody fails for it')
  world.nowMs = 59_999
  t.ok(session.isReady(world.nowMs))
  world.refusal = undefined
  t.equal(await objected(refused(401)), 'again', 'it is renewed at once where it is over')
  t.strictSame(world.reasons.slice(2), ['refused'])
  world.refusal = refused(503)
  world.nowMs = 60_000
  t.notOk(session.isReady(world.nowMs), 'and by the clock a minute later')
})

t.test('a password that is not accepted is tried once a minute', async t => {
  for (const reason of ['refused', 'clock'] as const) {
    const { session, world, objected } = await opened()
    world.refusal = refused(401)
    if (reason === 'refused') t.equal(await objected(refused(401)), 'again')
    else {
      world.due = true
      session.isReady(0)
      await until(() => world.renewed.length === 1)
    }
    world.nowMs = 59_999
    t.match(await objected(refused(401)), { status: 401 })
    t.ok(session.isReady(world.nowMs))
    t.strictSame(world.reasons, ['start', reason])
    world.nowMs = 60_000
    t.equal(await objected(refused(401)), 'again')
    t.strictSame(world.reasons, ['start', reason, 'refused'])
  }
})

t.test('a request that is sent to another page has its session renewed', async t => {
  const page: ProbeResult = { ...OPENED, totalBytes: 1 }
  // Whoever has the first cookie only gets the page of the login, a file of its own.
  let lapsed = false
  const { session, world, objected } = await opened(({ url, headers }) => {
    if (url.endsWith('/login')) return page
    const known = !lapsed || headers['cookie'] !== 'run=1'
    return known ? OPENED : { ok: false, failure: redirect('/login'), timings: TIMINGS }
  })
  lapsed = true
  t.equal(await objected(redirect('/login')), 'again')
  t.strictSame(world.renewed, [undefined])
  t.strictSame(world.reasons, ['start', 'refused'])
  t.match(session.request, { url: URL, headers: { cookie: 'run=2' } })
})

t.test('a web page in place of a part has the session renewed', async t => {
  const { session, world, objected } = await opened()
  const whole: Failure = { code: 'range-ignored', status: 200, message: '200 OK' }
  t.equal(await objected(whole), undefined, 'the whole file is none')
  t.equal(await objected({ ...whole, webPage: true }), 'again')
  t.strictSame(world.reasons, ['start', 'refused'])
  t.match(session.request, { url: URL, headers: { cookie: 'run=2' } })
})

t.test('a session that is over by the time a signed URL is has both renewed', async t => {
  const elsewhere: ProbeResult[] = [
    // The page of a login, with and without ranges, and what an http one of an https server is.
    { ...OPENED, totalBytes: 1 },
    {
      ok: false,
      failure: { code: 'range-ignored', status: 200, message: '200' },
      timings: TIMINGS,
    },
    { ok: false, failure: redirect('http://origin.test/login'), timings: TIMINGS },
  ]
  for (const page of elsewhere) {
    let lapsed = false
    const { session, world, objected } = await opened(({ url, headers }) => {
      if (url.endsWith('/login')) return page
      if (url !== URL) return OPENED
      const run = headers['cookie']?.split('=')[1]
      const to = lapsed && run === '1' ? '/login' : `https://cdn.test/${run}`
      return { ok: false, failure: redirect(to), timings: TIMINGS }
    })
    lapsed = true
    t.equal(await objected(refused(403)), 'again')
    t.strictSame(world.renewed, [undefined])
    t.strictSame(world.reasons, ['start', 'refused'])
    t.equal(session.request.url, 'https://cdn.test/2')
  }
})

t.test('so it is for an image that is downloaded as a whole', async t => {
  const whole = (details: Partial<Failure> = {}): ProbeResult => ({
    ...{ ok: false, timings: TIMINGS },
    failure: { code: 'range-ignored', status: 200, message: '200 OK', ...details },
  })
  let begun = false
  const { session, world } = await opened(({ url, headers }) => {
    if (url.endsWith('/login')) return whole({ webPage: true })
    if (url !== URL) return begun ? whole() : OPENED
    const run = headers['cookie']?.split('=')[1]
    const to = begun && run === '1' ? '/login' : `https://cdn.test/${run}`
    return { ok: false, failure: redirect(to), timings: TIMINGS }
  })
  begun = true
  t.equal(await session.renew('https://cdn.test/1', refused(403)), 'https://cdn.test/2')
  t.strictSame(world.reasons, ['start', 'refused'])
})

t.test('a file that has changed is told as that, whoever asks for it', async t => {
  let totalBytes = 3
  const { world, objected } = await opened(({ url }) =>
    url === URL
      ? { ok: false, failure: redirect('https://cdn.test/'), timings: TIMINGS }
      : { ...OPENED, totalBytes },
  )
  totalBytes = 4
  t.equal(await objected(refused(403)), 'again')
  t.match(world.renewed, [{ code: 'source-changed' }])
})

t.test('a URL that a redirect led to and that is over is asked for anew', async t => {
  for (const status of [400, 401, 403, 404, 410]) {
    let signed = 0
    const { session, objected } = await opened(({ url }) =>
      url === URL
        ? { ok: false, failure: redirect(`https://cdn.test/${++signed}`), timings: TIMINGS }
        : OPENED,
    )
    t.equal(session.request.url, 'https://cdn.test/1')
    t.equal(await objected(refused(status)), 'again')
    t.equal(session.request.url, 'https://cdn.test/2', `${status}`)
  }
  const { objected } = await opened()
  t.equal(await objected(refused(400)), undefined, 'of the image itself it is an answer')
})

t.test('a start that is given up ends the script of its login', async t => {
  const giveUp = new AbortController()
  let end = () => {}
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  const failure: Failure = { code: 'session', message: 'the script failed: ended with SIGKILL' }
  const authorizer: Authorizer = {
    task: 'Cannot obtain request headers',
    isDue: () => false,
    renew: () => ended.then(() => ({ ok: false, failure })),
    end: async () => end(),
  }
  const session = new OriginSession({
    ...parts,
    ...{ authorizer, prober: { probe: async () => OPENED }, clock: () => 0 },
    signal: giveUp.signal,
  })
  const opening = session.open()
  giveUp.abort()
  await t.rejects(opening, { name: 'AbortError' })
})
