// Cookies: which are taken from whom, and which go where, by RFC 6265 and curl's file format.

import t from 'tap'
import { CookieJar } from '../../../dist/main/source/cookie-jar.js'

const NOW = Date.parse('2026-01-01T00:00:00Z')
const URL = 'https://a.host.example/dir/disk.img?q=1'

/** A jar after one answer from URL. */
function after(...fields: string[]): CookieJar {
  const jar = new CookieJar('', URL, NOW)
  jar.take(URL, fields, NOW)
  return jar
}

t.test('CookieJar.headerFor() sends what a file says, where it belongs', async t => {
  const jar = new CookieJar(
    [
      '# Netscape HTTP Cookie File',
      'host\tFALSE\t/\tFALSE\t0\ta\t1',
      '.host\tTRUE\t/\tFALSE\t0\tdomain\t2',
      'host\tFALSE\t/dir\tFALSE\t0\tpath\t3',
      'host\tFALSE\t/\tTRUE\t0\tsecure\t4',
      `host\tFALSE\t/\tFALSE\t${NOW / 1000 - 1}\tover\t5`,
      `host\tFALSE\t/\tFALSE\t${NOW / 1000 + 10}\tsoon\t6`,
      '#HttpOnly_host\tFALSE\t/\tFALSE\t0\thttp\t7',
      'host\tFALSE\t/\tFALSE\t0\tempty\t',
      'no cookie at all',
      'host\tFALSE\t/\tFALSE\tx\tbad\t1',
      'host\tFALSE\t/\tFALSE\t0\tinjected\ta;b',
    ].join('\r\n'),
    URL,
    NOW,
  )
  t.equal(jar.headerFor('http://host/x', NOW), 'a=1; domain=2; soon=6; http=7; empty=')
  t.equal(jar.headerFor('http://host:8080/x', NOW + 10_000), 'a=1; domain=2; http=7; empty=')
  t.equal(
    jar.headerFor('https://HOST/dir/x', NOW),
    'path=3; a=1; domain=2; secure=4; soon=6; http=7; empty=',
  )
  t.equal(jar.headerFor('https://host/dir', NOW)?.startsWith('path=3'), true)
  t.equal(jar.headerFor('http://host/directory', NOW)?.includes('path=3'), false)
  t.equal(jar.headerFor('http://sub.host/', NOW), 'domain=2')
  t.equal(jar.headerFor('http://otherhost/', NOW), undefined)
  t.equal(jar.headerFor('http://host.evil/', NOW), undefined)
})

t.test('CookieJar.take() takes what a server may set', async t => {
  t.equal(after('a=b').headerFor('https://a.host.example/dir/other', NOW), 'a=b')
  t.equal(after('a=b').headerFor('https://a.host.example/', NOW), undefined, "its own directory's")
  t.equal(after('a=b; Path=/').headerFor('https://a.host.example/', NOW), 'a=b')
  t.equal(after('a=b; Path=/').headerFor('https://host.example/', NOW), undefined)
  const domain = after('a=b; Domain=.Host.Example; Path=/')
  t.equal(domain.headerFor('https://x.host.example/', NOW), 'a=b')
  t.equal(domain.headerFor('https://host.example/', NOW), 'a=b')
  for (const foreign of ['example', 'other.example', 'b.a.host.example', 'ost.example', 'evil']) {
    t.strictSame(after(`a=b; Domain=${foreign}`).values, [], foreign)
  }
  for (const odd of ['', '=b', 'a', '; a=b', 'a=\x01', 'a b=c', `a=${'x'.repeat(5000)}`]) {
    t.strictSame(after(odd).values, [], JSON.stringify(odd.slice(0, 9)))
  }
  t.equal(after('a="x=y"; Path=/').headerFor('https://a.host.example/', NOW), 'a="x=y"')
})

t.test('CookieJar.take() drops what is over, and a cookie that a server ends', async t => {
  const at = 'https://a.host.example/dir/'
  t.equal(after('a=b; Max-Age=5').headerFor(at, NOW + 4_999), 'a=b')
  t.equal(after('a=b; Max-Age=5').headerFor(at, NOW + 5_000), undefined)
  t.equal(
    after('a=b; Max-Age=5; Expires=Thu, 01 Jan 2099 00:00:00 GMT').headerFor(at, NOW + 9e9),
    undefined,
  )
  t.equal(after('a=b; Expires=Fri, 02 Jan 2026 00:00:00 GMT').headerFor(at, NOW), 'a=b')
  t.equal(after('a=b', 'a=c').headerFor(at, NOW), 'a=c')
  t.equal(after('a=b', 'a=; Max-Age=0').headerFor(at, NOW), undefined)
  t.equal(after('a=b', 'a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT').headerFor(at, NOW), undefined)
  const jar = new CookieJar('', 'http://host/', NOW)
  jar.take('http://host/', ['a=b; Secure', 'c=d'], NOW)
  t.equal(jar.headerFor('http://host/', NOW), 'c=d', 'not secure over http')
})

t.test('CookieJar.toText() is read back as it was, and by curl as well', async t => {
  const jar = after(
    'a=1',
    'b="2 3"; Domain=host.example; Path=/; Secure; HttpOnly',
    'c=4; Max-Age=60',
  )
  const again = new CookieJar(jar.toText(NOW), URL, NOW)
  t.equal(again.toText(NOW), jar.toText(NOW))
  for (const url of [URL, 'https://x.host.example/', 'http://a.host.example/dir/']) {
    t.equal(again.headerFor(url, NOW), jar.headerFor(url, NOW), url)
  }
  t.notMatch(jar.toText(NOW + 60_000), /\tc\t/)
})

t.test('CookieJar reads Set-Cookie lines, and bounds how many it keeps', async t => {
  const jar = new CookieJar(
    'Set-Cookie: a=b; Path=/\nset-cookie: c=d; Domain=evil.example\n',
    URL,
    NOW,
  )
  t.equal(jar.headerFor(URL, NOW), 'a=b')
  jar.take(
    URL,
    Array.from({ length: 1000 }, (_, i) => `n${i}=v`),
    NOW,
  )
  t.equal(jar.values.length, 300)
})
