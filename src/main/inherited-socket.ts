// Where a socket listens that this process was handed: Node can listen on it, but knows no name of a
// Unix socket that it has not bound itself.

import { readFileSync, readlinkSync } from 'node:fs'

/**
 * Path of the Unix socket behind a descriptor, by the kernel's table of them; undefined for what
 * is none, or has no path.
 */
export function pathOfSocket(fd: number): string | undefined {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
    if (inode === undefined) return undefined
    // Num RefCount Protocol Flags Type St Inode Path
    const entry = new RegExp(`^(?:\\S+ +){6}${inode} (.+)$`, 'm')
    return entry.exec(readFileSync('/proc/net/unix', 'utf8'))?.[1]
  } catch {
    return undefined
  }
}
