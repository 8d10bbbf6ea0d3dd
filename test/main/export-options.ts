import t from 'tap'
import { resolveExports } from '../../dist/main/export-options.js'
import type { ServerOptions } from '../../dist/main/options.js'

const two = [
  { name: 'a', url: 'https://one.example/a.img' },
  { name: 'b', url: 'https://one.example/b.img', description: 'the second' },
] as const
const elsewhere = { name: 'c', url: 'https://two.example/c.img' } as const

t.test('resolveExports() completes each export with what holds for the server', async t => {
  const exports = resolveExports({ exports: two, connections: 5, user: 'u', password: 'p' })
  t.strictSame(
    exports.map(({ options, description }) => [options.exportName, options.url, description]),
    [
      ['a', two[0].url, undefined],
      ['b', two[1].url, 'the second'],
    ],
  )
  for (const { options } of exports) {
    t.equal(options.connections, 5)
    t.ok(options.credentials.headers['authorization'])
  }
})

t.test('resolveExports() makes one export of a URL', async t => {
  const [one, ...others] = resolveExports({ url: two[0].url, exportName: 'n' })
  t.equal(one?.options.exportName, 'n')
  t.strictSame(others, [])
})

t.test('resolveExports() lets an export have its own credentials', async t => {
  const [a, c] = resolveExports({ exports: [two[0], { ...elsewhere, user: 'me', password: 'x' }] })
  t.equal(a?.options.credentials.headers['authorization'], undefined)
  t.ok(c?.options.credentials.headers['authorization'])
})

t.test('resolveExports() lets the login of an export take the place of another', async t => {
  const own = { ...two[1], bearerToken: 'token' }
  const [a, b] = resolveExports({ exports: [two[0], own], user: 'me', password: 'x' })
  t.match(a?.options.credentials.headers['authorization'], /^Basic /)
  t.equal(b?.options.credentials.headers['authorization'], 'Bearer token')
})

t.test('resolveExports() refuses what can not be meant', async t => {
  for (const [options, message] of [
    [{ exports: [] }, 'Cannot serve: there is no export'],
    [{ exports: two, url: 'https://h/' }, /together with exports: make it one of them/],
    [{ exports: two, exportName: 'n' }, /--export-name together with exports/],
    [{ exports: [two[0], two[0]] }, "Cannot serve two exports called 'a'"],
    [{ exports: two, ringsize: 1 }, /the option 'ringsize': .*, did you mean 'ringSize'\?$/],
    [
      { exports: [two[0], { ...elsewhere, ringSize: 2 ** 25 }] },
      "Cannot use the option 'ringSize' of export 'c': it holds for the whole server",
    ],
    [
      { exports: [two[0], { ...elsewhere, pasword: 'x' }] },
      "Cannot use the option 'pasword' of export 'c': there is none of that name, did you mean 'password'?",
    ],
    [
      { exports: [two[0], { ...elsewhere, password: 'x' }] },
      "Cannot use a password without a user name: add --user (export 'c')",
    ],
    [
      { exports: [two[0], { name: 'f', url: 'ftp://h/' }] },
      /^Cannot use 'ftp:\/\/h\/' as URL: .* \(export 'f'\)$/,
    ],
    [
      { exports: two, workers: 99 },
      "Cannot use '99' for --workers: expected a whole number from 1 to 64",
    ],
    [{ exports: [{ url: 'https://h/' }] }, 'Cannot serve an export without a name'],
    [
      { exports: [two[0], elsewhere], cookie: 'a=b' },
      "Cannot use the option 'cookie' for exports of 2 origins: say it of each export that needs it",
    ],
  ] as const) {
    t.throws(() => resolveExports(options as unknown as ServerOptions), { message })
  }
})
