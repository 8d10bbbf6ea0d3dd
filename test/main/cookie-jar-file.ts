// The file of --cookie-jar: what can't be written at the end is told at the start, and nothing but a file is
// ever replaced.

import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readCookieJar, writeCookieJar } from '../../dist/main/cookie-jar-file.js'

const read = (path: string) => readCookieJar(path, () => {})

t.test('readCookieJar() refuses a jar that can not be written back', async t => {
  const directory = t.testdir({ file: '', gone: t.fixture('symlink', 'none/jar') })
  for (const [name, problem] of [
    ['none/jar', 'no such file or directory'],
    ['gone', 'no such file or directory'],
    ['file/jar', 'not a directory'],
  ] as const) {
    const path = join(directory, name)
    await t.rejects(read(path), {
      code: 'FILE',
      message: new RegExp(`^Cannot (write|read) the cookie jar '${path}': ${problem}$`),
    })
  }
  await t.rejects(read(directory), { code: 'USAGE', message: /it is not a plain file/ })
  t.strictSame(readdirSync(directory).sort(), ['file', 'gone'])
})

t.test('readCookieJar() leaves nothing behind, and the jar as it is', async t => {
  const directory = t.testdir({ jar: 'cookies' })
  t.equal(await read(join(directory, 'jar')), 'cookies')
  t.equal(await read(join(directory, 'new')), '')
  t.strictSame(readdirSync(directory), ['jar'])
  t.equal(readFileSync(join(directory, 'jar'), 'utf8'), 'cookies')
})

t.test('writeCookieJar() writes to where a link leads, and leaves the link', async t => {
  const directory = t.testdir({ there: { jar: 'old' }, link: t.fixture('symlink', 'there/jar') })
  const link = join(directory, 'link')
  await writeCookieJar(link, 'new')
  t.ok(lstatSync(link).isSymbolicLink())
  t.equal(readFileSync(join(directory, 'there/jar'), 'utf8'), 'new')
  t.strictSame(readdirSync(join(directory, 'there')), ['jar'])
})

t.test('writeCookieJar() makes a jar for its owner alone', async t => {
  const path = join(t.testdir({}), 'jar')
  await writeCookieJar(path, 'one')
  t.equal(lstatSync(path).mode & 0o777, 0o600)
  writeFileSync(path, 'two')
  await writeCookieJar(path, 'three')
  t.equal(readFileSync(path, 'utf8'), 'three')
})
