import { brotliCompressSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { compressionWarning } from '../../../dist/main/source/compression.js'
import { imageBytes } from '../../fixtures/origin.js'

const warning = (bytes: Uint8Array) => compressionWarning('http://host/x', bytes)?.text

t.test('compressionWarning() knows the formats by their first bytes', async t => {
  t.match(warning(gzipSync('disk')), /^http:\/\/host\/x is gzip data .*gunzip.*--filter=gzip/)
  t.match(warning(Buffer.from('fd377a585a000004', 'hex')), /is xz data .*unxz.*--filter=xz/)
  t.match(warning(Buffer.from('28b52ffd04', 'hex')), /is zstd data .*unzstd\) where it lies$/)
  t.match(warning(Buffer.from('BZh91AY&SY..')), /is bzip2 data/)
})

t.test('compressionWarning() has nothing to say of disks', async t => {
  const disks = [
    imageBytes(0, 512),
    Buffer.alloc(512),
    Buffer.from('QFI\xfb\0\0\0\x03', 'latin1'),
    Buffer.from('BZh9 is a text'),
    Buffer.of(0x1f, 0x8b),
    Buffer.alloc(0),
    brotliCompressSync('disk'),
  ]
  for (const disk of disks) t.equal(warning(disk), undefined)
})
