// Options of how clients are received, as flags and in code.

import t from 'tap'
import { parseCommandLine } from '../../dist/main/command-line.js'
import { groupId } from '../../dist/main/group-id.js'
import { resolveOptions, type ServerOptions } from '../../dist/main/options.js'

const url = 'https://host/disk.img'

t.test('resolveOptions() takes what a socket should look like', async t => {
  const { listen } = resolveOptions({ url, unix: '/s', unixMode: 0o660, unixGroup: 'disk' })
  t.strictSame(listen, { kind: 'unix', path: '/s', file: { mode: 0o660, group: 'disk' } })
  for (const [options, says] of [
    [{ unixMode: 0o660 }, 'Cannot use --unix-mode without --unix PATH'],
    [{ unixGroup: 'disk' }, 'Cannot use --unix-group without --unix PATH'],
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
    const invocation = parseCommandLine(['-U', '/s', '--unix-mode', text, url])
    return invocation.kind === 'serve' ? invocation.commandLine.server.unixMode : undefined
  }
  t.equal(modeOf('660'), 0o660)
  t.equal(modeOf('0600'), 0o600)
  for (const text of ['8', '66', '1777', 'rw', '0x1b0', '']) {
    t.throws(() => modeOf(text), /expected an octal file mode, as 660/)
  }
})

t.test('groupId() finds a group by name or number', async t => {
  const file = `${t.testdir({ group: 'root:x:0:\ndisk:x:6:me,you\nbroken\n' })}/group`
  t.equal(groupId('disk', file), 6)
  t.equal(groupId('1234', file), 1234)
  t.equal(groupId('broken', file), undefined)
  t.equal(groupId('x', file), undefined)
})
