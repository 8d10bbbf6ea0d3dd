// Notices that the parent process has ended. Node offers no PR_SET_PDEATHSIG, so the parent's id is
// looked at once a second: an orphan gets a new parent.

import { readFileSync } from 'node:fs'

/** How often the parent is looked at, milliseconds. */
const POLL_MS = 1000

export interface ParentWatchParts {
  /** Id of the parent as early as it could be had: it may have ended while we started. */
  readonly parent: number
  /** Id of the parent as of now. */
  readonly ppid: () => number
  readonly gone: () => void
  readonly pollMs?: number
}

/**
 * Calls `gone` once when `ppid()` is no longer `parent`, at once if it isn't now. Does not keep the
 * process alive. Returns a function that ends the watch.
 */
export function watchParent({
  parent,
  ppid,
  gone,
  pollMs = POLL_MS,
}: ParentWatchParts): () => void {
  if (ppid() !== parent || isOrphan(parent)) {
    gone()
    return () => {}
  }
  const timer = setInterval(() => {
    if (ppid() === parent) return
    clearInterval(timer)
    gone()
  }, pollMs)
  timer.unref()
  return () => clearInterval(timer)
}

/**
 * Process 1 takes in whoever has lost its parent. Only in a container may it be the one that started
 * us: there we are in its session, and end with it in any case.
 */
function isOrphan(parent: number): boolean {
  if (parent !== 1) return false
  const session = sessionOf('self')
  return session === undefined || session !== sessionOf('1')
}

/** Session of a process, from /proc/PID/stat; undefined without /proc. */
function sessionOf(process: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${process}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]
  } catch {
    return undefined
  }
}
