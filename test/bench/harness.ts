// The harness as a program: what it leaves behind, with and without the programs of others.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readResults } from '../../.bench/report/results-file.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const RUN = fileURLToPath(new URL('../../.bench/run.js', import.meta.url))

/** A machine with nothing but Node: a PATH with it and the shell that the program's file begins with. */
function bare(directory: string): NodeJS.ProcessEnv {
  mkdirSync(`${directory}/bin`)
  mkdirSync(`${directory}/tmp`)
  symlinkSync(process.execPath, `${directory}/bin/node`)
  symlinkSync('/bin/sh', `${directory}/bin/sh`)
  return { ...process.env, PATH: `${directory}/bin`, TMPDIR: `${directory}/tmp` }
}

function bench(args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [RUN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  return { child, output: () => output, ended: once(child, 'close') }
}

t.test(
  'with nothing but Node it measures what there is, says what is missing, and succeeds',
  async t => {
    const directory = temporaryDirectory(t)
    const args = ['--profile', 'lan', '--workload', 'own', 'qemu-img']
    const more = ['--peer', 'ours', 'nbdkit', 'aria2c', '--size', '4M', '--runs', '2']
    const { output, ended } = bench(
      [...args, ...more, '--no-warm-up', '--results', `${directory}/results`],
      bare(directory),
    )
    t.same(await ended, [0, null], 'succeeds')
    const [json = ''] = readdirSync(`${directory}/results`).filter(name => name.endsWith('.json'))
    const { cells } = readResults(`${directory}/results/${json}`)
    const own = cells.find(cell => cell.peer === 'ours' && cell.workload === 'own')
    t.equal(own?.runs.length, 2)
    t.same(own?.failures, [])
    for (const run of own?.runs ?? []) {
      t.match(run, { bytes: 4 * 1024 ** 2, checked: 'whole', extra: {} })
      t.ok(run.seconds > 0)
      t.ok((run.origin?.bytes ?? 0) >= 4 * 1024 ** 2)
      const sizes = Object.values(run.origin?.sizes ?? {})
      t.equal(
        sizes.reduce((a, b) => a + b, 0),
        run.origin?.requests,
      )
      if (process.platform === 'linux') {
        t.ok((run.server?.cpuSeconds ?? 0) > 0)
        t.ok((run.server?.peakBytes ?? 0) > 20e6)
      }
    }
    t.ok((own?.timeline?.length ?? 0) > 2)
    t.match(output(), /^nbd-prefetch +own client/m)
    t.match(output(), 'skipped: qemu-img not installed (Debian: apt-get install qemu-utils)')
    t.match(output(), 'skipped: nbdkit not installed (Debian: apt-get install nbdkit)')
    t.match(output(), 'skipped: aria2c not installed (Debian: apt-get install aria2)')
    t.match(
      output(),
      'Not installed: nbdkit, qemu-img, aria2c. For the whole table (Debian): apt-get install nbdkit qemu-utils aria2',
    )
    t.match(readFileSync(`${directory}/results/${json.replace('.json', '.html')}`, 'utf8'), '<svg')
    t.same(readdirSync(`${directory}/tmp`), [], 'nothing is left on disk')
  },
)

/** An executable script on the PATH of `bare()`. */
function script(directory: string, name: string, interpreter: string, text: string): void {
  writeFileSync(`${directory}/bin/${name}`, `#!${interpreter}\n${text}\n`, { mode: 0o755 })
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

t.test(
  'a peer that hangs, dies or gives wrong bytes says so, and neither stops the run nor stays',
  { skip: process.platform !== 'linux' },
  async t => {
    const directory = temporaryDirectory(t)
    const env = bare(directory)
    script(directory, 'nbdkit', '/bin/sh', 'kill -9 $$')
    script(directory, 'curl', '/bin/sh', 'exit 0')
    // It hangs, and so does what it has started: in a session of its own, its output still open.
    script(
      directory,
      'aria2c',
      process.execPath,
      `if (process.argv[2] === '--version') process.exit()
      const forever = 'setInterval(() => {}, 1000)'
      const child = require('node:child_process').spawn(process.execPath, ['-e', forever], {
        detached: true,
        stdio: 'inherit',
      })
      require('node:fs').writeFileSync('${directory}/pids', process.pid + ' ' + child.pid)
      eval(forever)`,
    )
    const { output, ended } = bench(
      ['--profile', 'lan', '--workload', 'own', '--peer', 'aria2c', 'nbdkit', 'curl']
        .concat('--size', '1M', '--runs', '1', '--no-warm-up', '--limit', '2')
        .concat('--results', `${directory}/results`),
      env,
    )
    t.same(await ended, [0, null], 'that peers fail is a result')
    t.match(output(), /^aria2c .* failed: .*took longer than 2 s$/m)
    t.match(output(), /^nbdkit .* failed: nbdkit ended with SIGKILL before it was ready$/m)
    t.match(output(), /^curl .* failed: the copy differs from the image$/m)
    const pids = readFileSync(`${directory}/pids`, 'utf8').split(' ').map(Number)
    t.equal(pids.length, 2)
    t.same(pids.filter(isAlive), [], 'no process is left')
    t.same(readdirSync(`${directory}/tmp`), [], 'nothing is left on disk')
  },
)

t.test(
  'interrupted, it leaves no process and no file',
  { skip: process.platform !== 'linux' },
  async t => {
    const directory = temporaryDirectory(t)
    const { child, ended } = bench(
      ['--only-ours', '--workload', 'own', '--size', '1G', '--results', `${directory}/results`],
      bare(directory),
    )
    t.teardown(() => child.kill('SIGKILL'))
    const children = () =>
      readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
        .trim()
        .split(' ')
        .map(Number)
    await until(() => children().length >= 2)
    const started = children()
    child.kill('SIGINT')
    t.same(await ended, [130, null], 'ends as Ctrl-C ends programs')
    await until(() => !started.some(isAlive))
    t.same(readdirSync(`${directory}/tmp`), [])
  },
)

t.test('--url reads no more than it says from a server, and checks what it copies', async t => {
  const directory = temporaryDirectory(t)
  await using server = await SlowServer.start({ image: { size: 64 * 1024 ** 2 } })
  const url = `${server.url.replace('//', '//me:secret@')}?key=secret`
  const { output, ended } = bench(
    ['--url', url, '--budget', '8M', '--only-ours', '--workload', 'own', '--runs', '1'].concat(
      '--results',
      `${directory}/results`,
    ),
    bare(directory),
  )
  t.same(await ended, [0, null], 'succeeds')
  t.match(output(), /the first 3 MiB of 64, 2 times,[^.]*stops at 8 MiB in all/)
  t.notMatch(output(), /secret/)
  const [json = ''] = readdirSync(`${directory}/results`).filter(name => name.endsWith('.json'))
  t.match(readResults(`${directory}/results/${json}`), {
    about: { options: ['--url', /^http:\/\/\*\*\*@/] },
    cells: [{ profile: 'url', size: 3 * 1024 ** 2, runs: [{ checked: 'whole' }] }],
  })
  t.ok(server.stats.bytesSent <= 8 * 1024 ** 2)
})

t.test('wrong usage is refused before anything is started', async t => {
  const directory = temporaryDirectory(t)
  const env = bare(directory)
  for (const [args, words] of [
    [['--profile', 'nowhere'], /Take one of vcenter/],
    [['--size', 'big'], /A size such as 256M is needed/],
  ] as const) {
    const { output, ended } = bench(args, env)
    t.same(await ended, [2, null], args.join(' '))
    t.match(output(), words)
  }
  const { output, ended } = bench(['--compare', '/no/a.json', '/no/b.json'], env)
  t.same(await ended, [1, null])
  t.match(output(), /^Cannot read results from \/no\/a.json/)
})
