import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { SlowServer } from '../.bench/slow-server/server.js'

const ROOT = new URL('..', import.meta.url).pathname

t.test('the library example of the README runs as it is printed', async t => {
  await using origin = await SlowServer.start({ image: { size: 4 * 1024 * 1024 } })
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const example = /<!-- example:start -->\s*```js\n(.*?)```\s*<!-- example:end -->/s.exec(
    readme,
  )?.[1]
  if (example === undefined) throw new Error('the README has no example')
  const url = /https:\/\/[^']+/
  t.match(example, url)
  // Inside the package's own folder, so that its name resolves to itself.
  const directory = await mkdtemp(join(ROOT, '.bench', 'example-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const script = join(directory, 'example.mjs')
  await writeFile(script, example.replace(url, origin.url))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [script])
  t.equal(stderr, '')
  t.match(stdout, /^nbd\+unix:\/\/\/\?socket=\/.+\n0\n$/)
  t.equal(origin.stats.requests, 1, 'one probe and nothing else')
})
