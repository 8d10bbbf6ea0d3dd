// Secrets in nbdkit's notation, and from a real terminal that does not show them.

import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readSecret } from '../../dist/main/secret-input.js'
import { run } from '../fixtures/programs.js'
import { requires } from '../fixtures/requires.js'

const sources = {
  stdin: 0,
  ask: async (what: string) => `typed ${what}`,
  warn: () => {},
}

t.test('readSecret() knows the text itself, files, descriptors and the terminal', async t => {
  const directory = t.testdir({ file: 'from a file\nsecond line\n', empty: '' })
  const read = (text: string) => readSecret(text, 'password', sources)
  t.equal(await read('plain'), 'plain')
  t.equal(await read('-x'), '-x')
  t.equal(await read(`+${join(directory, 'file')}`), 'from a file')
  const descriptor = openSync(join(directory, 'file'), 'r')
  t.teardown(() => closeSync(descriptor))
  t.equal(await read(`-${descriptor}`), 'from a file')
  t.equal(await read(`-${descriptor}`), 'second line', 'a line each')
  t.equal(await read('-'), 'typed password')
  await t.rejects(read(`+${join(directory, 'empty')}`), { code: 'USAGE', message: /line is empty/ })
  await t.rejects(read('+/none'), { message: /Cannot read the password file '\/none': no such/ })
  await t.rejects(read('-999999'), { message: /the password on descriptor 999999: bad file/ })
})

// Python has what Node lacks: a pseudo-terminal with a process behind it.
const TYPIST = `
import os, pty, sys
keys = sys.argv[1].encode().decode('unicode_escape').encode('latin1')
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b''
while b'password: ' not in shown:
    shown += os.read(terminal, 1024)
os.write(terminal, keys)
try:
    while True:
        piece = os.read(terminal, 1024)
        if not piece: break
        shown += piece
except OSError:
    pass
os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
`

t.test('askOnTerminal() reads what is typed and shows none of it', requires('python3'), async t => {
  const directory = t.testdir({})
  const typist = join(directory, 'typist.py')
  writeFileSync(typist, TYPIST)
  const prompt = fileURLToPath(new URL('../../dist/main/terminal-prompt.js', import.meta.url))
  const script = join(directory, 'ask.mjs')
  writeFileSync(
    script,
    `import { askOnTerminal } from ${JSON.stringify(prompt)}
     import { createHash } from 'node:crypto'
     const digest = text => createHash('sha256').update(text).digest('hex')
     console.log(await askOnTerminal('password').then(digest, error => error.message))
     process.exit()`,
  )
  const { createHash } = await import('node:crypto')
  const digest = (text: string) => createHash('sha256').update(text).digest('hex')
  for (const [keys, said] of [
    ['hunter2\\r', digest('hunter2')],
    ['hunterX\\x7f2\\r', digest('hunter2')],
    ['wrong\\x15hunter2\\n', digest('hunter2')],
    ['hunter2\\x03', 'Cannot read the password: it was not given'],
    ['hunter2\\x04', 'Cannot read the password: it was not given'],
  ] as const) {
    const command = ['env', '-u', 'NODE_OPTIONS', process.execPath, script]
    const { stdout } = await run(t, 'python3', [typist, keys, ...command])
    t.match(stdout, said, keys)
    t.notMatch(stdout, 'hunter')
  }
})

t.test('askOnTerminal() says so where there is no terminal', requires('setsid'), async t => {
  const cli = fileURLToPath(new URL('../../dist/main/cli.js', import.meta.url))
  const args = ['-u', 'NODE_OPTIONS', process.execPath, cli, '--user', 'me', '--password', '-']
  const outcome = await run(t, 'setsid', ['-w', 'env', ...args, 'http://127.0.0.1:1/'])
  t.match(outcome, { status: 1, stderr: /Cannot ask for the password: there is no terminal/ })
})
