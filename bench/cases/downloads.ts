// Programs that copy a URL to a file: what the wire gives without a block device in between.

import { basename, dirname } from 'node:path'
import type { DownloadPeer } from './peer.js'

export const ARIA2: DownloadPeer = {
  kind: 'download',
  label: 'aria2c -x16 (download)',
  needs: ['aria2c'],
  command: url => `aria2c -x16 -s16 -k1M ${url}`,
  fetch: ({ url, caFile }, target) => [
    'aria2c',
    '--no-conf',
    '-q',
    '-x16',
    '-s16',
    '-k1M',
    '--file-allocation=none',
    // Of a run that was killed: it would be taken up where that one stopped.
    '--remove-control-file=true',
    '--allow-overwrite=true',
    '--auto-file-renaming=false',
    ...(caFile === undefined ? [] : [`--ca-certificate=${caFile}`]),
    '-d',
    dirname(target),
    '-o',
    basename(target),
    url,
  ],
}

export const CURL: DownloadPeer = {
  kind: 'download',
  label: 'curl (download)',
  needs: ['curl'],
  command: url => `curl -L -o TARGET ${url}`,
  fetch: ({ url, caFile }, target) => [
    'curl',
    '-q',
    '-sSfL',
    ...(caFile === undefined ? [] : ['--cacert', caFile]),
    '-o',
    target,
    url,
  ],
}
