// Notices that the parent process has ended. Node offers no PR_SET_PDEATHSIG, so the parent's id is
// looked at once a second: an orphan gets a new parent.

/** How often the parent is looked at, milliseconds. */
const POLL_MS = 1000

/**
 * Calls `gone` once when `ppid()` differs from what it was at the start. Does not keep the process
 * alive. Returns a function that ends the watch.
 */
export function watchParent(
  ppid: () => number,
  gone: () => void,
  pollMs: number = POLL_MS,
): () => void {
  const parent = ppid()
  const timer = setInterval(() => {
    if (ppid() === parent) return
    clearInterval(timer)
    gone()
  }, pollMs)
  timer.unref()
  return () => clearInterval(timer)
}
