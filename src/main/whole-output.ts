// Standard output that is a file, as with `>FILE`: Node writes to it once, and takes the part that a disk had room
// for, or a limit allowed, for the whole.

import { fstatSync, writeSync } from 'node:fs'
import { Writable } from 'node:stream'

/** The stream itself, or where it is a regular file one in its place that writes all or fails. */
export function wholeOutput(
  stream: NodeJS.WriteStream & { readonly fd: number },
): NodeJS.WritableStream {
  const { fd } = stream
  if (!fstatSync(fd).isFile()) return stream
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        let written = 0
        while (written < chunk.length) written += writeSync(fd, chunk, written)
      } catch (error) {
        return done(error as Error)
      }
      done()
    },
  })
}
