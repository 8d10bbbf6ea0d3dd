// The ring in huge pages. Linux gives memory page by page, at the first write to each: a quarter of a
// second of processor time for a ring of 256 MiB on many machines, most of a second on some virtual
// ones. Nothing in JavaScript can ask for pages of 2 MiB, but glibc can, told before a process begins:
// by the first lines of cli.ts, which are a shell's. Elsewhere (musl, macOS, `serve()`) nothing changes.

/** glibc's word for it (glibc manual, "Memory Allocation Tunables"; 2.35 and newer). */
const HUGE_PAGES = 'glibc.malloc.hugetlb=1'

/** The environment as it was before cli.ts set `GLIBC_TUNABLES`: for programs that we run. */
export function withoutHugePages(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { GLIBC_TUNABLES: tunables, ...rest } = env
  // In front of the user's own, so that those decide: of a tunable set twice glibc takes the latter.
  if (tunables === HUGE_PAGES) return rest
  return tunables?.startsWith(`${HUGE_PAGES}:`)
    ? { ...rest, GLIBC_TUNABLES: tunables.slice(HUGE_PAGES.length + 1) }
    : env
}
