#!/usr/bin/env node
// Packages for Linux from what `npm run build` has built: `packaging/build.mjs DIRECTORY`, which is made.
//
//   nbd-prefetch-VERSION-linux.tar.gz   usr/ as it is installed: program, its modules, man page, completions, units
//   nbd-prefetch_VERSION_all.deb        the same for Debian and Ubuntu, where dpkg-deb is there
//
// The modules are those installed here, without what only development or one kind of processor needs, so
// nothing is downloaded. The same sources give the same bytes. MAINTAINER='Name <address>' names who answers for the .deb.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const SOURCE = fileURLToPath(new URL('..', import.meta.url))
const LIBRARY = 'usr/lib/nbd-prefetch'
const PAGES = 'usr/share/doc/nbd-prefetch'
/** Of each module: what does not run. Folders only at its top. */
const IDLE_FILES = /\.(?:map|[cm]?ts|tsbuildinfo|markdown|md)$/
const IDLE_FOLDERS = /^(?:\.github|\.vscode|bench(?:marks?)?|docs?|examples?|tests?|__tests__)$/
const COMPLETIONS = {
  bash: 'usr/share/bash-completion/completions/nbd-prefetch',
  zsh: 'usr/share/zsh/vendor-completions/_nbd-prefetch',
  fish: 'usr/share/fish/vendor_completions.d/nbd-prefetch.fish',
}

const manifest = JSON.parse(readFileSync(join(SOURCE, 'package.json'), 'utf8'))

/** Directories of the modules the program needs, as the lock file has them. */
function productionModules() {
  const { packages } = JSON.parse(readFileSync(join(SOURCE, 'package-lock.json'), 'utf8'))
  return Object.entries(packages)
    .filter(([path, { dev, optional, devOptional }]) => {
      return path !== '' && !dev && !optional && !devOptional
    })
    .map(([path]) => path)
}

function copyModule(path, root) {
  const from = join(SOURCE, path)
  cpSync(from, join(root, LIBRARY, path), {
    recursive: true,
    filter(source) {
      const inside = relative(from, source)
      // Modules below it are listed by themselves, if they are needed.
      if (inside === 'node_modules') return false
      if (!lstatSync(source).isDirectory()) return !IDLE_FILES.test(inside)
      return !IDLE_FOLDERS.test(inside)
    },
  })
}

/** Installs everything below `root`. */
function install(root) {
  const put = (path, bytes) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), bytes)
  }
  const copy = (from, to) =>
    cpSync(join(SOURCE, from), join(root, to), {
      recursive: true,
      filter: path => !/\.(?:map|d\.ts)$/.test(path),
    })
  copy('package.json', join(LIBRARY, 'package.json'))
  copy('dist', join(LIBRARY, 'dist'))
  const modules = productionModules()
  for (const path of modules) copyModule(path, root)
  mkdirSync(join(root, 'usr/bin'), { recursive: true })
  symlinkSync('../lib/nbd-prefetch/dist/main/cli.js', join(root, 'usr/bin/nbd-prefetch'))
  for (const path of manifest.man ?? []) {
    const page = readFileSync(join(SOURCE, path))
    put(join('usr/share/man/man1', `${basename(path)}.gz`), gzipSync(page, { level: 9 }))
  }
  for (const [shell, path] of Object.entries(COMPLETIONS)) {
    put(path, completion(shell))
  }
  copy('docs/systemd', 'usr/lib/systemd/system')
  for (const page of ['README.md', 'docs']) copy(page, join(PAGES, page))
  // A unit is in its place already, and the pages of the interface are made when they are wanted.
  for (const path of ['systemd', 'api']) {
    rmSync(join(root, PAGES, 'docs', path), { recursive: true, force: true })
  }
  put(
    join(PAGES, 'changelog.gz'),
    gzipSync(readFileSync(join(SOURCE, 'CHANGELOG.md')), { level: 9 }),
  )
  put(join(PAGES, 'copyright'), copyright(modules))
  settleModes(join(root, 'usr'))
  chmodSync(join(root, LIBRARY, 'dist/main/cli.js'), 0o755)
}

/** Made by the program itself. */
function completion(shell) {
  const args = [join(SOURCE, 'dist/main/cli.js'), 'completion', shell]
  const env = { ...process.env, NODE_OPTIONS: '' }
  return execFileSync(process.execPath, args, { encoding: 'utf8', env })
}

/** Our licence, and the name of each module's; their texts lie beside them. */
function copyright(modules) {
  const lines = modules.map(path => {
    const { name, version, license } = JSON.parse(
      readFileSync(join(SOURCE, path, 'package.json'), 'utf8'),
    )
    return `${name} ${version}: ${license}, /${LIBRARY}/${path}`
  })
  const ours = readFileSync(join(SOURCE, 'LICENSE'), 'utf8')
  return `${ours}\nModules it runs with:\n${[...lines].sort().join('\n')}\n`
}

/** Whatever umask and checkout had made of them. */
function settleModes(path) {
  const found = lstatSync(path)
  if (found.isSymbolicLink()) return
  chmodSync(path, found.isDirectory() ? 0o755 : 0o644)
  if (!found.isDirectory()) return
  for (const name of readdirSync(path)) settleModes(join(path, name))
}

/** Paths of all files below `root`, relative to it. */
function filesBelow(root) {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile())
  return files.map(entry => relative(root, join(entry.parentPath ?? entry.path, entry.name))).sort()
}

/** What dpkg reads; `root` must hold all else already. */
function describe(root) {
  const files = filesBelow(root)
  const bytes = files.reduce((sum, path) => sum + lstatSync(join(root, path)).size, 0)
  const sums = files.map(path => {
    const sum = createHash('md5')
      .update(readFileSync(join(root, path)))
      .digest('hex')
    return `${sum}  ${path}\n`
  })
  const template = readFileSync(join(SOURCE, 'packaging/debian/control'), 'utf8')
  const values = {
    VERSION: manifest.version,
    NODE: manifest.engines.node.replace('>=', ''),
    SIZE: String(Math.ceil(bytes / 1024)),
    MAINTAINER: process.env.MAINTAINER ?? 'Local build <root@localhost>',
  }
  mkdirSync(join(root, 'DEBIAN'))
  const control = template.replace(/@([A-Z]+)@/g, (_, name) => values[name])
  writeFileSync(join(root, 'DEBIAN/control'), control, { mode: 0o644 })
  writeFileSync(join(root, 'DEBIAN/md5sums'), sums.join(''), { mode: 0o644 })
}

/** Seconds of the epoch that files are said to be of. */
function sourceTime() {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given !== undefined) return given
  try {
    const args = ['log', '-1', '--format=%ct']
    const quiet = { cwd: SOURCE, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
    return execFileSync('git', args, quiet).trim()
  } catch {
    return '0'
  }
}

const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('Cannot build packages: name a directory for them')
const target = resolve(directory)
mkdirSync(target, { recursive: true })
const root = mkdtempSync(join(tmpdir(), 'nbd-prefetch-package-'))
try {
  chmodSync(root, 0o755)
  install(root)
  const env = { ...process.env, SOURCE_DATE_EPOCH: sourceTime() }
  const options = { env, stdio: ['ignore', 'ignore', 'inherit'] }
  const tarball = join(target, `nbd-prefetch-${manifest.version}-linux.tar.gz`)
  const same = ['--sort=name', `--mtime=@${env.SOURCE_DATE_EPOCH}`, '--owner=0', '--group=0']
  const zip = ['--numeric-owner', '--use-compress-program=gzip -9n']
  execFileSync('tar', [...same, ...zip, '-C', root, '-cf', tarball, 'usr'], options)
  console.log(tarball)
  describe(root)
  const deb = join(target, `nbd-prefetch_${manifest.version}_all.deb`)
  try {
    execFileSync('dpkg-deb', ['--root-owner-group', '--build', root, deb], options)
    console.log(deb)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    console.error('No .deb: dpkg-deb is not there')
  }
} finally {
  rmSync(root, { recursive: true, force: true })
}
