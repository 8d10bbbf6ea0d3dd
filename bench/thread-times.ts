// Processor time of a running nbd-prefetch by kind of thread, from /proc: the main thread, the
// workers, and V8's helper threads, which compile and collect garbage for all of them.

import { readdirSync, readFileSync } from 'node:fs'

/** Processor seconds, user and system. */
export interface ThreadTimes {
  readonly main: number
  readonly workers: number
  readonly helpers: number
}

/** Names of threads that were there before the process named itself, and of V8's where it names them. */
const HELPER = /^(node|V8Worker|DelayedTask|SignalInspector)/

/** @throws {Error} where there is no /proc, or no such process */
export function threadTimes(pid: number): ThreadTimes {
  const times = { main: 0, workers: 0, helpers: 0 }
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const stat = statOf(`/proc/${pid}/task/${task}/stat`)
    if (stat === undefined) continue
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // utime and stime in clock ticks, 100 a second on every Linux there is.
    const seconds = (Number(fields[11]) + Number(fields[12])) / 100
    if (Number(task) === pid) times.main += seconds
    else times[HELPER.test(name) ? 'helpers' : 'workers'] += seconds
  }
  return times
}

/** Undefined for a thread that has ended since it was listed. */
function statOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** What was used between two looks. */
export function timesBetween(before: ThreadTimes, after: ThreadTimes): ThreadTimes {
  return {
    main: after.main - before.main,
    workers: after.workers - before.workers,
    helpers: after.helpers - before.helpers,
  }
}
