// docs/sources.md knows every parameter of nbdkit's curl plugin and of qemu's curl driver, and names no
// flag that does not exist.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { OPTION_TABLE, type OptionEntry } from '../../dist/main/option-table.js'
import { run } from '../fixtures/programs.js'
import { requires } from '../fixtures/requires.js'

const text = readFileSync(new URL('../../docs/sources.md', import.meta.url), 'utf8')

const NBDKIT =
  'url cainfo capath connections cookie cookiefile cookiejar cookie-script cookie-script-renew ' +
  'followlocation header header-script header-script-renew http-version ipresolve password ' +
  'protocols proxy proxy-password proxy-user resolve sslverify ssl-version ssl-cipher-list ' +
  'tcp-keepalive tcp-nodelay timeout tls13-ciphers unix-socket-path user user-agent'
const QEMU =
  'url readahead sslverify timeout username password-secret proxy-username ' +
  'proxy-password-secret cookie cookie-secret force-range'

/** First and second cells of the table under a heading. */
function rows(heading: string): [string, string][] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return section
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line => line.split('|').map(cell => cell.trim()))
    .map(([, theirs = '', ours = '']) => [theirs, ours])
}

t.test('docs/sources.md has a row for every parameter of both', async t => {
  const nbdkit = rows("From nbdkit's curl plugin").map(([name]) => /[a-z0-9-]+/.exec(name)?.[0])
  t.strictSame(nbdkit.sort(), NBDKIT.split(' ').sort())
  const qemu = rows("From qemu's curl driver").map(([name]) => /[a-z0-9-]+/.exec(name)?.[0])
  t.strictSame(qemu.sort(), QEMU.split(' ').sort())
})

t.test('docs/sources.md names flags that exist, or says why there is none', async t => {
  const known = new Set((OPTION_TABLE as readonly OptionEntry[]).map(({ long }) => long))
  known.add('--help')
  const named = text.match(/`(--[a-z0-9-]+)/g)?.map(flag => flag.slice(1)) ?? []
  t.ok(named.length > 40)
  for (const flag of new Set(named)) t.ok(known.has(flag), flag)
  for (const heading of ["From nbdkit's curl plugin", "From qemu's curl driver"]) {
    for (const [theirs, ours] of rows(heading)) t.match(ours, /^(`--|none$|the argument$)/, theirs)
  }
})

t.test('the parameters are those that the nbdkit here knows', requires('nbdkit'), async t => {
  const { stdout } = await run(t, 'nbdkit', ['curl', '--help'])
  const parameters = [...stdout.matchAll(/^([a-z0-9-]+)=/gm)].map(([, name = '']) => name)
  t.ok(parameters.length > 0)
  for (const name of parameters) t.ok(NBDKIT.split(' ').includes(name), name)
})
