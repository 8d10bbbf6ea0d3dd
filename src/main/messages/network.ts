// Messages: options about the way to the server - addresses, proxies, TLS, protocols - and the spool.

import type { Catalogue } from '../../shared/message.js'

export const NETWORK_MESSAGES = {
  pipelining: {
    text: 'Cannot use --pipelining together with --http-version 2: choose one',
    means: 'Pipelining is a thing of HTTP/1.1.',
    fix: '',
  },
  'unix-socket-path': {
    text: 'Cannot use --unix-socket-path: expected the path of a socket',
    means: 'The path is empty, or no text.',
    fix: '',
  },
  'address-family': {
    text: "Cannot use --ipv{family}: the URL's address is another kind",
    means: 'The URL names an address of the other family.',
    fix: '',
  },
  proxy: {
    text: 'Cannot use {what}: {problem}',
    means: 'The address of the proxy is not of the form that the message names.',
    fix: '',
  },
  'proxy-variable': {
    text: "{refusal}; --proxy '' uses none",
    means: 'The address comes from a variable of the environment (http_proxy and its like).',
    fix: '',
  },
  'proxy-user': {
    text: 'Cannot use --proxy-user: there is no --proxy',
    means: 'A user and password for a proxy are given, but no proxy.',
    fix: '',
  },
  'tls-versions': {
    text: 'Cannot use --tls-min {min} with --tls-max {max}: it is the higher one',
    means: 'No version lies between the two.',
    fix: '',
  },
  'ciphers-13': {
    text: 'Cannot use --ciphers: suites of TLS 1.3 go into --tls13-ciphers',
    means: 'OpenSSL has a list for each.',
    fix: '',
  },
  'ciphers-12': {
    text: "Cannot use --tls13-ciphers: names of TLS 1.3 suites begin with 'TLS_'",
    means: 'OpenSSL has a list for each.',
    fix: 'Older suites go into `--ciphers`.',
  },
  'ciphers-unknown': {
    text: 'Cannot use {flag}: OpenSSL knows no such suites',
    means: 'None of the names is known to the OpenSSL of this Node.',
    fix: '`openssl ciphers -v LIST` shows what a list stands for.',
  },
  'no-certificate': {
    text: 'Cannot use the {what}: it has no PEM certificate',
    means: 'The file holds no block BEGIN CERTIFICATE: it may be DER, or a key.',
    fix: '`openssl x509 -inform der -in FILE` turns DER into PEM.',
  },
  'broken-certificate': {
    text: 'Cannot use the {what}: {which} is broken',
    means: 'A certificate of the file cannot be read: it may have been cut off.',
    fix: '',
  },
  'no-certificate-in-directory': {
    text: "Cannot use '{path}' for --capath: no file in it has a PEM certificate",
    means: 'Every file of the directory is looked at, whatever its name.',
    fix: '',
  },
  'key-alone': {
    text: 'Cannot use --key without --cert: a key alone proves nothing',
    means: 'A client shows a certificate and proves by the key that it is its own.',
    fix: '',
  },
  'cert-without-tls': {
    text: 'Cannot use --cert: the URL is not https',
    means: 'Without TLS there is nobody to show it to.',
    fix: '',
  },
  'key-of-another': {
    text: 'Cannot use --key: it does not belong to the certificate of --cert',
    means: 'Certificate and key are not of one pair.',
    fix: '',
  },
  'key-encrypted': {
    text: 'Cannot use --key: it is encrypted, give --key-passphrase-file',
    means: 'The key can be read with its passphrase alone.',
    fix: '',
  },
  'key-passphrase': {
    text: 'Cannot use --key: the passphrase does not open it',
    means: 'The first line of the file is not the passphrase of this key.',
    fix: '',
  },
  'key-form': {
    text: 'Cannot use --key: it has no PEM private key',
    means: 'The file holds no block BEGIN PRIVATE KEY: it may be DER, or the certificate alone.',
    fix: '',
  },
  'spool-limit': {
    text: 'Cannot use --spool-limit without --spool: name the directory, too',
    means: 'Nothing is downloaded without a directory for it.',
    fix: '',
  },
} as const satisfies Catalogue
