// What the origin is told of us, and that nobody else is.

import { inspect } from 'node:util'
import t from 'tap'
import {
  type CredentialOptions,
  Credentials,
  redactUrls,
} from '../../../dist/main/source/credentials.js'
import { splitHeader } from '../../../dist/main/source/request-headers.js'
import { UsageError } from '../../../dist/main/usage-error.js'
import { USER_AGENT } from '../../../dist/main/version.js'

const url = 'https://host/disk.img'
const make = (options: Partial<CredentialOptions>) => new Credentials({ url, ...options })

t.test('Credentials.headers has names in lower case and the user in UTF-8', async t => {
  const { headers } = make({
    user: 'grüße',
    password: 'p:ß',
    cookie: 'a=1; b=2',
    headers: { 'X-Token': ' abc\t', ACCEPT: '*/*' },
  })
  t.strictSame(
    { ...headers },
    {
      'user-agent': USER_AGENT,
      'x-token': 'abc',
      accept: '*/*',
      cookie: 'a=1; b=2',
      // printf 'grüße:p:ß' | base64
      authorization: 'Basic Z3LDvMOfZTpwOsOf',
    },
  )
  t.ok(Object.isFrozen(headers))
})

t.test('Credentials.headers without a password has an empty one', async t => {
  t.match(make({ user: 'Aladdin' }).headers, { authorization: /^Basic QWxhZGRpbjo=$/ })
})

t.test('Credentials.headersFor() gives another origin the user agent alone', async t => {
  const credentials = make({
    user: 'me',
    password: 'secret',
    cookie: 'a=1',
    headers: { 'X-Token': 'abc', 'User-Agent': 'mine' },
  })
  for (const same of [url, 'https://host/else?x=1', 'https://HOST:443/']) {
    t.equal(credentials.headersFor(same), credentials.headers, same)
    t.equal(credentials.headersFor(same)['user-agent'], 'mine')
  }
  for (const other of [
    'http://host/disk.img',
    'https://host:8443/disk.img',
    'https://host.evil.example/disk.img',
    'https://evil.example/?https://host/',
    'https://host@evil.example/',
  ]) {
    t.strictSame({ ...credentials.headersFor(other) }, { 'user-agent': USER_AGENT }, other)
  }
})

t.test('new Credentials() refuses what HTTP cannot carry, without repeating it', async t => {
  for (const [options, message] of [
    [{ headers: { 'X-A': 'sec\r\nret: 1' } }, /^Cannot send the header 'x-a': .* line break$/],
    [{ headers: { 'X-A': 'sec\nret' } }, /line break$/],
    [{ headers: { 'X-A': 'secret\0' } }, /control character/],
    [{ headers: { 'X-A': 'secret €' } }, /outside Latin-1$/],
    [{ headers: { 'X A': 'secret' } }, /^Cannot send the header "X A": it is not a header name$/],
    [{ headers: { '': 'secret' } }, /not a header name$/],
    [{ headers: { Range: 'secret' } }, /^Cannot send the header 'range': nbd-prefetch sets it/],
    [{ headers: { 'If-Match': 'secret' } }, /'if-match': nbd-prefetch sets it itself$/],
    [{ cookie: 'secret\r\nX: y' }, /^Cannot send the cookie: its value has a line break$/],
    [
      { user: 'a', password: 'secret\n' },
      /^Cannot use the user name or password: it has a control/,
    ],
    [{ user: 'a', headers: { Authorization: 'secret' } }, /^Cannot use --user: a --header sets/],
    [{ cookie: 'secret', headers: { Cookie: 'a' } }, /^Cannot use --cookie: a --header sets/],
  ] as const) {
    t.throws(() => make(options), { constructor: UsageError, message })
    try {
      make(options)
    } catch (error) {
      t.notMatch((error as Error).message, /sec|ret/)
    }
  }
})

t.test('splitHeader() splits at the first colon and does not repeat what it refuses', async t => {
  t.strictSame(splitHeader('X-Url: http://a:1'), ['X-Url', ' http://a:1'])
  t.strictSame(splitHeader('X:'), ['X', null], 'as curl: not to be sent')
  t.strictSame(splitHeader('X;'), ['X', ''], 'as curl: sent without a value')
  t.strictSame(splitHeader('X: a;'), ['X', ' a;'])
  for (const text of ['secret', ': secret', '']) {
    t.throws(() => splitHeader(text), {
      message: "Cannot use a --header: it must read 'Name: value'",
    })
  }
})

t.test('Credentials.renewedSecrets() masks the latest, and forgets in the end', async t => {
  const credentials = make({})
  const [script, login] = [credentials.renewedSecrets(), credentials.renewedSecrets()]
  login(['session-of-old'])
  // A week of a script that is run once a minute.
  for (let run = 0; run < 10_000; run++) script([`token-${run}.`, `cookie-${run}.`])
  for (let run = 0; run < 1000; run++) script(['token-9999.', 'cookie-9999.'])
  t.equal(
    credentials.redact('token-9990. cookie-9990. cookie-9999. session-of-old'),
    '*** *** *** ***',
    'what is renewed seldom is not forgotten for what is renewed often',
  )
  t.equal(credentials.redact('token-100.'), 'token-100.')
})

t.test('Credentials.redact() masks user info, signatures and every known secret', async t => {
  const credentials = make({
    user: 'me',
    password: 'hunter2 %',
    cookie: 'vmware_soap_session="abcdef"; theme=x',
    headers: { 'X-Api-Key': 'key-material', Accept: 'application/octet-stream' },
  })
  credentials.addSecret('renewed-session')
  credentials.addSecret('rest&of-it')
  const { authorization } = credentials.headers
  for (const [text, shown] of [
    ['GET https://me:hunter2@host/a failed', 'GET https://***@host/a failed'],
    ['https://me@host/a@b', 'https://***@host/a@b'],
    ['to https://host/a@b?c=d@e', 'to https://host/a@b?c=d@e'],
    ['sent hunter2 % twice: hunter2%20%25', 'sent *** twice: ***'],
    [`header ${authorization}`, 'header Basic ***'],
    ['cookie "abcdef" of theme=x', 'cookie *** of theme=x'],
    ['key-material, application/octet-stream', '***, application/octet-stream'],
    ['now renewed-session', 'now ***'],
    ['https://host/x?token=rest&of-it', 'https://host/x?token=***'],
    ['https://rest&of-it@host/x', 'https://***@host/x'],
    [
      'https://s3/x?X-Amz-Credential=AK%2F1&X-Amz-Signature=0f0f&a=b',
      'https://s3/x?X-Amz-Credential=***&X-Amz-Signature=***&a=b',
    ],
    ['https://blob/x?sv=1&sig=a%2Fb%3D', 'https://blob/x?sv=1&sig=***'],
    [
      'https://oss/x?x-oss-security-token=a&x-oss-process=b',
      'https://oss/x?x-oss-security-token=***&x-oss-process=b',
    ],
    ['https://cdn/x?hdnts=st=1~hmac=0f', 'https://cdn/x?hdnts=***'],
    ['https://host/x?ticket=52d8&jwt=a.b.c', 'https://host/x?ticket=***&jwt=***'],
  ] as const) {
    t.equal(credentials.redact(text), shown)
  }
  t.equal(redactUrls('http://a:b@c/ and https://d@e/'), 'http://***@c/ and https://***@e/')
})

t.test('Credentials show nothing secret when printed', async t => {
  const credentials = make({ user: 'me', password: 'hunter2', cookie: 'session=abcdef' })
  const printed = inspect(credentials, { depth: 9 }) + JSON.stringify(credentials)
  t.notMatch(printed, /hunter2|abcdef|Basic/)
})

t.test('Credentials mask the cookies of servers, and forget those of long ago', async t => {
  const credentials = make({ cookies: '' })
  const value = (index: number) => `secret-${String(index).padStart(8, '0')}`
  const count = 5000
  for (let index = 0; index < count; index++) {
    credentials.takeCookies('https://host/a', [`s=${value(index)}`, `lasting=${value(-1)}`])
  }
  for (const index of [-1, count - 1, count - 500]) t.equal(credentials.redact(value(index)), '***')
  t.equal(credentials.redact(value(0)), value(0), 'memory is bounded')
})
