// The command that is recommended: what was given, what was found, and nothing secret.

import t from 'tap'
import { serveArguments, shellCommand } from '../../../dist/main/probing/serve-command.js'
import { redactUrls } from '../../../dist/main/source/credentials.js'
import { invocation } from '../../fixtures/invocation.js'

const url = 'https://host/disk.img?dcPath=a%20b&dsName=x'

function commandFor(...argv: string[]): string {
  const probe = invocation(['probe', ...argv])
  if (probe.kind !== 'probe') throw new Error('no probe')
  const { given, words } = probe.commandLine
  const flags = [{ flag: '--connections', value: '4', reason: 'r' }]
  const redact = (text: string) => text.replaceAll('planted', '***')
  return shellCommand(serveArguments(given, flags, words, redact))
}

t.test('serveArguments() keeps what leads to the origin, and takes what was found', async t => {
  t.equal(
    commandFor(
      ...['--budget', '8M', '--json', '-v', '--connections', '32', '--user', 'VSPHERE.LOCAL\\me'],
      ...['--password-file', 'my pw', '--insecure', '--first-byte-timeout', '2000', '--ipv4'],
      ...['--resolve', 'h:1:::1', '--resolve', 'i:2:::1', '--workers', '2', '--proxy', '', url],
    ),
    "nbd-prefetch --user 'VSPHERE.LOCAL\\me' --password-file 'my pw' --insecure --proxy '' " +
      '--resolve h:1:::1 --resolve i:2:::1 --ipv4 --first-byte-timeout 2000 --workers 2 ' +
      `--connections 4 '${url}'`,
  )
})

t.test('serveArguments() hides what is secret, and keeps where secrets come from', async t => {
  const command = commandFor(
    ...['--password', 'p', '--proxy-password', 'q', '--cookie', 'a=b', '--header', 'X: y'],
    ...['--header', 'Empty;', '--header', 'User-Agent:', 'http://host/planted'],
  )
  t.equal(
    command,
    "nbd-prefetch --header 'X: ***' --header 'Empty;' --header User-Agent: --password '***' " +
      "--cookie '***' --proxy-password '***' --connections 4 'http://host/***'",
  )
  t.match(commandFor('--password', '+file', url), /--password \+file /)
  t.match(commandFor('--password', '-3', url), /--password=-3 /)
})

t.test('shellCommand() quotes what a shell would take apart', async t => {
  t.equal(shellCommand(["it's", '$x', 'a-b', '']), "nbd-prefetch 'it'\\''s' '$x' a-b ''")
})

t.test('serveArguments() names the user of a VMware server, and no password or token', async t => {
  const shown = (image: string) => serveArguments([], [], [image], redactUrls)[0]
  t.equal(
    shown('vpx://DOMAIN%5cme@vc/DC/host?no_verify=1'),
    'vpx://DOMAIN%5cme@vc/DC/host?no_verify=1',
  )
  t.equal(shown('vpx://me:pw@vc/DC/host'), 'vpx://***@vc/DC/host')
  t.equal(shown('https://token@host/x?signature=planted'), 'https://***@host/x?signature=***')
})
