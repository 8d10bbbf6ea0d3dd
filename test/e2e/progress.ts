// What the built program tells of a copy while it runs and when it is over: progress as JSON, the
// table, the log, all of one run; and the live line on a real terminal.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { NbdClient } from '../../.bench/nbd-client.js'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { showBytes } from '../../dist/main/status/units.js'
import { differenceOf } from '../fixtures/image-copy.js'
import { runProgram } from '../fixtures/program.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { until } from '../fixtures/until.js'

const MIB = 1024 * 1024
const CLI = fileURLToPath(new URL('../../dist/main/cli.js', import.meta.url))
const SCHEMA = JSON.parse(
  readFileSync(new URL('../../docs/progress.schema.json', import.meta.url), 'utf8'),
) as Schema

interface Schema {
  readonly required: readonly string[]
  readonly properties: Readonly<Record<string, Property>>
}

interface Property {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
}

type Line = Readonly<Record<string, unknown>>

function linesOf(path: string): Line[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Line)
}

/** As much of JSON Schema as the schema uses. */
function fits(property: Property, value: unknown): boolean {
  const { type, enum: values, minimum, maximum } = property
  const types = type === undefined ? undefined : [type].flat()
  const isOf = (name: string) =>
    name === 'integer'
      ? Number.isInteger(value)
      : name === 'null'
        ? value === null
        : typeof value === name
  return (
    ('const' in property ? property.const === value : true) &&
    (types?.some(isOf) ?? true) &&
    (values?.includes(value) ?? true) &&
    (typeof value !== 'number' || (value >= (minimum ?? value) && value <= (maximum ?? value)))
  )
}

t.test(
  'one run: progress, table and log agree, keep the schema and the secrets',
  requires('nbdcopy'),
  async t => {
    const image = new GeneratedImage({ size: 24 * MIB + 1000 })
    const origin = await SlowServer.start({ image, thinkTimeMs: 20 })
    t.teardown(() => origin.close())
    const directory = temporaryDirectory(t)
    const [target, progress, log] = ['copy', 'progress', 'log'].map(name =>
      join(directory, name),
    ) as [string, string, string]
    const move = `mv '${log}' '${log}.1' && kill -USR2 $PPID && until test -e '${log}'; do sleep 0.05; done`
    const { status, stdout, stderr } = await runProgram(t, [
      ...['--progress=json', '--progress-file', progress, '--stats'],
      // Without readahead every request is one that a read has waited for.
      ...['--log-file', log, '--log-format', 'auto', '-v', '--readahead', 'off'],
      ...['--run', `nbdcopy "$uri" '${target}' && ${move}`],
      origin.url.replace('http://', 'http://me:hunter2@'),
    ])
    t.match({ status, stdout }, { status: 0, stdout: '' })
    t.equal(differenceOf(image, target), undefined, 'the copy is the image')

    const samples = linesOf(progress)
    for (const sample of samples) {
      t.strictSame(Object.keys(sample), SCHEMA.required)
      for (const [key, property] of Object.entries(SCHEMA.properties)) {
        t.ok(fits(property, sample[key]), `${key}: ${sample[key]}`)
      }
    }
    t.strictSame(
      samples.map(({ final }) => final),
      samples.map((_, i) => i === samples.length - 1),
    )
    const end = samples.at(-1) as Line
    t.match(end, { share: 1, secondsLeft: 0, imageBytes: image.size, coveredBytes: image.size })
    t.ok((end['servedBytes'] as number) > image.size / 2, 'what is told to be zero is not read')
    const row = (label: string) => new RegExp(`^${label} +(.*?)  `, 'm').exec(stderr)?.[1]
    t.equal(row('served'), showBytes(end['servedBytes'] as number))
    t.equal(row('fetched'), showBytes(end['fetchedBytes'] as number))
    t.ok((end['fetchedBytes'] as number) >= image.size)
    t.match(stderr, /\nLimited by the [^\n]+\.\n$/, 'the sentence below the table')
    t.match(stderr, /^run time /, 'and nothing else on standard error')

    const before = linesOf(`${log}.1`)
    const lines = [...before, ...linesOf(log)]
    t.match(lines.at(-1), { level: 'debug', msg: /connection closed|closing/ })
    t.ok(before.some(({ msg }) => String(msg).startsWith('opened ')))
    const request = lines.find(line => typeof line['reads'] === 'string') as Line
    const [read] = String(request['reads']).split(' ')
    const story = lines
      .filter(line => `${line['read']} ${line['reads']}`.split(' ').includes(read as string))
      .map(({ msg }) => msg)
    t.match(story, ['read', 'request', 'read answered'], 'the story of one read')
    t.ok(
      lines.some(line => line['request'] === request['request'] && line['bytes'] !== undefined),
      'and of its request',
    )
    t.notMatch(
      readFileSync(`${log}.1`, 'utf8') + readFileSync(progress, 'utf8') + stderr,
      /hunter2/,
    )
  },
)

t.test(
  'on a terminal of 40 columns one live line fits, beside whole lines of the log',
  requires('script', 'stty'),
  async t => {
    const origin = await SlowServer.start({ image: { size: 8 * MIB } })
    t.teardown(() => origin.close())
    const path = join(temporaryDirectory(t), 's')
    const shell = `stty cols 40 rows 10; exec env -u NODE_OPTIONS '${process.execPath}' '${CLI}' --progress -U '${path}' '${origin.url}'`
    const child = spawn('script', ['-qec', shell, '/dev/null'], {
      env: { ...process.env, no_proxy: '*' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text
    })
    const ended = once(child, 'close')
    await until(() => existsSync(path) && output.includes('idle'))
    const client = await NbdClient.connect({ path })
    await client.read(0, 4 * MIB)
    await until(() => /50\.0 % /.test(output))
    await client.close()
    child.stdin.write('\x03')
    t.equal((await ended)[0], 0)
    const drawn = output.split('\r\u001b[K').slice(1)
    const shown = drawn.filter(text => / %/.test(text))
    t.ok(shown.length >= 2, 'drawn again and again')
    for (const text of shown) t.match(text, /^[ -~]{1,39}$/, 'fits, and is text')
    t.match(output, /\rnbd-prefetch: opened |^nbd-prefetch: opened /m, 'the log is text')
    t.ok(
      drawn.some(text => /^nbd-prefetch: SIGINT: [^\r\n]+\r?\n$/.test(text)),
      'a line of the log has its own line',
    )
    t.notMatch(drawn.at(-1), / %/, 'nothing is left of it')
  },
)
