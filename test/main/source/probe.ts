// What is told of a source that is opened or can't be: nothing secret, and what to do about it.

import t from 'tap'
import type { Log } from '../../../dist/main/log.js'
import { type CredentialOptions, Credentials } from '../../../dist/main/source/credentials.js'
import { probe } from '../../../dist/main/source/probe.js'
import { SourceError } from '../../../dist/main/source/source-error.js'
import { parseSourceUrl } from '../../../dist/main/source/source-url.js'
import type { Failure } from '../../../dist/shared/failure.js'
import type { ProbeResult } from '../../../dist/shared/fetch-task.js'
import { OPENED, TIMINGS } from '../../fixtures/probe-results.js'

function failed(status: number, location?: string): ProbeResult {
  const code = location === undefined ? 'status' : 'redirect'
  const failure = { code, status, message: `${status} said` } as const
  return {
    ok: false,
    failure: location === undefined ? failure : { ...failure, location },
    timings: TIMINGS,
  }
}

/** Probes `url`; the server's answers come in turn. */
async function open(url: string, answers: readonly ProbeResult[], log: Log) {
  const left = [...answers]
  return probe({
    url,
    credentials: new Credentials({ url }),
    transport: 0,
    prober: { probe: async () => left.shift() as ProbeResult },
    attempts: 1,
    maxRedirects: 20,
    protocols: new Set(['http:', 'https:']),
    log,
    random: () => 0,
    sleep: async () => {},
    onResult: () => {},
  })
}

t.test('probe() shows nothing of the query that a redirect was given', async t => {
  const lines: string[] = []
  const log: Log = (_level, message) => void lines.push(message)
  const location = 'https://cdn/a/disk.img?grant=material&e=1'
  const redirect = failed(302, location)
  const source = await open('https://host/disk.img?dsName=one', [redirect, OPENED], log)
  t.equal(source.request.url, location)
  t.equal(source.name, 'https://cdn/a/disk.img?***')
  await t.rejects(open('https://host/disk.img', [redirect, failed(403)], log), SourceError)
  const error = await open('https://host/disk.img', [redirect, failed(403)], log).catch(String)
  t.match(error, 'Cannot open https://cdn/a/disk.img?***: 403 said')
  t.notMatch(lines.join(), 'material')
})

t.test('probe() shows the query of the URL it was given, apart from signatures', async t => {
  const url = 'https://host/disk.img?dsName=one&sig=material'
  const source = await open(url, [OPENED], () => {})
  t.equal(source.name, 'https://host/disk.img?dsName=one&sig=***')
})

const URL = 'https://origin.test/disk.img'
const NO_TIMINGS = {
  receivedBytes: 0,
  connectMs: 0,
  firstByteMs: -1,
  bodyMs: 0,
  newConnection: false,
}

/** The message of a probe that is answered with `failure`. */
async function told(failure: Failure): Promise<string> {
  try {
    await probe({
      url: URL,
      credentials: new Credentials({ url: URL }),
      transport: 0,
      prober: { probe: async () => ({ ok: false, failure, timings: NO_TIMINGS }) },
      attempts: 1,
      maxRedirects: 20,
      protocols: new Set(['http:', 'https:']),
      log: () => {},
      random: () => 0,
      sleep: async () => {},
      onResult: () => {},
    })
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('the probe succeeded')
}

t.test('probe() offers --cacert and --insecure for certificates only', async t => {
  const code = 'tls'
  t.match(
    await told({ code, message: 'Cannot set up TLS: self-signed certificate' }),
    '--cacert FILE, or --insecure',
  )
  t.notMatch(
    await told({ code, message: 'Cannot set up TLS: the server does not speak it' }),
    '--insecure',
  )
})

t.test('probe() offers --cert where a server objects to a certificate of ours', async t => {
  const code = 'tls'
  for (const alert of ['certificate required', 'bad certificate', 'unknown ca']) {
    const message = await told({ code, message: `Cannot set up TLS: tlsv13 alert ${alert}` })
    t.match(message, '--cert and --key')
    t.notMatch(message, '--insecure')
    const said = `Cannot set up TLS with the proxy: tlsv13 alert ${alert}`
    t.match(await told({ code, message: said }), new RegExp(`${alert}$`))
  }
})

t.test('probe() says of a 401 what was sent, and where it was not', async t => {
  const said = async (options: Partial<CredentialOptions>, ...answers: ProbeResult[]) => {
    const url = 'http://host/disk.img'
    return await probe({
      ...{ url, credentials: new Credentials({ url, ...options }), transport: 0, attempts: 1 },
      ...{ prober: { probe: async () => answers.shift() as ProbeResult }, maxRedirects: 20 },
      protocols: new Set(['http:', 'https:']),
      ...{ log: () => {}, random: () => 0, sleep: async () => {}, onResult: () => {} },
    }).catch(String)
  }
  t.match(await said({}, failed(401)), '401 said; give --user')
  const login = { user: 'me', password: 'wrong' }
  t.match(await said(login, failed(401)), 'user name or password is not accepted')
  const others = [
    { bearerToken: 'abcdefgh' },
    { cookie: 'a=b' },
    { headers: { authorization: 'x' } },
  ]
  for (const other of others) {
    t.match(await said(other, failed(401)), 'token, cookie or header that was sent is not accepted')
  }
  for (const other of [login, ...others]) {
    const secure = failed(302, 'https://host/disk.img')
    t.match(
      await said(other, secure, failed(401)),
      'https://host/disk.img: 401 said; a redirect led there',
    )
  }
})

t.test('probe() follows no redirect out of HTTP, and none from https to http', async t => {
  const redirect = (location: string) => told({ code: 'redirect', message: '302 Found', location })
  t.match(await redirect('file:///etc/passwd'), 'redirects to file:, which is not HTTP')
  t.match(await redirect('ftp://origin.test/disk.img'), 'redirects to ftp:, which is not HTTP')
  t.match(await redirect('http://origin.test/disk.img'), 'redirects from https to http')
  t.match(await redirect('http://[bad'), 'redirects to an address that is none')
  t.match(await redirect('/disk.img'), 'more than 20 redirects')
})

t.test(
  'probe() shows no part of a secret that an address repeats, however it is written',
  async t => {
    const secret = 'Long?Pass #word@1'
    const shown = async (location: string): Promise<string> => {
      const lines: string[] = []
      const credentials = new Credentials({ url: URL, user: 'me', password: secret })
      const answers = [failed(302, location), failed(403)]
      const end = await probe({
        url: URL,
        credentials,
        transport: 0,
        prober: { probe: async () => answers.shift() as ProbeResult },
        attempts: 1,
        maxRedirects: 20,
        protocols: new Set(['http:', 'https:']),
        log: (_level, message) => void lines.push(message),
        random: () => 0,
        sleep: async () => {},
        onResult: () => {},
      }).catch(String)
      return [end, ...lines].join()
    }
    for (const location of [
      `https://cdn/${secret}`,
      `/a/${secret}/b`,
      `https://cdn/${encodeURI(secret)}`,
      `https://cdn/a?${secret}`,
      `https://cdn/a#${secret}`,
      `https://cdn/${encodeURIComponent(secret)}%ff`,
    ]) {
      t.notMatch(await shown(location), /long|pass|word/i, location)
    }
    const credentials = new Credentials({ url: URL, bearerToken: 'LongToken123' })
    const scheme = await probe({
      ...{ url: URL, credentials, transport: 0, attempts: 1, maxRedirects: 20 },
      prober: { probe: async () => failed(302, 'LongToken123:x') },
      protocols: new Set(['http:', 'https:']),
      ...{ log: () => {}, random: () => 0, sleep: async () => {}, onResult: () => {} },
    }).catch(String)
    t.match(scheme, 'redirects to ***:, which is not HTTP')
  },
)

t.test('probe() asks whether https is meant only where nothing spoke HTTP', async t => {
  const spoken = (failure: Failure, firstByteMs = -1): ProbeResult => ({
    ok: false,
    failure,
    timings: { ...TIMINGS, firstByteMs },
  })
  const said = async (url: string, ...answers: ProbeResult[]) =>
    /is https:\/\/ meant/.test(String(await open(url, answers, () => {}).catch(String)))
  const url = 'http://host/disk.img'
  const closed: Failure = { code: 'reset', message: 'connection closed by the server' }
  const alert: Failure = { code: 'protocol', message: 'the answer is not HTTP', maybeTls: true }
  const told: Failure = { code: 'status', status: 400, message: '400 No', maybeTls: true }
  t.ok(await said(url, spoken(closed)), 'servers of TLS close the connection')
  t.ok(await said(url, spoken(alert)), 'or send an alert')
  t.ok(await said(url, spoken(told, 1)), 'or say it in HTTP')
  t.ok((await said('https://host/x', failed(302, 'https://else/y'), spoken(closed))) === false)
  t.notOk(await said('https://host/disk.img', spoken(closed)))
  t.notOk(await said(url, spoken(closed, 1)), 'in the middle of an answer')
  t.notOk(await said(url, failed(302, '/other'), spoken(closed)), 'behind a redirect of its own')
  t.ok(await said(url, failed(302, 'http://host:443/'), spoken(closed)), 'behind that of another')
  for (const message of [
    'the header of the answer is too large',
    'the server sent a bad upgrade',
  ]) {
    t.notOk(await said(url, spoken({ code: 'protocol', message })), message)
  }
  t.notOk(await said(url, spoken({ code: 'status', status: 400, message: '400 Bad Request' }, 1)))
})

t.test('probe() asks again where the first answer is not what was asked', async t => {
  const url = 'http://host/disk.img'
  const asked = async (answers: readonly ProbeResult[], attempts = 9) => {
    let count = 0
    const source = await probe({
      url,
      credentials: new Credentials({ url }),
      transport: 0,
      prober: { probe: async () => answers[Math.min(count++, answers.length - 1)] as ProbeResult },
      attempts,
      maxRedirects: 20,
      protocols: new Set(['http:', 'https:']),
      ...{ log: () => {}, random: () => 0, sleep: async () => {}, onResult: () => {} },
    }).catch((error: Error) => error)
    return { count, source }
  }
  for (const code of ['wrong-range', 'encoded'] as const) {
    const odd: ProbeResult = { ok: false, failure: { code, message: code }, timings: TIMINGS }
    t.match(await asked([odd, OPENED]), { count: 2, source: { request: { url } } }, code)
    t.match(await asked([odd, odd, OPENED]), { count: 3, source: { request: { url } } }, code)
    const habit = await asked([odd])
    t.equal(habit.count, 3, 'a habit is found out soon')
    t.ok(habit.source instanceof SourceError)
    t.equal((await asked([odd], 1)).count, 1, 'with --retries 0 never')
  }
  const whole = { code: 'range-ignored', message: 'all of it' } as const
  const unranged = await asked([{ ok: false, failure: whole, timings: TIMINGS }])
  t.equal(unranged.count, 1, 'a server without ranges is not asked again')
})

t.test('parseSourceUrl() tells a missing URL from one that is no text', async t => {
  t.throws(() => parseSourceUrl(undefined), /its URL is missing/)
  t.throws(() => parseSourceUrl(new globalThis.URL(URL)), /type object as URL: expected text/)
})
