// The built program with its settings from everywhere: flags, variables and a configuration file.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { CliRun } from '../fixtures/cli-host.js'
import { runProgram, startProgram } from '../fixtures/program.js'
import { run } from '../fixtures/programs.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'

const MIB = 1024 * 1024

t.test(
  'a server needs nothing but --config, and serves the exports of its file',
  requires('nbdinfo'),
  async t => {
    const auth = { user: 'me', password: 'planted-password' }
    const open = await SlowServer.start({ image: new GeneratedImage({ size: MIB, seed: 1 }) })
    const locked = await SlowServer.start({
      image: new GeneratedImage({ size: 2 * MIB, seed: 2 }),
      auth,
    })
    t.teardown(() => Promise.all([open.close(), locked.close()]))
    const directory = temporaryDirectory(t)
    const passwordFile = join(directory, 'password')
    writeFileSync(passwordFile, `${auth.password}\n`, { mode: 0o600 })
    const config = join(directory, 'server.json')
    const content = {
      $schema: './config.schema.json',
      unix: join(directory, 'socket'),
      unixMode: '600',
      ringSize: '16M',
      workers: 1,
      exports: [
        { name: 'open', url: open.url, description: 'free to read' },
        { name: 'locked', url: locked.url, user: auth.user, passwordFile },
      ],
    }
    writeFileSync(config, JSON.stringify(content), { mode: 0o644 })
    const program = await startProgram(t, ['--config', config])
    const listed = await run(t, 'nbdinfo', ['--list', '--json', program.uri.split('\n')[0] ?? ''])
    const { exports } = JSON.parse(listed.stdout) as { exports: Record<string, unknown>[] }
    t.match(
      exports.sort((a, b) => String(b['export-name']).localeCompare(String(a['export-name']))),
      [
        { 'export-name': 'open', description: 'free to read', 'export-size': MIB },
        { 'export-name': 'locked', 'export-size': 2 * MIB },
      ],
    )
    program.child.kill('SIGTERM')
    const { status, stderr } = await program.ended
    t.equal(status, 0)
    t.notMatch(stderr, /can be read by others/, 'a file without secrets may be read by all')
  },
)

t.test('a flag counts before a variable, a variable before the file', async t => {
  const origin = await SlowServer.start({ image: new GeneratedImage({ size: MIB }) })
  t.teardown(() => origin.close())
  const directory = temporaryDirectory(t)
  const config = join(directory, 'server.json')
  const content = {
    unix: join(directory, 'never'),
    exportName: 'of the file',
    workers: 1,
    bearerToken: 'planted-token',
    verbose: true,
    url: 'http://127.0.0.1:1/never',
    run: 'exit 9',
  }
  writeFileSync(config, JSON.stringify(content), { mode: 0o644 })
  const env = {
    ...process.env,
    no_proxy: '*',
    NBD_PREFETCH_CONFIG: config,
    NBD_PREFETCH_URL: 'http://127.0.0.1:1/never-either',
    NBD_PREFETCH_EXPORT_NAME: 'of-the-variable',
    NBD_PREFETCH_RUN: 'echo "$uri"; env | grep -c ^NBD_PREFETCH_; exit 8',
    NBD_PREFETCH_PORT: '0',
  }
  const outcome = await runProgram(t, [origin.url], { env })
  t.equal(outcome.status, 8, outcome.stderr)
  t.match(
    outcome.stdout,
    /^nbd:\/\/127\.0\.0\.1:\d+\/of-the-variable\n0\n$/,
    'and the command sees none of the variables',
  )
  t.match(outcome.stderr, /warning: the configuration file '.*' can be read by others: chmod 600/)
  t.match(outcome.stderr, /debug: /)
  t.equal(origin.stats.requests > 0, true)
  t.notMatch(outcome.stderr + outcome.stdout, 'planted')

  const shown = await runProgram(t, ['config', '--json', '--user-agent', 'x'], { env })
  t.equal(shown.status, 0, shown.stderr)
  const { settings, images } = JSON.parse(shown.stdout) as {
    settings: { key: string }[]
    images: unknown
  }
  t.match(images, { from: 'variable', name: 'NBD_PREFETCH_URL' })
  for (const expected of [
    { key: 'userAgent', value: 'x', from: 'flag' },
    { key: 'port', value: 0, from: 'variable', name: 'NBD_PREFETCH_PORT' },
    { key: 'workers', value: 1, from: 'file', name: config },
    { key: 'bearerToken', value: '***', from: 'file' },
    { key: 'retries', value: 8, from: 'default' },
    { key: 'unix', value: null },
  ]) {
    t.match(
      settings.find(({ key }) => key === expected.key),
      expected,
    )
  }
  t.notMatch(shown.stdout, 'planted')
})

t.test('a configuration that can not be used is one line and a status', async t => {
  const directory = temporaryDirectory(t)
  const config = join(directory, 'bad.json')
  const attempt = async (content: string, ...args: string[]) => {
    writeFileSync(config, content, { mode: 0o600 })
    // Without a process of its own: that costs half a second each.
    const cli = new CliRun(['--config', config, ...args], { env: {} })
    const status = await cli.run()
    t.equal(cli.out, '')
    t.strictSame(cli.served, [])
    t.match(cli.error, /^nbd-prefetch: Cannot [^\n]+\n$/)
    t.notMatch(cli.error, 'planted')
    return { status, stderr: cli.error }
  }
  t.match(await attempt('{ "password": "planted" '), {
    status: 2,
    stderr: /bad\.json': it is no JSON at line 1, column 25: it ends too early/,
  })
  const url = 'http://127.0.0.1:1/x'
  t.match(
    await attempt(JSON.stringify({ url, user: 'me', password: 'planted', unixMode: '600' })),
    {
      status: 2,
      stderr: /without --unix PATH \(--unix-mode is 'unixMode' in '.*bad\.json'\)$/m,
    },
  )
  const two = { exports: ['a', 'a'].map(name => ({ name, url })) }
  t.match(await attempt(JSON.stringify(two)), { status: 2, stderr: /two are called 'a'$/m })
  t.match(await runProgram(t, ['--config', directory]), {
    status: 1,
    stderr: /^nbd-prefetch: Cannot read the configuration file '.*': illegal operation on a direct/,
  })
})
