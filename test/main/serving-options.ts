// Options of how clients are received, as flags and in code.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { groupId, userId } from '../../dist/main/account-id.js'
import { resolveOptions, type ServerOptions } from '../../dist/main/options.js'
import { dressSocket } from '../../dist/main/unix-socket.js'
import { invocation } from '../fixtures/invocation.js'

const url = 'https://host/disk.img'

t.test('resolveOptions() takes what a socket should look like', async t => {
  const asked = { unixMode: 0o660, unixGroup: 'disk', unixOwner: 'me' }
  const { listen } = resolveOptions({ url, unix: '/s', ...asked })
  const file = { mode: 0o660, owner: 'me', group: 'disk' }
  t.strictSame(listen, { kind: 'unix', path: '/s', file })
  for (const [options, says] of [
    [{ unixMode: 0o660 }, 'Cannot use --unix-mode without --unix PATH'],
    [{ unixGroup: 'disk' }, 'Cannot use --unix-group without --unix PATH'],
    [{ unixOwner: 'me' }, 'Cannot use --unix-owner without --unix PATH'],
    [{ unix: '/s', unixOwner: '' }, /for --unix-owner: expected a user's name or number$/],
    [{ unix: '-', unixMode: 0o660 }, 'Cannot use --unix-mode without --unix PATH'],
    [{ unix: '/s', unixMode: 0o1000 }, /for --unix-mode: expected an octal file mode, as 660$/],
    [{ unix: '/s', unixGroup: 'a:b' }, /for --unix-group: expected a group's name or number$/],
  ] as const) {
    t.throws(() => resolveOptions({ url, ...options }), { code: 'USAGE', message: says })
  }
})

t.test('resolveOptions() takes sockets that are handed over, and no address beside', async t => {
  const { listen } = resolveOptions({ url, listenFds: [3, 4] })
  t.strictSame(listen, { kind: 'inherited', fds: [3, 4] })
  for (const options of [
    { listenFds: [] },
    { listenFds: [-1] },
    { listenFds: 3 },
    { listenFds: [3], unix: '/s' },
    { listenFds: [3], port: 0 },
    { listenFds: [3], ipaddr: '::1' },
  ]) {
    t.throws(() => resolveOptions({ url, ...options } as ServerOptions), { code: 'USAGE' })
  }
})

t.test('parseCommandLine() reads modes as chmod does', async t => {
  const modeOf = (text: string) => {
    return invocation(['-U', '/s', '--unix-mode', text, url]).commandLine.server.unixMode
  }
  t.equal(modeOf('660'), 0o660)
  t.equal(modeOf('0600'), 0o600)
  for (const text of ['8', '66', '1777', 'rw', '0x1b0', '']) {
    t.throws(() => modeOf(text), /expected an octal file mode, as 660/)
  }
})

t.test('groupId() and userId() find an account by name or number', async t => {
  const file = `${t.testdir({ group: 'root:x:0:\ndisk:x:6:me,you\nbroken\n' })}/group`
  t.equal(groupId('disk', file), 6)
  t.equal(groupId('1234', file), 1234)
  t.equal(groupId('broken', file), undefined)
  t.equal(groupId('x', file), undefined)
  t.equal(userId('disk', file), 6)
  t.equal(userId('root'), 0)
})

t.test(
  'dressSocket() gives a file its owner, group and mode, or says what it could not',
  async t => {
    const path = join(t.testdir({ s: '' }), 's')
    const isRoot = process.getuid?.() === 0
    // Who is not root can give a file to nobody but themselves.
    const [owner, group] = isRoot ? [12_345, 23_456] : [process.getuid?.(), process.getgid?.()]
    dressSocket(path, { mode: 0o620, owner: String(owner), group: String(group) })
    const { uid, gid, mode } = statSync(path)
    t.strictSame([uid, gid, mode & 0o777], [owner, group, 0o620])
    t.throws(() => dressSocket(path, { owner: 'no such user' }), {
      code: 'LISTEN_FAILED',
      message: `Cannot listen on ${path}: the user 'no such user' is not known`,
    })
    t.throws(() => dressSocket(`${path}-gone`, { owner: '0' }), {
      message: `Cannot listen on ${path}-gone: it can't be given the owner '0': the directory does not exist`,
    })
    if (!isRoot)
      t.throws(() => dressSocket(path, { owner: '0' }), { message: /permission denied$/ })
  },
)
