// A directory for sockets, copies and temporary files of everything that is measured, in TMPDIR
// if that is set, else in memory where there is room, and gone when the bench is: also after Ctrl-C.

import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes the directory. Two calls make two. @param needed - bytes that must fit */
export function makeScratch(needed: number): string {
  const usual = roomy('/dev/shm', needed) ? '/dev/shm' : tmpdir()
  const directory = mkdtempSync(join(process.env['TMPDIR'] ?? usual, 'nbd-bench-'))
  // Behind the killing of programs, which may still write: programs.ts is loaded first.
  process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }))
  return directory
}

/** Ends the process through its 'exit' handlers when somebody asks for it. */
export function endOnSignals(): void {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(status))
  }
}

function roomy(path: string, needed: number): boolean {
  if (!existsSync(path)) return false
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize > needed * 1.2
}
