// The command line from arguments to exit status, in this process and without an engine.

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import t from 'tap'
import { CliRun } from '../fixtures/cli-host.js'

const url = 'http://host/x'

t.test('runCli() prints one line, the URI, and ends with 0 on each polite signal', async t => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    const cli = new CliRun(['-U', '/tmp/s', url])
    const status = cli.run()
    await cli.until(() => cli.out !== '')
    cli.process.emit(signal, signal)
    t.equal(await status, 0, signal)
    t.equal(cli.out, 'nbd+unix:///?socket=/tmp/s\n')
    t.match(cli.error, new RegExp(`^nbd-prefetch: ${signal}: letting running reads finish`))
    t.strictSame(cli.server.closedWith, [undefined])
    t.strictSame(cli.process.eventNames(), [], 'no listener stays')
  }
})

t.test('runCli() ends at once at a second signal, with its status', async t => {
  const cli = new CliRun(['-U', '/tmp/s', url])
  cli.server.closing = new Promise(() => {})
  const status = cli.run()
  await cli.until(() => cli.out !== '')
  cli.process.emit('SIGTERM', 'SIGTERM')
  cli.process.emit('SIGQUIT', 'SIGQUIT')
  t.equal(await status, 131)
})

t.test(
  'runCli() ending at once removes the socket, and its directory if it is private',
  async t => {
    for (const [unix, left] of [
      ['-', []],
      ['/tmp/s', ['d']],
    ] as const) {
      const directory = t.testdir({ d: { s: '' } })
      const cli = new CliRun(['-U', unix, url])
      cli.server.unixSocket = join(directory, 'd/s')
      cli.server.closing = new Promise(() => {})
      const status = cli.run()
      await cli.until(() => cli.out !== '')
      cli.process.emit('uncaughtException', new Error('broken'))
      t.equal(await status, 1)
      t.strictSame(readdirSync(directory), left)
      t.notOk(existsSync(cli.server.unixSocket))
    }
  },
)

t.test('runCli() ending at once leaves the file of a socket that was handed over', async t => {
  const path = join(t.testdir({ s: '' }), 's')
  const cli = new CliRun([url], { env: { LISTEN_PID: '4242', LISTEN_FDS: '1' } })
  cli.server.unixSocket = path
  const status = cli.run()
  await cli.until(() => cli.out !== '')
  cli.process.emit('uncaughtException', new Error('broken'))
  t.equal(await status, 1)
  t.ok(existsSync(path))
})

t.test('runCli() ends at once with 1 and a stack at an error nobody caught', async t => {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    const cli = new CliRun(['-U', '/tmp/s', `http://me:hunter2@host/x`])
    cli.server.closing = new Promise(() => {})
    const status = cli.run()
    await cli.until(() => cli.out !== '')
    cli.process.emit(event, new Error('broken at hunter2'))
    t.equal(await status, 1, event)
    t.match(cli.error, /^nbd-prefetch: internal error: Error: broken at \*\*\*\n {4}at /)
  }
})

t.test('runCli() interrupted before the server is ready aborts the start', async t => {
  const events: string[] = []
  const cli: CliRun = new CliRun([url], {
    serve: ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          events.push('aborted')
          reject(new Error('given up'))
        })
        queueMicrotask(() => cli.process.emit('SIGTERM', 'SIGTERM'))
      }),
  })
  t.equal(await cli.run(), 143)
  t.strictSame(events, ['aborted'])
  t.equal(cli.out, '')
})

t.test('runCli() interrupted while the server gets ready closes it', async t => {
  const cli: CliRun = new CliRun([url], {
    serve: ({ signal }) =>
      new Promise(resolve => {
        signal?.addEventListener('abort', () => resolve(cli.server))
        queueMicrotask(() => cli.process.emit('SIGINT', 'SIGINT'))
      }),
  })
  t.equal(await cli.run(), 130)
  t.strictSame(cli.server.closedWith, [{ drainMs: 0 }])
})

t.test('runCli() ends with 2 and one line for wrong usage, having started nothing', async t => {
  for (const argv of [
    [],
    ['--no-such-flag', url],
    ['--workers', '99', url],
    ['ftp://host/x'],
    ['-U', '/s', '-p', '1', url],
    ['--header', 'Range: x', url],
    ['--password-file', '/nonexistent', url],
    ['--user', 'a:b', '--password-file', '/nonexistent', url],
  ]) {
    const cli = new CliRun(argv)
    t.equal(await cli.run(), 2, argv.join(' '))
    t.match(cli.error, /^nbd-prefetch: Cannot [^\n]+[^.\n]\n$/)
    t.equal(cli.out, '')
    t.strictSame(cli.served, [])
  }
  const verbose = new CliRun(['-v', 'ftp://host/x'])
  t.equal(await verbose.run(), 2)
  t.match(verbose.error, /\n {2}code: url-scheme, explained in docs\/errors\.md\n/)
})

t.test('runCli() ends with 1 and one line for what the world refuses', async t => {
  const cause = new Error('ECONNREFUSED, with hunter2')
  const refused = Object.assign(
    new Error('Cannot reach http://me:hunter2@host/x: connection refused', { cause }),
    { code: 'SOURCE' },
  )
  const serve = () => Promise.reject(refused)
  const cli = new CliRun(['http://me:hunter2@host/x'], { serve })
  t.equal(await cli.run(), 1)
  t.equal(cli.error, 'nbd-prefetch: Cannot reach http://***@host/x: connection refused\n')
  t.equal(cli.out, '')

  const verbose = new CliRun(['-v', 'http://me:hunter2@host/x'], { serve })
  t.equal(await verbose.run(), 1)
  t.match(verbose.error, /refused\n {2}because: ECONNREFUSED, with \*\*\*\n$/)
})

t.test('runCli() ends with 1 and a stack for a defect', async t => {
  for (const error of [
    new TypeError('x is not a function'),
    Object.assign(new Error('bad argument'), { code: 'ERR_INVALID_ARG_TYPE' }),
  ]) {
    const cli = new CliRun([url], { serve: () => Promise.reject(error) })
    t.equal(await cli.run(), 1)
    t.match(cli.error, /^nbd-prefetch: internal error: .*\n {4}at /)
  }
})

t.test('runCli() shows help and version on standard output, with 0', async t => {
  for (const [flag, start] of [
    [
      '--help',
      /^Usage: nbd-prefetch \[options\] URL\n {7}nbd-prefetch \[options\] VPX-OR-ESX-URI DISK\n/,
    ],
    ['--version', /^nbd-prefetch \d+\.\d+\.\d+\S*\n$/],
  ] as const) {
    const cli = new CliRun([flag])
    t.equal(await cli.run(), 0)
    t.match(cli.out, start)
    t.equal(cli.error, '')
  }
})

t.test('runCli() takes its arguments out of the process title', async t => {
  const cli = new CliRun(['--help'])
  await cli.run()
  t.equal(cli.process.title, 'nbd-prefetch')
})

t.test('runCli() logs on standard error, debug with -v alone, without secrets', async t => {
  for (const [argv, expected] of [
    [
      [],
      'nbd-prefetch: said ***\nnbd-prefetch: warning: odd [2J (status=503, text="a\\r\\n\\u001bb")\n',
    ],
    [['-v'], /^nbd-prefetch: debug: detail\nnbd-prefetch: said \*\*\*\n/],
  ] as const) {
    const cli: CliRun = new CliRun([...argv, '--cookie', 'id=hunter2', url], {
      serve: async options => {
        options.log?.('debug', 'detail')
        options.log?.('info', 'said hunter2')
        options.log?.('warn', 'odd\n\x1b[2J', { status: 503, text: 'a\r\n\x1bb', no: undefined })
        throw Object.assign(new Error('over'), { code: 'OVER' })
      },
    })
    t.equal(await cli.run(), 1)
    if (typeof expected === 'string') t.equal(cli.error.replace(/.*over\n$/, ''), expected)
    else t.match(cli.error, expected)
  }
})

t.test('runCli() reads the password from a file: its first line', async t => {
  const directory = t.testdir({
    unix: 'päss word \nsecond\n',
    windows: 'pw\r\n',
    bare: 'pw',
    empty: '\nsecond\n',
    long: 'x'.repeat(20_000),
    ca: 'no certificate',
  })
  const path = (name: string) => join(directory, name)
  for (const name of readdirSync(directory)) chmodSync(path(name), 0o600)
  const stdin = openSync(path('unix'), 'r')
  t.teardown(() => closeSync(stdin))
  const attempt = async (...argv: string[]) => {
    const cli: CliRun = new CliRun(['--user', 'me', ...argv, url], {
      stdin,
      serve: options => {
        cli.served.push(options)
        return Promise.reject(Object.assign(new Error('over'), { code: 'OVER' }))
      },
    })
    const status = await cli.run()
    return { status, error: cli.error, password: cli.served[0]?.password }
  }
  for (const [name, password] of [
    ['unix', 'päss word '],
    ['windows', 'pw'],
    ['bare', 'pw'],
  ] as const) {
    t.match(await attempt('--password-file', path(name)), {
      status: 1,
      password,
      error: /^nbd-prefetch: over\n$/,
    })
  }
  t.match(await attempt('--password-file', '-'), { password: 'päss word ' })
  t.equal(readFileSync(stdin, 'utf8'), 'second\n', 'what is behind the line stays')
  t.match(await attempt('--password-file', path('none')), {
    status: 1,
    error: /^nbd-prefetch: Cannot read the password file '.*none': no such file or directory\n$/,
  })
  t.match(await attempt('--password-file', directory), {
    status: 1,
    error: /: illegal operation on a directory\n$/,
  })
  t.match(await attempt('--password-file', path('empty')), {
    status: 2,
    error: /Cannot use the password file '.*empty': its first line is empty\n/,
  })
  t.match(await attempt('--password-file', path('long')), {
    status: 2,
    error: /its first line is longer than 16 KiB\n/,
  })
  chmodSync(path('bare'), 0o644)
  t.match(await attempt('--password-file', path('bare')), {
    password: 'pw',
    error: /^nbd-prefetch: warning: the password file '.*bare' can be read by others: chmod 600/,
  })
  t.match(await attempt('--cacert', path('none')), {
    status: 1,
    error: /^nbd-prefetch: Cannot read the CA file '.*none': no such file or directory\n$/,
  })
  t.match(await attempt('--cacert', path('ca')), {
    status: 2,
    error: /^nbd-prefetch: Cannot use the --cacert: it has no PEM certificate\n/,
  })
})

t.test('runCli() writes the pidfile when clients can connect and removes it', async t => {
  const pidfile = join(t.testdir({}), 'pid')
  const cli = new CliRun(['-P', pidfile, url])
  const status = cli.run()
  await cli.until(() => cli.out !== '')
  t.equal(readFileSync(pidfile, 'utf8'), '4242\n')
  cli.process.emit('SIGTERM', 'SIGTERM')
  t.equal(await status, 0)
  t.notOk(existsSync(pidfile))
  t.strictSame(readdirSync(join(pidfile, '..')), [], 'no temporary file stays')
})

t.test('runCli() leaves a pidfile alone that another process has written since', async t => {
  const pidfile = join(t.testdir({ pid: 'old' }), 'pid')
  const cli = new CliRun(['-P', pidfile, url])
  const status = cli.run()
  await cli.until(() => cli.out !== '')
  writeFileSync(pidfile, '4343\n')
  cli.process.emit('SIGTERM', 'SIGTERM')
  t.equal(await status, 0)
  t.equal(readFileSync(pidfile, 'utf8'), '4343\n')
})

t.test('runCli() that cannot write the pidfile ends with 1 before it starts anything', async t => {
  const directory = t.testdir({})
  const cli = new CliRun(['-P', join(directory, 'none/pid'), url])
  t.equal(await cli.run(), 1)
  t.match(cli.error, /^nbd-prefetch: Cannot write the pidfile '.*': no such file or directory\n$/)
  t.strictSame(cli.served, [])
  t.equal(cli.out, '')
  t.strictSame(readdirSync(directory), [])
})

t.test('runCli() never replaces what is no regular file by a pidfile', async t => {
  const directory = t.testdir({ directory: {}, file: '', link: t.fixture('symlink', 'file') })
  // Like a device, in this: of which root alone can make one.
  execFileSync('mkfifo', [join(directory, 'fifo')])
  for (const name of ['directory', 'link', 'fifo']) {
    const path = join(directory, name)
    const before = lstatSync(path)
    const cli = new CliRun(['-P', path, url])
    t.equal(await cli.run(), 1)
    t.equal(
      cli.error,
      `nbd-prefetch: Cannot use '${path}' for --pidfile: it exists and is no regular file\n`,
    )
    t.strictSame(cli.served, [])
    t.equal(lstatSync(path).ino, before.ino, name)
  }
  t.strictSame(readdirSync(directory), ['directory', 'fifo', 'file', 'link'])
})

t.test('runCli() never replaces what has come to the place of a pidfile meanwhile', async t => {
  const pidfile = join(t.testdir({}), 'pid')
  const cli: CliRun = new CliRun(['-P', pidfile, url], {
    serve: async () => {
      execFileSync('mkfifo', [pidfile])
      return cli.server
    },
  })
  t.equal(await cli.run(), 1)
  t.ok(lstatSync(pidfile).isFIFO())
  t.equal(cli.server.closedWith.length, 1)
})

t.test('runCli() that can no longer write the pidfile closes the server', async t => {
  const directory = t.testdir({ there: {} })
  const cli: CliRun = new CliRun(['-P', join(directory, 'there/pid'), url], {
    serve: async () => {
      rmdirSync(join(directory, 'there'))
      return cli.server
    },
  })
  t.equal(await cli.run(), 1)
  t.equal(cli.server.closedWith.length, 1)
})

t.test(
  'runCli() that can not write the cookie jar ends with 1 before it starts anything',
  async t => {
    const cli = new CliRun(['--cookie-jar', join(t.testdir({}), 'none/jar'), url])
    t.equal(await cli.run(), 1)
    t.match(
      cli.error,
      /^nbd-prefetch: Cannot write the cookie jar '.*': no such file or directory\n$/,
    )
    t.strictSame(cli.served, [])
  },
)

t.test('runCli() with --run passes the exit status through and prints nothing', async t => {
  for (const [command, expected] of [
    ['exit 0', 0],
    ['exit 7', 7],
    ['no-such-command-anywhere 2>/dev/null', 127],
    ['kill -9 $$', 137],
  ] as const) {
    const cli = new CliRun(['--run', command, url])
    t.equal(await cli.run(), expected, command)
    t.equal(cli.out, '')
    t.strictSame(cli.server.closedWith, [undefined])
    t.equal(cli.served[0]?.unix, '-')
  }
})

t.test('runCli() with --run tells the command where the server listens', async t => {
  const file = join(t.testdir({}), 'said')
  const command = `printf '%s\\n' "$uri" "$nbd" "$unixsocket" "$port" "$exportname" >'${file}'; env | grep -c ^uri= >>'${file}'`
  for (const [server, said] of [
    [
      { unixSocket: '/a b/s', port: undefined, uri: 'nbd+unix:///e?socket=/a%20b/s' },
      'nbd+unix:///e?socket=/a%20b/s\nnbd+unix:///e?socket=/a%20b/s\n/a b/s\n\n$e\n1\n',
    ],
    [
      { unixSocket: undefined, port: 10809, uri: 'nbd://h:10809' },
      'nbd://h:10809\nnbd://h:10809\n\n10809\n$e\n1\n',
    ],
  ] as const) {
    const cli = new CliRun(['--run', command, url])
    Object.assign(cli.server, server, { exportName: '$e' })
    t.equal(await cli.run(), 0)
    t.equal(readFileSync(file, 'utf8'), said)
  }
})

t.test('runCli() with --run hands signals to the command and waits for it', async t => {
  for (const [signal, terminal, status] of [
    ['SIGTERM', false, 143],
    ['SIGINT', false, 130],
    ['SIGTERM', true, 143],
  ] as const) {
    const ready = join(t.testdir({}), 'ready')
    const cli: CliRun = new CliRun(['--run', `: >'${ready}'; while :; do sleep 0.02; done`, url], {
      terminal,
    })
    const ended = cli.run()
    while (!existsSync(ready)) await new Promise(resolve => setTimeout(resolve, 5))
    cli.process.emit(signal, signal)
    t.equal(await ended, status, signal)
    t.equal(cli.server.closedWith.length, 1)
  }
})

t.test('runCli() with --run on a terminal does not repeat its Ctrl-C and Ctrl-\\', async t => {
  for (const signal of ['SIGINT', 'SIGQUIT']) {
    const ready = join(t.testdir({}), 'ready')
    const cli = new CliRun(
      [
        '--run',
        `trap 'exit 9' INT QUIT; trap 'exit 8' TERM; : >'${ready}'; while :; do sleep 0.02; done`,
        url,
      ],
      { terminal: true },
    )
    cli.process.ppid = 7
    const ended = cli.run()
    while (!existsSync(ready)) await new Promise(resolve => setTimeout(resolve, 5))
    cli.process.emit(signal, signal)
    cli.process.emit('SIGTERM', 'SIGTERM')
    t.equal(await ended, 143, 'the second request ends at once')
  }
})

t.test('runCli() with --stats prints the table on standard error after all', async t => {
  const cli = new CliRun(['--stats', '--run', 'true', url])
  t.equal(await cli.run(), 0)
  t.match(cli.error, /\nserved +2\.00 KiB/, 'what was counted last')
  t.match(cli.error, /\nworkers +3\n/, 'what was in use')
  t.equal(cli.out, '')
})

t.test('runCli() survives readers of its output that are gone', async t => {
  const gone = () =>
    new Writable({
      write: (_chunk, _encoding, done) =>
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    })
  const cli = new CliRun(['--stats', url], { stdout: gone(), stderr: gone() })
  const status = cli.run()
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(cli.server.closedWith, [])
  cli.process.emit('SIGTERM', 'SIGTERM')
  t.equal(await status, 0)
})

t.test('runCli() logs as text for people and as JSON for programs, without secrets', async t => {
  const attempt = async (stderr: { isTTY?: boolean }, ...argv: string[]) => {
    let text = ''
    const stream = Object.assign(
      new Writable({
        write: (chunk, _encoding, done) => {
          text += String(chunk)
          done()
        },
      }),
      stderr,
    )
    const cli: CliRun = new CliRun([...argv, '--cookie', 'id=hunter2"x', url], {
      stderr: stream,
      serve: async options => {
        options.log?.('debug', 'detail')
        options.log?.('info', 'said hunter2"x')
        const fields = { status: 503, text: 'a\r\n\x1b\x9bb hunter2"x', flag: true, no: undefined }
        options.log?.('warn', 'odd\n\x1b[2J\u202e', fields)
        t.equal(options.log?.debugs, argv.includes('debug'))
        throw Object.assign(new Error('over'), { code: 'OVER' })
      },
    })
    t.equal(await cli.run(), 1)
    return text
  }
  const said = 'nbd-prefetch: said ***\n'
  const odd =
    'nbd-prefetch: warning: odd [2J  (status=503, text="a\\r\\n\\u001b b ***", flag=true)\n'
  const over = 'nbd-prefetch: over\n'
  t.equal(await attempt({ isTTY: true }, '--log-format', 'auto'), said + odd + over)
  t.equal(await attempt({}, '--log-format', 'text', '--log-level', 'warn'), odd + over)
  const json = await attempt({}, '--log-format', 'auto', '--log-level', 'debug')
  t.notMatch(json, /hunter2|\p{Cc}(?<!\n)/u)
  const lines = json.trimEnd().split('\n')
  t.equal(lines.pop(), 'nbd-prefetch: over', 'what a start failed with is for people')
  const base = { pid: process.pid, time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ }
  t.match(
    lines.map(line => JSON.parse(line)),
    [
      { level: 'debug', msg: 'detail', ...base },
      { level: 'info', msg: 'said ***', ...base },
      { level: 'warn', msg: 'odd [2J ', status: 503, text: 'a b ***', flag: true, ...base },
    ],
  )
  t.equal(await attempt({ isTTY: true }, '--log-format', 'json', '--log-level', 'error'), over)
})

t.test('runCli() adds the log to a file, and opens it again at SIGUSR2', async t => {
  const directory = t.testdir({ log: 'before\n' })
  const path = join(directory, 'log')
  const cli: CliRun = new CliRun(['--log-file', path, '--log-format', 'text', url])
  const status = cli.run()
  await cli.until(() => cli.out !== '')
  cli.served[0]?.log?.('info', 'one')
  renameSync(path, `${path}.1`)
  cli.served[0]?.log?.('info', 'two')
  t.equal(readFileSync(`${path}.1`, 'utf8'), 'before\nnbd-prefetch: one\nnbd-prefetch: two\n')
  cli.process.emit('SIGUSR2')
  cli.served[0]?.log?.('info', 'three')
  t.equal(readFileSync(path, 'utf8'), 'nbd-prefetch: three\n')
  rmSync(path)
  mkdirSync(path)
  cli.process.emit('SIGUSR2')
  cli.process.emit('SIGUSR2')
  t.match(cli.error, /^nbd-prefetch: warning: Cannot open the log file '[^\n]+directory\n$/)
  cli.process.emit('SIGTERM', 'SIGTERM')
  t.equal(await status, 0, 'trouble with the log ends nothing')
  t.equal(cli.process.listenerCount('SIGUSR2'), 0)

  const refused = new CliRun(['--log-file', path, url])
  t.equal(await refused.run(), 1)
  t.match(refused.error, /^nbd-prefetch: Cannot open the log file '[^\n]+directory\n$/)
  t.strictSame(refused.served, [])
})

t.test('runCli() writes into a log file why it failed, too', async t => {
  const path = join(t.testdir({}), 'log')
  const serve = () => Promise.reject(Object.assign(new Error('no way'), { code: 'X' }))
  const cli = new CliRun(['--log-file', path, '--log-format', 'auto', url], { serve })
  t.equal(await cli.run(), 1)
  t.equal(cli.error, 'nbd-prefetch: no way\n')
  t.match(JSON.parse(readFileSync(path, 'utf8')), { level: 'error', msg: 'no way' })
})

t.test(
  'runCli() survives a log file that is full, and says so once',
  { skip: existsSync('/dev/full') ? false : 'needs /dev/full' },
  async t => {
    const cli: CliRun = new CliRun(['--log-file', '/dev/full', url], {
      serve: async options => {
        options.log?.('info', 'one')
        options.log?.('info', 'two')
        throw Object.assign(new Error('over'), { code: 'OVER' })
      },
    })
    t.equal(await cli.run(), 1)
    t.equal(
      cli.error,
      "nbd-prefetch: warning: Cannot write the log file '/dev/full': no space left on device\nnbd-prefetch: over\n",
    )
  },
)
