// Arguments as plain data; help and refusals made from the option table.

import t from 'tap'
import { parseCommandLine } from '../../dist/main/command-line.js'
import { OPTION_TABLE, type OptionEntry, optionFlags } from '../../dist/main/option-table.js'
import { UsageError } from '../../dist/main/usage-error.js'
import { VERSION } from '../../dist/main/version.js'
import { invocation } from '../fixtures/invocation.js'

const url = 'http://host/x'

function parsed(...argv: string[]) {
  const { kind, commandLine } = invocation(argv)
  if (kind !== 'serve') throw new Error('measured, not served')
  return commandLine
}

function refusal(...argv: string[]): string {
  try {
    invocation(argv)
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  return 'accepted'
}

t.test('invocationOf() has every flag', async t => {
  const commandLine = parsed(
    ...['--tls=require', '--tls-certificates', 'd', '--tls-verify-peer', '--tls-psk', 'k'],
    ...['--unix', '/s', '--port', '1', '--ipaddr', '::1', '--export-name', 'disk'],
    ...['--user', 'me', '--password-file', '-', '--cookie', 'a=b', '--header', 'X-A: 1'],
    ...['--header', 'x-a: 2', '--header', 'B:c:d', '--cacert', 'ca.pem', '--insecure'],
    ...['--user-agent', '', '--http-version', '2', '--max-redirects', '0', '--protocols', 'https'],
    ...['--password', '-3', '--bearer-token-file', 'b', '--cookie-file', '', '--cookie-jar', 'j'],
    ...['--capath', 'cas', '--cert', 'c.pem', '--key', 'k.pem', '--key-passphrase-file', 'p'],
    ...['--tls-min', '1.2', '--tls-max', '1.3', '--ciphers', 'A:B', '--tls13-ciphers', 'TLS_A'],
    ...['--proxy', '', '--proxy-user', 'pu', '--proxy-password', '+f', '--proxy-insecure'],
    ...['--proxy-password-file', 'g', '--proxy-cacert', 'pca.pem', '--noproxy', '*'],
    ...['--resolve', 'h:1:::1', '--resolve', 'i:2:::1', '--ipv4', '--ipv6'],
    ...['--unix-socket-path', 'sock', '--tcp-keepalive', '0'],
    ...['--connect-timeout', '0.5', '--first-byte-timeout', '2000', '--body-timeout=9'],
    ...['--retries', '0', '--workers', '2', '--connections', '3', '--pipelining', '4'],
    ...['--ring-size', '1G', '--block-size', '64k', '--max-request', '2M'],
    ...[
      '--readahead',
      '32M',
      '--format-hint',
      'off',
      '--run',
      'true',
      '--pidfile',
      'p',
      '--exit-with-parent',
    ],
    ...['--stats', '--progress=json', '--progress-file', 'pf', '--log-file', 'lf'],
    ...['--log-format', 'text', '--log-level', 'warn', url],
  )
  t.strictSame(commandLine, {
    server: {
      url,
      unix: '/s',
      port: 1,
      ipaddr: '::1',
      exportName: 'disk',
      tls: 'require',
      tlsVerifyPeer: true,
      user: 'me',
      headers: { 'x-a': '1, 2', b: 'c:d' },
      userAgent: '',
      httpVersion: '2',
      maxRedirects: 0,
      protocols: 'https',
      insecure: true,
      tlsMin: '1.2',
      tlsMax: '1.3',
      ciphers: 'A:B',
      tls13Ciphers: 'TLS_A',
      proxy: '',
      proxyUser: 'pu',
      proxyInsecure: true,
      noproxy: '*',
      resolve: ['h:1:::1', 'i:2:::1'],
      ipv4: true,
      ipv6: true,
      unixSocketPath: 'sock',
      tcpKeepalive: 0,
      connectTimeout: 0.5,
      firstByteTimeout: 2000,
      bodyTimeout: 9,
      retries: 0,
      workers: 2,
      connections: 3,
      pipelining: 4,
      ringSize: 1024 ** 3,
      blockSize: 65536,
      maxRequest: 2 * 1024 ** 2,
      readahead: 32 * 1024 ** 2,
      formatHint: 'off',
    },
    inputs: {
      password: '-3',
      passwordFile: '-',
      bearerTokenFile: 'b',
      cookie: 'a=b',
      cookieFile: '',
      cookieJar: 'j',
      cacert: 'ca.pem',
      capath: 'cas',
      cert: 'c.pem',
      key: 'k.pem',
      keyPassphraseFile: 'p',
      proxyPassword: '+f',
      proxyPasswordFile: 'g',
      proxyCacert: 'pca.pem',
      tlsCertificates: 'd',
      tlsPsk: 'k',
    },
    exportInputs: [],
    run: 'true',
    pidfile: 'p',
    exitWithParent: true,
    stats: true,
    progress: 'json',
    progressFile: 'pf',
    log: { level: 'warn', format: 'text', file: 'lf' },
  })
})

t.test('invocationOf() has short flags, and flags behind the URL', async t => {
  t.match(parsed(url, '-U', '-', '-e', 'n', '-P', 'p', '-v'), {
    server: { url, unix: '-', exportName: 'n' },
    pidfile: 'p',
    log: { level: 'debug' },
  })
  t.match(parsed('-p', '0', '-i', 'localhost', url).server, { port: 0, ipaddr: 'localhost' })
})

t.test('invocationOf() leaves out what is not given', async t => {
  t.strictSame(parsed(url), {
    server: { url },
    inputs: {},
    exportInputs: [],
    run: undefined,
    pidfile: undefined,
    exitWithParent: false,
    stats: false,
    progress: undefined,
    progressFile: undefined,
    log: { level: 'info', format: 'auto', file: undefined },
  })
  for (const readahead of ['auto', 'off'] as const) {
    t.equal(parsed('--readahead', readahead, url).server.readahead, readahead)
  }
})

t.test('invocationOf() takes of a choice what there is to choose from', async t => {
  for (const tls of ['off', 'on', 'require']) t.equal(parsed('--tls', tls, url).server.tls, tls)
  for (const text of ['', 'yes', 'ON', 'requires']) {
    t.equal(
      refusal(`--tls=${text}`, url),
      `Cannot use '${text}' for --tls: expected off, on or require`,
    )
  }
})

t.test('invocationOf() takes a value of --progress behind = alone', async t => {
  for (const [argv, progress] of [
    [['--progress', url], 'auto'],
    [[url, '--progress'], 'auto'],
    [['-v', '--progress', '--stats', url], 'auto'],
    [['--progress=line', url], 'line'],
    [['--progress=off', '--', url], 'off'],
    [['--export-name', '--progress', url], undefined],
    [['-e', '--progress', url], undefined],
  ] as const) {
    const commandLine = parsed(...argv)
    t.equal(commandLine.progress, progress, argv.join(' '))
    t.equal(commandLine.server.url, url)
  }
  t.equal(
    refusal('--progress=bar', url),
    "Cannot use 'bar' for --progress: expected auto, line, json or off",
  )
})

t.test('invocationOf() with --run listens on a private socket unless told where', async t => {
  t.equal(parsed('--run', 'true', url).server.unix, '-')
  t.equal(parsed('--run', 'true', '-U', '/s', url).server.unix, '/s')
  t.equal(parsed('--run', 'true', '-p', '0', url).server.unix, undefined)
  t.equal(parsed('--run', 'true', '-i', '::1', url).server.unix, undefined)
})

t.test('parseCommandLine() refuses numbers that are none, with flag and expectation', async t => {
  for (const entry of OPTION_TABLE as readonly OptionEntry[]) {
    if (entry.min === undefined) continue
    for (const text of ['1e3', '', '-5', '0x10', 'many', '+1', ' 1', '1,5', 'NaN']) {
      const message = refusal(`${entry.long}=${text}`, url)
      t.match(message, `Cannot use '${text}' for ${entry.long}: expected `)
      if (text !== '') t.equal(refusal(entry.long, text, url), message)
    }
    if (entry.kind !== 'seconds') t.match(refusal(entry.long, '1.5', url), /^Cannot use '1.5' for/)
  }
})

t.test('invocationOf() takes several images, each under a name', async t => {
  const { server } = parsed('a=https://h/1', '-v', 'b=http://g/2?x=3', '=https://h/3')
  t.strictSame(server.exports, [
    { name: 'a', url: 'https://h/1' },
    { name: 'b', url: 'http://g/2?x=3' },
    { name: '', url: 'https://h/3' },
  ])
  t.equal(server.url, undefined)
  t.equal(parsed('https://h/?a=http://b').server.exports, undefined, 'a query is no name')
})

t.test('parseCommandLine() refuses what it does not know', async t => {
  for (const [argv, message] of [
    [[], 'Cannot serve an image: its URL is missing, as in https://host/disk.img'],
    [
      [url, 'b'],
      'Cannot serve more than one URL: got 2 arguments, quote those with spaces, or name each as NAME=URL',
    ],
    [
      ['a=https://h/1', url],
      'Cannot serve argument 2 beside exports with names: expected NAME=URL',
    ],
    [
      ['=http://h/1', 'a/b=http://h/2'],
      "Cannot serve argument 2: a name before '=' can't have ':', '/' or '='; use --config, or --export-name for a single image",
    ],
    [
      ['a:b=http://h/1'],
      "Cannot serve argument 1: a name before '=' can't have ':', '/' or '='; use --config, or --export-name for a single image",
    ],
    [
      ['a=b=https://h/1', url],
      "Cannot serve argument 1: a name before '=' can't have ':', '/' or '='; use --config, or --export-name for a single image",
    ],
    [
      ['a=https://h/1', 'https://h/?a=http://b'],
      'Cannot serve argument 2 beside exports with names: expected NAME=URL',
    ],
    [
      ['--conections', '4', url],
      "Cannot read the command line: unknown option '--conections' (Did you mean --connections?); see nbd-prefetch --help",
    ],
    [
      ['--cooky=secret', url],
      "Cannot read the command line: unknown option '--cooky' (Did you mean --cookie?); see nbd-prefetch --help",
    ],
    [
      ['prob', url],
      "Cannot read the command line: 'prob' is neither a command nor a URL, did you mean 'probe'?; see nbd-prefetch --help",
    ],
    [
      ['help'],
      "Cannot read the command line: 'help' is neither a command nor a URL, did you mean '--help'?; see nbd-prefetch --help",
    ],
    [
      ['images'],
      "Cannot read the command line: 'images' is neither a command nor a URL; see nbd-prefetch --help",
    ],
    [[url, 'config'], "Cannot read the command line: 'config' must be its first word"],
    [
      ['probe', url, 'b'],
      'Cannot probe more than one URL: got 2 arguments, quote those with spaces',
    ],
    [['probe'], 'Cannot probe an image: its URL is missing, as in https://host/disk.img'],
    [['probe', `a=${url}`], 'Cannot probe several images: give the URL of one, without a name'],
    [['-x', url], "Cannot read the command line: unknown option '-x'; see nbd-prefetch --help"],
    [[url, '--unix'], 'Cannot use --unix: its PATH is missing'],
    [[url, '--header'], "Cannot use --header: its 'Name: value' is missing"],
    [[url, '--header', 'secret'], "Cannot use a --header: it must read 'Name: value'"],
  ] as const) {
    t.equal(refusal(...argv), message)
  }
})

t.test('parseCommandLine() lists every flag of the table with its default in --help', async t => {
  for (const flag of ['--help', '-h']) {
    const shown = parseCommandLine([flag, '--unknown'], 200)
    if (shown.kind !== 'show') throw new Error('served, not shown')
    const lines = shown.text.split('\n')
    for (const entry of OPTION_TABLE as readonly OptionEntry[]) {
      const line = lines.find(
        line => /^ {2}-/.test(line) && /[ [=]/.test(line.split(entry.long)[1]?.[0] ?? ''),
      )
      t.ok(line, optionFlags(entry))
      t.match(line, entry.help)
      if (entry.default !== undefined) t.match(line, `default ${entry.default})`)
    }
  }
})

t.test('parseCommandLine() shows the version', async t => {
  for (const flag of ['--version', '-V']) {
    t.strictSame(parseCommandLine([flag]), { kind: 'show', text: `nbd-prefetch ${VERSION}\n` })
  }
})
