// docs/config.schema.json is what the option table says, and takes what the program takes.

import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { configLayer } from '../../../dist/main/settings/config-file.js'
import { configSchema, configSchemaText } from '../../../dist/main/settings/config-schema.js'

const root = new URL('../../../', import.meta.url)
const validate = new Ajv2020({ strict: true, allErrors: true }).compile(configSchema())
const url = 'https://host/disk.img'

t.test('docs/config.schema.json is as `npm run generate` writes it', async t => {
  t.equal(readFileSync(new URL('docs/config.schema.json', root), 'utf8'), configSchemaText())
})

t.test('the package ships the schema', async t => {
  const { exports, files } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
  t.equal(exports['./config.schema.json'], './docs/config.schema.json')
  t.ok(files.includes('docs'))
})

/** Whether the program takes it, value by value. */
function isTaken(content: unknown): boolean {
  try {
    configLayer(JSON.stringify(content), 'x.json')
    return true
  } catch {
    return false
  }
}

t.test('the schema takes what the program takes', async t => {
  const page = readFileSync(new URL('docs/configuration.md', root), 'utf8')
  const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) =>
    JSON.parse(text as string),
  )
  t.ok(examples.length > 0)
  for (const content of [
    ...examples,
    {},
    { url },
    { url: 'vpx://u@vc/d/h', disk: '[d] v/v.vmdk' },
    { url, ringSize: 1024 ** 3, blockSize: '64k', readahead: 'off', maxRequest: '2M' },
    { url, readahead: '32M', unixMode: '0600', connectTimeout: 0.5, tls: 'require', port: 0 },
    { url, headers: ['A: b'], resolve: [], insecure: false, proxy: '' },
    { exports: [{ name: '', url, insecure: true, headers: [], user: 'me', passwordFile: 'f' }] },
  ]) {
    t.ok(isTaken(content), JSON.stringify(content))
    t.ok(validate(content), JSON.stringify(validate.errors))
  }
})

t.test('the schema refuses what the program refuses', async t => {
  for (const content of [
    [],
    { 'ring-size': '1G' },
    { config: 'x' },
    { workers: 0 },
    { workers: 1.5 },
    { workers: '2' },
    { ringSize: '1 G' },
    { ringSize: 1 },
    { readahead: 'on' },
    { unixMode: 660 },
    { unixMode: '1777' },
    { insecure: 'yes' },
    { tls: 'maybe' },
    { headers: { A: 'b' } },
    { url: 7 },
    { disk: 'd' },
    { url, exports: [{ name: 'a', url }] },
    { exports: [] },
    { exports: [{ name: 'a' }] },
    { exports: [{ url }] },
    { exports: [{ name: 'a', url, ringSize: '1G' }] },
    { exports: [{ name: 'a', url, cookieJar: 'j' }] },
    { exports: [{ name: 'a', url, tlsMin: 1.2 }] },
  ]) {
    t.notOk(isTaken(content), JSON.stringify(content))
    t.notOk(validate(content), JSON.stringify(content))
  }
})
