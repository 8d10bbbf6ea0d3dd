// Messages: an image that can't be opened or measured. '{failure}' is one of FAILURES' texts.

import type { Catalogue } from '../../shared/message.js'

export const SOURCE_MESSAGES = {
  open: {
    text: 'Cannot open {name}: {failure}',
    means: 'The first request for the image failed; see the message of the failure below.',
    fix: '`-v` shows each attempt; `curl -v -r 0-0 URL` asks the server the same.',
  },
  'no-ranges': {
    text: "Cannot open {name}: {failure}; the server does not support range requests, so this image can't be read at random: give --spool DIR to download all of it into a temporary file there while it is read, or use a server that does",
    means:
      'It sends the whole file whatever is asked for. A cache or gateway in between may do that, too.',
    fix: '',
  },
  'page-in-place': {
    text: 'Cannot open {name}: {failure}; it may be that of a login: give --user and --password-file, --bearer-token-file, or --cookie',
    means:
      'Where a part of the image was asked for, the server sends something as text/html, all of it.',
    fix: 'If it is the image all the same, which the server sends as a page and without ranges: `--spool DIR`.',
  },
  'web-page': {
    text: 'Cannot open {name}: it is a web page, not a disk image; it may be that of a login: give --user and --password-file, --bearer-token-file, or --cookie',
    means: 'The file begins as HTML does. Such bytes are never served as a disk.',
    fix: '`curl -vL URL` shows how one comes there.',
  },
  'wrong-ranges': {
    text: 'Cannot open {name}: {failure}; give --spool DIR to download the whole file instead of ranges',
    means: 'It sends a part, but not the one that was asked for: such bytes are never served.',
    fix: '',
  },
  'certificate-not-trusted': {
    text: "Cannot open {name}: {failure}; give the server's CA with --cacert FILE, or --insecure to trust any",
    means:
      "The server's certificate is signed by nobody this machine trusts, is out of date, or for another name.",
    fix: '',
  },
  'client-certificate': {
    text: 'Cannot open {name}: {failure}; the server wants to see a client certificate that it trusts: --cert and --key',
    means: 'The server ended the handshake: it was shown no certificate, or none that it accepts.',
    fix: '`openssl s_client -connect HOST:443` lists the authorities that it accepts.',
  },
  'proxy-certificate-not-trusted': {
    text: "Cannot open {name}: {failure}; give the proxy's CA with --proxy-cacert FILE, or --proxy-insecure to trust any",
    means: "The same of the proxy's certificate.",
    fix: '',
  },
  'proxy-login': {
    text: 'Cannot open {name}: {failure}; give --proxy-user and --proxy-password-file',
    means: 'The proxy asks who we are.',
    fix: '',
  },
  'login-needed': {
    text: 'Cannot open {name}: {failure}; give --user and --password-file, --bearer-token-file, or --cookie',
    means: 'The server asks who we are.',
    fix: '',
  },
  'login-refused': {
    text: 'Cannot open {name}: {failure}; the user name or password is not accepted',
    means: 'The server does not know the user, or wants another password.',
    fix: 'A backslash or an @ in a user name is written as it is with `--user`, and as %5c and %40 in a URL.',
  },
  'credentials-refused': {
    text: 'Cannot open {name}: {failure}; the token, cookie or header that was sent is not accepted',
    means: 'It may be out of date, or for another server.',
    fix: '',
  },
  'credentials-kept': {
    text: "Cannot open {name}: {failure}; a redirect led there, and credentials go to the URL's own scheme, host and port alone",
    means: 'The server behind the redirect asks who we are, and was not told.',
    fix: 'Give the URL that it redirects to, often the same with https.',
  },
  'access-refused': {
    text: 'Cannot open {name}: {failure}; the server refuses access to this file',
    means: 'It knows who we are, or needs not, and allows nobody or not us.',
    fix: 'A signed URL may be out of date: ask for a new one.',
  },
  'https-meant': {
    text: 'Cannot open {name}: {failure}; is https:// meant?',
    means: 'A server of TLS answers so where it is asked in the clear.',
    fix: '',
  },
  'compressed-answer': {
    text: 'Cannot open {name}: {failure}; the server compresses what it sends, although asked not to',
    means: 'The bytes of the answer are not those of the file, and their places are lost.',
    fix: 'Switch compression off for this file at the server or the gateway before it.',
  },
  'redirect-refused': {
    text: 'Cannot open {name}: it redirects, and --max-redirects 0 allows none',
    means: 'The server says that the file is elsewhere.',
    fix: 'Allow redirects, or give the URL that it names.',
  },
  'redirects-many': {
    text: 'Cannot open {name}: more than {most} redirects',
    means: 'The server goes round in circles, often because a cookie or a login is missing.',
    fix: '`curl -vL URL` shows the way.',
  },
  'redirect-form': {
    text: 'Cannot open {name}: it redirects to an address that is none',
    means: "The server's Location cannot be read as a URL.",
    fix: '',
  },
  'redirect-not-http': {
    text: 'Cannot open {name}: it redirects to {scheme}, which is not HTTP',
    means: 'Images are read over HTTP alone.',
    fix: '',
  },
  'redirect-to-clear': {
    text: 'Cannot open {name}: it redirects from https to http',
    means: 'What was encrypted would go on in the clear: that is never followed.',
    fix: 'Give the http URL itself, if that is meant.',
  },
  'redirect-protocol': {
    text: 'Cannot open {name}: it redirects to {scheme}, which --protocols does not allow',
    means: 'The list of protocols forbids it.',
    fix: '',
  },
  'blocks-many': {
    text: 'Cannot open {name}: {bytes} bytes are too many for blocks of {blockSize}; take a larger --block-size',
    means: 'The numbers of blocks would not fit.',
    fix: '',
  },
  session: {
    text: '{failure}',
    means:
      'The login or the script that is to give credentials failed at the start; see session below.',
    fix: '',
  },
  measure: {
    text: 'Cannot measure {name}: {failure}',
    means: 'A request of `probe` failed in a way that would come again.',
    fix: '',
  },
  'measure-unanswered': {
    text: 'Cannot measure {name}: no request was answered',
    means: 'All requests of `probe` failed or took too long.',
    fix: 'Raise `--first-byte-timeout`, or look at the server.',
  },
  'measure-budget': {
    text: 'Cannot measure on: requests that failed have used up the --budget',
    means: 'Bytes of requests that broke off count, too.',
    fix: 'Raise `--budget`.',
  },
} as const satisfies Catalogue
