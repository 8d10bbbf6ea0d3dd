// Which origins a proxy is used for.

import t from 'tap'
import { needsNoProxy, proxyFor } from '../../dist/workers/proxy-choice.js'

t.test('needsNoProxy() knows names, subdomains, addresses and networks, as curl does', async t => {
  for (const [host, list] of [
    ['host', '*'],
    ['host', 'other, host'],
    ['HOST.example', 'host.EXAMPLE'],
    ['a.b.example', 'example'],
    ['a.b.example', '.example'],
    ['example', '.example'],
    ['a.example.', 'example'],
    ['192.0.2.9', '192.0.2.9'],
    ['192.0.2.9', '10.0.0.0/8 192.0.2.0/24'],
    ['[2001:db8::9]', '2001:db8::/32'],
    ['[2001:db8::9]', '[2001:db8::9]'],
  ] as const) {
    t.equal(needsNoProxy(host, list), true, `${host} in ${list}`)
  }
  for (const [host, list] of [
    ['host', ''],
    ['host', ','],
    ['myexample', 'example'],
    ['example.evil', 'example'],
    ['host', '.'],
    ['192.0.2.9', '192.0.2.0/33'],
    ['192.0.2.9', '2.9'],
    ['192.0.2.9', '2001:db8::/32'],
    ['[2001:db8::9]', '192.0.2.0/24'],
    ['host', '*.host'],
  ] as const) {
    t.equal(needsNoProxy(host, list), false, `${host} not in ${list}`)
  }
})

t.test('proxyFor() goes by the scheme of the origin', async t => {
  const http = { url: 'http://p:1', verify: true }
  const https = { url: 'http://p:2', verify: true }
  t.equal(proxyFor(new URL('http://h/'), { http, https, except: '' }), http)
  t.equal(proxyFor(new URL('https://h/'), { http, https, except: 'x' }), https)
  t.equal(proxyFor(new URL('https://h/'), { http, except: '' }), undefined)
  t.equal(proxyFor(new URL('http://h/'), { http, except: 'h' }), undefined)
  t.equal(proxyFor(new URL('http://h/'), undefined), undefined)
})
