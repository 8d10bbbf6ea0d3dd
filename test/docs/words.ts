// The man page, --help, the README and the shells' completions say the same, and what was made from
// the code is up to date.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseCommandLine } from '../../dist/main/command-line.js'
import { OPTION_TABLE, type OptionEntry } from '../../dist/main/option-table.js'
import { GENERATED_FILES } from '../../dist/main/words/generated-files.js'
import { roffShown, roffText } from '../../dist/main/words/roff.js'
import { SHELLS, STANDARD, SUBCOMMANDS } from '../../dist/main/words/subcommands.js'
import { shortHelp, valueKind } from '../../dist/main/words/value-kind.js'
import { run } from '../fixtures/programs.js'
import { requires } from '../fixtures/requires.js'

const root = new URL('../../', import.meta.url)
const man = readFileSync(new URL('man/nbd-prefetch.1', root), 'utf8')
const readme = readFileSync(new URL('README.md', root), 'utf8')

/** An option as people read it: '-U, --unix PATH (default x)'. */
type Shown = string

function shown(flags: string, value: string, standard: string): Shown {
  return `${flags} ${value} (${standard})`
}

/** The default, said at the end of a help text. */
function defaultIn(help: string): string {
  return /\((?:.*, )?default ((?:[^()]|\(.*\))*)\)$/.exec(help)?.[1] ?? ''
}

function show(...argv: string[]): string {
  const invocation = parseCommandLine(argv, 100_000)
  if (invocation.kind !== 'show') throw new Error('not shown')
  return invocation.text
}

function inHelp(text: string): Shown[] {
  return [
    ...text.matchAll(/^ {2}((?:-\w, )?--[\w-]+)(?: <(.+?)>(?= {2})|(\[=\w+\]))? {2,}(.*)$/gm),
  ].map(([, flags = '', value, bare = '', help = '']) =>
    shown(flags, value ?? bare, defaultIn(help)),
  )
}

function inMan(section: string): Shown[] {
  const items = section.split('\n.TP\n').slice(1)
  return items.map(item => {
    const [tag = '', ...lines] = item.split(/\n(?=\.S[SH])/)[0]?.split('\n') ?? []
    const [, flags = '', value = ''] = /^((?:-\w, )?--[\w-]+) ?(.*)$/.exec(roffShown(tag)) ?? []
    return shown(flags, value, defaultIn(roffShown(lines.join(' '))))
  })
}

function inReadme(): Shown[] {
  const tables = /<!-- options:start -->\n([\s\S]*)\n<!-- options:end -->/.exec(readme)?.[1] ?? ''
  return tables
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line => line.replaceAll('\\|', '\0').split(' | '))
    .map(([name = '', standard = '']) => {
      const text = name.replaceAll('\0', '|')
      const [, flags = '', value = ''] = /^\| `((?:-\w, )?--[\w-]+) ?(.*)`$/.exec(text) ?? []
      return shown(flags, value, standard.trim())
    })
}

function sectionOf(name: string): string {
  return man.split(`\n.SH ${name}\n`)[1]?.split('\n.SH ')[0] ?? ''
}

t.test('what is generated is up to date: npm run generate', async t => {
  for (const { path, make } of GENERATED_FILES) {
    const text = readFileSync(new URL(path, root), 'utf8')
    t.equal(text, make(text), path)
  }
})

t.test(
  '--help, the man page and the README have the same options, values and defaults',
  async t => {
    const standard = STANDARD.map(({ short, long }) => shown(`${short}, ${long}`, '', ''))
    const readmeOptions = inReadme()
    t.equal(readmeOptions.length, OPTION_TABLE.length)
    t.ok(readmeOptions.includes('-p, --port PORT (10809)'))
    const all = [...readmeOptions, ...standard].sort()
    t.strictSame(inHelp(show('--help')).sort(), all)
    t.strictSame(inMan(sectionOf('OPTIONS')).sort(), all)
  },
)

t.test('the man page has what each subcommand takes besides, and its help has all', async t => {
  const served = new Set<string>(SUBCOMMANDS[0].entries.map(({ key }) => key))
  for (const { name, entries } of SUBCOMMANDS.slice(1)) {
    const section = sectionOf('SUBCOMMANDS').split(`.SS "${name}"\n`)[1]?.split('\n.SS ')[0] ?? ''
    const own = entries.filter(({ key }) => !served.has(key)).map(({ long }) => long)
    t.strictSame(
      inMan(section).map(text => /--[\w-]+/.exec(text)?.[0]),
      own,
      name,
    )
    const help = show(name, '--help')
    t.match(help, `nbd-prefetch ${name}`)
    for (const { long } of entries) t.match(help, long)
    t.match(show('--help'), `nbd-prefetch ${name}`)
  }
})

t.test('roffText() writes what would be a command or an escape so that it is none', async t => {
  t.equal(roffText('.TH is C:\\x'), '\\&.TH is C:\\ex')
  t.equal(roffText("'a' --b-c."), '\\(aqa\\(aq \\fB\\-\\-b\\-c\\fR.')
  const long = "It's ".repeat(40)
  t.ok(
    roffText(long)
      .split('\n')
      .every(line => line.length < 80),
  )
  t.equal(roffShown(roffText('-1 \\ ~^`').replaceAll('\n', ' ')), '-1 \\ ~^`')
})

t.test('valueKind() tells files, directories and words from text', async t => {
  const entry = { key: 'k', long: '--k', group: 'Output', kind: 'text', help: 'h' } as const
  t.strictSame(valueKind(entry), { kind: 'none' })
  t.strictSame(valueKind({ ...entry, value: 'FILE' }), { kind: 'file' })
  t.strictSame(valueKind({ ...entry, value: 'DIRECTORY' }), { kind: 'directory' })
  t.strictSame(valueKind({ ...entry, value: 'URL' }), { kind: 'text' })
  t.strictSame(valueKind({ ...entry, value: 'auto|SIZE' }), { kind: 'words', words: ['auto'] })
  for (const one of OPTION_TABLE as readonly OptionEntry[])
    t.ok(shortHelp(one).length >= 8, one.long)
})

t.test('man/nbd-prefetch.1 is a man page without a fault', requires('mandoc'), async t => {
  const path = new URL('man/nbd-prefetch.1', root).pathname
  const { status, stdout } = await run(t, 'mandoc', ['-Tlint', '-Wwarning', path])
  t.equal(stdout, '')
  t.equal(status, 0)
})

t.test('completion names no shell that it does not know', async t => {
  t.throws(() => parseCommandLine(['completion', 'csh']), { code: 'USAGE', message: /bash, zsh/ })
  t.throws(() => parseCommandLine(['completion']), { code: 'USAGE' })
  for (const shell of SHELLS) t.match(show('completion', '--help'), `completion ${shell}`)
})

/** Lines to be completed and what a shell must offer for them. */
const OFFERS: readonly (readonly [string, readonly string[]])[] = [
  ['nbd-prefetch --tls ', ['off', 'on', 'require']],
  ['nbd-prefetch --readahead=', ['auto', 'off']],
  ['nbd-prefetch --retr', ['--retries', '--retry-time']],
  ['nbd-prefetch pro', ['probe']],
  ['nbd-prefetch probe --js', ['--json']],
  ['nbd-prefetch probe --stat', []],
  ['nbd-prefetch --js', []],
  ['nbd-prefetch completion z', ['zsh']],
  ['nbd-prefetch --max-clients ', []],
]

const FISH = `
source $argv[1]
for line in $argv[2..]
  set -l words (complete -C $line | string split -f1 \\t)
  echo $line: $words
end`

for (const shell of SHELLS) {
  t.test(`completion ${shell} prints what ${shell} completes by`, requires(shell), async t => {
    const directory = t.testdir({ script: show('completion', shell) })
    const script = join(directory, 'script')
    mkdirSync(join(directory, 'files', 'folder'), { recursive: true })
    writeFileSync(join(directory, 'files', 'file.pem'), '')
    const files = join(directory, 'files', 'f')
    const lines = [
      ...OFFERS.map(([line]) => line),
      `nbd-prefetch --cacert ${files}`,
      `nbd-prefetch --capath ${files}`,
    ]
    const driver = (name: string) => new URL(`test/fixtures/${name}`, root).pathname
    const args = {
      bash: ['--norc', driver('bash-offers.bash')],
      zsh: ['-f', driver('zsh-offers.zsh')],
      fish: ['--no-config', '-c', FISH],
    }[shell]
    const env = { ...process.env, HOME: directory, TERM: 'dumb' }
    const { stdout, stderr } = await run(t, shell, [...args, script, ...lines], { env })
    t.equal(stderr, '')
    const offered = new Map(
      stdout
        .trimEnd()
        .split('\n')
        .map(text => text.split(/: ?/) as [string, string]),
    )
    const names = (line: string) =>
      (offered.get(line) ?? '?')
        .split(/\s+/)
        .filter(word => word !== '')
        // fish says the option again, files come with their way or with a slash.
        .map(word =>
          word
            .replace(/^--readahead=/, '')
            .replace(/\/$/, '')
            .replace(/^.*\//, ''),
        )
        .sort()
    for (const [line, words] of OFFERS) t.strictSame(names(line), [...words].sort(), line)
    t.strictSame(names(`nbd-prefetch --cacert ${files}`), ['file.pem', 'folder'])
    t.strictSame(names(`nbd-prefetch --capath ${files}`), ['folder'])
  })
}
