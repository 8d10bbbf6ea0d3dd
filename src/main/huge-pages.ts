// The ring in huge pages. Linux gives memory page by page, at the first write to each: for a ring of 256
// MiB that is 0.1 s of processor time on some machines and 0.8 s on others. Nothing in JavaScript can ask for
// pages of 2 MiB, but glibc can, told before a process begins: by the second line of cli.ts, which is a
// shell's. Elsewhere (musl, macOS, `serve()`) nothing changes.

/**
 * glibc's words for it (glibc manual, "Memory Allocation Tunables"; 2.35 and newer). V8's helper threads would
 * get huge pages, too, each for a heap of its own which it gives back all the time: one for all.
 */
const HUGE_PAGES = 'glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1'

/**
 * Takes out of an environment what cli.ts has put into `GLIBC_TUNABLES`, so that programs which we run
 * find it as the user left it.
 */
export function forgetHugePages(env: NodeJS.ProcessEnv): void {
  const tunables = env['GLIBC_TUNABLES']
  // In front of the user's own, so that those decide: of a tunable set twice glibc takes the latter.
  if (tunables === HUGE_PAGES) delete env['GLIBC_TUNABLES']
  else if (tunables?.startsWith(`${HUGE_PAGES}:`)) {
    env['GLIBC_TUNABLES'] = tunables.slice(HUGE_PAGES.length + 1)
  }
}
