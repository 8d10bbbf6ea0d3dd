// Flags, variables and a configuration file as one: which counts, what is refused and how it is
// named, and what of it is shown.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { OPTION_TABLE, type OptionEntry, optionVariable } from '../../../dist/main/option-table.js'
import { configLayer } from '../../../dist/main/settings/config-file.js'
import { environmentLayer, withoutSettings } from '../../../dist/main/settings/environment.js'
import { explainSources } from '../../../dist/main/settings/explain.js'
import { findJsonFault } from '../../../dist/main/settings/json-fault.js'
import { maskedValue } from '../../../dist/main/settings/masking.js'
import { mergeSettings } from '../../../dist/main/settings/merge.js'
import type { SettingLayer, SettingValue } from '../../../dist/main/settings/setting.js'
import {
  type ReportedSetting,
  reportSettings,
  settingsText,
} from '../../../dist/main/settings/settings-report.js'
import { UsageError } from '../../../dist/main/usage-error.js'
import { invocation, layerOf } from '../../fixtures/invocation.js'

const url = 'https://host/disk.img'
const TABLE: readonly OptionEntry[] = OPTION_TABLE

/** A text that each option takes as flag and variable, and what it means. */
function example({ kind, min, choices }: OptionEntry): [text: string, value: SettingValue] {
  switch (kind) {
    case 'text':
      return ['some text', 'some text']
    case 'list':
      return ['A: b', ['A: b']]
    case 'switch':
      return ['yes', true]
    case 'integer':
    case 'seconds':
      return [String(min), min as number]
    case 'mode':
      return ['640', 0o640]
    case 'choice':
      return [choices?.[1] ?? '', choices?.[1] ?? '']
    default:
      return ['4M', 4 * 1024 ** 2]
  }
}

function valuesOf({ settings }: SettingLayer): Record<string, SettingValue> {
  return Object.fromEntries([...settings].map(([key, { value }]) => [key, value]))
}

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  return 'accepted'
}

t.test('every option means the same by flag, variable and file', async t => {
  for (const entry of TABLE) {
    const [text, value] = example(entry)
    const argv = entry.kind === 'switch' ? [entry.long] : [`${entry.long}=${text}`]
    const env = { [optionVariable(entry)]: text }
    t.strictSame(valuesOf(layerOf(argv)), { [entry.key]: value }, entry.long)
    t.strictSame(valuesOf(layerOf([], { env })), { [entry.key]: value }, optionVariable(entry))
    if (entry.inFile === false) continue
    const isNumber = entry.kind === 'integer' || entry.kind === 'seconds'
    const plain = isNumber || entry.kind === 'switch' || entry.kind === 'list'
    const file = JSON.stringify({ [entry.key]: plain ? value : text })
    t.strictSame(valuesOf(layerOf([], { file })), { [entry.key]: value }, entry.key)
    if (entry.kind === 'size') {
      t.strictSame(valuesOf(layerOf([], { file: `{"${entry.key}":4194304}` })), {
        [entry.key]: value,
      })
    }
  }
})

t.test(
  'mergeSettings() takes a flag before a variable, and a variable before the file',
  async t => {
    const env = { NBD_PREFETCH_WORKERS: '2', NBD_PREFETCH_RETRIES: '2' }
    const file = JSON.stringify({ workers: 3, retries: 3, connections: 3 })
    const { settings } = layerOf(['--workers', '1'], { env, file })
    t.strictSame(Object.fromEntries(settings), {
      workers: { value: 1, source: { kind: 'flag' } },
      retries: { value: 2, source: { kind: 'variable', name: 'NBD_PREFETCH_RETRIES' } },
      connections: { value: 3, source: { kind: 'file', name: 'x.json' } },
    })
  },
)

t.test('mergeSettings() takes a list as a whole from the strongest that gives one', async t => {
  const env = { NBD_PREFETCH_HEADER: 'A: 1\nB: 2\n' }
  const file = JSON.stringify({ headers: ['C: 3'], resolve: ['h:1:::1'] })
  t.strictSame(valuesOf(layerOf([], { env, file })), {
    headers: ['A: 1', 'B: 2'],
    resolve: ['h:1:::1'],
  })
  t.strictSame(valuesOf(layerOf(['--header', 'D: 4'], { env })), { headers: ['D: 4'] })
})

t.test('mergeSettings() lets an option take the place of what excludes it elsewhere', async t => {
  for (const [argv, file, expected] of [
    [['-p', '0'], { unix: '/s', unixMode: '660', unixOwner: 'me' }, { port: 0 }],
    [['-U', '/s'], { port: 1, ipaddr: '::1' }, { unix: '/s' }],
    [['--password-file', 'f'], { user: 'me', password: 'x' }, { passwordFile: 'f', user: 'me' }],
    [['--bearer-token-file', 'f'], { user: 'me', password: 'x' }, { bearerTokenFile: 'f' }],
    [['--user', 'me'], { bearerToken: 'x' }, { user: 'me' }],
    [['--ipv4'], { ipv6: true }, { ipv4: true }],
    [['--cookie-script', 's'], { cookie: 'a=b' }, { cookieScript: 's' }],
    [['a=https://h/1'], { exportName: 'n', retries: 1 }, { retries: 1 }],
  ] as const) {
    t.strictSame(valuesOf(layerOf(argv, { file: JSON.stringify(file) })), expected, argv.join(' '))
  }
  const both = valuesOf(layerOf([], { file: '{"unix":"/s","port":1}' }))
  t.strictSame(both, { unix: '/s', port: 1 }, 'not where both come from one place')
  const off = valuesOf(layerOf([], { env: { NBD_PREFETCH_IPV4: 'no' }, file: '{"ipv6":true}' }))
  t.strictSame(off, { ipv4: false, ipv6: true }, 'nor by what is off')
})

t.test('mergeSettings() takes the images of the strongest source that names any', async t => {
  const file = JSON.stringify({ exports: [{ name: 'f', url }] })
  const env = { NBD_PREFETCH_URL: 'vpx://u@vc/d/h', NBD_PREFETCH_DISK: '[d] v/v.vmdk' }
  t.strictSame(layerOf(['a=https://h/1'], { env, file }).images?.value, {
    exports: [{ name: 'a', url: 'https://h/1' }],
  })
  t.strictSame(layerOf([], { env, file }).images, {
    value: { url: 'vpx://u@vc/d/h', disk: '[d] v/v.vmdk' },
    source: { kind: 'variable', name: 'NBD_PREFETCH_URL' },
  })
  t.match(layerOf([], { file }).images, { value: { exports: [{ name: 'f', url }] } })
  t.equal(layerOf([]).images, undefined)
})

t.test('environmentLayer() refuses what it can not use, by the name of the variable', async t => {
  for (const [name, text, message] of [
    [
      'WORKERS',
      '99',
      "Cannot use '99' for NBD_PREFETCH_WORKERS: expected a whole number from 1 to 64",
    ],
    ['WORKERS', '', "Cannot use '' for NBD_PREFETCH_WORKERS: expected a whole number from 1 to 64"],
    [
      'PORT',
      '1e3',
      "Cannot use '1e3' for NBD_PREFETCH_PORT: expected a whole number from 0 to 65535",
    ],
    ['TLS', 'a\nb', "Cannot use 'a\\u000ab' for NBD_PREFETCH_TLS: expected off, on or require"],
    [
      'STATS',
      'on',
      "Cannot use 'on' for NBD_PREFETCH_STATS: expected 1, true, yes, 0, false or no",
    ],
    [
      'RINGSIZE',
      '1G',
      'Cannot use the variable NBD_PREFETCH_RINGSIZE: there is no option of that name, did you mean NBD_PREFETCH_RING_SIZE?',
    ],
    ['X', '', 'Cannot use the variable NBD_PREFETCH_X: there is no option of that name'],
    [
      'DISK',
      'd',
      'Cannot use NBD_PREFETCH_DISK without NBD_PREFETCH_URL: it names a disk of that server',
    ],
  ] as const) {
    t.equal(
      refusal(() => environmentLayer({ [`NBD_PREFETCH_${name}`]: text })),
      message,
    )
  }
})

t.test('environmentLayer() takes no notice of what is not meant for it', async t => {
  const { settings, images } = environmentLayer({
    HOME: '/',
    NBD_PREFETCH: 'x',
    // What Kubernetes sets for services called nbd-prefetch and nbd-prefetch-two.
    NBD_PREFETCH_SERVICE_HOST: '10.0.0.1',
    NBD_PREFETCH_SERVICE_PORT_NBD: '10809',
    NBD_PREFETCH_PORT: 'tcp://10.0.0.1:10809',
    NBD_PREFETCH_PORT_10809_TCP_ADDR: '10.0.0.1',
    NBD_PREFETCH_TWO_PORT: 'tcp://10.0.0.2:10809',
    NBD_PREFETCH_TWO_SERVICE_HOST: '10.0.0.2',
    NBD_PREFETCH_PROXY: '',
  })
  t.strictSame([...settings.keys()], ['proxy'], 'an empty variable counts')
  t.equal(images, undefined)
  t.strictSame(withoutSettings({ A: '1', NBD_PREFETCH_RUN: 'x' }), { A: '1' })
})

t.test('configLayer() takes several images with what holds for each', async t => {
  const { settings, images } = configLayer(
    JSON.stringify({
      $schema: './config.schema.json',
      ringSize: '16M',
      exports: [
        { name: '', url, description: 'd', headers: ['A: b'], insecure: true },
        { name: 'v', url: 'vpx://u@vc/d/h', disk: '[d] v/v.vmdk', passwordFile: 'f' },
      ],
    }),
    'x.json',
  )
  t.strictSame([...settings.keys()], ['ringSize'])
  const exports = images !== undefined && 'exports' in images.value ? images.value.exports : []
  t.match(exports, [
    { name: '', url, description: 'd' },
    { name: 'v', disk: '[d] v/v.vmdk' },
  ])
  t.strictSame(Object.fromEntries(exports[0]?.settings ?? []), {
    headers: ['A: b'],
    insecure: true,
  })
})

t.test('invocationOf() parts what an export says from what has to be read for it', async t => {
  const file = JSON.stringify({
    password: '+p',
    user: 'me',
    exports: [
      { name: 'a', url, headers: ['A: 1', 'a: 2'] },
      { name: 'b', url, bearerTokenFile: 't', ipv4: true },
    ],
  })
  t.match(invocation([], { file }).commandLine, {
    server: {
      user: 'me',
      exports: [
        { name: 'a', url, headers: { a: '1, 2' } },
        { name: 'b', url, ipv4: true },
      ],
    },
    inputs: { password: '+p' },
    exportInputs: [{}, { bearerTokenFile: 't' }],
  })
})

t.test('configLayer() passes over a byte order mark', async t => {
  const { settings } = configLayer('\ufeff{"port": 7}', 'x.json')
  t.equal(settings.get('port')?.value, 7)
})

t.test('configLayer() refuses what is no configuration, with the file and the key', async t => {
  const file = "the configuration file 'x.json'"
  for (const [content, message] of [
    ['', `Cannot use ${file}: it is empty`],
    [' \n', `Cannot use ${file}: it is empty`],
    ['\ufeff', `Cannot use ${file}: it is empty`],
    ['secret', `Cannot use ${file}: it is no JSON at line 1, column 1: expected a value`],
    ['\ufeffsecret', `Cannot use ${file}: it is no JSON at line 1, column 1: expected a value`],
    // As it comes from the bytes of UTF-16, with and without a byte order mark.
    ['\ufffd\ufffd{\0}\0', `Cannot use ${file}: it is UTF-16, expected UTF-8`],
    ['\ufffd\ufffd\0{\0}', `Cannot use ${file}: it is UTF-16, expected UTF-8`],
    ['{\0}\0', `Cannot use ${file}: it is UTF-16, expected UTF-8`],
    ['\0{\0}', `Cannot use ${file}: it is UTF-16, expected UTF-8`],
    [
      '{\n  "port": 1,\n}',
      `Cannot use ${file}: it is no JSON at line 3, column 1: expected a key in double quotes`,
    ],
    ['{"port":1,"port":2}', /at line 1, column 11: 'port' is there twice$/],
    ['[]', `Cannot use ${file}: expected an object of options, got an array`],
    ['null', `Cannot use ${file}: expected an object of options, got null`],
    ['7', `Cannot use ${file}: expected an object of options, got a number`],
    [
      { 'ring-size': 1 },
      `Cannot use 'ring-size' in ${file}: there is no option of that name, did you mean 'ringSize'?`,
    ],
    ['{"__proto__":{}}', /^Cannot use '__proto__' in .*: there is no option of that name/],
    [
      { 'a\n\u001b[2J': 1 },
      `Cannot use 'a\\u000a\\u001b[2J' in ${file}: there is no option of that name`,
    ],
    [{ config: 'y' }, `Cannot use 'config' in ${file}: a configuration file names no other`],
    [
      { workers: 99 },
      `Cannot use '99' for 'workers' in ${file}: expected a whole number from 1 to 64`,
    ],
    [
      { workers: '2' },
      `Cannot use '2' for 'workers' in ${file}: expected a whole number from 1 to 64`,
    ],
    [{ workers: null }, /^Cannot use null for 'workers'/],
    [{ insecure: 'true' }, `Cannot use 'true' for 'insecure' in ${file}: expected true or false`],
    [
      { headers: { A: 'b' } },
      `Cannot use an object for 'headers' in ${file}: expected an array of texts`,
    ],
    [
      { headers: ['A: b', 1] },
      `Cannot use an array for 'headers' in ${file}: expected an array of texts`,
    ],
    [{ unixMode: 660 }, /^Cannot use '660' for 'unixMode' .*: expected an octal file mode as text/],
    [{ password: 4242 }, `Cannot use a number for 'password' in ${file}: expected a text`],
    [
      { ringSize: '12MB' },
      /^Cannot use '12MB' for 'ringSize' in .*: expected a size from 1M to 4G/,
    ],
    [{ tls: 'maybe' }, `Cannot use 'maybe' for 'tls' in ${file}: expected off, on or require`],
    [{ url: 7 }, `Cannot use a number for 'url' in ${file}: expected a text`],
    [{ disk: 'd' }, `Cannot use 'disk' in ${file} without 'url': it names a disk of that server`],
    [
      { url, exports: [{ name: 'a', url }] },
      `Cannot use 'url' together with 'exports' in ${file}: make it one of them`,
    ],
    [{ exports: [] }, `Cannot use 'exports' in ${file}: expected an array of one export or more`],
    [{ exports: {} }, `Cannot use 'exports' in ${file}: expected an array of one export or more`],
    [
      { exports: ['a'] },
      `Cannot use 'exports[0]' in ${file}: expected an object with a name and a url, got a string`,
    ],
    [{ exports: [{ url }] }, `Cannot use 'exports[0]' in ${file}: its 'name' is missing`],
    [{ exports: [{ name: 'a' }] }, `Cannot use export 'a' in ${file}: its 'url' is missing`],
    [
      {
        exports: [
          { name: 'a', url },
          { name: 'a', url },
        ],
      },
      `Cannot use 'exports' in ${file}: two are called 'a'`,
    ],
    [
      { exports: [{ name: 'a', url, ringSize: '1G' }] },
      `Cannot use 'ringSize' of export 'a' in ${file}: it holds for the whole server, say it outside of 'exports'`,
    ],
    [
      { exports: [{ name: 'a', url, pasword: 'x' }] },
      `Cannot use 'pasword' of export 'a' in ${file}: there is no option of that name, did you mean 'password'?`,
    ],
    [
      { exports: [{ name: 'a', url, maxRedirects: 101 }] },
      `Cannot use '101' for 'maxRedirects' of export 'a' in ${file}: expected a whole number from 0 to 100`,
    ],
  ] as const) {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    const message_ = refusal(() => configLayer(text, 'x.json'))
    if (typeof message === 'string') t.equal(message_, message)
    else t.match(message_, message)
    t.notMatch(message_, /\n|secret|4242/)
  }
})

t.test('findJsonFault() finds a fault where JSON.parse does, and repeated keys', async t => {
  const changed = fc
    .tuple(
      fc.json({ maxDepth: 4 }),
      fc.nat(),
      fc.constantFrom('', ',', '}', '"', '\\', '0', '\n', '{'),
    )
    .map(([text, at, put]) => {
      const place = at % (text.length + 1)
      return text.slice(0, place) + put + text.slice(place + 1)
    })
  fc.assert(
    fc.property(fc.oneof(fc.json({ maxDepth: 4 }), changed, fc.string()), text => {
      const fault = findJsonFault(text)
      if (fault?.what.endsWith('is there twice')) return true
      try {
        JSON.parse(text)
        return fault === undefined
      } catch {
        return fault !== undefined
      }
    }),
    { numRuns: 2000, seed: 7 },
  )
  t.match(findJsonFault('{"a":{"b":1,"\\u0062":2}}'), { column: 13, what: "'b' is there twice" })
  t.match(findJsonFault('['.repeat(100_000)), { what: 'it is nested too deeply' })
  t.match(findJsonFault(`{"a": "${'x'.repeat(1_000_000)}`), { what: 'it ends within a text' })
  t.pass()
})

t.test('maskedValue() shows nothing that is secret', async t => {
  const entry = (key: string) => TABLE.find(one => one.key === key) as OptionEntry
  for (const [key, value, shown] of [
    ['password', 'hunter2', '***'],
    ['password', '+file', '+file'],
    ['password', '-', '-'],
    ['bearerToken', 'abc', '***'],
    ['cookie', 'a=b', '***'],
    ['cookieScript', 'echo a=b', '***'],
    ['proxy', 'http://u:p@h:1', 'http://***@h:1'],
    ['proxy', 'u:p@h:1', '***@h:1'],
    ['proxy', 'h:1', 'h:1'],
    ['headers', ['X: y', 'Empty;', 'Gone:'], ['X: ***', 'Empty;', 'Gone:']],
    ['run', 'curl https://u:p@h/', 'curl https://***@h/'],
    ['workers', 2, 2],
  ] as const) {
    t.strictSame(maskedValue(entry(key), value), shown, key)
  }
})

t.test('explainSources() says where an option came from that no flag gave', async t => {
  const env = { NBD_PREFETCH_PORT: '1', NBD_PREFETCH_URL: 'ftp://h' }
  const layer = layerOf(['-i', '::1'], { env, file: '{"tls":"on","unixMode":"600"}' })
  for (const [message, expected] of [
    [
      'Cannot use --tls=on: it needs x',
      "Cannot use --tls=on: it needs x (--tls is 'tls' in 'x.json')",
    ],
    ['a --port b --ipaddr c', 'a --port b --ipaddr c (--port is NBD_PREFETCH_PORT)'],
    [
      "Cannot use 'ftp://h' as URL: x",
      "Cannot use 'ftp://h' as URL: x (the URL is NBD_PREFETCH_URL)",
    ],
    ['Cannot use --retries: x', 'Cannot use --retries: x'],
  ] as const) {
    t.equal(explainSources(message, layer), expected)
  }
})

t.test('docs/configuration.md shows what is shown', async t => {
  const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')
  const [sample = ''] =
    /^\$ NBD_PREFETCH_RING_SIZE=1G nbd-prefetch config .*?^\.\.\./ms.exec(page) ?? []
  const mirror = (name: string) => ({ name, url: `https://mirror.example/${name}.img` })
  const exports = ['system', 'data'].map(mirror)
  const content = JSON.stringify({ unix: '/s', user: 'me', password: 'x', exports })
  const layer = mergeSettings([
    layerOf(['config', '--port', '0'], { env: { NBD_PREFETCH_RING_SIZE: '1G' } }),
    configLayer(content, 'server.json'),
  ])
  const words = (line: string) => line.replace(/ +/g, ' ')
  const shown = settingsText(reportSettings(layer, 2)).split('\n').map(words)
  const lines = sample.split('\n').slice(1, -1).map(words)
  t.equal(lines.length, 7)
  for (const line of lines) t.ok(shown.includes(line), line)

  const refusals = (/^Cannot use[\s\S]*?(?=```)/m.exec(page) ?? [''])[0].trim().split('\n')
  const file = (text: string) => () => configLayer(text, 'server.json')
  t.strictSame(refusals, [
    refusal(() => environmentLayer({ NBD_PREFETCH_WORKERS: '99' })),
    refusal(() => environmentLayer({ NBD_PREFETCH_RINGSIZE: '1G' })),
    refusal(file('{"ring-size":"1G"}')),
    refusal(file('{\n"port": 0,\n"ipaddr": "::1",\n  }')),
    explainSources(
      'Cannot use --unix-mode without --unix PATH',
      configLayer('{"unixMode":"600"}', 'server.json'),
    ),
  ])
})

t.test('reportSettings() tells each setting with its source, and no secret', async t => {
  const env = { NBD_PREFETCH_RING_SIZE: '1G', NBD_PREFETCH_UNIX_MODE: '660' }
  const file = JSON.stringify({
    user: 'me',
    password: 'planted',
    headers: ['X: planted'],
    stats: true,
    exports: [
      { name: 'a', url: 'https://u:planted@h/?token=planted', description: 'd' },
      { name: 'b', url, cookie: 'planted', ipv4: true },
    ],
  })
  const report = reportSettings(layerOf(['-U', '/s', '--retries', '0'], { env, file }), 1)
  const of = (key: string) => report.settings.find(one => one.key === key) as ReportedSetting
  t.strictSame(of('ringSize'), {
    key: 'ringSize',
    flag: '--ring-size',
    variable: 'NBD_PREFETCH_RING_SIZE',
    value: 1024 ** 3,
    from: 'variable',
    name: 'NBD_PREFETCH_RING_SIZE',
    default: '256M',
  })
  t.match(of('retries'), { value: 0, from: 'flag' })
  t.match(of('password'), { value: '***', from: 'file', name: 'x.json' })
  t.match(of('workers'), { value: 1, from: 'default' })
  t.match(of('port'), { value: null, from: 'default' }, 'a port beside a socket is none')
  t.equal(report.settings.length, OPTION_TABLE.length)
  t.notMatch(JSON.stringify(report), 'planted')
  const text = settingsText(report)
  for (const line of [
    /^export 'a' url {10}https:\/\/\*\*\*@h\/\?token=\*\*\* +x\.json$/m,
    /^export 'a' description +d +x\.json$/m,
    /^export 'b' --cookie +\*\*\* +x\.json$/m,
    /^export 'b' --ipv4 +yes +x\.json$/m,
    /^--unix +\/s +flag$/m,
    /^--unix-mode +660 +NBD_PREFETCH_UNIX_MODE$/m,
    /^--ring-size +1G +NBD_PREFETCH_RING_SIZE$/m,
    /^--header +X: \*\*\* +x\.json$/m,
    /^--stats +yes +x\.json$/m,
    /^--block-size +256K +default$/m,
    /^--proxy +http_proxy, https_proxy, all_proxy +default$/m,
  ]) {
    t.match(text, line)
  }
  t.notMatch(text, /^--(port|export-name|insecure|spool|verbose) /m)
  t.notMatch(text, 'planted')
  const run = settingsText(reportSettings(layerOf(['--run', 'true', url]), 1))
  t.match(run, /^url +https:\/\/host\/disk\.img +flag$/m)
  t.match(run, /^--unix +- +default$/m, 'a private socket for a command of one’s own')
  t.match(run, /^--export-name +'' +default$/m)
  t.notMatch(run, /^--port /m)
})
