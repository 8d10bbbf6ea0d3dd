// What is published and installed: the npm package's files, the tarball and the .deb as packaging/build.mjs makes
// them, and the definitions of container and Jobs.

import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { validate } from 'dockerfile-utils'
import t from 'tap'
import ts from 'typescript'
import { parseAllDocuments } from 'yaml'
import { SlowServer } from '../.bench/slow-server/server.js'
import { run, succeed } from './fixtures/programs.js'
import { requires } from './fixtures/requires.js'
import { temporaryDirectory } from './fixtures/temporary-directory.js'
import { freePorts } from './fixtures/web-server.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MIB = 1024 * 1024

function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

t.test('npm publishes the program, its types and its pages, and nothing else', async t => {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const { status, stdout, stderr } = await run(t, 'npm', [...args, ROOT])
  t.equal(status, 0, stderr)
  const [pack] = JSON.parse(stdout) as { files: { path: string; mode: number }[] }[]
  const paths = pack?.files.map(({ path }) => path) ?? []
  for (const path of [
    ...['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json'],
    ...['dist/main/cli.js', 'dist/main/index.d.ts', 'dist/workers/index.js'],
    ...['dist/shared/sharedarraybuffer-ring/index.js', 'docs/guides/tuning.md'],
    'docs/systemd/nbd-prefetch@.service',
    'man/nbd-prefetch.1',
  ]) {
    t.ok(paths.includes(path), path)
  }
  const known =
    /^(?:dist\/(?:main|shared|workers)\/.*\.(?:js|d\.ts)|dist\/.*\.(?:css|html|svg)|docs\/(?!api\/).*|man\/.*\.1|LICENSE|(?:README|CHANGELOG)\.md|package\.json)$/
  t.strictSame(
    paths.filter(path => !known.test(path)),
    [],
  )
  // Sources are not published, so their maps would lead nowhere.
  t.strictSame(
    paths.filter(path => /\.map$|(?:^|\/)tests?\//.test(path)),
    [],
  )
})

t.test('package.json is ready for provenance, and names no address that is not known', async t => {
  const { publishConfig, bin, engines } = JSON.parse(textOf('package.json')) as Manifest
  t.strictSame(publishConfig, { access: 'public', provenance: true })
  t.match(textOf(bin['nbd-prefetch'] ?? ''), /^#!\/usr\/bin\/env sh\n.*; exec node "\$0" "\$@"\n/)
  t.equal(engines.node, '>=20.18.1')
})

interface Manifest {
  publishConfig: object
  bin: Record<string, string>
  engines: { node: string }
}

t.test('the tarball runs by itself, and the .deb has the same', requires('nbdinfo'), async t => {
  const origin = await SlowServer.start({ image: { size: 2 * MIB } })
  t.teardown(() => origin.close())
  const directory = temporaryDirectory(t)
  const builder = join(ROOT, 'packaging/build.mjs')
  const env = { ...process.env, NODE_OPTIONS: '', SOURCE_DATE_EPOCH: '1700000000' }
  const built = await run(t, process.execPath, [builder, directory], { env })
  t.equal(built.status, 0, built.stderr)
  const [tarball = '', deb] = built.stdout.trim().split('\n')
  const root = join(directory, 'root')
  mkdirSync(root)
  await succeed(t, 'tar', '-xzf', tarball, '-C', root)
  const PATH = `${root}/usr/bin:${dirname(process.execPath)}:/usr/bin:/bin`
  // With the container's own health check, at a port that is free here.
  const [port = 0] = await freePorts(1)
  const HEALTH = healthCheck().replaceAll('9808', String(port))
  const status = { NBD_PREFETCH_STATUS: `127.0.0.1:${port}`, HEALTH }
  const clean = { PATH, HOME: root, no_proxy: '*', ...status }
  const command = 'nbdinfo --size "$uri" && node -e "$HEALTH" && echo healthy'
  const args = ['-C', root, 'nbd-prefetch', '--run', command, origin.url]
  const outcome = await run(t, 'env', args, { env: clean })
  t.match(outcome, { status: 0, stdout: `${2 * MIB}\nhealthy\n` }, outcome.stderr)
  t.match(await run(t, process.execPath, ['-e', HEALTH], { env: clean }), { status: 1 })
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  for (const path of [
    'usr/lib/systemd/system/nbd-prefetch@.service',
    'usr/share/doc/nbd-prefetch/copyright',
    'usr/share/man/man1/nbd-prefetch.1.gz',
    'usr/share/bash-completion/completions/nbd-prefetch',
    'usr/share/zsh/vendor-completions/_nbd-prefetch',
    'usr/share/fish/vendor_completions.d/nbd-prefetch.fish',
    'usr/lib/nbd-prefetch/node_modules/undici/LICENSE',
  ]) {
    t.ok(files.includes(path), path)
  }
  // Of one kind of processor, or of use to nobody who runs it.
  t.strictSame(
    files.filter(path => /\.(?:node|map|ts)$/.test(path)),
    [],
  )
  if (deb === undefined) return t.comment('no .deb: dpkg-deb is not there')
  const listed = await succeed(t, 'dpkg-deb', '--contents', deb)
  const packed = [...listed.matchAll(/^(\S{10}) root\/root .* \.\/(\S+)/gm)]
  const inDeb = packed.map(([, , path = '']) => path.replace(/\/$/, ''))
  t.strictSame(inDeb.sort(), files.sort())
  const runnable = packed.filter(([, mode = '']) => !/^(?:-rw-r--r--|drwxr-xr-x|l)/.test(mode))
  const paths = runnable.map(([, , path]) => path)
  t.strictSame(paths, ['usr/lib/nbd-prefetch/dist/main/cli.js'])
  const control = await succeed(t, 'dpkg-deb', '--field', deb)
  t.match(control, /^Depends: nodejs \(>= 20\.18\.1\)$/m)
  t.notMatch(control, /@[A-Z]+@/)
})

/** What Node runs for the HEALTHCHECK of the container. */
function healthCheck(): string {
  const [, command = ''] =
    /\n +CMD (\["node".*\])/.exec(textOf('packaging/oci/Containerfile')) ?? []
  const [, , script = ''] = JSON.parse(command) as string[]
  return script
}

t.test('the container is defined without faults, not as root, from pinned bases', async t => {
  const path = 'packaging/oci/Containerfile'
  const text = textOf(path)
  const faults = validate(text)
  t.strictSame(
    faults.map(({ message, range }) => `${path}:${range.start.line + 1}: ${message}`),
    [],
  )
  const bases = [...text.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)
  t.equal(bases.length, 2)
  for (const base of bases) t.match(base, /^docker\.io\/library\/[a-z]+:\d+-[a-z-]+$/)
  const last = text.slice(text.lastIndexOf('\nFROM '))
  t.match(last, /^USER [1-9]\d*:[1-9]\d*$/m)
  t.ok(last.indexOf('\nUSER ') > last.lastIndexOf('\nRUN '), 'nothing is written as that user')
  t.notMatch(text, /\bADD\b|--password|TOKEN|curl/)
  // What is copied is all there, and let in by .dockerignore.
  const ignored = textOf('.dockerignore').split('\n')
  t.ok(ignored.includes('*'))
  for (const [, names = ''] of text.matchAll(/^COPY ((?!--)[^\n]+) \S+$/gm)) {
    for (const name of names.split(' ')) t.ok(ignored.includes(`!${name}`), name)
  }
})

t.test("the manifests have Kubernetes' own fields, and are as strict as 'restricted'", async t => {
  const documents = readdirSync(join(ROOT, 'packaging/kubernetes'))
    .flatMap(name => parseAllDocuments(textOf(`packaging/kubernetes/${name}`)))
    .map(document => {
      t.strictSame([...document.errors, ...document.warnings], [])
      return document.toJS() as KubernetesObject
    })
  t.strictSame(typeErrors(documents), [])
  const [job] = documents.filter(({ kind }) => kind === 'Job')
  const pod = job?.spec.template?.spec as JobPod
  t.match(pod, {
    automountServiceAccountToken: false,
    restartPolicy: 'Never',
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  })
  for (const { securityContext, resources, env, args } of pod.containers) {
    t.match(securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    t.equal(resources.requests['memory'], resources.limits['memory'])
    // Ring, the rest of the program as the README bounds it, and qemu-img.
    const ring = Number(/--ring-size=(\d+)M/.exec(args.join(' '))?.[1])
    t.ok(ring + 150 + 100 <= Number.parseInt(resources.limits['memory'] ?? '', 10))
    for (const { name } of env) t.notMatch(name, /PASSWORD|TOKEN|SECRET/)
  }
  const claims = documents.filter(({ kind }) => kind === 'PersistentVolumeClaim')
  t.ok(claims.some(({ metadata }) => JSON.stringify(pod).includes(`"${metadata.name}"`)))
})

interface KubernetesObject {
  kind: string
  metadata: { name: string }
  spec: { template?: { spec: unknown } }
}

interface JobPod {
  containers: {
    args: string[]
    env: { name: string }[]
    resources: Record<'requests' | 'limits', Record<string, string>>
    securityContext: object
  }[]
}

/** Where each kind's type is. Kinds of KubeVirt have none. */
const TYPES: Readonly<Record<string, string>> = {
  Job: 'kubernetes-types/batch/v1',
  PersistentVolumeClaim: 'kubernetes-types/core/v1',
}

/** What TypeScript says of objects as values of their kinds' types: unknown fields, wrong values. */
function typeErrors(documents: readonly KubernetesObject[]): string[] {
  const name = join(ROOT, 'test/manifests.ts')
  const source = documents
    .filter(({ kind }) => kind in TYPES)
    .map((object, index) => {
      const type = `import('${TYPES[object.kind]}').${object.kind}`
      return `export const object${index}: ${type} = ${JSON.stringify(object, null, 1)}`
    })
    .concat(
      '// @ts-expect-error: an unknown field is an error, or all this proves nothing',
      "export const wrong: import('kubernetes-types/batch/v1').Job = { spec: { template: {}, backOfLimit: 1 } }",
    )
    .join('\n')
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    lib: ['lib.es5.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  }
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.getSourceFile = (path, version) =>
    path === name ? ts.createSourceFile(path, source, version) : getSourceFile(path, version)
  host.fileExists = path => path === name || fileExists(path)
  host.readFile = path => (path === name ? source : readFile(path))
  const program = ts.createProgram([name], options, host)
  const found = ts.getPreEmitDiagnostics(program)
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}
