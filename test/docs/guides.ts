// The commands of docs/guides, run as they are printed, against stand-ins: a vCenter with its sessions and
// addresses, and a slow server. What can't be had here (a cluster, the kernel's nbd device) is
// marked in the guides, and only read by bash.

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { GeneratedImage } from '../../.bench/slow-server/image.js'
import { SlowServer } from '../../.bench/slow-server/server.js'
import { PROBING } from '../../dist/main/option-table/probing.js'
import { OPTION_TABLE, type OptionEntry } from '../../dist/main/option-table.js'
import { type GuideBlock, guideBlocks, guideScript, quoted } from '../fixtures/guide.js'
import { type Outcome, run, succeed } from '../fixtures/programs.js'
import { requires } from '../fixtures/requires.js'
import { temporaryDirectory } from '../fixtures/temporary-directory.js'
import { VCENTER_PASSWORD, Vcenter } from '../fixtures/vcenter.js'
import { freePorts } from '../fixtures/web-server.js'

const GUIDES = fileURLToPath(new URL('../../docs/guides/', import.meta.url))
const JOB = fileURLToPath(new URL('../../packaging/kubernetes/import-disk.yaml', import.meta.url))
const CLI = fileURLToPath(new URL('../../dist/main/cli.js', import.meta.url))
const MIB = 1024 * 1024
const image = new GeneratedImage({ size: 6 * MIB + 4096 })
/** Ends a guide whose commands wait for each other, seconds. */
const LIMIT = '100'

// Most of the time goes into programs of their own.
t.jobs = 2

/** A place to run a guide in, with `nbd-prefetch` in the PATH as an installed one is. */
class Workshop {
  readonly directory: string
  readonly #t: Test

  constructor(t: Test) {
    this.#t = t
    this.directory = temporaryDirectory(t)
    mkdirSync(join(this.directory, 'bin'))
    this.program('nbd-prefetch', `exec ${quoted(process.execPath)} ${quoted(CLI)} "$@"`)
  }

  /** A shell script in the PATH. */
  program(name: string, script: string): void {
    writeFileSync(join(this.directory, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }

  file(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text, { mode: 0o600 })
  }

  /** Runs what can be run of a guide; the guide's own commands must all succeed. */
  async follow(guide: string, values: Readonly<Record<string, string>>): Promise<Outcome> {
    const blocks = guideBlocks(join(GUIDES, guide)).filter(({ language }) => language === 'sh')
    const runnable = blocks.filter(block => this.#canRun(block))
    const outcome = await this.run('bash', [
      '-c',
      `cd ${quoted(this.directory)}\n${guideScript(runnable, values)}`,
    ])
    this.#t.equal(outcome.status, 0, `${guide}: ${outcome.stderr}`)
    return outcome
  }

  /** Checks a file that a guide has made. */
  holdsImage(name: string): void {
    const bytes = readFileSync(join(this.directory, name))
    this.#t.equal(bytes.length, image.size, name)
    this.#t.equal(image.compare(0, bytes), -1, `${name} has every byte right`)
  }

  /** Checks a qcow2 file that a guide has made. */
  async unpacksToImage(name: string): Promise<void> {
    const raw = join(this.directory, `${name}.raw`)
    const from = join(this.directory, name)
    await succeed(this.#t, 'qemu-img', ...['convert', '-f', 'qcow2', '-O', 'raw', from, raw])
    this.holdsImage(`${name}.raw`)
  }

  /** Runs a program that ends by itself. */
  run(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const PATH = [join(this.directory, 'bin'), process.env['PATH']].join(delimiter)
    // One thread has enough to do with a few MiB, and is sooner there.
    const quick = { NBD_PREFETCH_WORKERS: '1', NODE_OPTIONS: '' }
    const ours = { PATH, HOME: this.directory, no_proxy: '*', ...quick }
    const env = { ...process.env, ...ours, ...more }
    return run(this.#t, 'timeout', ['-k', '5', LIMIT, program, ...args], { env })
  }

  #canRun({ line, attribute }: GuideBlock): boolean {
    if (attribute === undefined) return true
    if (attribute === 'by-hand') return false
    if (attribute !== 'needs=fuse') throw new Error(`Cannot tell if there is '${attribute}'`)
    const can = canMountFuse()
    if (!can) this.#t.comment(`left out, ${attribute}: the block at line ${line}`)
    return can
  }
}

function canMountFuse(): boolean {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
    const capabilities = /^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    // CAP_SYS_ADMIN
    return (BigInt(`0x${capabilities}`) & (1n << 21n)) !== 0n
  } catch {
    return false
  }
}

/** The stand-in of a vCenter, and what the guides' variables are with it. */
async function vcenter(t: Test, shop: Workshop) {
  const server = await Vcenter.start(t, {
    image,
    target: '/folder/vm/vm-flat.vmdk?dcPath=Datacenter&dsName=datastore1',
  })
  shop.file('password', `${VCENTER_PASSWORD}\n`)
  shop.file('ca.pem', server.ca)
  return { server, values: { VCENTER: server.host, PASSWORD_FILE: 'password', CA: 'ca.pem' } }
}

async function mirror(t: Test, auth?: { user: string; password: string }): Promise<string> {
  const server = await SlowServer.start({ image, thinkTimeMs: 2, auth })
  t.teardown(() => server.close())
  return server.url
}

t.test('vcenter-qemu-img.md', requires('qemu-img'), async t => {
  const shop = new Workshop(t)
  const { server, values } = await vcenter(t, shop)
  const { stdout, stderr } = await shop.follow('vcenter-qemu-img.md', {
    ...values,
    SYSTEM: server.url,
    DATA: server.url,
  })
  for (const name of ['vm.qcow2', 'system.qcow2', 'data.qcow2']) await shop.unpacksToImage(name)
  t.match(stdout, 'Images are identical.')
  t.equal(server.logins, 5, 'one for each command and disk')
  t.match(server, { logouts: 5, sessions: 0 })
  t.notMatch(stdout + stderr, VCENTER_PASSWORD)
})

t.test('vcenter-virt-v2v.md', requires('nbdkit', 'nbdcopy', 'nbdinfo'), async t => {
  const shop = new Workshop(t)
  const { server, values } = await vcenter(t, shop)
  // What virt-v2v does with its source, without the conversion: the same programs in the same order.
  shop.program(
    'virt-v2v',
    `set -e
    [ "$1" = -i ]
    case "$2" in
      libvirtxml)
        port=$(sed -n "s/.*<host name='localhost' port='\\([0-9]*\\)'.*/\\1/p" "$3")
        set -- "$@" nbd hostname=localhost port="$port" shared=true ;;
      disk) set -- "$@" file "$3" cache=none ;;
    esac
    kind=$2
    [ "$4 $5 $6 $8 $9" = '-o local -os -of qcow2' ]
    out=$7
    shift 9
    exec nbdkit -r -f -U - --filter=cow "$@" --run "nbdcopy \\"\\$uri\\" $out/$kind"`,
  )
  const [port] = await freePorts(1)
  await shop.follow('vcenter-virt-v2v.md', { ...values, PORT: String(port) })
  const made = readdirSync(join(shop.directory, 'converted'))
  t.strictSame(made, canMountFuse() ? ['disk', 'libvirtxml'] : ['libvirtxml'])
  for (const name of made) shop.holdsImage(join('converted', name))
  t.match(server, { logouts: server.logins, sessions: 0 })
})

t.test('mount.md', requires('qemu-img', 'qemu-nbd', 'nbdinfo', 'nbdcopy'), async t => {
  const shop = new Workshop(t)
  const raw = join(shop.directory, 'source.raw')
  const qcow2 = join(shop.directory, 'source.qcow2')
  writeFileSync(raw, image.read(0, image.size))
  await succeed(t, 'qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-c', raw, qcow2)
  const packed = await SlowServer.start({ image: { file: qcow2 } })
  t.teardown(() => packed.close())
  const { stdout } = await shop.follow('mount.md', { IMAGE: await mirror(t), QCOW2: packed.url })
  shop.holdsImage('decoded.img')
  t.match(stdout, 'file format: raw')
  t.match(stdout, 'read 65536/65536 bytes at offset 0')
})

t.test('tuning.md', requires('qemu-img', 'nbdcopy'), async t => {
  const shop = new Workshop(t)
  const { stdout, stderr } = await shop.follow('tuning.md', { IMAGE: await mirror(t) })
  shop.holdsImage('disk.img')
  t.match(stdout, /^(Recommended:|The defaults fit)/m)
  t.match(stderr, /^stalled +/m)
})

t.test('moving.md', requires('nbdkit', 'nbdcopy', 'qemu-img'), async t => {
  const shop = new Workshop(t)
  shop.file('password', 'planted\n')
  await shop.follow('moving.md', {
    IMAGE: await mirror(t),
    LOGIN_URL: await mirror(t, { user: 'me', password: 'planted' }),
    PASSWORD_FILE: 'password',
  })
  const names = ['before.img', 'after.img', 'before-login.img', 'after-login.img', 'after-qemu.img']
  for (const name of names) shop.holdsImage(name)
})

t.test('troubleshooting.md and security.md', requires('nbdinfo', 'curl', 'openssl'), async t => {
  const shop = new Workshop(t)
  const trouble = await shop.follow('troubleshooting.md', { IMAGE: await mirror(t) })
  t.match(trouble.stdout, `Content-Range: bytes 0-0/${image.size}`)
  shop.file('password', 'planted\n')
  const IMAGE = await mirror(t, { user: 'me', password: 'planted' })
  const { stdout } = await shop.follow('security.md', { IMAGE, PASSWORD_FILE: 'password' })
  t.match(stdout, 'no way in without TLS')
  t.match(stdout, `${image.size}\n`)
})

t.test('kubevirt.md: what the container of the Job runs', requires('qemu-img'), async t => {
  const shop = new Workshop(t)
  const { server } = await vcenter(t, shop)
  const [block] = guideBlocks(join(GUIDES, 'kubevirt.md')).filter(
    ({ language, attribute }) => language === 'yaml' && attribute === 'args',
  )
  const printed = parse(block?.code ?? '') as string[]
  const { args, env } = containerOf(readFileSync(JOB, 'utf8'))
  t.strictSame(printed, args, 'the guide prints what is in the manifest')
  // A volume that held something else before.
  const target = join(shop.directory, 'volume')
  writeFileSync(target, Buffer.alloc(image.size + MIB, 0xee))
  const values: Record<string, string> = { ...env, TARGET: target }
  shop.file('status-token', 'planted\n')
  const [port = 0] = await freePorts(1)
  values['SERVER'] = (values['SERVER'] ?? '').replace('vcenter.example', server.host)
  const command = args.map(arg =>
    arg
      .replace(/\$\((\w+)\)/g, (_, name: string) => values[name] ?? '')
      .replace('/run/secrets/vcenter', shop.directory)
      .replace(/--status=.*/, `--status=127.0.0.1:${port}`)
      .replace('-t none', takesDirectWrites(shop.directory) ? '-t none' : ''),
  )
  const outcome = await shop.run('nbd-prefetch', command, values)
  t.equal(outcome.status, 0, outcome.stderr)
  const bytes = readFileSync(target)
  t.equal(image.compare(0, bytes.subarray(0, image.size)), -1, 'every byte is right')
  t.match(server, { logins: 1, logouts: 1, sessions: 0 })
})

/** What Kubernetes would run: the arguments of the only container, and its variables. */
function containerOf(manifest: string): { args: string[]; env: Record<string, string> } {
  const job = parseAllDocuments(manifest)
    .map(document => document.toJS() as { kind: string; spec: { template: PodTemplate } })
    .find(({ kind }) => kind === 'Job')
  const [container] = job?.spec.template.spec.containers ?? []
  const env = container?.env.map(({ name, value }): [string, string] => [name, value]) ?? []
  return { args: container?.args ?? [], env: Object.fromEntries(env) }
}

interface PodTemplate {
  spec: { containers: { args: string[]; env: { name: string; value: string }[] }[] }
}

/** Not every file system of a test machine does. */
function takesDirectWrites(directory: string): boolean {
  try {
    const path = join(directory, 'direct')
    closeSync(openSync(path, constants.O_CREAT | constants.O_WRONLY | constants.O_DIRECT))
    return true
  } catch {
    return false
  }
}

t.test('what is done by hand is at least bash', async t => {
  const byHand = readdirSync(GUIDES).flatMap(name =>
    guideBlocks(join(GUIDES, name)).filter(({ attribute }) => attribute === 'by-hand'),
  )
  t.ok(byHand.length > 3)
  const script = byHand.map(({ code }) => code).join('\n')
  t.match(await run(t, 'bash', ['-n', '-c', script]), { status: 0, stderr: '' })
})

const pages = readdirSync(GUIDES).map(name => ({
  name,
  text: readFileSync(join(GUIDES, name), 'utf8'),
}))

t.test('guides name flags of nbd-prefetch that exist', async t => {
  const known = new Set((OPTION_TABLE as readonly OptionEntry[]).map(({ long }) => long))
  for (const { long } of PROBING) known.add(long)
  known.add('--help')
  for (const { name, text } of pages) {
    // In prose; rows of other programs' filters have their own.
    const named = text.matchAll(/`(--[a-z0-9-]+)/g)
    for (const [, flag = ''] of named)
      t.ok(known.has(flag) || flag === '--filter', `${name} ${flag}`)
  }
})

t.test('guides link to pages and headings that exist', async t => {
  let links = 0
  for (const { name, text } of pages) {
    for (const [, path = '', anchor] of text.matchAll(/\]\(([^):#]*)(?:#([^)]*))?\)/g)) {
      links++
      const target = join(GUIDES, path === '' ? name : path)
      t.ok(existsSync(target), `${name}: ${path}`)
      if (anchor === undefined || !existsSync(target)) continue
      const headings = readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)
      const anchors = [...headings].map(([, heading = '']) => anchorOf(heading))
      t.ok(anchors.includes(anchor), `${name}: ${path}#${anchor}`)
    }
  }
  t.ok(links > 20)
})

/** As GitHub makes them. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

t.test('troubleshooting.md has words that the program says', async t => {
  const built = fileURLToPath(new URL('../../dist/', import.meta.url))
  const code = readdirSync(built, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.js'))
    .map(path => readFileSync(join(built, path), 'utf8'))
    .join('\n')
  const text = pages.find(({ name }) => name === 'troubleshooting.md')?.text ?? ''
  const sections = text.split('\n## ').filter(section => section.includes('| message has |'))
  const cells = sections.flatMap(section =>
    [...section.matchAll(/^\| ([^|]*`[^|]*) \|/gm)].map(([, cell = '']) => cell),
  )
  const words = cells.flatMap(cell => [...cell.matchAll(/`([^`]+)`/g)].map(([, said = '']) => said))
  t.ok(words.length > 25)
  for (const said of words) {
    // The numbers of an answer and its reason are the server's.
    const answer = /^:? ?\d{3} /.test(said)
    t.ok(answer || code.includes(said), said)
  }
})
