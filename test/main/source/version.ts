import t from 'tap'
import { versionChange } from '../../../dist/main/source/version.js'

t.test('versionChange() compares what both sides have', async t => {
  const date = 'Mon, 01 Jan 2024 00:00:00 GMT'
  const later = 'Tue, 02 Jan 2024 00:00:00 GMT'
  const pinned = { totalBytes: 5, etag: '"a"', lastModified: date }
  t.equal(versionChange(pinned, pinned), undefined)
  t.equal(versionChange(pinned, { totalBytes: 5 }), undefined)
  t.equal(versionChange(pinned, { ...pinned, lastModified: later }), undefined, 'a mirror')
  t.match(versionChange(pinned, { ...pinned, totalBytes: 4 })?.message, 'has 4 bytes now, it had 5')
  t.match(versionChange(pinned, { ...pinned, etag: '"b"' })?.message, 'ETag')
  t.match(versionChange(pinned, { totalBytes: 5, lastModified: later })?.message, 'Last-Modified')
  t.equal(
    versionChange(pinned, { ...pinned, etag: '"b"' })?.message,
    'the ETag is another one now: "b", it was "a"',
  )
  const dated = { totalBytes: 5, lastModified: date }
  t.equal(
    versionChange(dated, { ...dated, lastModified: 'Monday, 01-Jan-24 00:00:00 GMT' }),
    undefined,
  )
})

t.test('a weak ETag can only show a difference', async t => {
  const pinned = { totalBytes: 1, weakEtag: 'W/"a"', lastModified: 'Mon, 01 Jan 2024 00:00:00 GMT' }
  t.match(versionChange(pinned, { ...pinned, weakEtag: 'W/"b"' })?.message, 'ETag')
  t.match(versionChange(pinned, { ...pinned, lastModified: 'later' })?.message, 'Last-Modified')
  t.equal(versionChange(pinned, pinned), undefined)
  t.equal(versionChange(pinned, { totalBytes: 1 }), undefined)
})
