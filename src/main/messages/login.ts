// Messages: who we are to the server - headers, passwords, tokens, cookies, secrets in files.

import type { Catalogue } from '../../shared/message.js'

export const LOGIN_MESSAGES = {
  'header-form': {
    text: "Cannot use a --header: it must read 'Name: value'",
    means: 'There is no colon in it. Its text is not repeated: it may be a secret.',
    fix: "'Name;' sends an empty one, 'User-Agent:' leaves it out.",
  },
  'header-name': {
    text: 'Cannot send the header {name}: it is not a header name',
    means: 'Names of headers are letters, digits and a few signs.',
    fix: '',
  },
  'header-ours': {
    text: "Cannot send the header '{name}': nbd-prefetch sets it itself",
    means: 'The engine depends on it: ranges, versions, the host.',
    fix: 'Leave it out.',
  },
  'header-needed': {
    text: 'Cannot leave out the header {name}: nbd-prefetch needs it, or does not send it',
    means: 'Only what is sent unasked can be left out.',
    fix: '',
  },
  'header-line-break': {
    text: 'Cannot send {what}: its value has a line break',
    means: 'It would end the header, and begin another.',
    fix: 'Look at the end of the file or of the output of the script that it comes from.',
  },
  'header-characters': {
    text: 'Cannot send {what}: its value has a control character or one outside Latin-1',
    means: 'HTTP headers cannot hold it.',
    fix: '',
  },
  'header-twice': {
    text: 'Cannot use {flag}: a --header sets the {what} already',
    means: 'Both give the same header.',
    fix: '',
  },
  'token-and-user': {
    text: 'Cannot use --bearer-token-file together with a user: choose one',
    means: 'Both become the header Authorization.',
    fix: '',
  },
  'token-characters': {
    text: 'Cannot use the bearer token: it has a character that tokens do not have',
    means: 'The file may hold more than the token, such as the word Bearer or quotes.',
    fix: '',
  },
  'password-without-user': {
    text: 'Cannot use a password without a user name: add {flag}',
    means: 'Servers ask for both.',
    fix: '',
  },
  'user-colon': {
    text: "Cannot use the user name: basic authentication allows no ':' in it",
    means: 'The colon parts user and password there.',
    fix: '',
  },
  'user-characters': {
    text: 'Cannot use the user name or password: it has a control character',
    means: 'A file with the password may hold more than one line, or end in a carriage return.',
    fix: '',
  },
  'login-without-user': {
    text: 'Cannot log in without a user name: give --user and --password-file',
    means: 'A session was asked for (`--session vmware`, vpx://, esx://).',
    fix: '',
  },
  'secret-empty': {
    text: 'Cannot use {what}: its first line is empty',
    means: 'A secret is the first line of its file.',
    fix: '',
  },
  'secret-long': {
    text: 'Cannot use {what}: its first line is longer than 16 KiB',
    means: 'That is no password: another file may be meant.',
    fix: '',
  },
  'cookie-jar-kind': {
    text: "Cannot use '{path}' for --cookie-jar: it is not a plain file; --cookie-file '' keeps cookies without saving them",
    means: 'Writing the cookies back would replace a device or directory.',
    fix: '',
  },
} as const satisfies Catalogue
