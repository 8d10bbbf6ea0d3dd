// The module stands alone: nothing is imported from outside its folder, it is reachable under its
// own name, and the example in its README does what the page says.

import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const built = join(root, 'dist/shared/sharedarraybuffer-ring')
const own = join(root, 'src/shared/sharedarraybuffer-ring')

t.test('sharedarraybuffer-ring imports nothing from outside its folder', async t => {
  const files = (await readdir(built)).filter(name => name.endsWith('.js'))
  t.ok(files.length >= 6, `${files.length} files`)
  let imports = 0
  for (const name of files) {
    const text = await readFile(join(built, name), 'utf8')
    const found = text.matchAll(/(?:\bfrom|\bimport|\brequire)\s*\(?\s*(['"`])(.+?)\1/g)
    for (const [, , specifier = ''] of found) {
      imports++
      t.ok(specifier.startsWith('./'), `${name} imports ${specifier}`)
      t.ok(files.includes(resolve('/', specifier).slice(1)), `${specifier} is in the folder`)
    }
    t.notMatch(
      text,
      /\bprocess\.|\bglobalThis\b|getBuiltinModule/,
      `${name} reaches for nothing else`,
    )
  }
  t.ok(imports >= 8, `${imports} imports were found`)
})

t.test('sharedarraybuffer-ring is reachable under its own name', async t => {
  const byName = await import('nbd-prefetch/sharedarraybuffer-ring')
  const byPath = await import('../../../dist/shared/sharedarraybuffer-ring/index.js')
  t.equal(byName, byPath, 'the same module')
  t.strictSame(Object.keys(byName).sort(), [
    'BellListener',
    'COPY_ALIGNMENT',
    'MAX_SLOT_BYTES',
    'MIN_SLOT_BYTES',
    'RingMemory',
    'RingOwner',
    'SlotFiller',
    'SlotState',
    'StaleSlotError',
    'ringByteLength',
    'ringDoorbell',
  ])
  await t.rejects(
    import('nbd-prefetch/shared/sharedarraybuffer-ring/layout.js' as string),
    // By message: the test runner's loader drops the code.
    { message: /ERR_PACKAGE_PATH_NOT_EXPORTED|not defined by "exports"/ },
    'its inside is not',
  )
})

t.test('the example of the README runs', async t => {
  const page = await readFile(join(own, 'README.md'), 'utf8')
  const [example, ...more] = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(match => match[1])
  t.equal(more.length, 0, 'one example')
  // In the package's own folder, so that its name resolves as it does for a user.
  const dir = t.testdir({ 'example.mjs': example ?? '' })
  const env = { ...process.env, NODE_OPTIONS: '' }
  const { stdout } = await promisify(execFile)(process.execPath, [join(dir, 'example.mjs')], {
    env,
  })
  t.match(stdout, /^0-/)
  const bytes = [...stdout.matchAll(/^(\d+)-(\d+): (.*)$/gm)]
  t.equal(bytes.map(([, , , text]) => text).join(''), 'hello world!')
  t.equal(bytes.at(-1)?.[2], '12')
  t.match(stdout, /\npinned 0\n$/)
})

t.test('the README names every word and state there is', async t => {
  const page = await readFile(join(own, 'README.md'), 'utf8')
  const layout = await import('../../../dist/shared/sharedarraybuffer-ring/layout.js')
  const words = [...Object.keys(layout.SlotWord), 'DOORBELL', 'CANCEL_BELL']
  for (const word of words) t.match(page, new RegExp(`^\\| ${word} +\\|`, 'm'), word)
  for (const state of Object.keys(layout.SlotState)) t.ok(page.includes(state), state)
})
