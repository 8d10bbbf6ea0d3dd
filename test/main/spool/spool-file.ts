import { fstatSync, readdirSync, statfsSync, writeSync } from 'node:fs'
import t from 'tap'
import { SpoolFile } from '../../../dist/main/spool/spool-file.js'
import { imageBytes } from '../../fixtures/origin.js'
import { temporaryDirectory } from '../../fixtures/temporary-directory.js'

const MIB = 1024 * 1024

t.test('SpoolFile.create() returns with a file that has no name and is for its owner', async t => {
  const directory = temporaryDirectory(t)
  // Not awaited: between the file and its end as a name nothing else may run.
  const file = SpoolFile.create(directory, undefined)
  t.strictSame(readdirSync(directory), [])
  const { mode, nlink } = fstatSync(file.descriptor)
  t.equal(mode & 0o777, 0o600)
  t.equal(nlink, 0)
  await file.close()
  t.throws(() => fstatSync(file.descriptor), { code: 'EBADF' })
})

t.test('SpoolFile.create() keeps to the limit and the free space', async t => {
  const directory = temporaryDirectory(t)
  const { bavail, bsize } = statfsSync(directory)
  const small = SpoolFile.create(directory, MIB)
  const huge = SpoolFile.create(directory, 2 ** 50)
  const open = SpoolFile.create(directory, undefined)
  t.equal(small.limitBytes, MIB)
  // Others use the disk, too.
  t.ok(huge.limitBytes < 2 * bavail * bsize)
  t.ok(open.limitBytes < huge.limitBytes)
  for (const file of [small, huge, open]) await file.close()
  t.throws(() => SpoolFile.create('/nonexistent', undefined), {
    code: 'FILE',
    message: "Cannot use '/nonexistent' for --spool: no such file or directory",
  })
})

t.test('SpoolFile.read() fills the buffer or says why not, and close() waits for it', async t => {
  const file = SpoolFile.create(temporaryDirectory(t), undefined)
  writeSync(file.descriptor, imageBytes(0, 5000), 0, 5000, 0)
  const buffer = Buffer.alloc(3000)
  const reading = file.read(buffer, 1000)
  const closed = file.close()
  await reading
  t.ok(buffer.equals(imageBytes(1000, 3000)))
  await closed
  t.equal(file.close(), closed)
  await t.rejects(file.read(buffer, 0), { message: 'Cannot read the spool file: it is closed' })
  const short = SpoolFile.create(temporaryDirectory(t), undefined)
  await t.rejects(short.read(buffer, 0), { message: /: it is too short$/ })
  await short.close()
})
