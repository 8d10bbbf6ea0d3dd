// What clients are told of requests and options that are refused, and why a connection ends that breaks
// the protocol: the texts, by code. docs/errors.md is made from them.

import { type Catalogue, type FillingArguments, fill } from '../../shared/message.js'

export const REFUSALS = {
  'unknown-command': {
    text: 'the command is not known',
    means: 'The client sends a command that the protocol does not have, or this server not.',
    fix: '',
  },
  'unknown-flag': {
    text: 'the command has a flag that does not fit it or was not offered',
    means: 'The client asks for something that the server has not announced.',
    fix: '',
  },
  'read-only': {
    text: 'the export is read-only',
    means: 'The client writes, trims or zeroes.',
    fix: 'Put a qcow2 overlay on top to write: `qemu-img create -f qcow2 -b URI -F raw overlay.qcow2`.',
  },
  'no-context': {
    text: 'no metadata context was selected',
    means: 'The client asks for block status without having agreed on what it means.',
    fix: '',
  },
  'no-length': { text: 'the length is 0', means: 'A request about no bytes.', fix: '' },
  'beyond-the-end': {
    text: 'the range ends beyond the export of {size} bytes',
    means: 'The client takes the image to be larger than it is.',
    fix: '',
  },
  'not-aligned': {
    text: 'the range is not aligned to {bytes} bytes',
    means: 'The client ignores the block size that it was told.',
    fix: '',
  },
  'read-too-long': {
    text: 'a read is limited to {bytes} bytes',
    means: 'The client ignores the largest block size that it was told.',
    fix: '',
  },
  'server-ends': {
    text: 'the server is shutting down',
    means: 'An end was asked for: running reads finish, new ones are refused (ESHUTDOWN).',
    fix: '',
  },
  'old-client': {
    text: 'this option needs fixed newstyle',
    means: 'The client speaks an old form of the protocol, in which options have no answers.',
    fix: '',
  },
  'tls-only': {
    text: 'this server is open to TLS only',
    means: 'The server runs with `--tls=require`.',
    fix: 'Use an nbds:// URI; docs/nbd.md shows how with nbdcopy and qemu-img.',
  },
  'no-data': { text: 'this option takes no data', means: 'A fault of the client.', fix: '' },
  'no-contexts': {
    text: 'metadata contexts are not supported',
    means: 'The server cannot tell block status.',
    fix: '',
  },
  'unknown-handshake-option': {
    text: 'this option is not supported',
    means: 'Clients try what servers can do; they go on without it.',
    fix: '',
  },
  'data-too-long': {
    text: 'option data are limited to {bytes} bytes',
    means: 'Longer ones would cost memory before anybody is let in.',
    fix: '',
  },
  'tls-not-offered': {
    text: 'TLS is not offered',
    means: 'The client asks for TLS, and the server runs without.',
    fix: 'Use an nbd:// URI, or start the server with `--tls=on`.',
  },
  'tls-twice': { text: 'TLS has begun before', means: 'A fault of the client.', fix: '' },
  malformed: {
    text: 'the data of this option are malformed',
    means: 'A fault of the client.',
    fix: '',
  },
  'no-such-export': {
    text: 'there is no export of this name',
    means: 'The client names an export that is not served, or none where there are several.',
    fix: '`nbdinfo --list URI` shows the names. One export without a name is the one of `-e`.',
  },
  'structured-first': {
    text: 'metadata contexts need structured replies',
    means: 'The client asks in the wrong order.',
    fix: '',
  },
  'bytes-behind-starttls': {
    text: 'there are bytes behind STARTTLS',
    means: 'Somebody between client and server may have put them there: the connection ends.',
    fix: '',
  },
  'flags-not-offered': {
    text: 'the client sets flags that were not offered',
    means: 'What connects may be no NBD client.',
    fix: '',
  },
  'option-magic': {
    text: 'an option has the wrong magic',
    means: 'What connects may be no NBD client.',
    fix: '',
  },
  'endless-options': {
    text: 'the client does not come to an end after {count} options',
    means: 'A client that never chooses an export is let go.',
    fix: '',
  },
  'option-too-long': {
    text: 'an option announces {bytes} bytes of data',
    means: 'What connects may be no NBD client.',
    fix: '',
  },
  'request-magic': {
    text: 'a request has the wrong magic',
    means: 'Client and server are out of step: the connection ends.',
    fix: '',
  },
  'write-too-long': {
    text: 'a write announces {bytes} bytes',
    means: 'The client writes, and more than is read past for its sake.',
    fix: '',
  },
  'name-too-long': {
    text: 'the export name is too long',
    means: 'The protocol allows 4096 bytes.',
    fix: '',
  },
  'export-without-tls': {
    text: 'the client asks for an export without TLS',
    means: 'As for `tls-only`, of an old client, which cannot be answered.',
    fix: '',
  },
  'unknown-export': {
    text: 'the client asks for an unknown export',
    means: 'As for `no-such-export`, of an old client, which cannot be answered.',
    fix: '',
  },
} as const satisfies Catalogue

type Refusals = typeof REFUSALS

/** The text of a code. */
export function refusalText<Code extends keyof Refusals>(
  code: Code,
  ...[filling]: FillingArguments<Refusals[Code]['text'], never>
): string {
  return fill(REFUSALS[code].text, filling ?? {})
}
