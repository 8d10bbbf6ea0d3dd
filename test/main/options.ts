// What may be asked for: completed where it is missing, refused in one sentence where it is wrong.

import { resolve } from 'node:path'
import selfsigned from 'selfsigned'
import t from 'tap'
import { DEFAULTS, defaultWorkers } from '../../dist/main/defaults.js'
import { OPTION_TABLE, type OptionEntry, type OptionKey } from '../../dist/main/option-table.js'
import { resolveOptions, type ServerOptions } from '../../dist/main/options.js'
import { UsageError } from '../../dist/main/usage-error.js'

const MIB = 1024 ** 2
const url = 'https://host/disk.img'

function refusal(options: object): string {
  try {
    resolveOptions({ url, ...options } as ServerOptions)
  } catch (error) {
    if (error instanceof UsageError && error.code === 'USAGE') return error.message
    throw error
  }
  return 'accepted'
}

t.test('resolveOptions() completes what is not given', async t => {
  const { credentials, log, ...rest } = resolveOptions({ url }, 8)
  t.strictSame(rest, {
    url,
    urls: [url],
    session: 'none',
    cookieScript: undefined,
    headerScript: undefined,
    listen: { kind: 'tcp', host: '127.0.0.1', port: 10809 },
    clients: {
      maxClients: 1024,
      handshakeTimeoutMs: 30_000,
      keepaliveMs: 60_000,
      drainMs: 10_000,
    },
    exportName: '',
    tls: undefined,
    network: { verify: true, tcpKeepaliveMs: 60_000 },
    maxRedirects: 20,
    protocols: new Set(['http:', 'https:']),
    connectTimeoutMs: 30_000,
    firstByteTimeoutMs: 120_000,
    bodyTimeoutMs: 30_000,
    attempts: 9,
    retryTimeMs: 3_600_000,
    workers: 2,
    connections: 16,
    pipelining: 1,
    ringSize: 256 * MIB,
    slotCount: 1024,
    blockSize: 256 * 1024,
    maxRequest: 24 * MIB,
    readahead: 'auto',
    formatHint: 'auto',
    spool: undefined,
    status: undefined,
    warmUp: false,
    signal: undefined,
  })
  t.match(credentials.headers, { 'user-agent': /^nbd-prefetch\/\d/ })
  t.equal(log('info', 'dropped'), undefined)
})

t.test('OPTION_TABLE has every option of ServerOptions', async t => {
  // The other way to give these: as argument, in files, from code alone.
  type Read = 'bearerToken' | 'cookies' | 'ca' | 'proxyCa' | 'statusToken'
  type Shown = 'clientCertificate' | 'clientKey' | 'clientKeyPassphrase'
  type Elsewhere =
    | 'url'
    | 'disk'
    | 'exports'
    | Read
    | Shown
    | 'env'
    | 'listenFds'
    | 'log'
    | 'warmUp'
    | 'signal'
  type Missing = Exclude<keyof ServerOptions, OptionKey | Elsewhere>
  // Does not compile while one is missing.
  const complete: [Missing] extends [never] ? true : Missing = true
  t.ok(complete)
  const flags = OPTION_TABLE.flatMap((entry: OptionEntry) => [entry.long, entry.short ?? entry.key])
  t.equal(new Set(flags).size, flags.length, 'and each flag once')
})

t.test('DEFAULTS lie inside the bounds of the option table', async t => {
  for (const entry of OPTION_TABLE as readonly OptionEntry[]) {
    const value = (DEFAULTS as Record<string, unknown>)[entry.key]
    if (typeof value !== 'number') continue
    t.ok(value >= (entry.min ?? Infinity) && value <= (entry.max ?? -Infinity), entry.key)
  }
  t.strictSame(
    [0, 1, 2, 4, 64].map(defaultWorkers),
    [1, 1, 2, 2, 2],
    'workers follow the cores up to two',
  )
})

t.test('resolveOptions() accepts both bounds of every number and nothing beyond', async t => {
  for (const entry of OPTION_TABLE as readonly OptionEntry[]) {
    const { key, long, min, max } = entry
    if (min === undefined || max === undefined) continue
    // What depends on the ring needs one of a fitting size.
    const ringSize = key === 'ringSize' ? {} : { ringSize: 4 * 1024 * MIB }
    const smallest = key === 'ringSize' ? { blockSize: 64 * 1024 } : { spool: '/tmp' }
    for (const value of [min, max]) {
      t.equal(refusal({ ...ringSize, ...smallest, [key]: value }), 'accepted', `${key} ${value}`)
    }
    const step = entry.kind === 'seconds' ? 0.001 : 1
    const beyond = entry.kind === 'size-power-of-2' ? [min / 2, max * 2] : [min - step, max + step]
    for (const value of [...beyond, Number.NaN, Infinity, -1, 2 ** 60, '8', {}]) {
      const message = refusal({ ...ringSize, [key]: value })
      t.match(message, `for ${long}: expected `, `${key} ${String(value)}`)
      t.notMatch(message, /\n/)
    }
    if (entry.kind !== 'seconds') t.match(refusal({ [key]: min + 0.5 }), /^Cannot use '[\d.]+' for/)
  }
})

t.test('resolveOptions() says what was wrong, with which value, and what is expected', async t => {
  for (const [options, message] of [
    [{ workers: 99 }, "Cannot use '99' for --workers: expected a whole number from 1 to 64"],
    [{ spoolLimit: MIB }, 'Cannot use --spool-limit without --spool: name the directory, too'],
    [{ spool: '' }, "Cannot use '' for --spool: expected the path of a directory"],
    [{ spool: 1 }, 'Cannot use a number for --spool: expected text'],
    [
      { blockSize: 100_000 },
      "Cannot use '100000' for --block-size: expected a power of 2 from 64K to 4M, as 256K",
    ],
    [
      { ringSize: 17 * 1024 * MIB },
      "Cannot use '17G' for --ring-size: expected a size from 1M to 4G, as 64M or 1G",
    ],
    [
      { ringSize: 4 * MIB - 1 },
      "Cannot use '4194303' for --ring-size: it must hold 16 blocks of 256K, which is 4M",
    ],
    [
      { readahead: 'on' },
      "Cannot use 'on' for --readahead: expected auto, off or a size from 64K to 4G, as 64M",
    ],
    [
      { readahead: 512 * MIB },
      "Cannot use '512M' for --readahead: the ring holds 256M, raise --ring-size",
    ],
    [{ formatHint: true }, "Cannot use 'true' for --format-hint: expected auto or off"],
    [{ unix: '/s', port: 0 }, 'Cannot use --unix together with --port: choose one'],
    [{ unix: '-', ipaddr: '::1' }, 'Cannot use --unix together with --ipaddr: choose one'],
    [{ unix: '' }, "Cannot use '' for --unix: expected the path of a socket or '-'"],
    [{ unix: 7 }, 'Cannot use a number for --unix: expected text'],
    [{ ipaddr: 'a b' }, "Cannot use 'a b' for --ipaddr: expected an address or host name"],
    [{ ipaddr: '' }, "Cannot use '' for --ipaddr: expected an address or host name"],
    [
      { exportName: 'é'.repeat(2049) },
      'Cannot use the --export-name: it has 4098 bytes, NBD allows 4096',
    ],
    [{ exportName: 'a\0' }, 'Cannot use the --export-name: it has a NUL character'],
    [{ exportName: 'a\ud83d' }, 'Cannot use the --export-name: it has half of a character'],
    [{ password: 'x' }, 'Cannot use a password without a user name: add --user'],
    [{ user: 'a:b' }, "Cannot use the user name: basic authentication allows no ':' in it"],
    [{ ca: 'nothing' }, 'Cannot use the --cacert: it has no PEM certificate'],
    [
      { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
      'Cannot use the --cacert: its certificate is broken',
    ],
    [{ url: '' }, 'Cannot serve an image: its URL is missing, as in https://host/disk.img'],
    [
      { url: 'ftp://host/x' },
      "Cannot use 'ftp://host/x' as URL: only http and https are supported, not ftp",
    ],
    [
      { url: 'disk.img' },
      "Cannot use 'disk.img' as URL: it is not a valid one, expected https://host/disk.img",
    ],
  ] as const) {
    t.equal(refusal(options), message)
  }
})

t.test('resolveOptions() measures a socket path in bytes, made absolute', async t => {
  t.match(refusal({ unix: `/tmp/${'ü'.repeat(60)}` }), /it has 125 bytes, a socket's path at most/)
  t.strictSame(resolveOptions({ url, unix: 'a/../s' }).listen, { kind: 'unix', path: resolve('s') })
  t.strictSame(resolveOptions({ url, unix: '-' }).listen, { kind: 'unix', path: '-' })
})

t.test('resolveOptions() takes an IPv6 address with and without brackets', async t => {
  for (const ipaddr of ['::1', '[::1]']) {
    t.match(resolveOptions({ url, ipaddr, port: 0 }).listen, { host: '::1', port: 0 })
  }
})

t.test('resolveOptions() rounds to whole blocks', async t => {
  const resolved = resolveOptions({
    url,
    blockSize: 4 * MIB,
    ringSize: 70 * MIB,
    maxRequest: 5 * MIB,
    readahead: 9 * MIB,
  })
  t.match(resolved, {
    slotCount: 17,
    ringSize: 68 * MIB,
    maxRequest: 8 * MIB,
    readahead: 12 * MIB,
  })
})

t.test('resolveOptions() never has more workers than connections', async t => {
  t.equal(resolveOptions({ url, workers: 8, connections: 2 }).workers, 2)
  t.equal(resolveOptions({ url, connections: 1 }, 16).workers, 1)
})

t.test('resolveOptions() turns seconds into whole milliseconds', async t => {
  const resolved = resolveOptions({ url, connectTimeout: 0.25, bodyTimeout: 1.0005 })
  t.equal(resolved.connectTimeoutMs, 250)
  t.equal(resolved.bodyTimeoutMs, 1001)
})

t.test('resolveOptions() takes user info out of the URL', async t => {
  const resolved = resolveOptions({
    url: 'https://dom%5Cme:p%40ss%25@host:8443/a%20b?dcPath=x%20y#part',
  })
  t.equal(resolved.url, 'https://host:8443/a%20b?dcPath=x%20y')
  t.equal(resolved.credentials.user, 'dom\\me')
  t.equal(resolved.credentials.password, 'p@ss%')
  t.match(
    refusal({ url: 'https://u:%zz@h/' }),
    /^Cannot use 'https:\/\/\*\*\*@h\/' as URL: its pass/,
  )
  t.match(refusal({ url: 'https://u:secret@h:99999/' }), /^Cannot use 'https:\/\/\*\*\*@h:99999\/'/)
  t.match(refusal({ url: 'https://u:se/cret@h/' }), /^Cannot use 'https:\/\/\*\*\*@h\/'/)
})

t.test('resolveOptions() refuses a URL and options that disagree on who we are', async t => {
  t.match(refusal({ url: 'https://me@h/', user: 'you' }), /^Cannot use --user: the URL carries/)
  t.match(
    refusal({ url: 'https://me:a@h/', password: 'b' }),
    /^Cannot use the password given: the URL carries/,
  )
  const { credentials } = resolveOptions({ url: 'https://me@h/', user: 'me', password: 'b' })
  t.strictSame([credentials.user, credentials.password], ['me', 'b'])
})

t.test('resolveOptions() accepts a bundle of PEM certificates as it is', async t => {
  const { cert } = await selfsigned.generate([{ name: 'commonName', value: 'test' }])
  const bundle = `# comment\n${cert}\n${cert}`
  t.equal(resolveOptions({ url, ca: bundle }).network.ca, bundle)
  t.match(refusal({ ca: cert.replace(/\nM/, '\n!') + cert }), /certificate 1 is broken/)
})

t.test('resolveOptions() reads proxies as curl does, and says what is wrong with one', async t => {
  const proxies = (options: object) =>
    resolveOptions({ url, ...options } as ServerOptions).network.proxies
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
  for (const [proxy, expected] of [
    ['host', { url: 'http://host:1080' }],
    ['host:80', { url: 'http://host' }],
    ['HTTP://Host:3128/', { url: 'http://host:3128' }],
    ['https://host', { url: 'https://host' }],
    ['http://[::1]:8080', { url: 'http://[::1]:8080' }],
    ['http://a:b%40@h:1', { url: 'http://h:1', authorization: basic('a:b@') }],
  ] as const) {
    t.match(proxies({ proxy }), { http: expected, https: expected, except: '' }, proxy)
  }
  t.match(proxies({ proxy: 'h:1', proxyUser: 'u', proxyPassword: 'p' })?.http, {
    authorization: basic('u:p'),
  })
  t.equal(proxies({}), undefined)
  t.equal(proxies({ proxy: '' }), undefined)
  for (const [options, message] of [
    [
      { proxy: 'socks5://h:1' },
      'Cannot use --proxy: only http and https proxies are supported, not socks5',
    ],
    [{ proxy: 'http://h:1/path' }, 'Cannot use --proxy: it has a path, expected http://host:port'],
    [
      { proxy: 'http://:secret@' },
      'Cannot use --proxy: it is not a valid URL, expected http://host:port',
    ],
    [
      { proxy: 'h:1', proxyPassword: 'x' },
      'Cannot use a password without a user name: add --proxy-user',
    ],
    [{ proxyUser: 'u' }, 'Cannot use --proxy-user: there is no --proxy'],
    [
      { env: { ALL_PROXY: 'socks5h://h:1' } },
      "Cannot use the environment's ALL_PROXY: only http and https proxies are supported, not socks5h; --proxy '' uses none",
    ],
  ] as const) {
    t.equal(refusal(options), message)
  }
  const { credentials } = resolveOptions({ url, proxy: 'http://u:hunter2@h:1' })
  t.equal(credentials.redact('hunter2 dTpodW50ZXIy'), '*** ***')
})
